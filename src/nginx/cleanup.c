/*
** cleanup.c
** Cancels transfers at once when the nginx request they belong to ends, in
** whatever way.
**
** This uses one function of nginx, ngx_http_cleanup_add, which every C module
** calls, and the struct it returns; neither has changed since 2007. In a
** program without that function nv_cleanup_open fails.
*/

#include "nginx.h"

/* ngx_http_cleanup_t: nginx calls 'handler' once, when the request ends */
struct NvNginxCleanup {
  void (*handler) (void *data);
  void *data;
  struct NvNginxCleanup *next;
};

typedef NvNginxCleanup *(*AddCleanup) (void *request, size_t size);


/* handler: the request ends, and nginx frees the cleanup */
static void on_request_end (void *data) {
  NvCleanup *c = data;
  c->nginx = NULL;
  while (!nv_list_empty(&c->transfers)) {
    NvTransfer *t = c->transfers.next->owner;
    nv_list_remove(&t->scope);
    nv_pool_cancel(t);
  }
}


/* registers 'c' with the request; -1 if this is not nginx */
int nv_cleanup_open (NvCleanup *c, void *request) {
  AddCleanup add = (AddCleanup)nv_function("ngx_http_cleanup_add");
  nv_list_init(&c->transfers);
  c->nginx = add ? add(request, 0) : NULL;
  if (c->nginx == NULL)
    return -1;
  c->nginx->data = c;
  c->nginx->handler = on_request_end;
  return 0;
}


/* cancels 't' when the request ends, and no other request's end */
void nv_cleanup_add (NvCleanup *c, NvTransfer *t) {
  nv_list_remove(&t->scope);
  if (t->state == NV_RUNNING)
    nv_list_add(&c->transfers, &t->scope, t);
}


/* removes all transfers and the handler. Idempotent. */
void nv_cleanup_close (NvCleanup *c) {
  if (c->transfers.next == NULL)
    return;
  while (!nv_list_empty(&c->transfers))
    nv_list_remove(c->transfers.next);
  if (c->nginx != NULL)
    c->nginx->handler = NULL;
  c->nginx = NULL;
}
