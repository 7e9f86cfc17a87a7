/*
** handle.c
** Pools and transfers as userdata.
**
** Both are zeroed before anything can fail; close(), __gc and __close are one
** idempotent function. A transfer keeps its pool alive. The pool does not keep
** its transfers alive: an unreferenced one is collected, which cancels it.
** They share a table as user value: [ANCHOR_POOL] = the pool,
** [ANCHOR_TRANSFERS] = a weak table of transfers by id.
**
** A function that creates Lua values while it uses a transfer pins it. Code
** that Lua runs meanwhile may close the transfer, which cancels it at once;
** the last unpin frees it. A function that raises leaves its pin; then the
** transfer is freed when it is collected, because the userdata is on the stack
** of every function that uses it.
*/

#include <errno.h>
#include <string.h>

#include "binding.h"

enum { ANCHOR_POOL = 1, ANCHOR_TRANSFERS };


/* raises if the pool was inherited by fork */
static void check_process (lua_State *L, const NvPool *p) {
  luaL_argcheck(L, !nv_pool_inherited(p), 1,
                "pool used after fork: make a new one in the child");
}


/* returns the transfer's userdata at 'index', or raises */
NvTransfer **nv_checkbox (lua_State *L, int index) {
  int same = 0;
  if (lua_getmetatable(L, index)) {
    lua_rawgeti(L, NV_STATE, NV_STATE_TRANSFER);
    same = lua_topointer(L, -1) == lua_topointer(L, -2);
    lua_pop(L, 2);
  }
  return same ? lua_touserdata(L, index)
              : luaL_checkudata(L, index, NV_TRANSFER);  /* raises */
}


NvTransfer *nv_checktransfer (lua_State *L, int index) {
  NvTransfer **box = index == 1 ? nv_checkself(L, NV_TRANSFER)
                                : nv_checkbox(L, index);
  luaL_argcheck(L, *box != NULL && !(*box)->closed, index,
                "closed transfer");
  if ((*box)->pool != NULL)
    check_process(L, (*box)->pool);
  return *box;
}


/* returns the transfer at 1, which is not freed before nv_unpin */
NvTransfer *nv_pin (lua_State *L) {
  NvTransfer *t = nv_checktransfer(L, 1);
  t->pins++;
  return t;
}


void nv_unpin (lua_State *L) {
  NvTransfer **box = lua_touserdata(L, 1);
  NvTransfer *t = *box;
  if (--t->pins > 0 || !t->closed)
    return;
  *box = NULL;
  nv_pool_drop(t);
}


/*
** Pushes a new transfer of the pool at index 'pool'. A named one is in the
** table of transfers by id, for pool:ready().
*/
NvTransfer *nv_newtransfer (lua_State *L, int pool, int named) {
  NvPool *p = lua_touserdata(L, pool);
  NvTransfer **box = lua_newuserdatauv(L, sizeof(*box), 1);
  *box = NULL;
  lua_rawgeti(L, NV_STATE, NV_STATE_TRANSFER);
  lua_setmetatable(L, -2);
  lua_getiuservalue(L, pool, 1);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, 1);
  *box = nv_transfer_new(p);
  if (*box == NULL)
    luaL_error(L, "not enough memory");
  if (named) {
    if ((*box)->id == 0)
      (*box)->id = ++p->last_id;
    lua_rawgeti(L, -1, ANCHOR_TRANSFERS);
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, (*box)->id);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return *box;
}


/* cancels a pinned transfer, unless its end has been received */
static void cancel_pinned (NvTransfer *t) {
  t->closed = 1;
  if (!t->done_seen && (t->pool == NULL || !nv_pool_inherited(t->pool)))
    nv_pool_cancel(t);
}


/* closes the transfer at 'index'. Idempotent. */
void nv_closetransfer (lua_State *L, int index) {
  NvTransfer **box = lua_touserdata(L, index);
  NvTransfer *t = *box;
  if (t == NULL)
    return;
  if (t->id != 0) {
    lua_getiuservalue(L, index, 1);
    lua_rawgeti(L, -1, ANCHOR_TRANSFERS);
    lua_pushnil(L);
    lua_rawseti(L, -2, t->id);
    lua_pop(L, 2);
  }
  if (t->pins > 0) {
    cancel_pinned(t);
    return;
  }
  *box = NULL;
  nv_pool_drop(t);
}


/* pushes a new pool and returns it; or pushes nil and an error */
NvPool *nv_newpool (lua_State *L) {
  NvPool *p = nv_newobject(L, NV_POOL, sizeof(*p), 1);
  int lacking;
  lua_createtable(L, 2, 0);  /* anchors */
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, ANCHOR_POOL);
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "v");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
  lua_rawseti(L, -2, ANCHOR_TRANSFERS);
  lua_setiuservalue(L, -2, 1);
  lacking = nv_pool_open(p);
  if (lacking == 0)
    return p;
  if (lacking == ENOMEM)
    luaL_error(L, "not enough memory");
  lua_pushliteral(L, "");
  lua_pushfstring(L, "no connections can be made: %s", strerror(lacking));
  nv_error_config(L);
  return NULL;
}


/* pushes the transfer of the pool at 1 that has this id, or nil */
void nv_pushtransfer (lua_State *L, int id) {
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, -1, ANCHOR_TRANSFERS);
  lua_rawgeti(L, -1, id);
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/* returns the pool at 1; raises if it is closed or was inherited by fork */
NvPool *nv_checkpool (lua_State *L) {
  NvPool *p = nv_checkself(L, NV_POOL);
  luaL_argcheck(L, p->multi != NULL, 1, "closed pool");
  check_process(L, p);
  return p;
}
