/*
** core.c
** novita.core, the C module: its functions, and core.chat, which blocks.
*/

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"

#define SLICE		0.1	/* seconds between two runs of hooks */

int luaopen_novita_core (lua_State *L);

/* loader.lua reads this from the file if another Lua can't load it */
#if LUA_VERSION_NUM < 502
static const char built_for[] = "novita.core built for Lua 5.1 or LuaJIT";
#else
static const char built_for[] = "novita.core built for " LUA_VERSION;
#endif


/* core.pool() -> pool | nil, error */
static int core_pool (lua_State *L) {
  return nv_newpool(L) != NULL ? 1 : 2;
}


/*
** Pushes the pool of core.chat, a new one after a fork, and returns it; or
** pushes nil and an error and returns NULL.
*/
static NvPool *push_own_pool (lua_State *L) {
  NvPool *p;
  lua_rawgeti(L, NV_STATE, NV_STATE_POOL);
  p = lua_touserdata(L, -1);
  if (p == NULL || nv_pool_inherited(p)) {
    lua_pop(L, 1);
    p = nv_newpool(L);
    if (p == NULL)
      return NULL;
    lua_pushvalue(L, -1);
    lua_rawseti(L, NV_STATE, NV_STATE_POOL);
  }
  return p;
}


/*
** Waits for the end of the transfer. Between two polls an empty function runs
** Lua's hooks: Ctrl-C is one. An error of a hook cancels the transfer.
*/
static void wait_for (lua_State *L, NvPool *p, NvTransfer *t) {
  while (t->state == NV_RUNNING) {
    nv_pool_poll(p, SLICE, t);
    if (t->state != NV_RUNNING)
      return;
    lua_rawgeti(L, NV_STATE, NV_STATE_HOOK);
    if (lua_pcall(L, 0, 0, 0) != 0) {
      nv_pool_cancel(t);
      lua_error(L);
    }
  }
}


/* core.chat(request, options) -> reply, info | nil, error. Blocks. */
static int core_chat (lua_State *L) {
  NvPool *p;
  NvTransfer *t;
  luaL_argcheck(L, lua_istable(L, 1) || lua_type(L, 1) == LUA_TSTRING, 1,
                "table or JSON expected");
  lua_settop(L, 2);
  p = push_own_pool(L);  /* 3 */
  if (p == NULL)
    return 2;
  t = nv_newtransfer(L, 3, 0);  /* 4 */
  if (nv_start_chat(L, p, t, 1, 2, 0) != 0)
    return nv_error_config(L);
  wait_for(L, p, t);
  if (t->options.stream && t->failure.kind == NULL)
    return luaL_error(L,
                      "core.chat gives whole answers; use a pool to stream");
  nv_reply_push(L, t, NV_CHAT);
  nv_closetransfer(L, 4);
  return 2;
}


/* core.body(request) -> the JSON sent for the request | nil, error */
static int core_body (lua_State *L) {
  NvBuffer *b;
  int stream;
  luaL_checktype(L, 1, LUA_TTABLE);
  b = nv_newbuffer(L);
  if (nv_chat_request_write(L, 1, 0, b, &stream) != 0)
    return nv_error_config(L);
  lua_pushlstring(L, nv_buffer_data(b), nv_buffer_length(b));
  nv_buffer_free(b);
  return 1;
}


/* core.url(path, options) -> the URL of a request | nil, error */
static int core_url (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  NvCall o;
  lua_settop(L, 2);
  if (nv_options_read(L, 2, &o) != 0)
    return nv_error_config(L);
  nv_request_url_push(L, &o, path);
  return 1;
}


/* core.now() -> monotonic seconds */
static int core_now (lua_State *L) {
  lua_pushnumber(L, nv_now());
  return 1;
}


/* core.http_date(text, now) -> seconds since 1970 | nil if it is no date */
static int core_http_date (lua_State *L) {
  double now = luaL_checknumber(L, 2), seconds;
  size_t length;
  const char *text;
  if (lua_type(L, 1) != LUA_TSTRING)
    return 0;
  text = lua_tolstring(L, 1, &length);
  if (strlen(text) != length || nv_http_date(text, now, &seconds) != 0)
    return 0;
  lua_pushnumber(L, seconds);
  return 1;
}


