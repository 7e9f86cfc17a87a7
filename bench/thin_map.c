/*
** The least that a Lua binding of libcurl's multi interface can do: requests'
** bytes in, answers' bytes out as they come, on kept handles. What thin.c is
** for one call, this is for many at once.
**
**   local map = require "thin_map"
**   map.start(url, ca_file, json)              -- ca_file: "" for plain HTTP
**   local body = map.wait()                    -- of any that has ended
*/

#define _GNU_SOURCE

#include "engine.h"
#include "thin.h"

#define MAXCONNECTS   80        /* as bench/bare.c: 64 at once, and some */

typedef struct Map {
  Engine engine;
  Thin *idle;           /* handles without a transfer */
} Map;


static Thin *newthin (lua_State *L) {
  Thin *t = calloc(1, sizeof(*t));
  if (t == NULL) luaL_error(L, "not enough memory");
  begin(L, t);
  return t;
}


static int map_start (lua_State *L) {
  Map *m = lua_touserdata(L, lua_upvalueindex(1));
  size_t length;
  const char *json = luaL_checklstring(L, 3, &length);
  Thin *t = m->idle;
  if (t != NULL)
    m->idle = t->next;
  else
    t = newthin(L);
  t->n = 0;
  curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)length);
  curl_easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, json);
  curl_multi_add_handle(m->engine.multi, t->easy);
  return 0;
}


static int map_wait (lua_State *L) {
  Map *m = lua_touserdata(L, lua_upvalueindex(1));
  CURLMsg *message;
  CURLcode code;
  Thin *t;
  char *data;
  int n;
  runtimers(&m->engine);
  while ((message = curl_multi_info_read(m->engine.multi, &n)) == NULL) {
    waitsockets(&m->engine);
    runtimers(&m->engine);
  }
  code = message->data.result;
  curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &data);
  t = (Thin *)(void *)data;
  curl_multi_remove_handle(m->engine.multi, t->easy);
  t->next = m->idle;
  m->idle = t;
  return pushbody(L, t, code);
}


int luaopen_thin_map (lua_State *L);

/* the handles live as long as the process */
int luaopen_thin_map (lua_State *L) {
  CURLM *multi = curl_multi_init();
  Map *m = lua_newuserdata(L, sizeof(*m));
  memset(m, 0, sizeof(*m));
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)MAXCONNECTS);
  initengine(&m->engine, multi);
  lua_newtable(L);
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, map_start, 1);
  lua_setfield(L, -2, "start");
  lua_pushvalue(L, -2);
  lua_pushcclosure(L, map_wait, 1);
  lua_setfield(L, -2, "wait");
  return 1;
}
