/*
** pool.c
** The methods of pools: start transfers and wait for them.
*/

#include "binding.h"


/*
** pool:chat(request, options, known) -> transfer, slot | nil, error. Starts a
** chat and returns at once. nil, false: nothing is started, since the request
** has a field that the set 'known' lacks.
*/
static int pool_chat (lua_State *L) {
  NvPool *p = nv_checkpool(L);
  NvTransfer *t;
  int result;
  luaL_argcheck(L, lua_istable(L, 2) || lua_type(L, 2) == LUA_TSTRING, 2,
                "table or JSON expected");
  lua_settop(L, 4);
  t = nv_newtransfer(L, 1, 1);  /* 5 */
  result = nv_start_chat(L, p, t, 2, 3, lua_istable(L, 4) ? 4 : 0);
  if (result == NV_UNKNOWN) {
    nv_closetransfer(L, 5);  /* kept for the next start */
    lua_pushnil(L);
    lua_pushboolean(L, 0);
    return 2;
  }
  if (result != 0)
    return nv_error_config(L);
  lua_settop(L, 5);
  lua_pushinteger(L, t->id);
  return 2;
}


/*
** pool:poll(seconds, transfer) -> in_flight, news. Waits until the transfer,
** by default any, has news, at most 'seconds' (default 0). A signal ends the
** wait early. 'news' says whether the transfer has news, by default whether
** pool:ready() returns one. Code of a hook may have closed it, or the pool.
*/
static int pool_poll (lua_State *L) {
  NvPool *p = nv_checkself(L, NV_POOL);
  const NvTransfer *t = NULL;
  lua_Number seconds;
  if (lua_isuserdata(L, 3)) {
    t = *nv_checkbox(L, 3);
    if (t == NULL || t->closed || p->multi == NULL) {
      lua_pushinteger(L, p->in_flight);
      lua_pushboolean(L, 1);
      return 2;
    }
  }
  nv_checkpool(L);
  seconds = luaL_optnumber(L, 2, 0);
  luaL_argcheck(L, t != NULL || lua_isnoneornil(L, 3), 3, "transfer expected");
  luaL_argcheck(L, seconds == seconds, 2, "seconds expected, got NaN");
  lua_pushinteger(L, nv_pool_poll(p, seconds, t));
  lua_pushboolean(L, nv_pool_has_news(p, t));
  return 2;
}


/* pool:ready() -> the next transfer that has news, its slot | nil */
static int pool_ready (lua_State *L) {
  NvPool *p = nv_checkpool(L);
  NvTransfer *t;
  while ((t = nv_pool_next_ready(p)) != NULL) {
    nv_pushtransfer(L, t->id);
    lua_pushinteger(L, t->id);
    if (!lua_isnil(L, -2))
      return 2;
    lua_pop(L, 2);  /* collected */
  }
  lua_pushnil(L);
  return 1;
}


/*
** pool:fd() -> descriptor | nil. It is readable whenever poll(0) has work, so
** that an event loop can drive the pool; nil if the system has no epoll.
*/
static int pool_fd (lua_State *L) {
  int descriptor = nv_pool_descriptor(nv_checkpool(L));
  if (descriptor < 0)
    return 0;
  lua_pushinteger(L, descriptor);
  return 1;
}


/* pool:usable() -> is it open, and was it created by this process? */
static int pool_usable (lua_State *L) {
  const NvPool *p = nv_checkself(L, NV_POOL);
  lua_pushboolean(L, p->multi != NULL && !nv_pool_inherited(p));
  return 1;
}


/* pool:close(), also __gc and __close: cancels what is in flight */
static int pool_close (lua_State *L) {
  nv_pool_close(nv_checkself(L, NV_POOL));
  return 0;
}


static int pool_tostring (lua_State *L) {
  const NvPool *p = nv_checkself(L, NV_POOL);
  if (p->multi == NULL)
    lua_pushliteral(L, "novita.pool (closed)");
  else
    lua_pushfstring(L, "novita.pool (%d in flight)", p->in_flight);
  return 1;
}


static const luaL_Reg pool_methods[] = {
  {"chat", pool_chat},
  {"request", nv_pool_request},
  {"poll", pool_poll},
  {"ready", pool_ready},
  {"fd", pool_fd},
  {"usable", pool_usable},
  {"close", pool_close},
  {NULL, NULL}
};

static const luaL_Reg pool_metamethods[] = {
  {"__gc", pool_close},
  {"__close", pool_close},
  {"__tostring", pool_tostring},
  {NULL, NULL}
};


void nv_poolclass_open (lua_State *L, int state) {
  nv_newclass(L, NV_POOL, state, pool_methods, pool_metamethods);
}
