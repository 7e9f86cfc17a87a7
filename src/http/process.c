/*
** process.c
** The process: a monotonic clock, blocking of SIGPIPE, detection of forks.
*/

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "http.h"


/* returns monotonic seconds */
double nv_now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


/* returns the value of an environment variable, or NULL if it is empty */
const char *nv_getenv (const char *name) {
  const char *value = getenv(name);
  return value != NULL && *value != '\0' ? value : NULL;
}


/*
** {======================================================
** SIGPIPE
** With CURLOPT_NOSIGNAL libcurl does not block it. Since 7.88 libcurl writes
** with MSG_NOSIGNAL over TLS too; before, a closed connection could end the
** program. The handler belongs to the host, so the signal is only blocked
** during calls.
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
    sigwait(&pipe, &signal);  /* caused by libcurl: consumes it at once */
  }
  pthread_sigmask(SIG_SETMASK, &g->mask, NULL);
}

/* }====================================================== */


/*
** {======================================================
** Detection of forks
** Every use of a pool checks for one, since parent and child can't both use
** libcurl's connections. So the mark is on a page that the kernel zeroes in a
** child: calling getpid each time took a tenth of the time of a call.
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
