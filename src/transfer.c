/*
** transfer.c
** One HTTP exchange: a libcurl handle borrowed from the pool, the bytes of
** the request, the bytes of the response, and when and how it ended.
**
** libcurl's callbacks append to buffers and write down facts; nothing else.
** They call neither Lua nor libcurl (a callback that calls back into
** libcurl is refused with CURLM_RECURSIVE_API_CALL). What they may not
** decide, nv_transfer_finish decides when libcurl has returned.
*/

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "novita.h"

#define MAX_ERROR_BODY		(1024 * 1024)	/* behaviour.md 1 */
#define KEEPALIVE_SECONDS	60L	/* TCP probes while a model thinks */
#define HIGH_WATER		(64 * 1024)	/* unread bytes of a stream */
#define LINGER_SECONDS		1.0	/* for the last bytes after [DONE] */
#define NO_TIMEOUT_MS		2000000000L	/* ours counts, not libcurl's */
#define LIFETIME_SECONDS	300L	/* a kept connection's: DNS may change */


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
static void enter (NvTransfer *t, const char *phase, double *moment) {
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

static void set_failure (NvTransfer *t, const char *kind, const char *reason,
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
    set_failure(t, "response_too_large", NULL,
                "a header line is larger than libcurl takes");
  else if (c < end)
    set_failure(t, c->kind, c->reason, NULL);
  else
    set_failure(t, "connection", "protocol", NULL);
  if (t->failure.text[0] == '\0')
    strncpy(t->failure.text, curl_easy_strerror(code),
            sizeof(t->failure.text) - 1);
  hide_password(t->failure.text);
}

/* }====================================================== */


/*
** {======================================================
** libcurl's callbacks
** =======================================================
*/

/*
** Returning less than it was given makes libcurl end the transfer; if that
** is not a failure of ours, 'body_cut' says so. A stream that nobody reads
** is paused: libcurl keeps these bytes and gives them again. One that goes on
** behind its end is dropped.
*/
static size_t on_body (char *bytes, size_t size, size_t count, void *data) {
  NvTransfer *t = data;
  size_t length = size * count;
  t->heard = t->pool->now;
  if (t->over)
    return 0;
  if (t->options.stream && nv_buffer_length(&t->body) >= HIGH_WATER) {
    t->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
  }
  switch (nv_buffer_append(&t->body, bytes, length)) {
    case NV_NOMEM:
      set_failure(t, "memory", NULL, NULL);
      return 0;
    case NV_TOOBIG:
      if (t->status >= 300) {
        t->body_cut = 1;
        nv_buffer_append(&t->body, bytes,
                         t->body.ceiling - nv_buffer_length(&t->body));
      }
      else
        set_failure(t, "response_too_large", NULL,
                    "the response is larger than max_response_bytes");
      return 0;
  }
  if (t->options.stream)
    nv_pool_announce(t);
  return length;
}


/* a status line opens each response; only the last response counts */
static void on_status_line (NvTransfer *t, const char *line, size_t length) {
  size_t i = 5;  /* past "HTTP/" */
  nv_buffer_consume(&t->head, nv_buffer_length(&t->head));
  t->pool->multiplexed = line[5] >= '2';
  t->headers_complete = t->no_events = 0;
  t->content_length = -1;
  t->status = 0;
  while (i < length && line[i] != ' ')
    i++;
  for (i++; i < length && line[i] >= '0' && line[i] <= '9'; i++)
    t->status = t->status * 10 + (line[i] - '0');
}


/* the value of a header line, if it has this name ("name:"); or NULL */
static const char *value_of (const char *line, size_t length,
                             const char *name) {
  size_t n = strlen(name);
  if (length < n || strncasecmp(line, name, n) != 0)
    return NULL;
  while (n < length && (line[n] == ' ' || line[n] == '\t'))
    n++;
  return line + n;
}


/*
** A length that is no number, or two different ones, make a response whose
** end nobody knows (RFC 9112, 6.3). libcurl takes the number it begins with,
** and the last one, and a cut body could look whole.
*/
static int check_length (NvTransfer *t, const char *value, const char *end) {
  long long n = 0;
  while (value < end && *value >= '0' && *value <= '9' && n < 1000000000000LL)
    n = n * 10 + (*value++ - '0');
  while (value < end && strchr(" \t\r\n", *value) != NULL)
    value++;
  if (value < end || (t->content_length >= 0 && t->content_length != n)) {
    set_failure(t, "connection", "protocol", value < end
                ? "the response has a Content-Length that is no length"
                : "the response has two different Content-Length headers");
    return -1;
  }
  t->content_length = n;
  return 0;
}


/* the headers that matter here; 0, or -1 when the response is refused */
static int look_at (NvTransfer *t, const char *line, size_t length) {
  static const char events[] = "text/event-stream";
  const char *value = value_of(line, length, "content-length:");
  if (value != NULL)
    return check_length(t, value, line + length);
  value = value_of(line, length, "content-type:");
  if (value != NULL)
    t->no_events = strncasecmp(value, events, sizeof(events) - 1) != 0;
  return 0;
}


static int is_blank (const char *line, size_t length) {
  return length == 0 || line[0] == '\r' || line[0] == '\n';
}


static void end_of_headers (NvTransfer *t) {
  if (t->status < 200)
    return;  /* interim: the real one follows */
  t->headers_complete = 1;
  if (t->status >= 300 || t->no_events)
    t->options.stream = 0;  /* an answer in one piece */
  if (t->status >= 300)
    t->body.ceiling = MAX_ERROR_BODY;
  else if (!t->options.stream)
    t->body.ceiling = t->options.max_response_bytes;
  enter(t, t->options.stream ? "stream" : "body", &t->heard);
  if (t->options.stream)
    nv_pool_announce(t);
}


/* called once for each line of each header block, and for trailers */
static size_t on_header (char *line, size_t size, size_t count, void *data) {
  NvTransfer *t = data;
  size_t length = size * count;
  t->header_bytes += length;
  if (t->options.max_header_bytes > 0 &&
      t->header_bytes > t->options.max_header_bytes) {
    set_failure(t, "response_too_large", "headers",
                "the headers are larger than max_header_bytes");
    return 0;
  }
  if (length > 5 && memcmp(line, "HTTP/", 5) == 0)
    on_status_line(t, line, length);
  else if (t->headers_complete)
    return length;  /* a trailer */
  if (is_blank(line, length))
    end_of_headers(t);
  else if (nv_buffer_append(&t->head, line, length) != 0) {
    set_failure(t, "memory", NULL, NULL);
    return 0;
  }
  return look_at(t, line, length) == 0 ? length : 0;
}


/* the connection stands and the request is about to go out */
#if LIBCURL_VERSION_NUM >= 0x075000	/* 7.80 */
static int on_connected (void *data, char *ip, char *local_ip, int port,
                         int local_port) {
  NvTransfer *t = data;
  (void)ip; (void)local_ip; (void)port; (void)local_port;
  enter(t, "headers", &t->sent);
  return CURL_PREREQFUNC_OK;
}
#endif


/*
** A program started while we are connected must not keep the connection
** open: the server would go on generating after a cancel.
*/
static int on_socket_made (void *data, curl_socket_t s, curlsocktype type) {
  (void)data; (void)type;
  fcntl(s, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}


/* nor must a child made by fork, which has the same socket open */
static int on_socket_done (void *data, curl_socket_t s) {
  (void)data;
  shutdown(s, SHUT_RDWR);
  return close(s);
}

/* }====================================================== */


/*
** {======================================================
** Setting libcurl up
** =======================================================
*/

/* what every transfer wants, set once in the life of a handle */
static const struct Fixed {
  CURLoption option;
  long value;
} fixed[] = {
  {CURLOPT_NOSIGNAL, 1L},
  {CURLOPT_NOPROGRESS, 1L},
  {CURLOPT_TCP_KEEPALIVE, 1L},
  {CURLOPT_TCP_KEEPIDLE, KEEPALIVE_SECONDS},
  {CURLOPT_TCP_KEEPINTVL, KEEPALIVE_SECONDS},
  {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS},
  {CURLOPT_FOLLOWLOCATION, 0L},	/* the prompt and key stay here */
  {CURLOPT_SSL_VERIFYPEER, 1L},
  {CURLOPT_SSL_VERIFYHOST, 2L},
  {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L},
#if LIBCURL_VERSION_NUM >= 0x075000	/* 7.80 */
  {CURLOPT_MAXLIFETIME_CONN, LIFETIME_SECONDS},
  {CURLOPT_CONNECTTIMEOUT_MS, NO_TIMEOUT_MS},
#endif
#if LIBCURL_VERSION_NUM >= 0x075700	/* 7.87 */
  {CURLOPT_QUICK_EXIT, 1L},		/* don't wait for a name look-up */
#endif
#if LIBCURL_VERSION_NUM < 0x075500	/* 7.85 */
  {CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS},
#endif
};


/* a handle from the pool's spares, or a new one; NULL without memory */
void *nv_transfer_easy (NvPool *p) {
  CURL *easy;
  size_t i;
  if (p->spare_count > 0)
    return p->spares[--p->spare_count];
  easy = curl_easy_init();
  if (easy == NULL)
    return NULL;
  for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
    curl_easy_setopt(easy, fixed[i].option, fixed[i].value);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_done);
#if LIBCURL_VERSION_NUM >= 0x075000
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
  if (curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https")) {
    curl_easy_cleanup(easy);
    return NULL;
  }
#endif
  return easy;
}


/*
** What differs from call to call. Only options that copy a string can fail,
** and then for want of memory.
*/
static CURLcode configure (NvTransfer *t, CURL *easy, const NvOptions *o,
                           const char *ca_file) {
  CURLcode code = CURLE_OK;
#define set(option, value) \
  if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value)
  set(CURLOPT_URL, o->url);
  /* wait to share an HTTP/2 connection; without TLS there will be none, and
     the wait would be for the first whole response */
  set(CURLOPT_PIPEWAIT, strncasecmp(o->url, "https:", 6) == 0 ? 1L : 0L);
  set(CURLOPT_PROXY, o->proxy);
  set(CURLOPT_ACCEPT_ENCODING, o->stream ? "identity" : "gzip");
  if (ca_file != NULL) {
    set(CURLOPT_CAINFO, ca_file);
    set(CURLOPT_CAPATH, (char *)NULL);  /* it would turn off the CA cache */
  }
#if LIBCURL_VERSION_NUM < 0x075000
  set(CURLOPT_CONNECTTIMEOUT_MS, o->connect_timeout > 1e6 ? NO_TIMEOUT_MS
                                 : (long)(o->connect_timeout * 1000) + 1);
#endif
  set(CURLOPT_PRIVATE, t);
  set(CURLOPT_WRITEDATA, t);
  set(CURLOPT_HEADERDATA, t);
#if LIBCURL_VERSION_NUM >= 0x075000
  set(CURLOPT_PREREQDATA, t);
#endif
  set(CURLOPT_ERRORBUFFER, t->failure.text);
  set(CURLOPT_HTTPHEADER, (struct curl_slist *)t->headers);
  if (nv_buffer_length(&t->request) > 0 || strcmp(o->method, "POST") == 0) {
    /* the bytes are not copied: 'request' stays put while running */
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE,
        (curl_off_t)nv_buffer_length(&t->request));
    set(CURLOPT_POSTFIELDS,
        t->request.bytes ? nv_buffer_data(&t->request) : "");
  }
  else
    set(CURLOPT_HTTPGET, 1L);
  set(CURLOPT_CUSTOMREQUEST, o->method);
#undef set
  return code;
}


/* gives the handle back, with no pointer to this transfer left inside */
static void release (NvTransfer *t, NvPool *p) {
  CURL *easy = t->easy;
  t->easy = NULL;
  if (p->spare_count == NV_SPARES || p->ca_file == NULL) {
    curl_easy_cleanup(easy);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, (char *)NULL);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, (struct curl_slist *)NULL);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (char *)NULL);
  p->spares[p->spare_count++] = easy;
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
  CURLcode code;
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
  t->easy = nv_transfer_easy(p);
  if (t->easy == NULL)
    return -1;
  code = configure(t, t->easy, o, ca_file);
  t->options.url = t->options.method = t->options.proxy = NULL;
  t->options.ca_file = NULL;
  if (code != CURLE_OK || nv_pool_add(p, t) != 0) {
    release(t, p);
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
      set_failure(t, "connection", "reset",
                  "the connection closed inside the headers");
  }
  t->state = NV_DONE;
  nv_ring_remove(&t->tie);
  nv_pool_remove(t);
  release(t, p);
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
  set_failure(t, kind, reason, text);
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
      nv_buffer_length(&t->body) > HIGH_WATER / 2)
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
