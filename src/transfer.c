/*
** transfer.c
** One HTTP exchange: a libcurl handle borrowed from the pool, the bytes of
** the request, the bytes of the response, and when and how it ended.
*/

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "novita.h"

#define LINGER_SECONDS		1.0	/* for the last bytes after [DONE] */


/*
** {======================================================
** Moments
** =======================================================
*/

/*
** The next moment at which this transfer has waited too long for something,
** and what for. Moments only move later by themselves, except at a new
** phase; the pool is told then (nv_pool_hurry).
*/
double nv_transfer_expiry (const NvTransfer *t, const char **which) {
  const NvOptions *o = &t->options;
  double expiry = NV_NEVER;
#define consider(applies, limit, since, name) \
  if ((applies) && (limit) > 0 && (since) + (limit) < expiry) { \
    expiry = (since) + (limit); \
    *which = (name); \
  }
  *which = NULL;
  consider(t->sent == 0, o->connect_timeout, t->started, "connect")
  consider(t->sent > 0 && !t->headers_complete, o->first_byte_timeout,
           t->sent, "first_byte")
  consider(t->headers_complete && !t->paused, o->idle_timeout, t->heard,
           "idle")
  consider(!(o->stream && t->headers_complete), o->attempt_timeout,
           t->started, "attempt")
  consider(1, o->deadline, t->started, "deadline")
#undef consider
  return expiry;
}


/* a new phase begins now, with time-outs of its own */
void nv_transfer_enter (NvTransfer *t, const char *phase, double *moment) {
  t->phase = phase;
  *moment = nv_now();
  nv_pool_hurry(t);
}

/* }====================================================== */


/*
** {======================================================
** How it went wrong
** =======================================================
*/

/* writes down what went wrong; it has yet to end */
void nv_transfer_blame (NvTransfer *t, const char *kind, const char *reason,
                        const char *saying) {
  NvFailure *f = &t->failure;
  if (f->kind)
    return;  /* the first one is the cause */
  f->kind = kind;
  f->reason = reason;
  f->phase = t->phase;
  f->saying = saying;
}


static const struct Cause {
  CURLcode code;
  const char *kind, *reason;
} causes[] = {
  {CURLE_COULDNT_RESOLVE_HOST, "connection", "dns"},
  {CURLE_COULDNT_RESOLVE_PROXY, "connection", "dns"},
  {CURLE_COULDNT_CONNECT, "connection", "connect"},
  {CURLE_SSL_CONNECT_ERROR, "connection", "tls"},
  {CURLE_SSL_CERTPROBLEM, "connection", "tls"},
  {CURLE_SSL_CIPHER, "connection", "tls"},
  {CURLE_SSL_ISSUER_ERROR, "connection", "tls"},
  {CURLE_SSL_INVALIDCERTSTATUS, "connection", "tls"},
  {CURLE_PEER_FAILED_VERIFICATION, "connection", "tls"},
  {CURLE_OPERATION_TIMEDOUT, "timeout", "connect"},
  {CURLE_SEND_ERROR, "connection", "reset"},
  {CURLE_RECV_ERROR, "connection", "reset"},
  {CURLE_GOT_NOTHING, "connection", "reset"},
  {CURLE_PARTIAL_FILE, "connection", "reset"},
  {CURLE_HTTP2_STREAM, "connection", "reset"},
  {CURLE_URL_MALFORMAT, "config", NULL},
  {CURLE_SSL_CACERT_BADFILE, "config", NULL},
#if LIBCURL_VERSION_NUM >= 0x080600
  {CURLE_TOO_LARGE, "response_too_large", NULL},
#endif
  {CURLE_OUT_OF_MEMORY, "memory", NULL}
};


/*
** Before 8.6 libcurl calls a header line above 100 KiB a lack of memory too.
** It is one if the request is not out yet.
*/
static int is_long_line (const NvTransfer *t, CURLcode code) {
  long request_size = 0;
  if (code == CURLE_OUT_OF_MEMORY && !t->headers_complete)
    curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &request_size);
  return request_size > 0;
}


/* overwrites the user name and password in a URL that libcurl quotes */
static void hide_password (char *text) {
  char *from = strstr(text, "://"), *at = strrchr(text, '@');
  if (from != NULL && at != NULL && from + 3 < at)
    memset(from + 3, '*', (size_t)(at - (from + 3)));
}


