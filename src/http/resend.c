/*
** resend.c
** Repeats requests that no server has processed.
**
** A server that closes an HTTP/2 connection sends the last stream it has
** processed (GOAWAY); it may also refuse a single stream (REFUSED_STREAM; RFC
** 9113, 8.7). libcurl retries those requests together on another connection,
** so if each connection accepts only a few, most are refused again, and it
** gives up after five retries. Each round makes progress, though. So the
** transfer starts again, invisible to its owner, while its time-outs continue.
*/

#include <string.h>

#include <curl/curl.h>

#include "http.h"

#define MAX_RETRIES	20	/* each is 6 attempts of libcurl's */


/*
** Has libcurl given up such a request? It has no CURLcode for that, but the
** message is the same in all versions (Curl_retry_request). It retries only if
** no byte of a response was received, and a reused connection was closed. Of
** these it counts the retries of all transfers of a handle, so it gives up the
** sixth; and it retries none while the body is sent.
*/
static int is_unprocessed (const NvTransfer *t, int curl_code) {
  static const char words[] = "Connection died, tried ";
  long connects = 0;
  if ((curl_code != CURLE_SEND_ERROR && curl_code != CURLE_RECV_ERROR &&
       curl_code != CURLE_GOT_NOTHING) || t->header_bytes > 0)
    return 0;
  curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
  return connects == 0 ||
         strncmp(t->failure.text, words, sizeof(words) - 1) == 0;
}


/*
** Called when libcurl reports that 't' has ended. Returns 1 if 't' is started
** again, else 0 with nothing changed.
*/
int nv_resend (NvTransfer *t, int curl_code) {
  NvPool *p = t->pool;
  if (t->failure.kind != NULL || t->retries >= MAX_RETRIES ||
      !is_unprocessed(t, curl_code))
    return 0;
  curl_multi_remove_handle(p->multi, t->easy);
  if (curl_multi_add_handle(p->multi, t->easy) != CURLM_OK)
    return 0;
  t->retries++;
  t->local_port = -1;  /* no connection yet */
  t->failure.text[0] = '\0';
  return 1;
}
