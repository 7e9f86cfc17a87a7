/*
** pool.c
** The transfers in flight and the connections they use: one libcurl multi
** handle behind one descriptor.
**
** On Linux that descriptor is an epoll set. libcurl names the sockets it
** waits for (on_socket) and the moment it wants to be called (on_timer);
** both only write that down. Somebody else's event loop can watch the set
** through nv_pool_descriptor, which adds two descriptors to it: a timer, and
** an event for what is to be done right now (a timer set to now would do, at
** ten times the cost); without such a loop the time-outs go to epoll_wait and
** cost no system call. Elsewhere libcurl waits by itself (curl_multi_poll).
**
** Time-outs of ours are not kept in order: 'alarm' is a moment before which
** none can expire, and only then all transfers are looked at. Since bytes
** only move a time-out away, that is rare, and a chunk costs nothing.
*/

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "novita.h"

#if NV_EPOLL
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#endif

#include <curl/curl.h>

#define KEPT_CONNECTIONS	256L	/* idle ones; libcurl's default is
					   4 times the transfers in flight,
					   and a drained burst closes them */
#define STREAMS			100	/* of an HTTP/2 connection */
#define EVENTS			64	/* taken from the kernel at a time */
#define A_WHILE			0.004	/* seconds; then other work of the
					   thread has its turn */


double nv_now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}


/*
** {======================================================
** Rings
** =======================================================
*/

void nv_ring_init (NvLink *ring) {
  ring->previous = ring->next = ring;
}


void nv_ring_add (NvLink *ring, NvLink *link, NvTransfer *owner) {
  link->owner = owner;
  link->next = ring;
  link->previous = ring->previous;
  ring->previous->next = link;
  ring->previous = link;
}


void nv_ring_remove (NvLink *link) {
  if (link->next == NULL)
    return;  /* in no ring */
  link->previous->next = link->next;
  link->next->previous = link->previous;
  link->previous = link->next = NULL;
}

/* }====================================================== */


/*
** {======================================================
** SIGPIPE
** CURLOPT_NOSIGNAL leaves it to us. Since 7.88 libcurl writes with
** MSG_NOSIGNAL over TLS too; before, a server that hung up could end the
** program. Its handler is the host's, so it is only held back meanwhile.
** =======================================================
*/

typedef struct Guard {
  int active;
  sigset_t mask;	/* the thread's own */
} Guard;


static int sigpipe_pending (void) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE);
}


static void guard_enter (const NvPool *p, Guard *g) {
  sigset_t pipe;
  g->active = p->needs_guard && !sigpipe_pending();
  if (!g->active)
    return;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &g->mask);
}


static void guard_leave (const Guard *g) {
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
** Waiting
** =======================================================
*/

static int milliseconds (double seconds) {
  if (seconds <= 0)
    return 0;
  return seconds > 1e6 ? 1000000000 : (int)ceil(seconds * 1000);
}


/*
** Without memory libcurl may have lost a socket from sight, whose transfer
** would wait for ever; nobody knows which. All end, and the next one begins
** with a new handle: after such a failure libcurl 7.88 divides by zero.
*/
static void lose_all (NvPool *p) {
  p->lost = 1;
  while (!nv_ring_empty(&p->flight))
    nv_transfer_fail(p->flight.next->owner, "memory", NULL, NULL);
}


#if NV_EPOLL

static int on_socket (CURL *easy, curl_socket_t s, int what, void *data,
                      void *unused) {
  NvPool *p = data;
  struct epoll_event event;
  (void)easy; (void)unused;
  memset(&event, 0, sizeof(event));
  event.data.fd = s;
  event.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                 (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (what == CURL_POLL_REMOVE)
    epoll_ctl(p->epoll, EPOLL_CTL_DEL, s, &event);
  else if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, s, &event) != 0 &&
           epoll_ctl(p->epoll, EPOLL_CTL_MOD, s, &event) != 0)
    return -1;
  return 0;
}


