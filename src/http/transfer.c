/*
** transfer.c
** One HTTP exchange: its easy handle while it runs, the bytes of the request
** and of the response, its phases and time-outs, and its failure. Finished
** transfers are kept in their pool and reused with the blocks of their
** buffers.
*/

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http.h"


/*
** Returns the moment at which the first time-out of 't' expires, and in
** '*which' its name, or NULL if libcurl must look again before. Time-outs on
** the silence of a server exclude time without polling (unpolled.c); those of
** an attempt and the deadline include it. An expiry only ever moves later,
** except at a new phase, which calls nv_transfer_update_expiry.
*/
double nv_transfer_expiry (const NvTransfer *t, const char **which) {
  const NvOptions *o = &t->options;
  double unpolled = t->pool->unpolled, expiry = nv_http2_recheck_due(t);
#define consider(applies, limit, since, name) \
  if ((applies) && (limit) > 0 && (since) + (limit) < expiry) { \
    expiry = (since) + (limit); \
    *which = (name); \
  }
  *which = NULL;
  consider(t->sent_at == 0, o->connect_timeout, t->connect_at + unpolled,
           "connect")
  consider(t->sent_at > 0 && !t->headers_complete, o->first_byte_timeout,
           t->sent_at + unpolled, "first_byte")
  consider(t->headers_complete && !t->paused, o->idle_timeout,
           t->last_byte_at + unpolled, "idle")
  consider(!(o->stream && t->headers_complete), o->attempt_timeout,
           t->started_at, "attempt")
  consider(1, o->deadline, t->started_at, "deadline")
#undef consider
  return expiry;
}


/* lowers the pool's next expiry to that of 't', if that is earlier */
void nv_transfer_update_expiry (NvTransfer *t) {
  const char *which;
  double expiry = nv_transfer_expiry(t, &which);
  if (expiry < t->pool->next_expiry)
    t->pool->next_expiry = expiry;
}


/* begins a phase, at '*moment', which has its own time-outs */
void nv_transfer_enter_phase (NvTransfer *t, const char *phase,
                              double *moment) {
  t->phase = phase;
  *moment = nv_unpolled_now(t->pool);
  nv_transfer_update_expiry(t);
}


/* marks 't' as having news for its owner */
void nv_transfer_mark_ready (NvTransfer *t) {
  t->unread = 1;
  if (t->ready.next == NULL)
    nv_list_add(&t->pool->ready, &t->ready, t);
}


/* removes 't' from the ready list, and from the pool if it has ended */
void nv_transfer_clear_ready (NvTransfer *t) {
  nv_list_remove(&t->ready);
  if (t->running.next == NULL)
    t->pool = NULL;
}


/* records why 't' fails; the caller ends it. The first failure counts. */
void nv_transfer_set_failure (NvTransfer *t, const char *kind,
                              const char *reason, const char *message) {
  NvFailure *f = &t->failure;
  if (f->kind)
    return;
  f->kind = kind;
  f->reason = reason;
  f->phase = t->phase;
  f->message = message;
}


/*
** Returns an empty transfer, reused or new, which the caller owns and frees
** with nv_pool_drop; or NULL without memory.
*/
NvTransfer *nv_transfer_new (NvPool *p) {
  NvTransfer *t;
  if (p->idle_transfer_count > 0)
    return p->idle_transfers[--p->idle_transfer_count];
  t = calloc(1, sizeof(*t));
  if (t != NULL)
    t->owner = p;
  return t;
}


/* a URL, shared by the transfers that have it */
struct NvUrl {
  int users;
  CURLU *parsed;		/* NULL if libcurl can't parse it */
  char text[1];
};


/* removes one user of a URL, which may be NULL, and frees it with the last */
static void drop_url (NvUrl *u) {
  if (u == NULL || --u->users > 0)
    return;
  curl_url_cleanup(u->parsed);
  free(u);
}


static void free_transfer (NvTransfer *t) {
  drop_url(t->url);
  nv_buffer_free(&t->request);
  nv_buffer_free(&t->head);
  nv_buffer_free(&t->body);
  nv_buffer_free(&t->repeat.text);
  free(t);
}


/* frees the transfers, the URL and the lines that the pool keeps for reuse */
void nv_transfer_free_idle (NvPool *p) {
  drop_url(p->url);
  nv_lines_drop(p->lines);
  p->url = NULL;
  p->lines = NULL;
  while (p->idle_transfer_count > 0)
    free_transfer(p->idle_transfers[--p->idle_transfer_count]);
}


/* empties 't' for reuse; it keeps its id, its URL and its buffers' blocks */
static void clear_transfer (NvTransfer *t) {
  NvTransfer empty;
  memset(&empty, 0, sizeof(empty));
  empty.owner = t->owner;
  empty.id = t->id;
  empty.url = t->url;
  empty.request = nv_buffer_reused(&t->request);
  empty.head = nv_buffer_reused(&t->head);
  empty.body = nv_buffer_reused(&t->body);
  empty.repeat.text = nv_buffer_reused(&t->repeat.text);
  *t = empty;
}


