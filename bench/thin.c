/*
** The least that a Lua binding of libcurl can do: a request's bytes in, the
** answer's bytes out, on one kept handle. No checks, no time-outs, no error
** values, nothing about the response but its body. With lua-cjson around it,
** this is what no client that reads and writes JSON with that can go below.
**
**   local post = require "thin"
**   local body = post(url, ca_file, json)      -- ca_file: "" for plain HTTP
*/

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
  curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
  if (*ca == '\0') return;
  /* libcurl keeps a parsed CA store only where no CAPATH is set */
  curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
  curl_easy_setopt(t->easy, CURLOPT_CAINFO, ca);
}


static int post (lua_State *L) {
  Thin *t = lua_touserdata(L, lua_upvalueindex(1));
  size_t length;
  const char *json = luaL_checklstring(L, 3, &length);
  long status = 0;
  CURLcode code;
  if (t->easy == NULL) begin(L, t);
  t->n = 0;
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)length);
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, json);
  code = curl_easy_perform(t->easy);
  if (code != CURLE_OK) return luaL_error(L, "%s", curl_easy_strerror(code));
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return luaL_error(L, "unexpected answer");
  lua_pushlstring(L, t->body, t->n);
  return 1;
}


int luaopen_thin (lua_State *L);

/* the handle lives as long as the process */
int luaopen_thin (lua_State *L) {
  memset(lua_newuserdata(L, sizeof(Thin)), 0, sizeof(Thin));
  lua_pushcclosure(L, post, 1);
  return 1;
}
