/*
** transfer.c
** The methods of transfers, except those that return a plain reply
** (transfer_reply.c) or the chunks of a stream (chat_chunk.c).
*/

#include "binding.h"


/* __gc: nothing uses the transfer any more, pinned or not */
static int transfer_gc (lua_State *L) {
  NvTransfer **box = nv_checkself(L, NV_TRANSFER);
  if (*box != NULL)
    (*box)->pins = 0;
  nv_closetransfer(L, 1);
  return 0;
}


/* transfer:close(), also for __close */
static int transfer_close (lua_State *L) {
  nv_checkself(L, NV_TRANSFER);
  nv_closetransfer(L, 1);
  return 0;
}


/*
** transfer:next(brief) -> the next chunk of a stream | nil if there is none
** yet | false, nil, info at the end | false, error and perhaps info. The end
** closes the transfer.
*/
static int transfer_next (lua_State *L) {
  NvTransfer *t = nv_pin(L);
  int results, brief = lua_toboolean(L, 2);
  lua_settop(L, 1);
  results = nv_chat_chunk_next(L, t, brief);
  nv_unpin(L);
  if (lua_isboolean(L, -results) && !lua_toboolean(L, -results))
    nv_closetransfer(L, 1);
  return results;
}


/*
** transfer:info() -> info once the headers are complete | nil before | false
** if it ended without headers.
*/
static int transfer_info (lua_State *L) {
  NvTransfer *t = nv_pin(L);
  if (t->headers_complete)
    nv_response_push(L, t);
  else if (t->state == NV_DONE)
    lua_pushboolean(L, 0);
  else {
    t->unread = 0;
    lua_pushnil(L);
  }
  nv_unpin(L);
  return 1;
}


/*
** transfer:progress() -> sent, of, received, of: bytes of a form, and of a
** download; a total is 0 while it is unknown.
*/
static int transfer_progress (lua_State *L) {
  static const NvFiles none;
  const NvTransfer *t = nv_checktransfer(L, 1);
  const NvFiles *f = t->files ? t->files : &none;
  lua_pushinteger(L, (lua_Integer)f->sent);
  lua_pushinteger(L, (lua_Integer)f->sent_total);
  lua_pushinteger(L, (lua_Integer)f->received);
  lua_pushinteger(L, (lua_Integer)f->received_total);
  return 4;
}


/*
** transfer:news() -> is there news since reply(), next() or info() last
** returned nothing? True if the transfer is closed.
*/
static int transfer_news (lua_State *L) {
  NvTransfer **box = nv_checkself(L, NV_TRANSFER);
  lua_pushboolean(L, *box == NULL || (*box)->closed || (*box)->unread);
  return 1;
}


/*
** transfer:slot() -> a small integer, unique among the open transfers of its
** pool, or nil if it is closed. Slots are reused, so a table indexed by them
** stays small.
*/
static int transfer_slot (lua_State *L) {
  NvTransfer **box = nv_checkself(L, NV_TRANSFER);
  if (*box == NULL || (*box)->closed)
    return 0;
  lua_pushinteger(L, (*box)->id);
  return 1;
}


/* transfer:cancel(): reply() or next() then return a "cancelled" error */
static int transfer_cancel (lua_State *L) {
  nv_pool_cancel(nv_checktransfer(L, 1));
  return 0;
}


static int transfer_tostring (lua_State *L) {
  NvTransfer **box = nv_checkself(L, NV_TRANSFER);
  lua_pushfstring(L, "novita.transfer (%s)",
                  *box == NULL || (*box)->closed ? "closed"
                  : (*box)->state == NV_RUNNING ? "running" : "done");
  return 1;
}


static const luaL_Reg transfer_methods[] = {
  {"reply", nv_transfer_reply},
  {"next", transfer_next},
  {"info", transfer_info},
  {"progress", transfer_progress},
  {"fault", nv_transfer_fault},
  {"unusable", nv_transfer_unusable},
  {"news", transfer_news},
  {"slot", transfer_slot},
  {"cancel", transfer_cancel},
  {"close", transfer_close},
  {NULL, NULL}
};

static const luaL_Reg transfer_metamethods[] = {
  {"__gc", transfer_gc},
  {"__close", transfer_close},
  {"__tostring", transfer_tostring},
  {NULL, NULL}
};


void nv_transferclass_open (lua_State *L, int state) {
  nv_newclass(L, NV_TRANSFER, state, transfer_methods, transfer_metamethods);
  luaL_getmetatable(L, NV_TRANSFER);
  lua_rawseti(L, state, NV_STATE_TRANSFER);
}
