/*
** curl_error.c
** Maps libcurl's errors to the kinds and reasons of ours.
*/

#include <stdio.h>
#include <string.h>

#include <curl/curl.h>

#include "http.h"

#if LIBCURL_VERSION_NUM >= 0x080600
#define TOO_LARGE	CURLE_TOO_LARGE
#else
#define TOO_LARGE	((CURLcode)100)  /* for a newer libcurl at run time */
#endif


static const struct Cause {
  CURLcode code;
  const char *kind, *reason;
} causes[] = {
  {CURLE_COULDNT_RESOLVE_HOST, "connection", "dns"},
  {CURLE_COULDNT_RESOLVE_PROXY, "connection", "dns"},
  {CURLE_COULDNT_CONNECT, "connection", "connect"},
  {CURLE_SSL_CONNECT_ERROR, "connection", "tls"},
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
#if LIBCURL_VERSION_NUM >= 0x074900	/* 7.73 */
  {CURLE_PROXY, "connection", "proxy"},	/* SOCKS */
#endif
  {CURLE_READ_ERROR, "config", "files"},
  {CURLE_URL_MALFORMAT, "config", NULL},
  {TOO_LARGE, "response_too_large", NULL},
  {CURLE_OUT_OF_MEMORY, "memory", NULL}
};


/*
** Returns a message if the response exceeds a limit of libcurl's on headers,
** or NULL. These apply whatever max_header_bytes is: 100 KiB a line
** (CURLE_TOO_LARGE; before 8.6 CURLE_OUT_OF_MEMORY, which is genuine if the
** request is not sent yet), 300 KiB in total, and since 8.6 5000 lines.
*/
static const char *limit_message (const NvTransfer *t, CURLcode code) {
  static const char bytes[] = "Too large response headers";
  static const char lines[] = "Too many response headers";
  const char *text = t->failure.text;
  long request_size = 0;
  if (strncmp(text, bytes, sizeof(bytes) - 1) == 0)
    return "the headers are larger than libcurl takes";
  if (strncmp(text, lines, sizeof(lines) - 1) == 0)
    return "there are more header lines than libcurl takes";
  if (t->headers_complete ||
      (code != CURLE_OUT_OF_MEMORY && code != TOO_LARGE))
    return NULL;
  curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &request_size);
  return request_size > 0 ? "a header line is larger than libcurl takes"
                          : NULL;
}


/*
** Does the server refuse the client certificate, or the lack of one? Under TLS
** 1.3 it says so by an alert (RFC 8446, 6.2) after libcurl has completed the
** handshake, so libcurl reports a receive error.
*/
static int is_certificate_refused (const NvTransfer *t, CURLcode code) {
  const char *alert = strstr(t->failure.text, " alert ");
  return code == CURLE_RECV_ERROR && alert != NULL &&
         (strstr(alert, "certificate") != NULL ||
          strstr(alert, "unknown ca") != NULL ||
          strstr(alert, "access denied") != NULL);
}


/*
** Returns the option whose file has no usable certificates. libcurl has one
** code for both, but quotes the path.
*/
static const char *bad_file (const NvTransfer *t) {
  const char *path = t->proxy_ca_file;
  const char *quoted = path ? strstr(t->failure.text, path) : NULL;
  return quoted != NULL && strchr(" \n", quoted[strlen(path)]) != NULL
         ? "proxy_ca_file" : "ca_file";
}


/* returns the option whose client certificate or key is unusable */
static const char *bad_identity (const NvTransfer *t) {
  return strstr(t->failure.text, "private key") != NULL ? "client_key"
                                                        : "client_cert";
}


/* redacts user name and password in a URL that libcurl quotes */
static void redact_url (char *text) {
  char *from = strstr(text, "://"), *at = strrchr(text, '@');
  if (from != NULL && at != NULL && from + 3 < at)
    memset(from + 3, '*', (size_t)(at - (from + 3)));
}


/*
** Sets the failure for a CURLcode; one that is not in the table is a protocol
** error. failure.text is libcurl's message (CURLOPT_ERRORBUFFER), or else the
** text of the code.
*/
void nv_curl_error_set (NvTransfer *t, int curl_code) {
  CURLcode code = (CURLcode)curl_code;
  const struct Cause *c = causes;
  const struct Cause *end = causes + sizeof(causes) / sizeof(causes[0]);
  const char *limit;
  while (c < end && c->code != code)
    c++;
  t->failure.curl_code = curl_code;
  t->failure.proxy_status = nv_proxy_status(t, curl_code);
  if (nv_proxy_refuses(t))  /* libcurl's text may be that of a try before */
    snprintf(t->failure.text, sizeof(t->failure.text),
             "CONNECT tunnel failed, response %d", t->failure.proxy_status);
  limit = limit_message(t, code);
  if (limit != NULL)
    nv_transfer_set_failure(t, "response_too_large", "headers", limit);
  else if (t->failure.proxy_status > 0)
    nv_transfer_set_failure(t, "connection", "proxy", NULL);
  else if (is_certificate_refused(t, code))
    nv_transfer_set_failure(t, "connection", "tls", NULL);
  else if (code == CURLE_SSL_CACERT_BADFILE)
    nv_transfer_set_failure(t, "config", bad_file(t), NULL);
  else if (code == CURLE_SSL_CERTPROBLEM)
    nv_transfer_set_failure(t, "config", bad_identity(t), NULL);
  else if (c < end)
    nv_transfer_set_failure(t, c->kind, c->reason, NULL);
  else
    nv_transfer_set_failure(t, "connection", "protocol", NULL);
  if (t->failure.text[0] == '\0')
    strncpy(t->failure.text, curl_easy_strerror(code),
            sizeof(t->failure.text) - 1);
  redact_url(t->failure.text);
}
