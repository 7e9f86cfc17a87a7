/*
** poller.c
** Waits for a pool's sockets and timers.
**
** On Linux with an epoll set. libcurl reports its sockets (on_socket) and its
** timer (on_timer), which are only recorded. An external event loop can poll
** the set: nv_poller_descriptor adds a timerfd, and an eventfd for work
** due now (a timerfd set to now costs ten times as much). Without such a loop
** time-outs are arguments of epoll_wait and cost no system call. On other
** systems libcurl waits by itself (curl_multi_poll).
*/

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "http.h"

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

/* calls epoll_ctl with the descriptor as its own data */
int nv_poller_control (int set, int how, int fd, unsigned events) {
  struct epoll_event event;
  memset(&event, 0, sizeof(event));
  event.data.fd = fd;
  event.events = events;
  return epoll_ctl(set, how, fd, &event);
}


/*
** Removes a socket from the set; that of a connection with a response, which
** the next transfer may use at once, only when the set is polled next, if it
** is 'quiet' until then. Others may be the resolver's, which libcurl closes
** without notice.
*/
static void remove_socket (NvPool *p, CURL *easy, curl_socket_t s,
                           int quiet) {
  NvTransfer *t = NULL;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
  if (quiet && t != NULL && t->headers_complete &&
      p->removed_count < NV_EVENTS)
    p->removed[p->removed_count++] = s;
  else
    nv_poller_control(p->epoll, EPOLL_CTL_DEL, s, 0);
}


/* was the socket to be removed? Then it is not any more. */
static int restore (NvPool *p, curl_socket_t s) {
  int i = 0;
  while (i < p->removed_count && p->removed[i] != s)
    i++;
  if (i == p->removed_count)
    return 0;
  p->removed[i] = p->removed[--p->removed_count];
  return 1;
}


/*
** Removes a socket that libcurl is about to close: a forked child may hold it
** open, and then the set would keep it.
*/
void nv_poller_closing (NvPool *p, int s) {
  if (restore(p, s))
    nv_poller_control(p->epoll, EPOLL_CTL_DEL, s, 0);
}


static void remove_now (NvPool *p) {
  while (p->removed_count > 0)
    nv_poller_control(p->epoll, EPOLL_CTL_DEL, p->removed[--p->removed_count],
                      0);
}


/* 'reads' is what was assigned: was the socket watched for reading alone? */
static int on_socket (CURL *easy, curl_socket_t s, int what, void *data,
                      void *reads) {
  NvPool *p = data;
  unsigned events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                    (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (what == CURL_POLL_REMOVE) {
    remove_socket(p, easy, s, reads != NULL);
    return 0;
  }
  curl_multi_assign(p->multi, s, what == CURL_POLL_IN ? p : NULL);
  if (restore(p, s) &&
      nv_poller_control(p->epoll, EPOLL_CTL_MOD, s, events) == 0)
    return 0;
  return nv_poller_control(p->epoll, EPOLL_CTL_ADD, s, events) == 0 ||
         nv_poller_control(p->epoll, EPOLL_CTL_MOD, s, events) == 0 ? 0 : -1;
}


static int on_timer (CURLM *multi, long timeout_ms, void *data) {
  NvPool *p = data;
  (void)multi;
  p->curl_due = timeout_ms < 0 ? NV_NEVER
                             : nv_now() + (double)timeout_ms / 1000;
  return 0;
}


int nv_poller_open (NvPool *p) {
  p->epoll = epoll_create1(EPOLL_CLOEXEC);
  return p->epoll < 0 ? -1 : 0;
}


/* makes libcurl report its sockets and its timer */
void nv_poller_attach (void *multi, NvPool *p) {
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, p);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, p);
}


/*
** Calls libcurl for a socket, or for its own time-outs. Returns 0, or -1 if
** libcurl failed.
*/
static int socket_action (NvPool *p, curl_socket_t s, int what) {
  int running;
  CURLMcode code = curl_multi_socket_action(p->multi, s, what, &running);
  return code == CURLM_OK ? 0 : -1;
}


/* returns 0, or -1 if libcurl failed */
int nv_poller_timers (NvPool *p) {
  int result;
  if (p->now < p->curl_due)
    return 0;
  p->curl_due = NV_NEVER;
  result = socket_action(p, CURL_SOCKET_TIMEOUT, 0);
  p->now = nv_now();
  return result;
}


/* makes 'wake_fd' readable */
static void set_wake (NvPool *p) {
  if (p->woken)
    return;
  eventfd_write(p->wake_fd, 1);
  p->woken = 1;
}


/* makes 'wake_fd' unreadable */
static void clear_wake (NvPool *p) {
  eventfd_t count;
  if (!p->woken)
    return;
  eventfd_read(p->wake_fd, &count);
  p->woken = 0;
}


