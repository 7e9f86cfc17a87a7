/*
** http2_limit.c
** Limits the connections to a host while responses are HTTP/2.
**
** Without a limit, libcurl opens one connection for each transfer beyond the
** streams of the first connection (mostly 100), although each could carry as
** many again. But the limit counts connections that take no new streams too: a
** server that closes one (GOAWAY) lets its streams go on, for minutes; and it
** may allow fewer streams. So whenever a transfer waits, one more connection
** than are in use is allowed.
**
** libcurl counts the connections to a host whatever their way there: a proxy,
** certificates. So with several ways, one would close the connections of the
** others, or wait for one that is none of its own; then there is no limit.
*/

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http.h"

#define STREAMS	100	/* per connection */
#define PORTS	65536

#define FNV_START	2166136261u	/* FNV-1a, of 32 bits */
#define FNV_PRIME	16777619u


/* adds bytes to a hash */
static unsigned add_bytes (unsigned hash, const char *s, size_t n) {
  size_t i;
  for (i = 0; i < n; i++)
    hash = (hash ^ (unsigned char)s[i]) * FNV_PRIME;
  return hash;
}


/* a hash of the options that say which connections a call can use */
static unsigned way_of (const NvOptions *o) {
  const char *const parts[] = {
    o->proxy, o->ca_file, o->ca_path, o->proxy_ca_file, o->client_cert,
    o->client_key
  };
  unsigned hash = FNV_START;
  size_t i;
  for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    hash = add_bytes(hash, parts[i] ? "+" : "-", 1);
    if (parts[i] != NULL)
      hash = add_bytes(hash, parts[i], strlen(parts[i]) + 1);
  }
  return hash;
}


/* returns what is known of a host; of a new one, replaces the oldest */
static NvWay *find_host (NvPool *p, unsigned host, unsigned way) {
  NvWay *w;
  int i;
  for (i = 0; i < p->way_count && i < NV_WAYS; i++) {
    if (p->ways[i].host == host)
      return &p->ways[i];
  }
  w = &p->ways[p->way_count++ % NV_WAYS];
  w->host = host;
  w->way = way;
  w->several = 0;
  return w;
}


/* notes the way of a call to an https server, and if others had another one */
void nv_http2_note_way (NvTransfer *t, const NvOptions *o) {
  size_t n = strlen("https://");
  unsigned way;
  NvWay *w;
  if (strncasecmp(o->url, "https://", n) != 0)
    return;
  way = way_of(o);
  n += strcspn(o->url + n, "/?#");
  w = find_host(t->owner, add_bytes(FNV_START, o->url, n), way);
  if (w->way != way)
    w->several = 1;
  t->several_ways = w->several != 0;
}


/* is there a host to which calls have several ways? */
static int has_several_ways (const NvPool *p) {
  int i, several = 0;
  for (i = 0; i < NV_WAYS; i++)
    several |= p->ways[i].several;
  return several;
}


/*
** Sets the limit for the transfers in flight and one more. A response over
** HTTP/1 removes it, and so do several ways.
*/
void nv_http2_limit (NvPool *p) {
  int applies = p->multiplexed && !has_several_ways(p);
  long limit = applies ? p->in_flight / STREAMS + 1 : 0;
  if (p->in_flight == 0)
    p->least_limit = 0;
  if (limit > 0 && limit < p->least_limit)
    limit = p->least_limit;
  if (limit == p->host_limit)
    return;
  p->host_limit = limit;
  curl_multi_setopt(p->multi, CURLMOPT_MAX_HOST_CONNECTIONS, limit);
}


/* returns the number of connections that transfers use, by their ports */
static long count_connections (const NvPool *p) {
  unsigned char seen[PORTS / 8];
  const NvLink *link;
  long count = 0;
  memset(seen, 0, sizeof(seen));
  for (link = p->running.next; link != &p->running; link = link->next) {
    const NvTransfer *t = link->owner;
    unsigned port = t->sent_at > 0 && t->local_port > 0 ? t->local_port : 0;
    if (port > 0 && (seen[port / 8] & 1 << port % 8) == 0) {
      seen[port / 8] |= (unsigned char)(1 << port % 8);
      count++;
    }
  }
  return count;
}


/*
** A transfer waits for a connection. Allows one more than are in use and makes
** libcurl look for one again, which it does for a transfer that waits when any
** other is removed.
*/
void nv_http2_widen (NvPool *p) {
  CURL *easy = curl_easy_init();
  p->least_limit = count_connections(p) + 1;
  nv_http2_limit(p);
  if (easy != NULL && curl_multi_add_handle(p->multi, easy) == CURLM_OK)
    curl_multi_remove_handle(p->multi, easy);
  curl_easy_cleanup(easy);
}
