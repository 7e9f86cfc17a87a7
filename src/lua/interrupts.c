/*
** interrupts.c
** Watches of SIGINT, SIGTERM and SIGHUP as userdata. An interrupt runs no Lua:
** code that can stop asks for the count.
*/

#include "binding.h"


/* core.interrupts() -> watch. Signals only count until it is closed. */
int nv_watch_new (lua_State *L) {
  NvWatch *w = nv_newobject(L, NV_WATCH, sizeof(*w), 0);
  nv_watch_open(w);
  return 1;
}


/* watch:count() -> signals since it was opened, until it was closed */
static int watch_count (lua_State *L) {
  lua_pushinteger(L, nv_watch_count(nv_checkself(L, NV_WATCH)));
  return 1;
}


/* watch:close(), also __gc and __close */
static int watch_close (lua_State *L) {
  nv_watch_close(nv_checkself(L, NV_WATCH));
  return 0;
}


static int watch_tostring (lua_State *L) {
  const NvWatch *w = nv_checkself(L, NV_WATCH);
  if (w->open)
    lua_pushfstring(L, "novita.watch (%d)", nv_watch_count(w));
  else
    lua_pushliteral(L, "novita.watch (closed)");
  return 1;
}


void nv_watchclass_open (lua_State *L, int state) {
  static const luaL_Reg methods[] = {
    {"count", watch_count},
    {"close", watch_close},
    {NULL, NULL}
  };
  static const luaL_Reg metamethods[] = {
    {"__gc", watch_close},
    {"__close", watch_close},
    {"__tostring", watch_tostring},
    {NULL, NULL}
  };
  nv_newclass(L, NV_WATCH, state, methods, metamethods);
}