/*
** Calls libcurl for a ready socket, or handles the timer; 'wake_fd' stays as
** it is. An error counts as readiness, so that libcurl finds its cause.
** Returns 0, or -1 if libcurl failed.
*/
static int dispatch (NvPool *p, const struct epoll_event *event) {
  unsigned e = event->events;
  int what = (e & EPOLLIN ? CURL_CSELECT_IN : 0) |
             (e & EPOLLOUT ? CURL_CSELECT_OUT : 0);
  if (event->data.fd == p->timer) {
    unsigned long long expirations;
    if (read(p->timer, &expirations, sizeof(expirations)) > 0)
      p->timer_due = NV_NEVER;
    return 0;
  }
  if (event->data.fd == p->wake_fd)
    return 0;
  if (e & (EPOLLERR | EPOLLHUP))
    what = CURL_CSELECT_IN | CURL_CSELECT_OUT;
  return socket_action(p, event->data.fd, what);
}


/*
** Waits for the sockets, at most 'seconds', and serves the ready ones, for
** NV_MAX_DRIVE at most: a TLS handshake takes a millisecond or more. The
** others stay ready. For fairness, the next call fetches only as many events
** as were served; the kernel returns them in turn. Returns 1 if more may be
** ready, 0 if not, NV_INTERRUPTED if a signal came first, or NV_BROKEN if
** libcurl failed.
*/
int nv_poller_sockets (NvPool *p, double seconds) {
  struct epoll_event events[NV_EVENTS];
  int batch = p->batch, i, n;
  double since;
  if (seconds > 0)
    clear_wake(p);  /* the caller does what is due now */
  remove_now(p);
  n = epoll_wait(p->epoll, events, batch, milliseconds(seconds));
  since = p->now = p->served_at = nv_now();
  nv_unpolled_update(p);
  for (i = 0; i < n && (i == 0 || p->now - since < NV_MAX_DRIVE); i++) {
    if (dispatch(p, &events[i]) != 0)
      return NV_BROKEN;
    p->now = nv_now();
  }
  if (i < n)
    p->batch = i;
  else if (p->batch < NV_EVENTS)
    p->batch++;
  return n < 0 ? NV_INTERRUPTED : n == batch || i < n;
}


/*
** Makes the descriptor, if it is in use, readable from the moment 'wanted' on.
** A timer that fires too early does no harm, so it is only set for an earlier
** moment, or to disarm it for an idle pool.
*/
void nv_poller_arm (NvPool *p, double wanted) {
  struct itimerspec when;
  if (p->timer < 0)
    return;
  if (wanted <= p->now) {
    set_wake(p);
    return;
  }
  clear_wake(p);
  if (wanted == p->timer_due || (wanted > p->timer_due && wanted < NV_NEVER))
    return;
  memset(&when, 0, sizeof(when));  /* zero: off */
  if (wanted < NV_NEVER) {
    when.it_value.tv_sec = (time_t)wanted;
    when.it_value.tv_nsec = (long)((wanted - floor(wanted)) * 1e9) + 1;
    if (when.it_value.tv_nsec > 999999999)
      when.it_value.tv_nsec = 999999999;
  }
  timerfd_settime(p->timer, TFD_TIMER_ABSTIME, &when, NULL);
  p->timer_due = wanted;
}


void nv_poller_close (NvPool *p) {
  if (p->timer >= 0)
    close(p->timer);
  if (p->wake_fd >= 0)
    close(p->wake_fd);
  if (p->epoll >= 0)
    close(p->epoll);
  p->epoll = p->timer = p->wake_fd = -1;
}


/* adds 's' to the set; on failure closes it and returns -1 */
static int add_descriptor (NvPool *p, int s) {
  if (s >= 0 && nv_poller_control(p->epoll, EPOLL_CTL_ADD, s, EPOLLIN) != 0) {
    close(s);
    return -1;
  }
  return s;
}


/* returns the epoll set with timer and eventfd in it, or -1 */
int nv_poller_descriptor (NvPool *p) {
  if (p->timer >= 0)
    return p->epoll;
  if (p->wake_fd < 0)
    p->wake_fd = add_descriptor(p, eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (p->wake_fd >= 0)
    p->timer = add_descriptor(p, timerfd_create(CLOCK_MONOTONIC,
                                         TFD_NONBLOCK | TFD_CLOEXEC));
  if (p->timer < 0)
    return -1;
  return p->epoll;
}

#else	/* no epoll: libcurl waits by itself, and there is no descriptor */

int nv_poller_open (NvPool *p) {
  (void)p;
  return 0;
}


void nv_poller_close (NvPool *p) {
  (void)p;
}


void nv_poller_attach (void *multi, NvPool *p) {
  (void)multi; (void)p;
}


void nv_poller_closing (NvPool *p, int s) {
  (void)p; (void)s;
}


int nv_poller_timers (NvPool *p) {
  int running;
  CURLMcode code;
  p->curl_due = NV_NEVER;
  code = curl_multi_perform(p->multi, &running);
  p->now = nv_now();
  return code == CURLM_OK ? 0 : -1;
}


int nv_poller_sockets (NvPool *p, double seconds) {
  int ready;
  CURLMcode code = curl_multi_poll(p->multi, NULL, 0, milliseconds(seconds),
                                   &ready);
  p->now = p->served_at = nv_now();
  nv_unpolled_update(p);
  return code == CURLM_OK ? 0 : NV_INTERRUPTED;
}


void nv_poller_arm (NvPool *p, double wanted) {
  (void)p; (void)wanted;
}


int nv_poller_descriptor (NvPool *p) {
  (void)p;
  return -1;
}

#endif
