/*
** process.c
** The process that pools live in: its clock, its SIGPIPE, and its forks.
*/

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "novita.h"


double nv_now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


/*
** {======================================================
** SIGPIPE
** CURLOPT_NOSIGNAL leaves it to us. Since 7.88 libcurl writes with
** MSG_NOSIGNAL over TLS too; before, a server that hung up could end the
** program. Its handler is the host's, so it is only held back meanwhile.
** =======================================================
*/

static int sigpipe_pending (void) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE);
}


void nv_guard_enter (NvGuard *g, int needed) {
  sigset_t pipe;
  g->active = needed && !sigpipe_pending();
  if (!g->active)
    return;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &g->mask);
}


void nv_guard_leave (const NvGuard *g) {
  if (!g->active)
    return;
  if (sigpipe_pending()) {
    sigset_t pipe;
    int signal;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigwait(&pipe, &signal);  /* ours: takes it away without waiting */
  }
  pthread_sigmask(SIG_SETMASK, &g->mask, NULL);
}

/* }====================================================== */


/*
** {======================================================
** Which process something is of
** Every use of a pool asks, for libcurl can't be used on both sides of a
** fork. So the mark is on a page that the kernel wipes in a child; asking it
** for the process each time was a tenth of a call's cost.
** =======================================================
*/

void nv_mark_set (NvMark *m) {
  m->pid = getpid();
#ifdef MADV_WIPEONFORK	/* Linux 4.14 */
  {
    size_t size = sizeof(*m->page);  /* the kernel rounds it up to a page */
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
      return;
    if (madvise(page, size, MADV_WIPEONFORK) != 0) {
      munmap(page, size);
      return;
    }
    m->page = page;
    *m->page = 1;
  }
#endif
}


void nv_mark_clear (NvMark *m) {
  if (m->page != NULL)
    munmap(m->page, sizeof(*m->page));
  m->page = NULL;
}


/* is this a child of the process that set it? */
int nv_mark_inherited (const NvMark *m) {
  return m->page != NULL ? *m->page == 0 : m->pid != getpid();
}

/* }====================================================== */
