/*
** Runs a program in a terminal of its own, types into it at 100 keys a
** second, and tells how long each key took to come up on the screen.
**
**   typist SECONDS COMMAND [ARGUMENT ...]
**
** The program shows "READY" when it can be typed into. Half a second later
** it gets a ^G, whereupon it begins what is to be measured, and SECONDS
** after that a ^B, whereupon it ends. Prints "keys N lost N p50 US p99 US
** max US" of the keys between the two. The keys are a to z, then, when all of
** them have come up, a ^U that takes the line back: a letter stands on the
** screen once.
*/

#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BETWEEN   0.010   /* seconds between two keys */
#define BEFORE    0.5     /* of typing before it is measured */
#define GRACE     0.5     /* for the last keys to come up */
#define PATIENCE  10.0    /* until the program is ready, or has ended */
#define MAXKEYS   100000

typedef struct Key {
  char letter;
  double sent, seen;      /* 0: not yet */
} Key;

typedef struct Screen {
  enum { TEXT, ESCAPE, SEQUENCE, STRING } state;  /* what a byte is part of */
  int matched;            /* letters of READY */
} Screen;

static Key keys[MAXKEYS];
static int nkeys, first;  /* 'first': the oldest key that is not seen */
static int terminal;
static Screen screen;


static double now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


/* a letter has come up: it is that of the key that waits longest for it */
static void see (char letter, double when) {
  int i;
  for (i = first; i < nkeys; i++) {
    if (keys[i].letter == letter && keys[i].seen == 0) {
      keys[i].seen = when;
      break;
    }
  }
  while (first < nkeys && keys[first].seen > 0)
    first++;
}


/* a byte of text, not of an escape sequence */
static void show (char c, double when) {
  static const char ready[] = "READY";
  screen.matched = c == ready[screen.matched] ? screen.matched + 1 : c == 'R';
  if (ready[screen.matched] == '\0') {
    screen.matched = 0;
    keys[0].seen = when;  /* not a key yet; see wait_ready */
  }
  if (c >= 'a' && c <= 'z') see(c, when);
}


static void take (char c, double when) {
  switch (screen.state) {
    case TEXT:
      if (c == '\033') screen.state = ESCAPE;
      else show(c, when);
      break;
    case ESCAPE:
      if (c == '[') screen.state = SEQUENCE;
      else if (c == ']' || c == 'P') screen.state = STRING;
      else if (strchr("()#", c) == NULL) screen.state = TEXT;
      break;
    case SEQUENCE:
      if (c >= 0x40 && c <= 0x7E) screen.state = TEXT;
      break;
    case STRING:
      if (c == '\a' || c == '\\') screen.state = TEXT;
      break;
  }
}


/* reads what the program draws until 'till'; 0 when it has ended */
static int watch (double till) {
  struct pollfd p = {terminal, POLLIN, 0};
  for (;;) {
    char bytes[65536];
    ssize_t i, n;
    double left = till - now();
    struct timespec wait;
    if (left < 0) left = 0;
    wait.tv_sec = (time_t)left;
    wait.tv_nsec = (long)((left - (double)wait.tv_sec) * 1e9);
    if (ppoll(&p, 1, &wait, NULL) == 0) return 1;
    n = read(terminal, bytes, sizeof(bytes));
    if (n <= 0) return n < 0 && errno == EINTR;
    for (i = 0; i < n; i++)
      take(bytes[i], now());
    if (now() >= till) return 1;
  }
}


static void press (char c) {
  if (write(terminal, &c, 1) != 1) perror("write");
}


static void type (void) {
  static int place;
  char letter = (char)('a' + place);
  if (place == 26) {
    if (first < nkeys) return;
    press('U' & 0x1F);
  }
  else if (nkeys < MAXKEYS) {
    keys[nkeys].letter = letter;
    keys[nkeys].seen = 0;
    keys[nkeys++].sent = now();
    press(letter);
  }
  place = (place + 1) % 27;
}


static int type_until (double till) {
  double next = now();
  while (next < till) {
    type();
    next += BETWEEN;
    if (!watch(next)) return 0;
  }
  return 1;
}


static int compare (const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}


/* of the keys typed from 'since' on; one not seen by 'till' took that long */
static void print_latencies (double since, double till) {
  static double taken[MAXKEYS];
  int i, n = 0, lost = 0;
  for (i = 0; i < nkeys; i++) {
    if (keys[i].sent < since) continue;
    if (keys[i].seen == 0) lost++;
    taken[n++] = ((keys[i].seen ? keys[i].seen : till) - keys[i].sent) * 1e6;
  }
  if (n == 0) return;
  qsort(taken, (size_t)n, sizeof(double), compare);
  printf("keys %d lost %d p50 %.0f p99 %.0f max %.0f\n", n, lost,
         taken[n / 2], taken[(n - 1) * 99 / 100], taken[n - 1]);
}


static int wait_ready (void) {
  double till = now() + PATIENCE;
  keys[0].seen = 0;
  while (keys[0].seen == 0 && now() < till) {
    if (!watch(now() + 0.01)) return 0;
  }
  return keys[0].seen != 0;
}


/* the program stays on the processor it was given, we go where there is one */
static void step_aside (void) {
  cpu_set_t all;
  memset(&all, 0xFF, sizeof(all));
  sched_setaffinity(0, sizeof(all), &all);
}


int main (int argc, char **argv) {
  struct winsize size = {40, 120, 0, 0};
  double seconds = argc > 2 ? atof(argv[1]) : 0, since, till;
  int status = 0;
  pid_t child;
  if (seconds <= 0) {
    fprintf(stderr, "usage: typist SECONDS COMMAND [ARGUMENT ...]\n");
    return EXIT_FAILURE;
  }
  child = forkpty(&terminal, NULL, NULL, &size);
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("TERM", "xterm-256color", 1);
    execvp(argv[2], argv + 2);
    _exit(127);
  }
  step_aside();
  if (child < 0 || !wait_ready() || !type_until(now() + BEFORE)) {
    fprintf(stderr, "typist: %s is not ready\n", argv[2]);
    return EXIT_FAILURE;
  }
  press('G' & 0x1F);
  since = now();
  if (type_until(since + seconds)) watch(now() + GRACE);
  till = now();
  press('B' & 0x1F);
  while (watch(now() + PATIENCE) && kill(child, 0) == 0)
    ;
  waitpid(child, &status, 0);
  print_latencies(since, till);
  return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
