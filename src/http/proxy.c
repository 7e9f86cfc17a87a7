/*
** proxy.c
** Which calls may use a proxy, and how a proxy refuses to connect.
*/

#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "http.h"

#define LOGIN_REFUSED	407	/* status of HTTP (RFC 9110, 15.5.8) */


/* is the host of the URL in a list of hosts, or is the list "*"? */
static int is_listed (const char *list, const char *url) {
  const char *host = strstr(url, "://");
  size_t length, n;
  if (list == NULL || host == NULL)
    return 0;
  if (strcmp(list, "*") == 0)
    return 1;
  host += 3;
  length = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":/?#");
  for (; *list != '\0'; list += n) {
    list += strspn(list, ", ");
    n = strcspn(list, ", ");
    if (n == length && n > 0 && strncasecmp(list, host, n) == 0)
      return 1;
  }
  return 0;
}


/* returns the first of these variables of the environment that is not empty */
static const char *variable (const char *const *names) {
  const char *value = NULL;
  while (value == NULL && *names != NULL)
    value = nv_getenv(*names++);
  return value;
}


/*
** May a call of this URL use a proxy: that of the option, which may be NULL,
** or one of the environment? The variables are libcurl's, which knows more
** forms of no_proxy.
*/
int nv_proxy_applies (const char *url, const char *proxy) {
  static const char *const plain[] = {
    "http_proxy", "all_proxy", "ALL_PROXY", NULL
  };
  static const char *const secure[] = {
    "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL
  };
  static const char *const exempt[] = {"no_proxy", "NO_PROXY", NULL};
  if (proxy != NULL)
    return *proxy != '\0';
  return variable(strncasecmp(url, "https:", 6) == 0 ? secure : plain) != NULL
         && !is_listed(variable(exempt), url);
}


#if LIBCURL_VERSION_NUM >= 0x074900	/* 7.73 */
/* has a SOCKS proxy refused the login? */
static int is_socks_login (CURL *easy) {
  long error = CURLPX_OK;
  curl_easy_getinfo(easy, CURLINFO_PROXY_ERROR, &error);
  return error == CURLPX_USER_REJECTED || error == CURLPX_NO_AUTH ||
         error == CURLPX_IDENTD_DIFFER;
}
#define is_socks_refusal(code)	((code) == CURLE_PROXY)
#else
#define is_socks_login(easy)	((void)(easy), 0)
#define is_socks_refusal(code)	((void)(code), 0)
#endif


/* returns the status of the answer to CONNECT, or 0 */
static int connect_status (const NvTransfer *t) {
  long status = 0;
  if (t->status == 0)
    curl_easy_getinfo(t->easy, CURLINFO_HTTP_CONNECTCODE, &status);
  return (int)status;
}


/*
** Returns the status with which a proxy refused to connect, or 0, where
** libcurl ends with 'curl_code'. That of a refused login is 407, of a SOCKS
** proxy too: of that, libcurl keeps the reason when the handle is used again.
*/
int nv_proxy_status (const NvTransfer *t, int curl_code) {
  int status = connect_status(t);
  if (status > 0)
    return status / 100 != 2 ? status : 0;
  return is_socks_refusal(curl_code) && is_socks_login(t->easy)
         ? LOGIN_REFUSED : 0;
}


/* has a proxy answered CONNECT with a refusal? */
int nv_proxy_refuses (const NvTransfer *t) {
  return connect_status(t) >= 300;
}


static int on_tunnel (void *data, curl_off_t received_total,
                      curl_off_t received, curl_off_t sent_total,
                      curl_off_t sent) {
  (void)received_total; (void)received; (void)sent_total; (void)sent;
  return nv_proxy_refuses(data);
}


/*
** Sets what a tunnel needs, if the call may have one; returns a CURLcode. A
** refusal ends the call by its status: libcurl would read its body byte by
** byte, as long as there is more, and serve nothing else meanwhile, not even a
** time-out. Over HTTP/2, libcurl before 8.0 starts requests on connections
** whose tunnel is not open yet, which fail.
*/
int nv_proxy_configure (NvTransfer *t, const NvOptions *o) {
  CURLcode code;
  if (strncasecmp(o->url, "https:", 6) != 0 ||
      !nv_proxy_applies(o->url, o->proxy))
    return CURLE_OK;
  t->tunnels = 1;
  code = curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, on_tunnel);
  if (code == CURLE_OK)
    code = curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
  if (code == CURLE_OK)
    code = curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
  if (code == CURLE_OK && t->owner->http1_tunnels)
    code = curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION,
                            (long)CURL_HTTP_VERSION_1_1);
  return (int)code;
}


/* resets these options of a handle that is to be reused */
void nv_proxy_release (const NvTransfer *t, void *easy) {
  if (!t->tunnels)
    return;
  curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
}
