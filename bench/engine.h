/*
** Drives a multi handle with curl_multi_socket_action on epoll, as an event
** loop does.
*/

#ifndef ENGINE_H
#define ENGINE_H

#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include <curl/curl.h>

#define MAXEVENTS   256
#define MAXWAIT     1000        /* ms */

typedef struct Engine {
  CURLM *multi;
  int epoll;            /* the set of libcurl's sockets */
  uint64_t due;         /* when libcurl wants a time-out; 0 for never */
} Engine;


/* monotonic nanoseconds */
static uint64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}


static int onsocket (CURL *easy, curl_socket_t fd, int what, void *data,
                     void *known) {
  Engine *e = data;
  struct epoll_event ev;
  (void)easy;
  ev.events = (what & CURL_POLL_IN ? EPOLLIN : 0u)
            | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  ev.data.fd = fd;
  if (what == CURL_POLL_REMOVE) ev.events = 0;
  epoll_ctl(e->epoll, what == CURL_POLL_REMOVE ? EPOLL_CTL_DEL
            : known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
  curl_multi_assign(e->multi, fd, e);  /* any pointer: "known" */
  return 0;
}


static int ontimer (CURLM *multi, long ms, void *data) {
  Engine *e = data;
  (void)multi;
  e->due = ms < 0 ? 0 : now() + (uint64_t)ms * 1000000u;
  return 0;
}


/* gives 'multi' to the zeroed engine 'e' */
static void initengine (Engine *e, CURLM *multi) {
  e->multi = multi;
  e->epoll = epoll_create1(EPOLL_CLOEXEC);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, onsocket);
  curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, e);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, ontimer);
  curl_multi_setopt(multi, CURLMOPT_TIMERDATA, e);
}


/* lets libcurl do what its timer asks for by now */
static void runtimers (Engine *e) {
  int n;
  while (e->due != 0 && e->due <= now()) {
    e->due = 0;
    curl_multi_socket_action(e->multi, CURL_SOCKET_TIMEOUT, 0, &n);
  }
}


/* waits for sockets, until the timer at most, and lets libcurl serve them */
static void waitsockets (Engine *e) {
  struct epoll_event ev[MAXEVENTS];
  int i, n, ms = MAXWAIT;
  if (e->due != 0) {
    uint64_t t = now();
    ms = e->due <= t ? 0 : (int)((e->due - t + 999999) / 1000000);
  }
  n = epoll_wait(e->epoll, ev, MAXEVENTS, ms);
  for (i = 0; i < n; i++) {
    int running, what = 0;
    if (ev[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
      what |= CURL_CSELECT_IN;
    if (ev[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
      what |= CURL_CSELECT_OUT;
    curl_multi_socket_action(e->multi, ev[i].data.fd, what, &running);
  }
}

#endif
