/*
** interrupts.c
** Counts SIGINT, SIGTERM and SIGHUP in place of their effect while a watch is
** open.
**
** Dispositions of signals are the process's, so their counter is the only
** static data of this module: all Lua states share it, and each watch
** remembers where it began. The first watch installs the handler and the last
** one gives back what was there. An ignored signal stays ignored (nohup does
** that), and a handler that the program installs meanwhile stays too. A child
** of fork inherits both counter and handler, and closes its own copy.
**
** The end of a terminal sends several SIGHUP, by the kernel and by the shell:
** they count once, so that they are not taken for a wish repeated.
**
** SA_RESTART: other system calls go on. It has no effect on epoll_wait, so a
** poll that waits returns at once.
*/

#include <pthread.h>
#include <string.h>

#include "http.h"

#define SIGNALS	3

static const int numbers[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};

static struct {
  pthread_mutex_t lock;		/* of all but 'count' */
  int watches;			/* that are open */
  int count;			/* of signals; atomic */
  int hung_up;			/* was there a SIGHUP? atomic */
  struct sigaction former[SIGNALS];
} interrupts = {.lock = PTHREAD_MUTEX_INITIALIZER};


static int total (void) {
  return __atomic_load_n(&interrupts.count, __ATOMIC_RELAXED);
}


static void on_signal (int number) {
  if (number == SIGHUP &&
      __atomic_exchange_n(&interrupts.hung_up, 1, __ATOMIC_RELAXED))
    return;
  __atomic_add_fetch(&interrupts.count, 1, __ATOMIC_RELAXED);
}


static void install (void) {
  struct sigaction action;
  int i;
  __atomic_store_n(&interrupts.hung_up, 0, __ATOMIC_RELAXED);
  memset(&action, 0, sizeof(action));
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (i = 0; i < SIGNALS; i++) {
    sigaction(numbers[i], NULL, &interrupts.former[i]);
    if (interrupts.former[i].sa_handler != SIG_IGN)
      sigaction(numbers[i], &action, NULL);
  }
}


static void give_back (void) {
  struct sigaction action;
  int i;
  for (i = 0; i < SIGNALS; i++) {
    sigaction(numbers[i], NULL, &action);
    if (action.sa_handler == on_signal)  /* still ours? */
      sigaction(numbers[i], &interrupts.former[i], NULL);
  }
}


/* opens a zeroed watch. Idempotent. */
void nv_watch_open (NvWatch *w) {
  if (w->open)
    return;
  pthread_mutex_lock(&interrupts.lock);
  if (interrupts.watches++ == 0)
    install();
  pthread_mutex_unlock(&interrupts.lock);
  w->since = total();
  w->open = 1;
}


/* returns the number of signals since the watch was opened, until its end */
int nv_watch_count (const NvWatch *w) {
  return (w->open ? total() : w->until) - w->since;
}


/* closes the watch. Idempotent. */
void nv_watch_close (NvWatch *w) {
  if (!w->open)
    return;
  pthread_mutex_lock(&interrupts.lock);
  if (--interrupts.watches == 0)
    give_back();
  pthread_mutex_unlock(&interrupts.lock);
  w->until = total();
  w->open = 0;
}
