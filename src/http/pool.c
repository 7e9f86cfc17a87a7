/*
** pool.c
** Pools: one libcurl multi handle with its connections and the transfers in
** flight. Starts, cancels, resumes and frees transfers.
*/

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "http.h"

#define KEPT_CONNECTIONS	256L	/* idle ones; libcurl's default, 4
					   times the transfers in flight,
					   closes most after a burst */
#define LINGER_SECONDS		1.0	/* for the last bytes after [DONE] */
#define RECENT_SECONDS		0.0005	/* since sockets were served */


static CURLM *new_multi (NvPool *p) {
  CURLM *multi = curl_multi_init();
  if (multi == NULL)
    return NULL;
  nv_poller_attach(multi, p);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
  return multi;
}


/* creates a new multi handle after libcurl has failed; -1 without memory */
static int replace_multi (NvPool *p) {
  CURLM *multi = new_multi(p);
  if (multi == NULL)
    return -1;
  curl_multi_cleanup(p->multi);
  p->multi = multi;
  p->curl_due = NV_NEVER;
  p->host_limit = p->least_limit = p->broken = 0;
  return 0;
}


/* returns the next transfer that has news, or NULL, and clears its mark */
NvTransfer *nv_pool_next_ready (NvPool *p) {
  NvTransfer *t;
  if (p->multi == NULL || nv_list_empty(&p->ready))
    return NULL;
  t = p->ready.next->owner;
  nv_transfer_clear_ready(t);
  return t;
}


/*
** Returns the descriptor that is readable whenever the pool has work, or -1 if
** the system has no epoll.
*/
int nv_pool_descriptor (NvPool *p) {
  int descriptor = nv_poller_descriptor(p);
  if (descriptor >= 0)
    nv_pool_rearm(p);
  return descriptor;
}


/* adds 't' to the multi handle and drives it once; -1 on failure */
static int add (NvPool *p, NvTransfer *t) {
  if (p->broken && replace_multi(p) != 0)
    return -1;
  nv_http2_limit(p);
  if (curl_multi_add_handle(p->multi, t->easy) != CURLM_OK)
    return -1;
  nv_unpolled_start(p, &t->options);
  t->pool = p;
  t->state = NV_RUNNING;
  t->connect_at = nv_unpolled_now(p);
#if LIBCURL_VERSION_NUM < 0x075000
  t->sent_at = t->connect_at;  /* libcurl does not report the real one */
#endif
  p->in_flight++;
  nv_list_add(&p->running, &t->running, t);
  nv_transfer_update_expiry(t);
  nv_pool_drive_new(p);
  return 0;
}


/* the caller owns the strings of the options */
static void clear_strings (NvOptions *o) {
#define clear(name, kind, curl, secret, initial, topic, help) \
  NV_PICK_##kind(, o->name = NULL;)
  NV_OPTIONS(clear)
#undef clear
  o->url = o->method = o->ca_path = o->proxy_ca_path = NULL;
  o->fields = NULL;
}


/* ends 't' because the pool was closed before the start */
static int fail_unstarted (NvTransfer *t) {
  clear_strings(&t->options);
  nv_transfer_set_failure(t, "cancelled", NULL, "the pool was closed");
  t->state = NV_DONE;
  return 0;
}


/*
** Starts 't' and drives it without waiting. Sockets are served before the
** start, unless that was done just now, because it may free a connection.
** Returns -1, with nothing started, without memory or if libcurl refuses.
*/
int nv_pool_start (NvPool *p, NvTransfer *t, const NvOptions *o) {
  int failed;
  t->options = *o;
  t->wants_stream = o->stream != 0;
  nv_sse_init(&t->sse, o->max_event_bytes);
  t->sse.errors = 1;
  t->phase = "connect";
  t->started_at = nv_now();
  t->content_length = -1;
  if (o->proxy_ca_file != NULL) {
    t->proxy_ca_file = strdup(o->proxy_ca_file);
    if (t->proxy_ca_file == NULL)
      return -1;
  }
  nv_http2_note_way(t, o);
  if (nv_transfer_share_lines(t) != 0 || nv_transfer_set_url(t, o->url) != 0 ||
      nv_transfer_set_query(t, o->url) != 0 ||
      nv_transfer_set_proxy(t, o->proxy) != 0)
    return -1;
  if (p->multi == NULL)
    return fail_unstarted(t);
  if (t->started_at - p->served_at > RECENT_SECONDS)
    nv_pool_drive(p);
  t->easy = nv_easy_new(p);
  if (t->easy == NULL)
    return -1;
  failed = nv_easy_configure(t, o, p);
  clear_strings(&t->options);
  if (failed || add(p, t) != 0) {
    nv_easy_release(t, p);
    return -1;
  }
  return 0;
}


