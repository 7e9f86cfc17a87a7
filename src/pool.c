/*
** pool.c
** The transfers in flight and the connections they use: one libcurl multi
** handle behind one descriptor (wait.c).
**
** Time-outs of ours are not kept in order: 'alarm' is a moment before which
** none can expire, and only then all transfers are looked at. Since bytes
** only move a time-out away, that is rare, and a chunk costs nothing.
*/

#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "novita.h"

#define KEPT_CONNECTIONS	256L	/* idle ones; libcurl's default is
					   4 times the transfers in flight,
					   and a drained burst closes them */
#define STREAMS			100	/* of an HTTP/2 connection */


/*
** {======================================================
** Transfers coming and going
** =======================================================
*/

static CURLM *new_multi (NvPool *p) {
  CURLM *multi = curl_multi_init();
  if (multi == NULL)
    return NULL;
  nv_wait_listen(multi, p);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
  return multi;
}


/*
** Without memory libcurl may have lost a socket from sight, whose transfer
** would wait for ever; nobody knows which. All end, and the next one begins
** with a new handle: after such a failure libcurl 7.88 divides by zero.
*/
void nv_pool_lose (NvPool *p) {
  p->lost = 1;
  while (!nv_ring_empty(&p->flight))
    nv_transfer_fail(p->flight.next->owner, "memory", NULL, NULL);
}


/* takes a new handle after that; 0, or -1 without memory */
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
  nv_wait_arm(p, nv_ring_empty(&p->news) ? next_moment(p) : p->now);
}


/*
** The descriptor that is readable whenever there is something to do, or -1
** where there can be none.
*/
int nv_pool_descriptor (NvPool *p) {
  int descriptor = nv_wait_descriptor(p);
  if (descriptor >= 0)
    nv_pool_rearm(p);
  return descriptor;
}


/* lets libcurl do all that it can without the sockets */
static void drive (NvPool *p) {
  p->now = nv_now();
  do {
    nv_wait_timers(p);
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
  NvGuard guard;
  p->spent = 0;
  nv_guard_enter(&guard, p->needs_guard);
  drive(p);
  end = p->now + seconds;
  do {
    double until = nv_ring_empty(&p->news) ? end : p->now;
    if (p->wakeup < until)
      until = p->wakeup;
    if (p->alarm < until)
      until = p->alarm;
    interrupted = nv_wait_sockets(p, until - p->now) != 0;
    drive(p);
    expire(p);
  } while (!interrupted && nv_ring_empty(&p->news) && p->now < end);
  nv_wait_arm(p, next_moment(p));  /* the news are for our caller to take */
  nv_guard_leave(&guard);
  return p->in_flight;
}


/*
** Does what can be done without waiting, but not for long: who begins many
** transfers at once would wait for all their handshakes. What is left is for
** nv_pool_poll, which the timer calls for.
*/
static void drive_shortly (NvPool *p, int sockets) {
  double since = nv_now();
  if (p->spent > NV_A_WHILE)
    return;
  if (sockets)
    nv_wait_sockets(p, 0);
  drive(p);
  p->spent += nv_now() - since;
}


/* begins: what can be done at once is done before this returns */
int nv_pool_add (NvPool *p, NvTransfer *t) {
  NvGuard guard;
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
  nv_guard_enter(&guard, p->needs_guard);
  drive_shortly(p, 0);
  nv_pool_rearm(p);
  nv_guard_leave(&guard);
  return 0;
}


/* does what can be done at once, and gives the timer its moment */
void nv_pool_settle (NvPool *p) {
  NvGuard guard;
  nv_guard_enter(&guard, p->needs_guard);
  drive_shortly(p, p->in_flight > 0);
  nv_pool_rearm(p);
  nv_guard_leave(&guard);
}


/* is this a child of the process that made the pool? */
int nv_pool_inherited (const NvPool *p) {
  return nv_mark_inherited(&p->mark);
}


/* 'p' is zeroed; on failure it is closed again */
int nv_pool_open (NvPool *p) {
  CURL *easy;
  p->epoll = p->timer = p->call = -1;
  p->batch = NV_EVENTS;
  p->now = nv_now();
  p->wakeup = p->alarm = p->armed = NV_NEVER;
  nv_ring_init(&p->flight);
  nv_ring_init(&p->news);
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return -1;  /* counted; never undone: other users may be alive */
  p->multi = new_multi(p);
  if (p->multi == NULL)
    return -1;
  nv_mark_set(&p->mark);
  easy = nv_wait_open(p) == 0 ? nv_easy_new(p) : NULL;
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
  nv_mark_clear(&p->mark);
  nv_wait_close(p);
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
