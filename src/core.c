/*
** core.c
** novita.core, the module in C: its functions, and the blocking call.
*/

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "binding.h"

#define SLICE		0.1	/* a blocking call looks up this often */

int luaopen_novita_core (lua_State *L);

/* the loader finds this in the file when a wrong Lua can't load it */
#if LUA_VERSION_NUM < 502
static const char built_for[] = "novita.core built for Lua 5.1 or LuaJIT";
#else
static const char built_for[] = "novita.core built for " LUA_VERSION;
#endif


/* core.pool() -> pool */
static int core_pool (lua_State *L) {
  nv_newpool(L);
  return 1;
}


/* pushes the pool of the blocking calls; after a fork, a new one */
static NvPool *push_own_pool (lua_State *L) {
  NvPool *p;
  lua_rawgeti(L, NV_STATE, NV_STATE_POOL);
  p = lua_touserdata(L, -1);
  if (p == NULL || nv_pool_inherited(p)) {
    lua_pop(L, 1);
    p = nv_newpool(L);
    lua_pushvalue(L, -1);
    lua_rawseti(L, NV_STATE, NV_STATE_POOL);
  }
  return p;
}


/*
** Waits for the end. Between two looks Lua gets a chance to run its hooks,
** since Ctrl-C is one: an error it raises stops the transfer.
*/
static void wait_for (lua_State *L, NvPool *p, NvTransfer *t) {
  while (t->state == NV_RUNNING) {
    nv_pool_poll(p, SLICE);
    while (nv_pool_ready(p) != NULL)
      ;
    if (t->state != NV_RUNNING)
      return;
    lua_rawgeti(L, NV_STATE, NV_STATE_HOOK);
    if (lua_pcall(L, 0, 0, 0) != 0) {
      nv_transfer_cancel(t);
      lua_error(L);
    }
  }
}


/* core.chat(request, options) -> reply, info | nil, error: blocking */
static int core_chat (lua_State *L) {
  NvPool *p;
  NvTransfer *t;
  int results;
  luaL_argcheck(L, lua_istable(L, 1) || lua_type(L, 1) == LUA_TSTRING, 1,
                "table or JSON expected");
  lua_settop(L, 2);
  p = push_own_pool(L);  /* 3 */
  t = nv_newtransfer(L, 3, 0);  /* 4 */
  if (nv_start_chat(L, p, t, 1, 2) != 0)
    return nv_error_config(L);
  wait_for(L, p, t);
  if (t->options.stream && t->failure.kind == NULL)
    return luaL_error(L, "core.chat gives whole answers; use a pool to stream");
  results = nv_reply_push(L, t, 1);
  nv_closetransfer(L, 4);
  return results;
}


/* core.body(request) -> the JSON text that is sent for it | nil, error */
static int core_body (lua_State *L) {
  NvBuffer *b;
  int stream;
  luaL_checktype(L, 1, LUA_TTABLE);
  b = nv_newbuffer(L);
  if (nv_chat_write(L, 1, b, &stream) != 0)
    return nv_error_config(L);
  lua_pushlstring(L, nv_buffer_data(b), nv_buffer_length(b));
  nv_buffer_free(b);
  return 1;
}


/* core.now() -> monotonic seconds */
static int core_now (lua_State *L) {
  lua_pushnumber(L, nv_now());
  return 1;
}


/*
** core.random() -> a number in [0, 1), fresh from the system: processes that
** start together must not retry together.
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


static void set_text (lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);  /* nil for NULL */
  lua_setfield(L, -2, name);
}


static void set_flag (lua_State *L, const char *name, int flag) {
  lua_pushboolean(L, flag);
  lua_setfield(L, -2, name);
}


/* core.features() -> what libcurl is and can do, for people to look at */
static int core_features (lua_State *L) {
  NvFeatures f;
  nv_pool_features(&f);
  lua_createtable(L, 0, 7);
  set_text(L, "libcurl", f.libcurl);
  set_text(L, "tls", f.tls);
  set_text(L, "ca_file", f.ca_file);
  set_text(L, "ca_path", f.ca_path);
  set_flag(L, "asynch_dns", f.asynch_dns);
  set_flag(L, "http2", f.http2);
  set_flag(L, "descriptor", f.descriptor);
  return 1;
}


static const luaL_Reg functions[] = {
  {"chat", core_chat},
  {"pool", core_pool},
  {"sse", nv_events_new},
  {"reply", nv_reply_mark},
  {"body", core_body},
  {"encode", nv_json_encode},
  {"decode", nv_json_parse},
  {"array", nv_json_array},
  {"error", nv_error_new},
  {"waiter", nv_waiter_new},
  {"tie", nv_tie_new},
  {"now", core_now},
  {"random", core_random},
  {"features", core_features},
  {NULL, NULL}
};


/* pushes the state: what all functions of the module share */
static void push_state (lua_State *L) {
  lua_newtable(L);
  nv_json_open(L);
  nv_encode_open(L);
  if (luaL_loadstring(L, "") != 0)
    lua_error(L);
  lua_rawseti(L, -2, NV_STATE_HOOK);
  lua_pushfstring(L, "User-Agent: novita-lua/%s libcurl/%s lua/%s",
                  NV_VERSION, nv_pool_library(), &LUA_VERSION[4]);
  lua_rawseti(L, -2, NV_STATE_AGENT);
}


/*
** Closing a Lua state unloads its C modules, but a thread of libcurl's may
** still be looking a name up: it needs libcurl, which lives as long as we.
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
  nv_handles_open(L, state);
  nv_events_open(L, state);
  nv_nginx_open(L, state);
  nv_error_open(L);
  nv_info_open(L);
  nv_reply_open(L);
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
