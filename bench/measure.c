/*
** Runs a command and prints, on a line of its own after the command's
** output, what it cost: "wholecpu US wholewall US wholequeue US". CPU is
** user and system time of the command and of every child it waited for,
** which the command itself could not tell from Lua. The queue is how long
** it was ready to run and had no processor: other work on the machine.
**
**   measure COMMAND [ARGUMENT ...]
*/

#define _GNU_SOURCE

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>


static double now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}


static double us (struct timeval t) {
  return (double)t.tv_sec * 1e6 + (double)t.tv_usec;
}


static void start (char **command) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);  /* ends with this runner */
  execvp(command[0], command);
  perror(command[0]);
  _exit(127);
}


/* of a process that has ended and is not yet waited for; 0 if not known */
static double queued (pid_t pid) {
  char path[64];
  double ran = 0, waited = 0;
  FILE *f;
  snprintf(path, sizeof(path), "/proc/%ld/schedstat", (long)pid);
  f = fopen(path, "r");
  if (f == NULL) return 0;
  if (fscanf(f, "%lf %lf", &ran, &waited) != 2) waited = 0;
  fclose(f);
  return waited / 1e3;
}


int main (int argc, char **argv) {
  struct rusage cost;
  siginfo_t info;
  double wall, queue, began = now();
  int status = 0;
  pid_t child = argc > 1 ? fork() : -1;
  if (child < 0) {
    fprintf(stderr, "usage: measure COMMAND [ARGUMENT ...]\n");
    return EXIT_FAILURE;
  }
  if (child == 0) start(argv + 1);
  waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
  wall = now() - began;
  queue = queued(child);
  if (wait4(child, &status, 0, &cost) != child || status != 0)
    return EXIT_FAILURE;
  printf("wholecpu %.0f wholewall %.0f wholequeue %.0f\n",
         us(cost.ru_utime) + us(cost.ru_stime), wall, queue);
  return EXIT_SUCCESS;
}
