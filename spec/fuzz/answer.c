/*
** answer.c
** Fuzz target of a plain answer: status, headers and body to a reply or an
** error. The first two bytes choose the status, the third whether the
** connection broke; then come header lines up to a NUL, and the body.
** Nothing may be raised, and no error may hold the key that was sent.
*/

#include "fuzz.h"

static int reply_ref, check_ref;

static const char program[] =
  CHECK_ERROR
  "local reply = ...\n"
  "return reply, function(reply, err)\n"
  "  if not reply then check_error(err) end\n"
  "end\n";


static int call_reply (lua_State *S) {
  NvTransfer *t = lua_touserdata(S, 1);
  lua_settop(S, 0);
  nv_reply_push(S, t, NV_CHAT);
  return 2;
}


static void setup (void) {
  open_lua(program, call_reply, 2);
  check_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  reply_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}


static NvTransfer *new_answer (const uint8_t *data, size_t size) {
  const uint8_t *body = memchr(data + 3, 0, size - 3);
  size_t head = body ? (size_t)(body - data) - 3 : 0;
  NvTransfer *t = new_transfer(200 + (data[0] * 256 + data[1]) % 400, "body",
                               (const char *)data + 3, head);
  body = body ? body + 1 : data + 3;
  nv_buffer_append(&t->body, (const char *)body,
                   size - (size_t)(body - data));
  end_transfer(t, data[2] & 1);
  return t;
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  NvTransfer *t;
  if (L == NULL)
    setup();
  if (size < 3)
    return 0;
  t = new_answer(data, size);
  lua_rawgeti(L, LUA_REGISTRYINDEX, check_ref);
  lua_rawgeti(L, LUA_REGISTRYINDEX, reply_ref);
  lua_pushlightuserdata(L, t);
  if (lua_pcall(L, 1, 2, 0) != 0)
    fail("reply");
  if (lua_pcall(L, 2, 0, 0) != 0)
    fail("error");
  nv_pool_drop(t);
  lua_settop(L, 0);
  return 0;
}
