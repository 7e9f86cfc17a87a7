/*
** watch.c
** Has nginx itself watch the pool's descriptor: its event loop then posts a
** semaphore of Lua whenever there is work. That takes no thread and no
** socket, and less time than a bell (bell.c), which is for where this can't
** be had.
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
#include <string.h>
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


static int watch_pool (int set, int descriptor, int how) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.events = EPOLLIN;
  return epoll_ctl(set, how, descriptor, &event);
}


/* an epoll set of the pool's descriptor, or -1 */
static int new_set (int descriptor) {
  int set = epoll_create1(EPOLL_CLOEXEC);
  if (set >= 0 && watch_pool(set, descriptor, EPOLL_CTL_ADD) != 0) {
    close(set);
    return -1;
  }
  return set;
}


/*
** Called by nginx as long as the set is readable. If the last ring was not
** heard, it would be called for ever.
*/
static void on_event (Event *event) {
  NvWatch *w = ((NvConnection *)event->data)->data;
  if (w->rung) {
    watch_pool(w->set, w->descriptor, EPOLL_CTL_DEL);
    w->silenced = 1;
  }
  else {
    w->rung = 1;
    w->post(w->semaphore, 1);
  }
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
  w->set = set;
  w->connection = c;
  if (!is_known(c, set))
    return -1;
  c->data = w;
  c->read->handler = on_event;
  c->read->log = (*cycle)->log;
  return actions->add(c->read, READ_EVENT, 0) == 0 ? 0 : -1;
}


/*
** Begins to watch 'descriptor' and to post 'semaphore', an
** ngx_http_lua_sema_t. 'w' is zeroed and stays put. Returns 0, or -1 where
** nginx is not as expected.
*/
int nv_watch_open (NvWatch *w, int descriptor, void *semaphore) {
  int set;
  w->pid = getpid();
  w->descriptor = descriptor;
  w->semaphore = semaphore;
  w->post = (NvPost)nv_function("ngx_http_lua_ffi_sema_post");
  if (w->post == NULL || !has_symbols())
    return -1;
  set = new_set(descriptor);
  if (set >= 0 && give_set(w, set) == 0)
    return 0;
  nv_watch_close(w);
  return -1;
}


/* posts once more, as soon as there is a reason */
void nv_watch_rearm (NvWatch *w) {
  w->rung = 0;
  if (w->silenced)
    watch_pool(w->set, w->descriptor, EPOLL_CTL_ADD);
  w->silenced = 0;
}


/* idempotent; in a child process the connection is its parent's */
void nv_watch_close (NvWatch *w) {
  NvConnection *c = w->connection;
  w->connection = NULL;
  if (c != NULL && w->pid == getpid())
    ((CloseConnection)nv_function("ngx_close_connection"))(c);
}

#else	/* no epoll: no descriptor to watch */

int nv_watch_open (NvWatch *w, int descriptor, void *semaphore) {
  (void)w; (void)descriptor; (void)semaphore;
  return -1;
}


void nv_watch_rearm (NvWatch *w) {
  (void)w;
}


void nv_watch_close (NvWatch *w) {
  (void)w;
}

#endif
