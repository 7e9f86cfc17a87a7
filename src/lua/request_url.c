/*
** request_url.c
** The URL of a request: base_url and a path; and whether it is safe to send
** the environment's key there.
*/

#include <string.h>
#include <strings.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "binding.h"


static size_t without_slashes (const char *url, size_t length) {
  while (length > 0 && url[length - 1] == '/')
    length--;
  return length;
}


/*
** Returns the length of base_url without trailing slashes and without
** "/chat/completions", which many users copy from a server's documentation and
** below which no API has paths.
*/
static size_t base_length (const char *url) {
  static const char chat[] = "/chat/completions";
  const size_t n = sizeof(chat) - 1;
  size_t length = without_slashes(url, strlen(url));
  if (length > n && memcmp(url + length - n, chat, n) == 0 &&
      url[length - n - 1] != '/')  /* not the host "chat" */
    length = without_slashes(url, length - n);
  return length;
}


/* pushes the URL of a path */
void nv_request_url_push (lua_State *L, const NvCall *o, const char *path) {
  nv_text_join(L, NV_STATE_TARGET, o->base_url, base_length(o->base_url),
               path);
}


/* is the host at 's' a loopback address or "localhost"? */
static int is_loopback (const char *s, size_t length) {
  char host[64];
  struct in_addr four;
  struct in6_addr six;
  if (length >= sizeof(host))
    return 0;
  memcpy(host, s, length);
  host[length] = '\0';
  if (inet_pton(AF_INET, host, &four) == 1)
    return ntohl(four.s_addr) >> 24 == 127;
  if (inet_pton(AF_INET6, host, &six) == 1)
    return IN6_IS_ADDR_LOOPBACK(&six);
  return strcasecmp(host, "localhost") == 0;
}


/*
** Would the environment's key be sent over plain http to another machine, or
** to a proxy? Returns the problem, or NULL. This is refused unless
** NOVITA_BASE_URL names the same URL, because the user who set the key may not
** know of that server.
*/
const char *nv_request_url_exposed (const char *url, const char *proxy) {
  const char *named = nv_getenv("NOVITA_BASE_URL"), *host = url + 7;
  int is_local;
  if (strncasecmp(url, "http://", 7) != 0 ||
      (named != NULL && strcmp(named, url) == 0))
    return NULL;
  is_local = *host == '[' ? is_loopback(host + 1, strcspn(host + 1, "]"))
                          : is_loopback(host, strcspn(host, ":/"));
  if (!is_local)
    return "NOVITA_API_KEY is sent over plain http only to this machine or to "
           "NOVITA_BASE_URL: pass api_key";
  return nv_proxy_applies(url, proxy)
         ? "NOVITA_API_KEY is not sent over plain http to a proxy: pass "
           "proxy = \"\", or api_key" : NULL;
}
