/*
** wait.c
** What a pool waits with.
**
** On Linux that is an epoll set. libcurl names the sockets it waits for
** (on_socket) and the moment it wants to be called (on_timer); both only
** write that down. Somebody else's event loop can watch the set through
** nv_wait_descriptor, which adds two descriptors to it: a timer, and an event
** for what is to be done right now (a timer set to now would do, at ten times
** the cost); without such a loop the time-outs go to epoll_wait and cost no
** system call. Elsewhere libcurl waits by itself (curl_multi_poll).
*/

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "novita.h"

#if NV_EPOLL
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#endif

#include <curl/curl.h>


static int milliseconds (double seconds) {
  if (seconds <= 0)
    return 0;
  return seconds > 1e6 ? 1000000000 : (int)ceil(seconds * 1000);
}


#if NV_EPOLL

/* epoll_ctl for a descriptor that is its own name in the set */
int nv_wait_control (int set, int how, int descriptor, unsigned events) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.data.fd = descriptor;
  event.events = events;
  return epoll_ctl(set, how, descriptor, &event);
}


static int on_socket (CURL *easy, curl_socket_t s, int what, void *data,
                      void *unused) {
  NvPool *p = data;
  unsigned events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                    (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  (void)easy; (void)unused;
  if (what == CURL_POLL_REMOVE)
    nv_wait_control(p->epoll, EPOLL_CTL_DEL, s, 0);
  else if (nv_wait_control(p->epoll, EPOLL_CTL_ADD, s, events) != 0 &&
           nv_wait_control(p->epoll, EPOLL_CTL_MOD, s, events) != 0)
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


int nv_wait_open (NvPool *p) {
  p->epoll = epoll_create1(EPOLL_CLOEXEC);
  return p->epoll < 0 ? -1 : 0;
}


/* has libcurl tell what it waits for */
void nv_wait_listen (void *multi, NvPool *p) {
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
    nv_pool_lose(p);
}


void nv_wait_timers (NvPool *p) {
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
int nv_wait_sockets (NvPool *p, double seconds) {
  struct epoll_event events[NV_EVENTS];
  int i, n = epoll_wait(p->epoll, events, p->batch, milliseconds(seconds));
  double since = p->now = nv_now();
  for (i = 0; i < n && (i == 0 || p->now - since < NV_A_WHILE); i++) {
    serve(p, &events[i]);
    p->now = nv_now();
  }
  if (i < n)
    p->batch = i;
  else if (p->batch < NV_EVENTS)
    p->batch++;
  return n < 0 ? -1 : 0;
}


/*
** Has the descriptor, if anybody watches it, readable from the next moment
** there is something to do. A timer that fires too early does no harm, so it
** is set again only for an earlier moment, or to silence an idle pool.
*/
void nv_wait_arm (NvPool *p, double wanted) {
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


void nv_wait_close (NvPool *p) {
  if (p->timer >= 0)
    close(p->timer);
  if (p->call >= 0)
    close(p->call);
  if (p->epoll >= 0)
    close(p->epoll);
  p->epoll = p->timer = p->call = -1;
}


/* watches 's', which is closed if that can't be done; 's' or -1 */
static int watched (NvPool *p, int s) {
  if (s >= 0 && nv_wait_control(p->epoll, EPOLL_CTL_ADD, s, EPOLLIN) != 0) {
    close(s);
    return -1;
  }
  return s;
}


/* the descriptor for others to watch, or -1 */
int nv_wait_descriptor (NvPool *p) {
  if (p->timer >= 0)
    return p->epoll;
  if (p->call < 0)
    p->call = watched(p, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (p->call >= 0)
    p->timer = watched(p, timerfd_create(CLOCK_MONOTONIC,
                                         TFD_NONBLOCK | TFD_CLOEXEC));
  if (p->timer < 0)
    return -1;
  return p->epoll;
}

#else	/* no epoll: libcurl waits by itself, and nobody else can */

int nv_wait_open (NvPool *p) {
  (void)p;
  return 0;
}


void nv_wait_close (NvPool *p) {
  (void)p;
}


void nv_wait_listen (void *multi, NvPool *p) {
  (void)multi; (void)p;
}


void nv_wait_timers (NvPool *p) {
  int running;
  p->wakeup = NV_NEVER;
  if (curl_multi_perform(p->multi, &running) != CURLM_OK)
    nv_pool_lose(p);
  p->now = nv_now();
}


int nv_wait_sockets (NvPool *p, double seconds) {
  int ready;
  CURLMcode code = curl_multi_poll(p->multi, NULL, 0, milliseconds(seconds),
                                   &ready);
  p->now = nv_now();
  return code == CURLM_OK ? 0 : -1;
}


void nv_wait_arm (NvPool *p, double wanted) {
  (void)p; (void)wanted;
}


int nv_wait_descriptor (NvPool *p) {
  (void)p;
  return -1;
}

#endif