/*
** Cancels 't' if it is running: the server sees it at once, and the received
** bytes that are unread are discarded. Its failure is then "cancelled".
*/
void nv_pool_cancel (NvTransfer *t) {
  NvPool *p = t->pool;
  NvGuard guard;
  if (t->state != NV_RUNNING)
    return;
  nv_lookahead_discard(&t->lookahead);
  nv_buffer_free(&t->body);
  nv_guard_enter(&guard, p->needs_guard);
  nv_transfer_fail(t, "cancelled", NULL, "the call was cancelled");
  nv_guard_leave(&guard);
  nv_pool_flush(p);
  nv_pool_rearm(p);
}


/* resumes a paused stream after its owner has read; no-op otherwise */
void nv_pool_resume (NvTransfer *t) {
  NvPool *p = t->pool;
  if (!t->paused || t->state != NV_RUNNING ||
      nv_buffer_length(&t->body) > NV_HIGH_WATER / 2)
    return;
  nv_transfer_unpause(t);
  nv_pool_drive(p);
}


/*
** Frees 't' (or NULL) for its owner, and cancels it if it is in flight, with
** one exception: a stream whose owner has received its end may still receive
** the last bytes of its framing, so that the connection can be reused; the
** pool then frees it.
**
** A child of the process that made the pool must not call libcurl, which would
** send TLS alerts on the parent's connections: there nothing is freed.
*/
void nv_pool_drop (NvTransfer *t) {
  NvPool *p = t ? t->pool : NULL;
  if (t == NULL || (p != NULL && nv_pool_inherited(p)))
    return;
  nv_list_remove(&t->listener);
  if (t->done_seen && t->state == NV_RUNNING && p->multi != NULL) {
    t->draining = 1;
    t->options.deadline = nv_now() - t->started_at + LINGER_SECONDS;
    nv_transfer_update_expiry(t);
    nv_buffer_free(&t->body);
    nv_pool_resume(t);  /* may complete it */
    nv_pool_drive(p);
    nv_pool_drain(p);
  }
  else {
    nv_pool_cancel(t);
    nv_transfer_clear_ready(t);
    nv_transfer_retire(t);
  }
  if (p != NULL)
    nv_pool_rearm(p);
}


/* is this a child of the process that made the pool? */
int nv_pool_inherited (const NvPool *p) {
  return nv_mark_inherited(&p->mark);
}


/* returns the errno for a missing handle or descriptor */
static int open_error (void) {
  return errno == EMFILE || errno == ENFILE ? errno : ENOMEM;
}


/*
** Opens 'p', which is zeroed. Returns 0; or an errno, and then 'p' is closed.
*/
int nv_pool_open (NvPool *p) {
  CURL *easy;
  unsigned version;
  errno = 0;
  p->epoll = p->timer = p->wake_fd = -1;
  p->batch = NV_EVENTS;
  p->now = p->polled_at = nv_now();
  p->curl_due = p->next_expiry = p->timer_due = NV_NEVER;
  nv_list_init(&p->running);
  nv_list_init(&p->ready);
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
    return open_error();  /* never undone: others may use libcurl */
  p->multi = new_multi(p);
  if (p->multi == NULL)
    return open_error();
  nv_mark_set(&p->mark);
  easy = nv_poller_open(p) == 0 ? nv_easy_new(p) : NULL;
  if (easy == NULL) {
    int error = open_error();
    nv_pool_close(p);
    return error;
  }
  version = curl_version_info(CURLVERSION_NOW)->version_num;
  p->needs_guard = version < 0x075800;
  p->http1_tunnels = version < 0x080000;
  p->idle_handles[p->idle_handle_count++] = easy;
  return 0;
}


/* cancels the transfers in flight and frees everything of libcurl */
static void close_all (NvPool *p) {
  while (!nv_list_empty(&p->running))
    nv_pool_cancel(p->running.next->owner);
  while (nv_pool_next_ready(p) != NULL)
    ;
  while (p->idle_handle_count > 0)
    curl_easy_cleanup(p->idle_handles[--p->idle_handle_count]);
  curl_multi_cleanup(p->multi);
  nv_mark_clear(&p->mark);
  nv_poller_close(p);
}


/*
** Closes the pool. Idempotent. Transfers in flight are cancelled; draining
** ones, which have no owner, return to the pool. A child process leaves
** everything as it is, because it belongs to the parent.
*/
void nv_pool_close (NvPool *p) {
  if (p->multi != NULL && !nv_pool_inherited(p))
    close_all(p);
  p->multi = NULL;
  nv_transfer_free_idle(p);
}


/* fills 'f' with the features of the libcurl in use */
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
