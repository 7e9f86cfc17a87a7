/*
** drive.c
** Drives a pool: calls libcurl for sockets and timers, finishes completed
** transfers, and fails expired ones.
**
** Our time-outs are not sorted. 'next_expiry' is a lower bound: only when that
** moment comes are all transfers in flight checked. Received bytes only move
** an expiry later, so checks are rare, and a chunk costs nothing.
*/

#include <curl/curl.h>

#include "http.h"

#define CATCH_UP_SECONDS	0.1	/* for sockets before a time-out */
#define DRAIN_SECONDS		0.02	/* for the last bytes of a stream */
#define MAX_ROUNDS		16	/* of libcurl's timers in a poll */


/*
** Fails all transfers after an error of libcurl, which is out of memory and
** may no longer watch some socket. The next transfer gets a new multi handle,
** because libcurl 7.88 divides by zero after such an error.
*/
static void fail_all (NvPool *p) {
  p->broken = 1;
  while (!nv_list_empty(&p->running))
    nv_transfer_fail(p->running.next->owner, "memory", NULL, NULL);
}


/* waits for the sockets and serves them; results as nv_poller_sockets */
static int serve_sockets (NvPool *p, double seconds) {
  int result = nv_poller_sockets(p, seconds);
  if (result == NV_BROKEN)
    fail_all(p);
  return result == NV_BROKEN ? 0 : result;
}


/* finishes the transfers that libcurl reports as completed */
static void finish_completed (NvPool *p) {
  CURLMsg *message;
  int left;
  while ((message = curl_multi_info_read(p->multi, &left)) != NULL) {
    CURLcode code = message->data.result;
    void *t = NULL;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
    if (!nv_resend(t, (int)code))
      nv_transfer_finish(t, (int)code);  /* frees 'message' too */
  }
}


/* returns the next moment at which the pool has work without any socket */
static double next_due (const NvPool *p) {
  double moment = nv_unpolled_due(p);
  if (p->in_flight == 0 && p->curl_due == NV_NEVER)
    return NV_NEVER;
  if (p->curl_due < moment)
    moment = p->curl_due;
  return p->next_expiry < moment ? p->next_expiry : moment;
}


/*
** Sets the timer after a change outside of nv_pool_poll. The descriptor also
** becomes readable for news that came that way.
*/
void nv_pool_rearm (NvPool *p) {
  nv_poller_arm(p, nv_list_empty(&p->ready) ? next_due(p) : p->now);
}


/*
** Runs libcurl's timers and finishes completed transfers. The number of rounds
** is limited: while a paused stream shares its connection, libcurl 8.14 sets
** its timer to now again and again without any work.
*/
static void drive (NvPool *p) {
  int rounds = MAX_ROUNDS;
  p->now = nv_now();
  nv_unpolled_update(p);
  p->flush_due = 0;
  do {
    if (nv_poller_timers(p) != 0)
      fail_all(p);
    finish_completed(p);
  } while (p->now >= p->curl_due && --rounds > 0);
}


/*
** Makes libcurl look again for 't', at once: the first transfer that runs then
** is the only one of its connection that does. Returns -1 if libcurl failed.
*/
static int recheck (NvPool *p, NvTransfer *t) {
  nv_http2_recheck(t);
  p->flush_due = 1;  /* 't' may be complete now */
  p->now = nv_now();
  return nv_poller_timers(p);
}


/*
** Fails the transfers whose time-out has expired. Failing one may end another
** (nv_abort_flush resumes it), so the iteration then restarts.
*/
static void expire (NvPool *p) {
  NvLink *link = p->running.next;
  if (p->now < p->next_expiry)
    return;
  p->next_expiry = NV_NEVER;
  while (link != &p->running) {
    NvTransfer *t = link->owner;
    const char *which;
    double expiry = nv_transfer_expiry(t, &which);
    link = link->next;
    if (expiry <= p->now && which == NULL) {
      if (recheck(p, t) != 0) {
        fail_all(p);
        return;
      }
      expiry = nv_transfer_expiry(t, &which);
    }
    if (expiry <= p->now && which != NULL) {
      nv_transfer_fail(t, "timeout", which, NULL);
      link = p->running.next;
    }
    else if (expiry < p->next_expiry)
      p->next_expiry = expiry;
  }
  if (p->flush_due)
    drive(p);
}


