/*
** The least that a Lua binding of libcurl can do: a request's bytes in, the
** answer's bytes out, on one kept handle. No checks, no time-outs, no error
** values, nothing about the response but its body. With lua-cjson around it,
** this is what no client that reads and writes JSON with that can go below.
**
**   local post = require "thin"
**   local body = post(url, ca_file, json)      -- ca_file: "" for plain HTTP
*/

#include "thin.h"


static int post (lua_State *L) {
  Thin *t = lua_touserdata(L, lua_upvalueindex(1));
  size_t length;
  const char *json = luaL_checklstring(L, 3, &length);
  if (t->easy == NULL) begin(L, t);
  t->n = 0;
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)length);
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, json);
  return pushbody(L, t, curl_easy_perform(t->easy));
}


int luaopen_thin (lua_State *L);

/* the handle lives as long as the process */
int luaopen_thin (lua_State *L) {
  memset(lua_newuserdata(L, sizeof(Thin)), 0, sizeof(Thin));
  lua_pushcclosure(L, post, 1);
  return 1;
}
