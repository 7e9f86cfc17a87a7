/*
** easy.c
** libcurl's easy handle of a transfer: its options and its callbacks.
**
** The callbacks only append to buffers and set fields. They call neither Lua
** nor libcurl (which would return CURLM_RECURSIVE_API_CALL), except to set an
** option. nv_transfer_finish does the rest after libcurl has returned.
*/

#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "http.h"

#define KEEPALIVE_SECONDS	60L	/* TCP probes while a model thinks */
#define NO_TIMEOUT_MS		2000000000L	/* time-outs are ours */
#define LIFETIME_SECONDS	300L	/* of a connection: DNS may change */


/*
** {======================================================
** Callbacks
** =======================================================
*/

/* writes to the file of a download; 0 on failure */
static size_t write_download (NvTransfer *t, const char *bytes,
                              size_t length) {
  if (nv_download_write(&t->files->download, bytes, length) == 0)
    return length;
  nv_transfer_set_failure(t, "config", "save_to", NULL);
  return 0;
}


/*
** Examines the first bytes of a stream, and frees the body of the request if
** it is sent to its end: a stream lasts, and the body may hold pictures.
** libcurl has copied what it has still to write.
*/
static void begin_stream (NvTransfer *t, const char *bytes, size_t length) {
  curl_off_t sent = 0;
  nv_sniff_body(t, bytes, length);
  curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
  if ((size_t)sent == nv_buffer_length(&t->request))
    nv_buffer_free(&t->request);
}


/*
** Returns the number of bytes consumed; fewer than 'length' ends the transfer,
** with a failure, or with 'body_truncated' for an error body. A stream with
** too many unread bytes is paused: libcurl keeps these bytes and delivers them
** again. A stream that continues after its end is aborted.
*/
static size_t receive_body (NvTransfer *t, const char *bytes, size_t length) {
  t->last_byte_at = t->pool->now - t->pool->unpolled;
  if (t->aborted)
    return length;
  if (t->done_seen)
    return 0;
  if (!t->headers_complete) {
    nv_transfer_set_failure(t, "connection", "protocol",
                      "the body began before the final headers");
    return 0;
  }
  if (t->files != NULL && t->files->download.descriptor > 0 &&
      t->status < 300)
    return write_download(t, bytes, length);
  if (t->options.stream && !t->body_started)
    begin_stream(t, bytes, length);
  if (t->options.stream && nv_buffer_length(&t->body) >= NV_HIGH_WATER) {
    t->paused = 1;
    return CURL_WRITEFUNC_PAUSE;
  }
  switch (nv_buffer_append(&t->body, bytes, length)) {
    case NV_NOMEM:
      nv_transfer_set_failure(t, "memory", NULL, NULL);
      return 0;
    case NV_TOOBIG:
      if (t->status >= 300) {
        t->body_truncated = 1;
        nv_buffer_append(&t->body, bytes,
                         t->body.ceiling - nv_buffer_length(&t->body));
      }
      else
        nv_transfer_set_failure(t, "response_too_large", NULL,
                          "the response is larger than max_response_bytes");
      return 0;
  }
  if (t->options.stream)
    nv_transfer_mark_ready(t);
  return length;
}


static size_t on_body (char *bytes, size_t size, size_t count, void *data) {
  size_t length = size * count, consumed = receive_body(data, bytes, length);
  if (consumed < length)
    nv_abort_prepare(data);
  return consumed;
}


static size_t on_header (char *line, size_t size, size_t count, void *data) {
  size_t length = size * count;
  if (nv_head_line(data, line, length) == 0)
    return length;
  nv_abort_prepare(data);
  return 0;
}


/* the connection is established; libcurl sends the request next */
#if LIBCURL_VERSION_NUM >= 0x075000	/* 7.80 */
static int on_connected (void *data, char *ip, char *local_ip, int port,
                         int local_port) {
  NvTransfer *t = data;
  (void)ip; (void)local_ip; (void)port;
  t->local_port = local_port;
  nv_transfer_enter_phase(t, "headers", &t->sent_at);
  return CURL_PREREQFUNC_OK;
}
#endif


/*
** Sets close-on-exec: a program started meanwhile would keep the connection
** open, and the server would continue to generate after a cancel.
*/
static int on_socket_made (void *data, curl_socket_t s, curlsocktype type) {
  (void)data; (void)type;
  fcntl(s, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}


/* shuts down, because a forked child may hold the same socket open */
static int on_socket_done (void *data, curl_socket_t s) {
  nv_poller_closing(data, s);
  shutdown(s, SHUT_RDWR);
  return close(s);
}

/* }====================================================== */


/*
** {======================================================
** Options
** =======================================================
*/

/* options of every transfer, set once per handle */
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
  {CURLOPT_FOLLOWLOCATION, 0L},	/* sends prompt and key nowhere else */
  {CURLOPT_SSL_VERIFYPEER, 1L},
  {CURLOPT_SSL_VERIFYHOST, 2L},
  {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L},
#if LIBCURL_VERSION_NUM >= 0x075000	/* 7.80 */
  {CURLOPT_MAXLIFETIME_CONN, LIFETIME_SECONDS},
  {CURLOPT_CONNECTTIMEOUT_MS, NO_TIMEOUT_MS},
#endif
#if LIBCURL_VERSION_NUM >= 0x075700	/* 7.87 */
  {CURLOPT_QUICK_EXIT, 1L},		/* don't wait for a DNS look-up */
#endif
#if LIBCURL_VERSION_NUM < 0x075500	/* 7.85 */
  {CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS},
#endif
};