static int on_timer (CURLM *multi, long timeout_ms, void *data) {
  NvPool *p = data;
  (void)multi;
  p->wakeup = timeout_ms < 0 ? NV_NEVER
                             : nv_now() + (double)timeout_ms / 1000;
  return 0;
}


static int open_waiting (NvPool *p) {
  p->epoll = epoll_create1(EPOLL_CLOEXEC);
  return p->epoll < 0 ? -1 : 0;
}


/* has libcurl tell what it waits for */
static void listen_to (CURLM *multi, NvPool *p) {
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, p);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, p);
}


/* gives libcurl its turn with a socket, or with its own time-outs */
static void act (NvPool *p, curl_socket_t s, int what) {
  int running;
  CURLMcode code = curl_multi_socket_action(p->multi, s, what, &running);
  if (code != CURLM_OK)
    lose_all(p);
}


static void drive_timers (NvPool *p) {
  while (p->now >= p->wakeup) {
    p->wakeup = NV_NEVER;
    act(p, CURL_SOCKET_TIMEOUT, 0);
    p->now = nv_now();
  }
}


/* makes the descriptor readable */
static void call (NvPool *p) {
  if (p->called)
    return;
  eventfd_write(p->call, 1);
  p->called = 1;
}


/* takes the call back, or answers it */
static void hush (NvPool *p) {
  eventfd_t calls;
  if (!p->called)
    return;
  eventfd_read(p->call, &calls);
  p->called = 0;
}


/*
** Lets libcurl serve a socket that is ready. Errors go to it as readiness, so
** that it finds the real cause.
*/
static void serve (NvPool *p, const struct epoll_event *event) {
  unsigned e = event->events;
  int what = (e & EPOLLIN ? CURL_CSELECT_IN : 0) |
             (e & EPOLLOUT ? CURL_CSELECT_OUT : 0);
  if (event->data.fd == p->timer) {
    unsigned long long expirations;
    if (read(p->timer, &expirations, sizeof(expirations)) > 0)
      p->armed = NV_NEVER;
    return;
  }
  if (event->data.fd == p->call) {
    hush(p);
    return;
  }
  if (e & (EPOLLERR | EPOLLHUP))
    what = CURL_CSELECT_IN | CURL_CSELECT_OUT;
  act(p, event->data.fd, what);
}


/*
** Waits for the sockets, at most so long, and serves those that are ready,
** for a while; TLS handshakes take a millisecond or more each. What is left
** is still ready the next time. So that nobody is left out for ever, no more
** are taken from the kernel then than were served: it hands them out in turn.
*/
static int drive_sockets (NvPool *p, double seconds) {
  struct epoll_event events[EVENTS];
  int i, n = epoll_wait(p->epoll, events, p->batch, milliseconds(seconds));
  double since = p->now = nv_now();
  for (i = 0; i < n && (i == 0 || p->now - since < A_WHILE); i++) {
    serve(p, &events[i]);
    p->now = nv_now();
  }
  if (i < n)
    p->batch = i;
  else if (p->batch < EVENTS)
    p->batch++;
  return n < 0 ? -1 : 0;
}


/*
** Has the descriptor, if anybody watches it, readable from the next moment
** there is something to do. A timer that fires too early does no harm, so it
** is set again only for an earlier moment, or to silence an idle pool.
*/
static void arm (NvPool *p, double wanted) {
  struct itimerspec when;
  if (p->timer < 0)
    return;
  if (wanted <= p->now) {
    call(p);
    return;
  }
  hush(p);
  if (wanted == p->armed || (wanted > p->armed && wanted < NV_NEVER))
    return;
  memset(&when, 0, sizeof(when));  /* zero: off */
  if (wanted < NV_NEVER) {
    when.it_value.tv_sec = (time_t)wanted;
    when.it_value.tv_nsec = (long)((wanted - floor(wanted)) * 1e9) + 1;
    if (when.it_value.tv_nsec > 999999999)
      when.it_value.tv_nsec = 999999999;
  }
  timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL);
  p->armed = wanted;
}


