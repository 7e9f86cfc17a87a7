/*
** wakeup.c
** Wakes nginx light threads. Each waits on an ngx.semaphore, which is posted
** at most once per wait.
*/

#include "nginx.h"


/* 'post' names the function that posts the semaphore; -1 if it is missing */
int nv_wakeup_open (NvWakeup *w, void *semaphore, const char *post) {
  w->semaphore = semaphore;
  nv_list_init(&w->listening);
  w->post = (NvPost)nv_function(post);
  return w->post != NULL ? 0 : -1;
}


/* makes news of 't' post the semaphore, and of no other; NULL: of none */
void nv_wakeup_listen (NvWakeup *w, NvTransfer *t) {
  if (w->listening.next == NULL)
    return;  /* not open */
  if (!nv_list_empty(&w->listening))
    nv_list_remove(w->listening.next);
  if (t == NULL)
    return;
  nv_list_remove(&t->listener);
  nv_list_add(&w->listening, &t->listener, w);
}


/* posts the semaphore, unless it is posted already */
void nv_wakeup_post (NvWakeup *w) {
  if (w->posted)
    return;
  w->posted = 1;
  w->post(w->semaphore, 1);
}


/* after a wait: was it posted? If so it stops listening and can be again */
int nv_wakeup_reset (NvWakeup *w) {
  if (!w->posted)
    return 0;
  w->posted = 0;
  nv_wakeup_listen(w, NULL);
  return 1;
}


/*
** Polls the pool without waiting and posts the wakeups whose transfers have
** news. Returns the number of transfers in flight.
*/
int nv_wakeup_dispatch (NvPool *p) {
  int in_flight = nv_pool_poll(p, 0, NULL);
  NvTransfer *t;
  while ((t = nv_pool_next_ready(p)) != NULL)
    if (t->listener.next != NULL)
      nv_wakeup_post(t->listener.owner);
  return in_flight;
}
