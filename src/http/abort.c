/*
** abort.c
** Makes the server see at once that a transfer was aborted.
**
** Over HTTP/1 its connection closes. Over HTTP/2 a RST_STREAM frame ends the
** stream, but libcurl 7.88 to 8.14 buffers it until the next bytes are sent on
** that connection; until then the model continues to generate. So a connection
** without other transfers is closed, either instead of being kept
** (nv_abort_prepare) or, after an error of libcurl's, when it is kept already
** (nv_abort_close). On a shared connection another transfer flushes the
** buffer (http2_recheck.c).
*/

#include <netinet/in.h>
#include <sys/socket.h>

#include <curl/curl.h>

#include "http.h"


/*
** 't' is going to be aborted: tells libcurl to close its connection, unless
** another transfer uses it.
*/
void nv_abort_prepare (NvTransfer *t) {
  if (t->aborted)
    return;
  t->aborted = 1;
  curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
}


/* undoes nv_abort_prepare before the handle is reused */
void nv_abort_restore (NvTransfer *t) {
  if (t->aborted)
    curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 0L);
}


/* does another transfer use the connection of 't'? */
static int is_shared (const NvTransfer *t) {
  const NvLink *list = &t->pool->running, *link;
  for (link = list->next; link != list; link = link->next) {
    const NvTransfer *other = link->owner;
    if (other != t && other->sent_at > 0 && other->local_port == t->local_port)
      return 1;
  }
  return 0;
}


/* returns the local port of a socket, or -1 */
static int port_of (curl_socket_t s) {
  union {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
  } address;
  socklen_t size = sizeof(address);
  if (s == CURL_SOCKET_BAD || getsockname(s, &address.any, &size) != 0)
    return -1;
  return ntohs(address.any.sa_family == AF_INET6 ? address.six.sin6_port
                                                 : address.four.sin_port);
}


/*
** 't' has ended with an error of libcurl's. Shuts its connection down, which
** libcurl has kept, unless the server has ended the stream: libcurl then does
** not reuse it. CURLINFO_ACTIVESOCKET may be that of an earlier transfer, so
** the port is compared.
*/
void nv_abort_close (const NvTransfer *t, int curl_code) {
  curl_socket_t s = CURL_SOCKET_BAD;
  if (curl_code == CURLE_HTTP2_STREAM || curl_code == CURLE_PARTIAL_FILE ||
      t->sent_at == 0 || is_shared(t))
    return;
  curl_easy_getinfo(t->easy, CURLINFO_ACTIVESOCKET, &s);
  if (port_of(s) == t->local_port)
    shutdown(s, SHUT_RDWR);
}


/*
** Makes another transfer flush the connection from this local port, and sets
** 'flush_due': nv_pool_flush then drives libcurl. A paused transfer is only
** used if there is no other, and is returned for the caller to unpause;
** otherwise returns NULL.
*/
NvTransfer *nv_abort_flush (NvPool *p, int local_port) {
  NvLink *link;
  NvTransfer *paused = NULL;
  for (link = p->running.next; link != &p->running; link = link->next) {
    NvTransfer *t = link->owner;
    if (t->sent_at == 0 || t->local_port != local_port)
      continue;
    if (t->paused)
      paused = t;
    else if (nv_http2_recheck(t) == 0) {
      p->flush_due = 1;
      return NULL;
    }
  }
  if (paused != NULL)
    p->flush_due = 1;
  return paused;
}