/*
** Puts libcurl's verdict into our words; a code that is not in the table
** is the server breaking the protocol. The text is libcurl's own, which it
** has left in failure.text (CURLOPT_ERRORBUFFER) if it had more to say.
*/
static void set_cause (NvTransfer *t, CURLcode code) {
  const struct Cause *c = causes;
  const struct Cause *end = causes + sizeof(causes) / sizeof(causes[0]);
  while (c < end && c->code != code)
    c++;
  t->failure.curl_code = (int)code;
  if (is_long_line(t, code))
    nv_transfer_blame(t, "response_too_large", NULL,
                      "a header line is larger than libcurl takes");
  else if (c < end)
    nv_transfer_blame(t, c->kind, c->reason, NULL);
  else
    nv_transfer_blame(t, "connection", "protocol", NULL);
  if (t->failure.text[0] == '\0')
    strncpy(t->failure.text, curl_easy_strerror(code),
            sizeof(t->failure.text) - 1);
  hide_password(t->failure.text);
}

/* }====================================================== */


/*
** {======================================================
** Life
** =======================================================
*/

/* an empty one, or NULL without memory */
NvTransfer *nv_transfer_new (void) {
  return calloc(1, sizeof(NvTransfer));
}


static void free_parts (NvTransfer *t) {
  curl_slist_free_all(t->headers);
  nv_sse_free(&t->events);
  nv_buffer_free(&t->request);
  nv_buffer_free(&t->head);
  nv_buffer_free(&t->body);
  free(t);
}


/*
** One more header line "Name: value" for the request. The list hangs off
** the transfer at each step, so that it is freed in one place.
*/
int nv_transfer_header (NvTransfer *t, const char *line) {
  struct curl_slist *list = curl_slist_append(t->headers, line);
  if (list == NULL)
    return -1;  /* the old list is still there */
  t->headers = list;
  return 0;
}


/* is this a URL to libcurl? */
int nv_transfer_reads (const char *url) {
  CURLU *u = curl_url();
  CURLUcode code = CURLUE_OUT_OF_MEMORY;
  if (u != NULL)
    code = curl_url_set(u, CURLUPART_URL, url, 0);
  curl_url_cleanup(u);
  /* without memory the call finds out */
  return code == CURLUE_OK || code == CURLUE_OUT_OF_MEMORY;
}


/* does a header of this name carry a credential? */
static int is_secret (const char *name, size_t length) {
  static const char *const words[] = {
    "auth", "cookie", "key", "password", "secret", "token", NULL
  };
  size_t i, at;
  for (i = 0; words[i] != NULL; i++) {
    size_t n = strlen(words[i]);
    for (at = 0; at + n <= length; at++) {
      if (strncasecmp(name + at, words[i], n) == 0)
        return 1;
    }
  }
  return 0;
}


/*
** Overwrites the credentials of the request wherever the bytes repeat them,
** so that an answer that echoes cannot carry a key into an error. Of one
** with a scheme ("Bearer ...") only what follows is secret.
*/
void nv_transfer_mask (const NvTransfer *t, NvBuffer *b) {
  const struct curl_slist *line;
  for (line = t->headers; line != NULL; line = line->next) {
    size_t length = strcspn(line->data, ":;");
    const char *value = line->data + length, *blank;
    if (!is_secret(line->data, length))
      continue;
    value += strspn(value, ": ");
    nv_buffer_mask(b, value);
    blank = strchr(value, ' ');
    if (blank != NULL)
      nv_buffer_mask(b, blank + 1);
  }
}


/*
** Begins: what can be done without waiting is done before this returns, and
** before it begins, for that may free a connection to use.
** On failure (-1: no memory, or libcurl refused) nothing is left running.
*/
int nv_transfer_start (NvTransfer *t, NvPool *p, const NvOptions *o) {
  const char *ca_file = o->ca_file ? o->ca_file : p->ca_file;
  int failed;
  nv_pool_settle(p);
  t->options = *o;
  nv_sse_init(&t->events, o->max_event_bytes);
  t->events.errors = 1;
  t->phase = "connect";
  t->started = nv_now();
  t->content_length = -1;
#if LIBCURL_VERSION_NUM < 0x075000
  t->sent = t->started;  /* nobody tells us when it really is */
#endif
  t->easy = nv_easy_new(p);
  if (t->easy == NULL)
    return -1;
  failed = nv_easy_configure(t, o, ca_file);
  t->options.url = t->options.method = t->options.proxy = NULL;
  t->options.ca_file = NULL;
  if (failed || nv_pool_add(p, t) != 0) {
    nv_easy_release(t, p);
    return -1;
  }
  return 0;
}