/* watches 's', which is closed if that can't be done; 's' or -1 */
static int watched (NvPool *p, int s) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.events = EPOLLIN;
  event.data.fd = s;
  if (s >= 0 && epoll_ctl(p->epoll, EPOLL_CTL_ADD, s, &event) != 0) {
    close(s);
    return -1;
  }
  return s;
}


int nv_pool_descriptor (NvPool *p) {
  if (p->timer >= 0)
    return p->epoll;
  if (p->call < 0)
    p->call = watched(p, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (p->call >= 0)
    p->timer = watched(p, timerfd_create(CLOCK_MONOTONIC,
                                         TFD_NONBLOCK | TFD_CLOEXEC));
  if (p->timer < 0)
    return -1;
  nv_pool_rearm(p);
  return p->epoll;
}

#else	/* no epoll: libcurl waits by itself, and nobody else can */

static int open_waiting (NvPool *p) {
  (void)p;
  return 0;
}


static void listen_to (CURLM *multi, NvPool *p) {
  (void)multi; (void)p;
}


static void drive_timers (NvPool *p) {
  int running;
  p->wakeup = NV_NEVER;
  if (curl_multi_perform(p->multi, &running) != CURLM_OK)
    lose_all(p);
  p->now = nv_now();
}


static int drive_sockets (NvPool *p, double seconds) {
  int ready;
  CURLMcode code = curl_multi_poll(p->multi, NULL, 0, milliseconds(seconds),
                                   &ready);
  p->now = nv_now();
  return code == CURLM_OK ? 0 : -1;
}


static void arm (NvPool *p, double wanted) {
  (void)p; (void)wanted;
}


int nv_pool_descriptor (NvPool *p) {
  (void)p;
  return -1;
}

#endif

/* }====================================================== */


/*
** {======================================================
** Transfers coming and going
** =======================================================
*/

static CURLM *new_multi (NvPool *p) {
  CURLM *multi = curl_multi_init();
  if (multi == NULL)
    return NULL;
  listen_to(multi, p);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
  return multi;
}


/* takes a new handle after lose_all; 0, or -1 without memory */
static int begin_afresh (NvPool *p) {
  CURLM *multi = new_multi(p);
  if (multi == NULL)
    return -1;
  curl_multi_cleanup(p->multi);
  p->multi = multi;
  p->wakeup = NV_NEVER;
  p->cap = p->lost = 0;
  return 0;
}


/* 't' may have to be looked at sooner than before */
void nv_pool_hurry (NvTransfer *t) {
  const char *which;
  double expiry = nv_transfer_expiry(t, &which);
  if (expiry < t->pool->alarm)
    t->pool->alarm = expiry;
}


/*
** Beyond the streams that an HTTP/2 connection takes (100, mostly), libcurl
** opens one connection for each further transfer, although the first of them
** could carry the others. So a pool that has only met HTTP/2 says how many
** connections to a host make sense; one that meets HTTP/1 lifts the cap.
*/
static void cap_connections (NvPool *p) {
  long cap = p->multiplexed ? p->in_flight / STREAMS + 1 : 0;
  if (cap == p->cap)
    return;
  p->cap = cap;
  curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, cap);
}


/* takes a running transfer away from libcurl */
void nv_pool_remove (NvTransfer *t) {
  curl_multi_remove_handle(t->pool->multi, t->easy);
  nv_ring_remove(&t->flight);
  t->pool->in_flight--;
}


/* 't' has something new for its owner */
void nv_pool_announce (NvTransfer *t) {
  if (t->news.next == NULL)
    nv_ring_add(&t->pool->news, &t->news, t);
}


/* the owner has seen to it */
void nv_pool_forget (NvTransfer *t) {
  nv_ring_remove(&t->news);
  if (t->flight.next == NULL)
    t->pool = NULL;
}


/* has any transfer something new? */
int nv_pool_news (const NvPool *p) {
  return !nv_ring_empty(&p->news);
}


/* the next transfer that has something new, or NULL */
NvTransfer *nv_pool_ready (NvPool *p) {
  NvTransfer *t;
  if (p->multi == NULL || nv_ring_empty(&p->news))
    return NULL;
  t = p->news.next->owner;
  nv_pool_forget(t);
  return t;
}