/* frees what 't' owns, and 't' itself unless the pool keeps it for reuse */
void nv_transfer_retire (NvTransfer *t) {
  NvPool *p = t->owner;
  nv_lines_drop(t->lines);
  curl_slist_free_all(t->query);
  nv_sse_free(&t->sse);
  if (t->files != NULL)
    nv_download_free(&t->files->download);
  free(t->files);
  free(t->proxy_ca_file);
  if (p->multi == NULL || p->idle_transfer_count == NV_MAX_IDLE) {
    free_transfer(t);
    return;
  }
  clear_transfer(t);
  p->idle_transfers[p->idle_transfer_count++] = t;
}


/* returns the NvFiles of 't', created on first use; NULL without memory */
NvFiles *nv_transfer_files (NvTransfer *t) {
  if (t->files == NULL)
    t->files = calloc(1, sizeof(NvFiles));
  return t->files;
}


/*
** Returns a URL with one user, or NULL without memory. libcurl reports the
** error of one that can't be parsed.
*/
static NvUrl *new_url (const char *text) {
  size_t length = strlen(text);
  NvUrl *u = malloc(sizeof(*u) + length);
  if (u == NULL)
    return NULL;
  u->users = 1;
  memcpy(u->text, text, length + 1);
  u->parsed = curl_url();
  if (u->parsed != NULL &&
      curl_url_set(u->parsed, CURLUPART_URL, text, 0) != CURLUE_OK) {
    curl_url_cleanup(u->parsed);
    u->parsed = NULL;
  }
  return u;
}


/*
** Sets the URL of 't'; -1 without memory. From a text libcurl parses the URL,
** writes it again and parses that for each transfer, which costs more than the
** other options together. So transfers share it parsed: mostly it is the same
** again.
*/
int nv_transfer_set_url (NvTransfer *t, const char *url) {
  NvPool *p = t->owner;
  if (t->url != NULL && strcmp(t->url->text, url) == 0)
    return 0;
  if (p->url == NULL || strcmp(p->url->text, url) != 0) {
    NvUrl *u = new_url(url);
    if (u == NULL)
      return -1;
    drop_url(p->url);
    p->url = u;
  }
  drop_url(t->url);
  t->url = p->url;
  t->url->users++;
  return 0;
}


/* sets the URL of the easy handle; returns a CURLcode */
int nv_transfer_apply_url (const NvTransfer *t) {
  CURLcode code = curl_easy_setopt(t->easy, CURLOPT_URL, t->url->text);
  if (code == CURLE_OK)
    code = curl_easy_setopt(t->easy, CURLOPT_CURLU, t->url->parsed);
  return (int)code;
}


/* does libcurl accept this URL? */
int nv_url_is_valid (const char *url) {
  CURLU *u = curl_url();
  CURLUcode code = CURLUE_OUT_OF_MEMORY;
  if (u != NULL)
    code = curl_url_set(u, CURLUPART_URL, url, 0);
  curl_url_cleanup(u);
  /* without memory the call itself fails later */
  return code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY;
}


/*
** Writes host and port of a URL, which may lack its scheme ("//host/path"), to
** 'host'. Returns -1 if it has no host, or a longer one.
*/
int nv_url_host (const char *url, char host[NV_HOST]) {
  int lacks_scheme = strncmp(url, "//", 2) == 0, length = -1;
  unsigned flags = lacks_scheme ? CURLU_DEFAULT_SCHEME
                                : CURLU_NON_SUPPORT_SCHEME;
  char *name = NULL, *port = NULL;
  CURLU *u = curl_url();
  if (lacks_scheme)
    url += 2;
  if (u != NULL && curl_url_set(u, CURLUPART_URL, url, flags) == CURLUE_OK &&
      curl_url_get(u, CURLUPART_HOST, &name, 0) == CURLUE_OK) {
    curl_url_get(u, CURLUPART_PORT, &port, 0);
    length = snprintf(host, NV_HOST, "%s%s%s", name, port ? ":" : "",
                      port ? port : "");
  }
  curl_free(name);
  curl_free(port);
  curl_url_cleanup(u);
  return length > 0 && length < NV_HOST ? 0 : -1;
}


static double info_seconds (CURL *easy, CURLINFO info) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, info, &microseconds);
  return (double)microseconds / 1e6;
}


/* copies timings and version from the easy handle, while there is one */
void nv_transfer_read_info (NvTransfer *t) {
  CURL *easy = t->easy;
  NvTimings *times = &t->timings;
  long version = 0, connects = 0;
  if (easy == NULL)
    return;
  curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
  curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
  t->http_version = version == CURL_HTTP_VERSION_1_0 ? 10
                  : version == CURL_HTTP_VERSION_1_1 ? 11
                  : version == CURL_HTTP_VERSION_2_0 ? 20
                  : version >= 30 ? 30 : 0;
  t->reused = connects == 0 && t->status > 0;
  times->connect = info_seconds(easy, CURLINFO_CONNECT_TIME_T);
  times->tls = info_seconds(easy, CURLINFO_APPCONNECT_TIME_T);
  times->first_byte = info_seconds(easy, CURLINFO_STARTTRANSFER_TIME_T);
  times->total = nv_now() - t->started_at;
  times->queue = times->total - info_seconds(easy, CURLINFO_TOTAL_TIME_T);
  if (times->queue < 0)
    times->queue = 0;  /* the two clocks are read at different moments */
}