/*
** Serves all ready sockets before time-outs expire: a signal may have ended
** the wait, and if the process was stopped or its loop blocked, more sockets
** may be ready than one batch serves. The duration is limited because a server
** may never stop sending.
*/
static void catch_up (NvPool *p) {
  double since = p->now;
  if (p->now < p->next_expiry)
    return;
  while (serve_sockets(p, 0) > 0 && p->now - since < CATCH_UP_SECONDS)
    drive(p);
  drive(p);
}


/* does 't', or any transfer if it is NULL, have news? */
int nv_pool_has_news (const NvPool *p, const NvTransfer *t) {
  return t != NULL ? t->unread : !nv_list_empty(&p->ready);
}


/*
** Waits until 't', or any transfer if it is NULL, has news, at most 'seconds'
** (NaN: 0), and returns the number of transfers in flight. A signal ends the
** wait early. No time-out expires before the sockets were polled, because the
** delay may be this process's own.
*/
int nv_pool_poll (NvPool *p, double seconds, const NvTransfer *t) {
  double end;
  int interrupted = 0;
  NvGuard guard;
  p->drive_time = 0;
  nv_guard_enter(&guard, p->needs_guard);
  drive(p);
  end = seconds > 0 ? p->now + seconds : p->now;
  do {
    double until = nv_pool_has_news(p, t) ? p->now : end;
    double moment = next_due(p);
    if (moment < until)
      until = moment;
    interrupted = serve_sockets(p, until - p->now) < 0;
    drive(p);
    catch_up(p);
    expire(p);
  } while (!interrupted && !nv_pool_has_news(p, t) && p->now < end);
  nv_poller_arm(p, next_due(p));  /* the caller reads the news */
  nv_guard_leave(&guard);
  return p->in_flight;
}


/*
** Drives without waiting, for at most NV_MAX_DRIVE in total between two polls:
** starting many transfers must not block for all their handshakes. The timer
** makes the descriptor readable for the rest.
*/
static void drive_briefly (NvPool *p, int sockets) {
  double since = nv_now();
  if (p->drive_time > NV_MAX_DRIVE)
    return;
  if (sockets)
    serve_sockets(p, 0);
  drive(p);
  p->drive_time += nv_now() - since;
}


/*
** Completes draining transfers, if all in flight are. Without an event loop
** the pool may never be polled again, so this waits briefly for the last bytes
** of their framing, then cancels them, which closes their connections. While
** another transfer is in flight its owner polls the pool, and the draining
** ones end by their deadline.
*/
void nv_pool_drain (NvPool *p) {
  NvLink *link;
  NvGuard guard;
  double until = nv_now() + DRAIN_SECONDS;
  if (p->timer >= 0)
    return;
  for (link = p->running.next; link != &p->running; link = link->next) {
    const NvTransfer *t = link->owner;
    if (!t->draining)
      return;
  }
  nv_guard_enter(&guard, p->needs_guard);
  for (p->now = nv_now(); p->in_flight > 0 && p->now < until; drive(p))
    serve_sockets(p, until - p->now);
  while (!nv_list_empty(&p->running))
    nv_transfer_fail(p->running.next->owner, "cancelled", NULL, NULL);
  nv_guard_leave(&guard);
}


/* drives libcurl if that is needed to send a pending RST_STREAM */
void nv_pool_flush (NvPool *p) {
  NvGuard guard;
  if (!p->flush_due)
    return;
  nv_guard_enter(&guard, p->needs_guard);
  drive(p);
  nv_guard_leave(&guard);
}


/* drives sockets and timers without waiting, and sets the timer */
void nv_pool_drive (NvPool *p) {
  NvGuard guard;
  nv_guard_enter(&guard, p->needs_guard);
  drive_briefly(p, p->in_flight > 0);
  nv_pool_rearm(p);
  nv_guard_leave(&guard);
}


/* the same after a start, when there is no socket to serve yet */
void nv_pool_drive_new (NvPool *p) {
  NvGuard guard;
  nv_guard_enter(&guard, p->needs_guard);
  drive_briefly(p, 0);
  nv_pool_rearm(p);
  nv_guard_leave(&guard);
}
