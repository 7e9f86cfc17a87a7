/*
** http2_recheck.c
** Makes libcurl look again for what it may have missed.
**
** libcurl 7.88 keeps bytes that it has read together with those of another
** response on the same connection, and may then wait for its socket, which has
** no more of them: the end of a response never arrives, nor anything else on
** its connection. So libcurl looks again whenever nothing came for a transfer
** over HTTP/2 for a while: first after FIRST seconds, then after twice that,
** and so on, at most MOST. Where nothing is kept, this reads an empty socket.
** A transfer that waits for a connection may get one (http2_limit.c).
*/

#include <curl/curl.h>

#include "http.h"

#define FIRST	0.25	/* seconds */
#define MOST	1.0	/* seconds */


/* returns the moment at which libcurl must look again, for 't' */
double nv_http2_recheck_due (const NvTransfer *t) {
  double since = t->headers_complete ? t->last_byte_at
               : t->sent_at > 0 ? t->sent_at : t->connect_at;
  double wait = FIRST;
  if (!t->pool->multiplexed || t->paused)
    return NV_NEVER;
  if (t->rechecked_at > since) {
    wait = t->rechecked_at - since;
    since = t->rechecked_at;
  }
  return since + (wait < MOST ? wait : MOST) + t->pool->unpolled;
}


/*
** Makes libcurl look again for 't' when its timers run next: for a connection,
** or by pausing and unpausing sending, whether it can read or write. Returns
** -1 if 't' has lost its connection.
*/
int nv_http2_recheck (NvTransfer *t) {
  t->rechecked_at = nv_unpolled_now(t->pool);
  if (t->sent_at == 0) {
    nv_http2_widen(t->pool);
    return 0;
  }
  if (curl_easy_pause(t->easy, CURLPAUSE_SEND) != CURLE_OK)
    return -1;
  curl_easy_pause(t->easy, CURLPAUSE_CONT);
  return 0;
}
