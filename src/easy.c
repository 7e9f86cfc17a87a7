/*
** easy.c
** libcurl's handle of a transfer: its options and its callbacks.
**
** The callbacks append to buffers and write down facts; nothing else. They
** call neither Lua nor libcurl (a callback that calls back into libcurl is
** refused with CURLM_RECURSIVE_API_CALL). What they may not decide,
** nv_transfer_finish decides when libcurl has returned.
*/

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "novita.h"

#define MAX_ERROR_BODY		(1024 * 1024)	/* behaviour.md 1 */
#define KEEPALIVE_SECONDS	60L	/* TCP probes while a model thinks */
#define NO_TIMEOUT_MS		2000000000L	/* ours counts, not libcurl's */
#define LIFETIME_SECONDS	300L	/* a kept connection's: DNS may change */


/*
** {======================================================
** Callbacks
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
  if (t->options.stream && nv_buffer_length(&t->body) >= NV_HIGH_WATER) {
    t->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
  }
  switch (nv_buffer_append(&t->body, bytes, length)) {
    case NV_NOMEM:
      nv_transfer_blame(t, "memory", NULL, NULL);
      return 0;
    case NV_TOOBIG:
      if (t->status >= 300) {
        t->body_cut = 1;
        nv_buffer_append(&t->body, bytes,
                         t->body.ceiling - nv_buffer_length(&t->body));
      }
      else
        nv_transfer_blame(t, "response_too_large", NULL,
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
    nv_transfer_blame(t, "connection", "protocol",
      value < end ? "the response has a Content-Length that is no length"
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
  nv_transfer_enter(t, t->options.stream ? "stream" : "body", &t->heard);
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
    nv_transfer_blame(t, "response_too_large", "headers",
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
    nv_transfer_blame(t, "memory", NULL, NULL);
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
  nv_transfer_enter(t, "headers", &t->sent);
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
** Options
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
void *nv_easy_new (NvPool *p) {
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
int nv_easy_configure (NvTransfer *t, const NvOptions *o,
                       const char *ca_file) {
  CURL *easy = t->easy;
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
  return code == CURLE_OK ? 0 : -1;
}


/* gives the handle back, with no pointer to this transfer left inside */
void nv_easy_release (NvTransfer *t, NvPool *p) {
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
