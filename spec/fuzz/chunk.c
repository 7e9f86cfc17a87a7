/*
** chunk.c
** libFuzzer target for the whole way of a stream: bytes to events to chunk
** tables. The first byte says how the rest is cut; cut or whole, the same
** chunks must come, and the same end.
**
** A transfer is filled by hand: no libcurl runs, and nothing is connected.
*/

#include <stdint.h>
#include <string.h>

#include <lualib.h>

#include "../../src/binding.h"

int luaopen_novita_core (lua_State *L);
int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);


/* one more piece of the body; at the last one the connection ends */
static void feed (NvTransfer *t, const uint8_t *data, size_t size, int last) {
  nv_buffer_append(&t->body, (const char *)data, size);
  t->state = last ? NV_DONE : NV_RUNNING;
}


/*
** Takes all chunks that there are, as JSON, onto the end of the string at
** the index 'all'. Returns whether the stream has ended.
*/
static int take (lua_State *L, NvTransfer *t, int all) {
  for (;;) {
    int top = lua_gettop(L);
    int results = nv_chunk_next(L, t);
    int type = lua_type(L, top + 1);
    if (type == LUA_TNIL) {
      lua_settop(L, top);
      return 0;
    }
    if (type == LUA_TBOOLEAN) {
      lua_pushvalue(L, all);
      if (results == 2)
        lua_getfield(L, top + 2, "kind");
      else
        lua_pushliteral(L, "end");
    }
    else {
      lua_pushvalue(L, all);
      lua_pushvalue(L, lua_upvalueindex(2));  /* core.encode */
      lua_pushvalue(L, top + 1);
      lua_call(L, 1, 1);
      if (lua_isnil(L, -1))
        lua_pushliteral(L, "inf");
      else
        lua_pushvalue(L, -1);
      lua_remove(L, -2);
    }
    lua_concat(L, 2);
    lua_replace(L, all);
    lua_settop(L, top);
    if (type == LUA_TBOOLEAN)
      return 1;
  }
}


/* stream(bytes, step): all that comes of the bytes, given 'step' at a time */
static int stream (lua_State *L) {
  size_t size, at = 0, step = (size_t)lua_tointeger(L, 2);
  const uint8_t *data = (const uint8_t *)lua_tolstring(L, 1, &size);
  NvTransfer *t = nv_transfer_new();
  int ended = 0;
  nv_sse_init(&t->events, 0);
  t->events.errors = 1;
  t->options.stream = 1;
  t->headers_complete = 1;
  t->status = 200;
  lua_pushliteral(L, "");
  do {
    size_t n = size - at < step ? size - at : step;
    feed(t, data + at, n, at + n == size);
    at += n;
    ended = take(L, t, 3);
  } while (!ended && at < size);
  t->state = NV_DONE;
  nv_transfer_free(t);
  lua_settop(L, 3);
  return 1;
}


static lua_State *new_state (void) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_pushcfunction(L, luaopen_novita_core);
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "chat");
  lua_getupvalue(L, -1, 1);  /* the module's state */
  lua_getfield(L, -3, "encode");
  lua_pushcclosure(L, stream, 2);
  return L;
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static lua_State *L;
  int top;
  if (L == NULL)
    L = new_state();
  if (size < 2)
    return 0;
  top = lua_gettop(L);
  lua_pushvalue(L, top);
  lua_pushlstring(L, (const char *)data + 1, size - 1);
  lua_pushinteger(L, (lua_Integer)size);
  lua_call(L, 2, 1);
  lua_pushvalue(L, top);
  lua_pushlstring(L, (const char *)data + 1, size - 1);
  lua_pushinteger(L, data[0] % 32 + 1);
  lua_call(L, 2, 1);
  if (!lua_rawequal(L, -1, -2))
    __builtin_trap();
  lua_settop(L, top);
  return 0;
}
