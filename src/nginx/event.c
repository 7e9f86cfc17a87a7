/*
** event.c
** Adds the pool's descriptor to nginx's event loop: when it is readable, nginx
** polls the pool and posts the wakeups, without a thread, a socket or Lua. The
** notifier (notifier.c), which needs all three, is the fallback.
**
** nginx has no public function for this, but the ones that its own modules
** call can be found in the running program. Only the first members of its
** structs are used, and their layout is verified before anything is written.
**
** nginx closes the descriptor of a connection itself. So it gets an epoll set
** that contains the pool's descriptor, and nothing else.
*/

#include <stdint.h>
#include <unistd.h>

#include "nginx.h"

#if NV_EPOLL

#include <sys/epoll.h>

#define READ_EVENT	(EPOLLIN | EPOLLRDHUP)	/* NGX_READ_EVENT */
#define NO_INDEX	0xd0d0d0d0		/* NGX_INVALID_INDEX */

/* bits of 'flags': gcc and clang allocate bit-fields from the lowest bit on
   little-endian machines; elsewhere the check fails */
#define IS_WRITE	0x1u
#define IS_ACTIVE	0x8u

typedef struct Event Event;

struct Event {  /* ngx_event_t */
  void *data;
  unsigned flags;
  int available;
  void (*handler) (Event *event);
  uintptr_t index;
  void *log;
};

struct NvConnection {  /* ngx_connection_t */
  void *data;
  Event *read, *write;
  int fd;
};

typedef struct Cycle {  /* ngx_cycle_t */
  void *configurations, *pool, *log;
} Cycle;

typedef struct Actions {  /* ngx_event_actions_t */
  intptr_t (*add) (Event *event, intptr_t what, uintptr_t flags);
} Actions;

typedef NvConnection *(*GetConnection) (int descriptor, void *log);
typedef void (*CloseConnection) (NvConnection *c);


/* returns a new epoll set that contains the descriptor, or -1 */
static int new_set (int descriptor) {
  int set = epoll_create1(EPOLL_CLOEXEC);
  if (set >= 0 &&
      nv_poller_control(set, EPOLL_CTL_ADD, descriptor, EPOLLIN) != 0) {
    close(set);
    return -1;
  }
  return set;
}


/* nginx calls this while the set is readable */
static void on_event (Event *event) {
  NvNginxEvent *w = ((NvConnection *)event->data)->data;
  w->fired = 1;
  if (w->pool->multi != NULL)
    nv_wakeup_dispatch(w->pool);
}


static int has_symbols (void) {
  return nv_symbol("ngx_cycle") && nv_symbol("ngx_event_actions") &&
         nv_symbol("ngx_get_connection") && nv_symbol("ngx_close_connection");
}


/* do the structs have the expected layout? 'c' is new and unused */
static int is_layout_known (const NvConnection *c, int descriptor) {
  return c->fd == descriptor && c->read != NULL && c->write != NULL &&
         c->read->data == c && c->write->data == c &&
         (c->read->flags & (IS_WRITE | IS_ACTIVE)) == 0 &&
         (c->write->flags & (IS_WRITE | IS_ACTIVE)) == IS_WRITE &&
         c->read->handler == NULL && c->write->handler == NULL &&
         c->read->index == NO_INDEX && c->write->index == NO_INDEX &&
         c->read->log == NULL && c->write->log == NULL;
}


/*
** Adds the set to nginx's event loop; nginx then owns it. Returns -1, with
** the connection unchanged, if the layout is unknown. After a successful add
** the event is active.
*/
static int add_set (NvNginxEvent *w, int set) {
  const Cycle **cycle = nv_symbol("ngx_cycle");
  const Actions *actions = nv_symbol("ngx_event_actions");
  GetConnection get = (GetConnection)nv_function("ngx_get_connection");
  NvConnection *c = get(set, (*cycle)->log);
  if (c == NULL) {
    close(set);
    return -1;
  }
  w->connection = c;
  if (!is_layout_known(c, set))
    return -1;
  c->data = w;
  c->read->handler = on_event;
  c->read->log = (*cycle)->log;
  if (actions->add(c->read, READ_EVENT, 0) != 0)
    return -1;
  return c->read->flags & IS_ACTIVE ? 0 : -1;
}


/*
** Polls 'p' from nginx's event loop from now on. Returns 0, or -1 if this is
** not nginx or its layout is unknown.
*/
int nv_nginx_event_open (NvNginxEvent *w, NvPool *p) {
  int descriptor = nv_pool_descriptor(p);
  int set = descriptor >= 0 && has_symbols() ? new_set(descriptor) : -1;
  w->pool = p;
  w->pid = getpid();
  w->fired = 1;  /* there may be work already */
  if (set >= 0 && add_set(w, set) == 0)
    return 0;
  nv_nginx_event_close(w);
  return -1;
}


/* Idempotent. In a child process the connection belongs to its parent. */
void nv_nginx_event_close (NvNginxEvent *w) {
  NvConnection *c = w->connection;
  w->connection = NULL;
  if (c != NULL && w->pid == getpid())
    ((CloseConnection)nv_function("ngx_close_connection"))(c);
}

#else	/* no epoll: pools have no descriptor */

int nv_nginx_event_open (NvNginxEvent *w, NvPool *p) {
  (void)w; (void)p;
  return -1;
}


void nv_nginx_event_close (NvNginxEvent *w) {
  (void)w;
}

#endif
