/*
** What the thin modules share: a kept handle with its request's headers,
** and the bytes of an answer.
*/

#ifndef THIN_H
#define THIN_H

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include <lauxlib.h>
#include <lua.h>

typedef struct Thin {
  CURL *easy;
  struct curl_slist *headers;
  char *body;
  size_t n, size;
  struct Thin *next;    /* in the list of those that are free */
} Thin;


static size_t onbody (char *b, size_t size, size_t n, void *data) {
  Thin *t = data;
  n *= size;
  if (t->n + n > t->size) {
    char *body = realloc(t->body, 2 * (t->n + n));
    if (body == NULL) return 0;
    t->body = body;
    t->size = 2 * (t->n + n);
  }
  memcpy(t->body + t->n, b, n);
  t->n += n;
  return n;
}


/* sets up a zeroed 't' for the URL and CA file at indices 1 and 2 */
static void begin (lua_State *L, Thin *t) {
  const char *ca = luaL_checkstring(L, 2);
  t->easy = curl_easy_init();
  if (t->easy == NULL) luaL_error(L, "not enough memory");
  t->headers = curl_slist_append(t->headers, "Authorization: Bearer "
    "sk_0123456789abcdef0123456789abcdef01234567");
  t->headers = curl_slist_append(t->headers,
                                 "Content-Type: application/json");
  curl_easy_setopt(t->easy, CURLOPT_URL, luaL_checkstring(L, 1));
  curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
  curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, onbody);
  curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
  curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, 1L);
  if (*ca == '\0') return;
  /* libcurl keeps a parsed CA store only where no CAPATH is set */
  curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(t->easy, CURLOPT_CAINFO, ca);
}


/* pushes the answer's bytes; an error if the exchange failed */
static int pushbody (lua_State *L, Thin *t, CURLcode code) {
  long status = 0;
  if (code != CURLE_OK) return luaL_error(L, "%s", curl_easy_strerror(code));
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return luaL_error(L, "unexpected answer");
  lua_pushlstring(L, t->body, t->n);
  return 1;
}

#endif
