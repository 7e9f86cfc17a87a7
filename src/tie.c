/*
** tie.c
** Ties transfers to a request of nginx: when the request ends, in whatever
** way, they are cancelled on the spot.
**
** Of nginx this uses one function, which every module written in C calls,
** and the struct it returns; neither has changed since 2007. Where the running
** program has no such function there are no ties.
*/

#include "novita.h"

/* ngx_http_cleanup_t: nginx calls 'handler' once, when the request ends */
struct NvCleanup {
  void (*handler) (void *data);
  void *data;
  struct NvCleanup *next;
};

typedef NvCleanup *(*AddCleanup) (void *request, size_t size);


/* the request has ended, and 'cleanup' with it */
static void on_end (void *data) {
  NvTie *tie = data;
  tie->cleanup = NULL;
  while (!nv_ring_empty(&tie->held)) {
    NvTransfer *t = tie->held.next->owner;
    nv_ring_remove(&t->tie);
    nv_transfer_cancel(t);
  }
}


/* 'tie' is zeroed and stays put. Returns 0, or -1 without nginx */
int nv_tie_open (NvTie *tie, void *request) {
  AddCleanup add = (AddCleanup)nv_function("ngx_http_cleanup_add");
  nv_ring_init(&tie->held);
  tie->cleanup = add ? add(request, 0) : NULL;
  if (tie->cleanup == NULL)
    return -1;
  tie->cleanup->data = tie;
  tie->cleanup->handler = on_end;
  return 0;
}


/* 't' ends with the request, unless it ends before or is held by another */
void nv_tie_hold (NvTie *tie, NvTransfer *t) {
  nv_ring_remove(&t->tie);
  if (t->state == NV_RUNNING)
    nv_ring_add(&tie->held, &t->tie, t);
}


/* idempotent: lets go of everything */
void nv_tie_close (NvTie *tie) {
  if (tie->held.next == NULL)
    return;
  while (!nv_ring_empty(&tie->held))
    nv_ring_remove(tie->held.next);
  if (tie->cleanup != NULL)
    tie->cleanup->handler = NULL;
  tie->cleanup = NULL;
}