static double seconds_of (CURL *easy, CURLINFO info) {
  curl_off_t microseconds = 0;
  curl_easy_getinfo(easy, info, &microseconds);
  return (double)microseconds / 1e6;
}


/* copies out what only the handle knows, as long as there is one */
void nv_transfer_measure (NvTransfer *t) {
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
  times->connect = seconds_of(easy, CURLINFO_CONNECT_TIME_T);
  times->tls = seconds_of(easy, CURLINFO_APPCONNECT_TIME_T);
  times->first_byte = seconds_of(easy, CURLINFO_STARTTRANSFER_TIME_T);
  times->total = nv_now() - t->started;
  times->queue = times->total - seconds_of(easy, CURLINFO_TOTAL_TIME_T);
  if (times->queue < 0)
    times->queue = 0;  /* two clocks, read at two moments */
}


/*
** The end, good or bad: libcurl's 'curl_code', unless something of ours
** has stopped it before. Afterwards the handle is back with the pool.
*/
void nv_transfer_finish (NvTransfer *t, int curl_code) {
  NvPool *p = t->pool;
  nv_transfer_measure(t);
  if (t->failure.kind == NULL && !t->body_cut) {
    if (curl_code != CURLE_OK)
      set_cause(t, (CURLcode)curl_code);
    else if (!t->headers_complete)  /* 7.88 calls that a success */
      nv_transfer_blame(t, "connection", "reset",
                        "the connection closed inside the headers");
  }
  t->state = NV_DONE;
  nv_ring_remove(&t->tie);
  nv_pool_remove(t);
  nv_easy_release(t, p);
  if (t->orphan) {
    nv_pool_forget(t);
    free_parts(t);
  }
  else
    nv_pool_announce(t);
}


/* ends a running transfer for a reason of ours */
void nv_transfer_fail (NvTransfer *t, const char *kind, const char *reason,
                       const char *text) {
  nv_transfer_blame(t, kind, reason, text);
  nv_transfer_finish(t, CURLE_OK);
}


/*
** Stops at once: the connection is dropped, nothing more arrives, and what
** had arrived and was not read is forgotten.
*/
void nv_transfer_cancel (NvTransfer *t) {
  NvPool *p = t->pool;
  if (t->state != NV_RUNNING)
    return;
  nv_buffer_free(&t->body);
  nv_transfer_fail(t, "cancelled", NULL, "the call was cancelled");
  nv_pool_rearm(p);
}


/* the owner has read: lets a paused stream go on */
void nv_transfer_resume (NvTransfer *t) {
  NvPool *p = t->pool;
  CURLcode code;
  if (!t->paused || t->state != NV_RUNNING ||
      nv_buffer_length(&t->body) > NV_HIGH_WATER / 2)
    return;
  t->paused = 0;
  code = curl_easy_pause(t->easy, CURLPAUSE_CONT);  /* calls on_body */
  if (code != CURLE_OK)
    nv_transfer_finish(t, (int)code);  /* it could not take what was held */
  else {
    t->heard = nv_now();  /* until now it was us who were silent */
    nv_pool_hurry(t);
  }
  nv_pool_settle(p);
}


/*
** The owner lets go of it. What is in flight is stopped, but for one case: a
** stream whose owner has seen its end may take the last bytes of its framing,
** so that the connection can be used again; the pool then frees it.
**
** In a child of the process that made the pool libcurl must not be touched
** (it would say goodbye on the parent's connections): there its memory is
** left alone.
*/
void nv_transfer_free (NvTransfer *t) {
  NvPool *p = t ? t->pool : NULL;
  if (t == NULL || (p != NULL && nv_pool_inherited(p)))
    return;
  if (t->waiter != NULL)
    nv_waiter_expect(t->waiter, NULL);
  if (t->over && t->state == NV_RUNNING && p->multi != NULL) {
    t->orphan = 1;
    t->options.deadline = nv_now() - t->started + LINGER_SECONDS;
    nv_pool_hurry(t);
    nv_buffer_free(&t->body);
    nv_transfer_resume(t);  /* may be the end of it */
  }
  else {
    nv_transfer_cancel(t);
    nv_pool_forget(t);
    free_parts(t);
  }
  if (p != NULL)
    nv_pool_rearm(p);
}

/* }====================================================== */