/* ends the transfers that have waited too long */
static void expire (NvPool *p) {
  NvLink *link = p->flight.next;
  if (p->now < p->alarm)
    return;
  p->alarm = NV_NEVER;
  while (link != &p->flight) {
    NvTransfer *t = link->owner;
    const char *which;
    double expiry = nv_transfer_expiry(t, &which);
    link = link->next;
    if (expiry <= p->now)
      nv_transfer_fail(t, "timeout", which, NULL);
    else if (expiry < p->alarm)
      p->alarm = expiry;
  }
}


/* finishes what libcurl says is over */
static void collect (NvPool *p) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(p->multi, &left)) != NULL) {
    CURLcode code = message->data.result;
    void *t = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
    nv_transfer_finish(t, (int)code);  /* 'message' is gone with it */
  }
}


/* when there is something to do, as far as the pool knows */
static double next_moment (const NvPool *p) {
  if (p->in_flight == 0 && p->wakeup == NV_NEVER)
    return NV_NEVER;
  return p->wakeup < p->alarm ? p->wakeup : p->alarm;
}


/*
** Something has changed outside of nv_pool_poll: who watches the descriptor
** must learn of news that came by it.
*/
void nv_pool_rearm (NvPool *p) {
  arm(p, nv_ring_empty(&p->news) ? next_moment(p) : p->now);
}


/* lets libcurl do all that it can without the sockets */
static void drive (NvPool *p) {
  p->now = nv_now();
  do {
    drive_timers(p);
    collect(p);
  } while (p->now >= p->wakeup);
}

/* }====================================================== */


/*
** Waits until a transfer has news, at most 'seconds', and returns how many
** are in flight. A signal ends the waiting early. Nothing expires before the
** sockets were looked at: it may be us who were away, not the server.
*/
int nv_pool_poll (NvPool *p, double seconds) {
  double end;
  int interrupted = 0;
  Guard guard;
  p->spent = 0;
  guard_enter(p, &guard);
  drive(p);
  end = p->now + seconds;
  do {
    double until = nv_ring_empty(&p->news) ? end : p->now;
    if (p->wakeup < until)
      until = p->wakeup;
    if (p->alarm < until)
      until = p->alarm;
    interrupted = drive_sockets(p, until - p->now) != 0;
    drive(p);
    expire(p);
  } while (!interrupted && nv_ring_empty(&p->news) && p->now < end);
  arm(p, next_moment(p));  /* the news are for our caller to take */
  guard_leave(&guard);
  return p->in_flight;
}


/*
** Does what can be done without waiting, but not for long: who begins many
** transfers at once would wait for all their handshakes. What is left is for
** nv_pool_poll, which the timer calls for.
*/
static void drive_shortly (NvPool *p, int sockets) {
  double since = nv_now();
  if (p->spent > A_WHILE)
    return;
  if (sockets)
    drive_sockets(p, 0);
  drive(p);
  p->spent += nv_now() - since;
}


/* begins: what can be done at once is done before this returns */
int nv_pool_add (NvPool *p, NvTransfer *t) {
  Guard guard;
  if (p->lost && begin_afresh(p) != 0)
    return -1;
  cap_connections(p);
  if (curl_multi_add_handle(p->multi, t->easy) != CURLM_OK)
    return -1;
  t->pool = p;
  t->state = NV_RUNNING;
  p->in_flight++;
  nv_ring_add(&p->flight, &t->flight, t);
  nv_pool_hurry(t);
  guard_enter(p, &guard);
  drive_shortly(p, 0);
  nv_pool_rearm(p);
  guard_leave(&guard);
  return 0;
}


/* does what can be done at once, and gives the timer its moment */
void nv_pool_settle (NvPool *p) {
  Guard guard;
  guard_enter(p, &guard);
  drive_shortly(p, p->in_flight > 0);
  nv_pool_rearm(p);
  guard_leave(&guard);
}


