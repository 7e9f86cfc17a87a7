/*
** transfer_reply.c
** Methods of transfers that return the complete reply, or an error that Lua
** has found in it. Creating such an error needs the transfer, which has the
** status, the headers and the secrets to redact.
*/

#include "binding.h"


/*
** transfer:reply() -> reply, info | nil, error | nothing while it runs. This
** closes the transfer, unless a chat completion is irregular: then true
** follows, and stream/plain_reply.lua closes the transfer.
*/
int nv_transfer_reply (lua_State *L) {
  NvTransfer *t = nv_pin(L);
  int regular;
  lua_settop(L, 1);
  if (t->state == NV_RUNNING) {
    t->unread = 0;
    nv_unpin(L);
    return 0;
  }
  regular = nv_reply_push(L, t, t->answer);  /* 2, 3 */
  nv_unpin(L);
  if (regular) {
    nv_closetransfer(L, 1);
    return 2;
  }
  lua_pushboolean(L, 1);
  return 3;
}


/* pushes a buffer that holds the string at 'index' */
static NvBuffer *push_copy (lua_State *L, int index) {
  size_t length;
  const char *text = luaL_checklstring(L, index, &length);
  NvBuffer *b = nv_newbuffer(L);
  if (nv_buffer_append(b, text, length) != 0)
    luaL_error(L, "not enough memory");
  return b;
}


/*
** transfer:fault(json) -> error for a choice that has failed. 'json' has the
** form of an error body. The message does not quote the reply.
*/
int nv_transfer_fault (lua_State *L) {
  NvTransfer *t = nv_checktransfer(L, 1);
  luaL_checktype(L, 2, LUA_TSTRING);
  lua_settop(L, 2);
  t = nv_pin(L);
  nv_error_event(L, t, push_copy(L, 2));  /* 4 */
  if (!t->options.stream) {
    lua_pushliteral(L, "api_error");
    lua_setfield(L, 4, "kind");
    lua_pushlstring(L, nv_buffer_length(&t->body) > 0
                       ? nv_buffer_data(&t->body) : "",
                    nv_buffer_length(&t->body));
    lua_setfield(L, 4, "body");
  }
  nv_unpin(L);
  return 1;
}


/*
** transfer:unusable(why, text) -> error of kind invalid_response. 'text' is
** the invalid part of the reply, by default the whole body.
*/
int nv_transfer_unusable (lua_State *L) {
  NvTransfer *t = nv_checktransfer(L, 1);
  const char *why = luaL_checkstring(L, 2);
  lua_settop(L, 3);
  t = nv_pin(L);
  nv_error_invalid(L, t, why);  /* 4 */
  if (lua_isstring(L, 3)) {
    NvBuffer *b = push_copy(L, 3);  /* 5 */
    size_t length = nv_buffer_length(b);
    nv_transfer_redact(t, b);
    lua_pushlstring(L, length > 0 ? nv_buffer_data(b) : "", length);
    lua_setfield(L, 4, "body");
  }
  nv_unpin(L);
  lua_settop(L, 4);
  return 1;
}
