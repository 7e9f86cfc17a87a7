/*
** watch.c
** Has nginx itself watch the pool's descriptor: whenever there is work, its
** event loop gives libcurl a turn and rouses those who wait. That takes no
** thread, no socket and no Lua; a bell (bell.c), which takes all of them, is
** for where this can't be had.
**
** nginx offers no function for this to those who were not built with its
** headers, but the ones that its own modules call can be found in the running
** program. Of its structs only the first members are used, and whether they
** are where this expects them is checked before anything is written.
**
** nginx closes the descriptor of a connection itself. So it is given not the
** pool's, but an epoll set with nothing else in it.
*/

#include <stdint.h>
#include <unistd.h>

#include "novita.h"

#if NV_EPOLL

#include <sys/epoll.h>

#define READ_EVENT	(EPOLLIN | EPOLLRDHUP)	/* NGX_READ_EVENT */
#define NO_INDEX	0xd0d0d0d0		/* NGX_INVALID_INDEX */

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


/* an epoll set of the pool's descriptor, or -1 */
static int new_set (int descriptor) {
  int set = epoll_create1(EPOLL_CLOEXEC);
  if (set >= 0 &&
      nv_wait_control(set, EPOLL_CTL_ADD, descriptor, EPOLLIN) != 0) {
    close(set);
    return -1;
  }
  return set;
}


/* called by nginx as long as the set is readable */
static void on_event (Event *event) {
  NvWatch *w = ((NvConnection *)event->data)->data;
  w->rang = 1;
  if (w->pool->multi != NULL)
    nv_waiter_turn(w->pool);
}


static int has_symbols (void) {
  return nv_symbol("ngx_cycle") && nv_symbol("ngx_event_actions") &&
         nv_symbol("ngx_get_connection") && nv_symbol("ngx_close_connection");
}


/* are the structs what we take them for? 'c' is fresh from nginx */
static int is_known (const NvConnection *c, int descriptor) {
  return c->fd == descriptor &&
         c->read->data == c && c->write->data == c &&
         c->read->handler == NULL && c->write->handler == NULL &&
         c->read->index == NO_INDEX && c->write->index == NO_INDEX &&
         c->read->log == NULL && c->write->log == NULL;
}


/*
** Has nginx watch the set, which it owns from then on. What is not as
** expected is given back to it untouched.
*/
static int give_set (NvWatch *w, int set) {
  const Cycle **cycle = nv_symbol("ngx_cycle");
  const Actions *actions = nv_symbol("ngx_event_actions");
  GetConnection get = (GetConnection)nv_function("ngx_get_connection");
  NvConnection *c = get(set, (*cycle)->log);
  if (c == NULL) {
    close(set);
    return -1;
  }
  w->connection = c;
  if (!is_known(c, set))
    return -1;
  c->data = w;
  c->read->handler = on_event;
  c->read->log = (*cycle)->log;
  return actions->add(c->read, READ_EVENT, 0) == 0 ? 0 : -1;
}


/*
** Begins to watch the pool. 'w' is zeroed and stays put. Returns 0, or -1
** where nginx is not as expected.
*/
int nv_watch_open (NvWatch *w, NvPool *p) {
  int descriptor = nv_pool_descriptor(p);
  int set = descriptor >= 0 && has_symbols() ? new_set(descriptor) : -1;
  w->pool = p;
  w->pid = getpid();
  w->rang = 1;  /* there was no time yet for silence */
  if (set >= 0 && give_set(w, set) == 0)
    return 0;
  nv_watch_close(w);
  return -1;
}


/* idempotent; in a child process the connection is its parent's */
void nv_watch_close (NvWatch *w) {
  NvConnection *c = w->connection;
  w->connection = NULL;
  if (c != NULL && w->pid == getpid())
    ((CloseConnection)nv_function("ngx_close_connection"))(c);
}

#else	/* no epoll: no descriptor to watch */

int nv_watch_open (NvWatch *w, NvPool *p) {
  (void)w; (void)p;
  return -1;
}


void nv_watch_close (NvWatch *w) {
  (void)w;
}

#endif