/*
** {======================================================
** Which process a pool is of
** Every use of one asks, for libcurl can't be used on both sides of a fork.
** So the mark is on a page that the kernel wipes in a child; asking it for
** the process each time was a tenth of a call's cost.
** =======================================================
*/

static void mark_process (NvPool *p) {
  p->pid = getpid();
#ifdef MADV_WIPEONFORK	/* Linux 4.14 */
  {
    size_t size = sizeof(*p->mark);  /* the kernel rounds it up to a page */
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
      return;
    if (madvise(page, size, MADV_WIPEONFORK) != 0) {
      munmap(page, size);
      return;
    }
    p->mark = page;
    *p->mark = 1;
  }
#endif
}


static void unmark_process (NvPool *p) {
  if (p->mark != NULL)
    munmap(p->mark, sizeof(*p->mark));
  p->mark = NULL;
}


/* is this a child of the process that made the pool? */
int nv_pool_inherited (const NvPool *p) {
  return p->mark != NULL ? *p->mark == 0 : p->pid != getpid();
}

/* }====================================================== */


/* 'p' is zeroed; on failure it is closed again */
int nv_pool_open (NvPool *p) {
  CURL *easy;
  p->epoll = p->timer = p->call = -1;
  p->batch = EVENTS;
  p->now = nv_now();
  p->wakeup = p->alarm = p->armed = NV_NEVER;
  nv_ring_init(&p->flight);
  nv_ring_init(&p->news);
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return -1;  /* counted; never undone: other users may be alive */
  p->multi = new_multi(p);
  if (p->multi == NULL)
    return -1;
  mark_process(p);
  easy = open_waiting(p) == 0 ? nv_transfer_easy(p) : NULL;
  if (easy == NULL) {
    nv_pool_close(p);
    return -1;
  }
  p->needs_guard = curl_version_info(CURLVERSION_NOW)->version_num < 0x075800;
#if LIBCURL_VERSION_NUM >= 0x075400	/* 7.84 */
  {
    char *path = NULL;
    curl_easy_getinfo(easy, CURLINFO_CAINFO, &path);
    if (path != NULL && access(path, R_OK) == 0)
      p->ca_file = path;
  }
#endif
  p->spares[p->spare_count++] = easy;
  return 0;
}


/*
** Idempotent. Transfers in flight end as cancelled. A child process leaves
** everything as it is: it all belongs to its parent.
*/
void nv_pool_close (NvPool *p) {
  if (p->multi == NULL || nv_pool_inherited(p)) {
    p->multi = NULL;
    return;
  }
  while (!nv_ring_empty(&p->flight))
    nv_transfer_cancel(p->flight.next->owner);
  while (nv_pool_ready(p) != NULL)
    ;
  while (p->spare_count > 0)
    curl_easy_cleanup(p->spares[--p->spare_count]);
  curl_multi_cleanup(p->multi);
  p->multi = NULL;
  unmark_process(p);
  if (p->timer >= 0)
    close(p->timer);
  if (p->call >= 0)
    close(p->call);
  if (p->epoll >= 0)
    close(p->epoll);
  p->epoll = p->timer = p->call = -1;
}


/* which libcurl this is, at run time */
const char *nv_pool_library (void) {
  return curl_version_info(CURLVERSION_NOW)->version;
}


void nv_pool_features (NvFeatures *f) {
  const curl_version_info_data *d = curl_version_info(CURLVERSION_NOW);
  memset(f, 0, sizeof(*f));
  f->libcurl = d->version;
  f->tls = d->ssl_version;
  f->asynch_dns = (d->features & CURL_VERSION_ASYNCHDNS) != 0;
  f->http2 = (d->features & CURL_VERSION_HTTP2) != 0;
  f->descriptor = NV_EPOLL;
#if LIBCURL_VERSION_NUM >= 0x074600	/* 7.70 */
  if (d->age >= CURLVERSION_SEVENTH) {
    f->ca_file = d->cainfo;
    f->ca_path = d->capath;
  }
#endif
}