/* returns an idle handle of the pool, or a new one; NULL without memory */
void *nv_easy_new (NvPool *p) {
  CURL *easy;
  size_t i;
  int failed = 0;
  if (p->idle_handle_count > 0)
    return p->idle_handles[--p->idle_handle_count];
  easy = curl_easy_init();
  if (easy == NULL)
    return NULL;
  for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
    curl_easy_setopt(easy, fixed[i].option, fixed[i].value);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_done);
  curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, p);
#if LIBCURL_VERSION_NUM >= 0x075000
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
#endif
#if LIBCURL_VERSION_NUM >= 0x075500
  failed = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#endif
  if (failed || nv_trust_init(easy, p) != 0) {
    curl_easy_cleanup(easy);
    return NULL;
  }
  return easy;
}


/*
** Sets the client certificate. An empty passphrase keeps OpenSSL from asking
** at the terminal. The handle is not reused, so that no other call presents
** this certificate.
*/
static CURLcode set_client_cert (NvTransfer *t, const NvOptions *o) {
  const char *phrase = o->client_key_passphrase;
  CURLcode code;
  if (o->client_cert == NULL && o->client_key == NULL)
    return CURLE_OK;
  t->single_use = 1;
  code = curl_easy_setopt(t->easy, CURLOPT_SSLCERT, o->client_cert);
  if (code == CURLE_OK)
    code = curl_easy_setopt(t->easy, CURLOPT_SSLKEY, o->client_key);
  if (code == CURLE_OK)
    code = curl_easy_setopt(t->easy, CURLOPT_KEYPASSWD, phrase ? phrase : "");
  return code;
}


/* sets method and body; libcurl does not copy the body's bytes */
static CURLcode set_request (NvTransfer *t, const NvOptions *o) {
  CURL *easy = t->easy;
  const char *method = o->method;
  int is_post = strcmp(method, "POST") == 0;
  size_t length = nv_buffer_length(&t->request);
  if (t->files != NULL)
    nv_upload_track(t);
  if (o->fields != NULL) {
    CURLcode code = (CURLcode)nv_upload_set(t, o);
    if (code != CURLE_OK)
      return code;
  }
  else if (length == 0 && !is_post)
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
  else {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
                     t->request.bytes ? nv_buffer_data(&t->request) : "");
  }
  return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST,
                          is_post ? NULL : method);
}


/*
** May the response be compressed? libcurl does not notice that a compressed
** body is cut, while JSON shows whether it is whole; and chunks of a stream
** would wait for each other.
*/
static int is_compressible (const NvTransfer *t, const NvOptions *o) {
  return !o->stream && (t->answer == NV_JSON || t->answer == NV_CHAT) &&
         (t->files == NULL || t->files->download.path == NULL);
}


/*
** Sets the options that differ between calls; -1 without memory, which is all
** that can fail.
*/
int nv_easy_configure (NvTransfer *t, const NvOptions *o, NvPool *p) {
  CURL *easy = t->easy;
  CURLcode code = (CURLcode)nv_transfer_apply_url(t);
#define set(option, value) \
  if (code == CURLE_OK) code = curl_easy_setopt(easy, option, value)
#define set_row(name, kind, curl, secret, initial, topic, help) \
  NV_PICK_##kind(, if (curl != NV_NONE) set(curl, o->name);)
  /* wait to share an HTTP/2 connection; without TLS there is none, and the
     wait would last for a whole response; on another way it is in vain */
  set(CURLOPT_PIPEWAIT,
      strncasecmp(o->url, "https:", 6) == 0 && !t->several_ways ? 1L : 0L);
  NV_OPTIONS(set_row)
  set(CURLOPT_ACCEPT_ENCODING, is_compressible(t, o) ? "gzip" : "identity");
  if (code == CURLE_OK)
    code = (CURLcode)nv_trust_set(easy, o, p);
  if (code == CURLE_OK)
    code = set_client_cert(t, o);
  if (code == CURLE_OK)
    code = (CURLcode)nv_proxy_configure(t, o);
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
  set(CURLOPT_HTTPHEADER, t->lines != NULL ? t->lines->list : NULL);
  if (code == CURLE_OK)
    code = set_request(t, o);
#undef set_row
#undef set
  return code == CURLE_OK ? 0 : -1;
}


/* returns the handle to the pool, without any pointer to 't' */
void nv_easy_release (NvTransfer *t, NvPool *p) {
  CURL *easy = t->easy;
  nv_abort_restore(t);
  t->easy = NULL;
  if (p->idle_handle_count == NV_MAX_IDLE || !nv_trust_is_known(p) ||
      t->single_use) {
    curl_easy_cleanup(easy);
    nv_upload_free(t);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, (char *)NULL);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, (struct curl_slist *)NULL);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (char *)NULL);
  curl_easy_setopt(easy, CURLOPT_CURLU, (CURLU *)NULL);
  nv_proxy_release(t, easy);
  p->idle_handles[p->idle_handle_count++] = easy;
}

/* }====================================================== */
