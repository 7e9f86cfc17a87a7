/*
** waiter.c
** Rouses the light threads of nginx: each waits on a semaphore of Lua, which
** is posted once, however many reasons there are.
*/

#include "novita.h"


/*
** Of a 'semaphore' that the function 'post' posts. 'w' is zeroed and stays
** put. Returns 0, or -1 where there is no such function.
*/
int nv_waiter_open (NvWaiter *w, void *semaphore, const char *post) {
  w->semaphore = semaphore;
  w->post = (NvPost)nv_function(post);
  return w->post != NULL ? 0 : -1;
}


/* news of 't' rouse it, once, and of no other; NULL: of none */
void nv_waiter_expect (NvWaiter *w, NvTransfer *t) {
  if (w->transfer != NULL)
    w->transfer->waiter = NULL;
  w->transfer = t;
  if (t == NULL)
    return;
  if (t->waiter != NULL)
    t->waiter->transfer = NULL;
  t->waiter = w;
}


void nv_waiter_rouse (NvWaiter *w) {
  if (w->roused)
    return;
  w->roused = 1;
  w->post(w->semaphore, 1);
}


/* was it roused? Then it can be again, and expects no news any more */
int nv_waiter_settle (NvWaiter *w) {
  if (!w->roused)
    return 0;
  w->roused = 0;
  nv_waiter_expect(w, NULL);
  return 1;
}


/*
** Lets libcurl do what it can without waiting, and rouses those whose
** transfers have news. Returns how many transfers are in flight.
*/
int nv_waiter_turn (NvPool *p) {
  int in_flight = nv_pool_poll(p, 0);
  NvTransfer *t;
  while ((t = nv_pool_ready(p)) != NULL)
    if (t->waiter != NULL)
      nv_waiter_rouse(t->waiter);
  return in_flight;
}