/*
** core.random() -> a number in [0, 1) from the system's generator: processes
** started at the same time must not retry at the same time.
*/
static int core_random (lua_State *L) {
  unsigned char bytes[6];
  double x = 0;
  size_t i;
  FILE *source = fopen("/dev/urandom", "rb");
  if (source == NULL || fread(bytes, sizeof(bytes), 1, source) != 1)
    memset(bytes, (int)(fmod(nv_now() * 1e6, 256)), sizeof(bytes));
  if (source != NULL)
    fclose(source);
  for (i = 0; i < sizeof(bytes); i++)
    x = (x + bytes[i]) / 256;
  lua_pushnumber(L, x);
  return 1;
}


static void set_flag (lua_State *L, const char *name, int flag) {
  lua_pushboolean(L, flag);
  lua_setfield(L, -2, name);
}


/* core.features() -> a table of the versions and features of libcurl */
static int core_features (lua_State *L) {
  NvFeatures f;
  nv_pool_features(&f);
  lua_createtable(L, 0, 7);
  nv_settext(L, "libcurl", f.libcurl);
  nv_settext(L, "tls", f.tls);
  nv_settext(L, "ca_file", f.ca_file);
  nv_settext(L, "ca_path", f.ca_path);
  set_flag(L, "asynch_dns", f.asynch_dns);
  set_flag(L, "http2", f.http2);
  set_flag(L, "descriptor", f.descriptor);
  return 1;
}


static const luaL_Reg functions[] = {
  {"chat", core_chat},
  {"pool", core_pool},
  {"sse", nv_parser_new},
  {"reply", nv_reply_mark},
  {"body", core_body},
  {"encode", nv_json_encode},
  {"decode", nv_json_parse},
  {"array", nv_json_array},
  {"ascii", nv_text_ascii},
  {"base64", nv_base64_new},
  {"floats", nv_base64_floats},
  {"writer", nv_writer_new},
  {"same_file", nv_writer_same},
  {"sha256", nv_sha256_new},
  {"error", nv_error_new},
  {"url", core_url},
  {"wakeup", nv_wakeup_new},
  {"cleanup", nv_cleanup_new},
  {"interrupts", nv_watch_new},
  {"now", core_now},
  {"http_date", core_http_date},
  {"random", core_random},
  {"features", core_features},
  {"options", nv_options_list},
  {"columns", nv_terminal_columns},
  {"read_line", nv_terminal_read_line},
  {"mkdir", nv_folder_new},
  {NULL, NULL}
};


/* pushes the state table, which all functions of the module share */
static void push_state (lua_State *L) {
  lua_newtable(L);
  nv_cjson_open(L);
  nv_object_open(L);
  nv_json_empty_open(L);
  if (luaL_loadstring(L, "") != 0)
    lua_error(L);
  lua_rawseti(L, -2, NV_STATE_HOOK);
  /* short: libcurl 7.88 needs 80 instructions for each byte */
  lua_pushliteral(L, "User-Agent: novita-lua/" NV_VERSION);
  lua_rawseti(L, -2, NV_STATE_AGENT);
}


/*
** Keeps this module loaded, and with it libcurl: closing a Lua state unloads
** its C modules while a resolver thread of libcurl may still run.
*/
static void stay_loaded (void) {
#ifdef RTLD_NODELETE
  Dl_info us;
  if (dladdr((const void *)&functions, &us) != 0)
    dlopen(us.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
#endif
}


int luaopen_novita_core (lua_State *L) {
  int state;
  stay_loaded();
  push_state(L);
  state = lua_gettop(L);
  nv_transferclass_open(L, state);
  nv_poolclass_open(L, state);
  nv_parser_open(L, state);
  nv_writer_open(L, state);
  nv_nginx_open(L, state);
  nv_watchclass_open(L, state);
  nv_error_open(L, state);
  nv_response_open(L, state);
  nv_reply_open(L, state);
  lua_newtable(L);
  nv_setfunctions(L, functions, state);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  lua_pushliteral(L, NV_VERSION);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, built_for + strlen("novita.core built for "));
  lua_setfield(L, -2, "built_for");
  return 1;
}
