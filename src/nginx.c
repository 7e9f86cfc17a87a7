/*
** nginx.c
** Waiters, watches, bells and ties as Lua objects: what loop/worker.lua and
** loop/ngx.lua need beside pools and transfers.
*/

#include <stdint.h>

#include "binding.h"

#define NV_WAITER	"novita.waiter"
#define NV_WATCH	"novita.watch"
#define NV_BELL		"novita.bell"
#define NV_TIE		"novita.tie"


/* an address in a number, which holds 53 bits of it: more than there are */
static void *checkaddress (lua_State *L, int index) {
  return (void *)(uintptr_t)luaL_checknumber(L, index);
}


/*
** core.waiter(semaphore, address, subsystem) -> waiter | nil. It keeps the
** semaphore, whose C side is at the address.
*/
int nv_waiter_new (lua_State *L) {
  static const char *const subsystems[] = {"http", "stream", NULL};
  static const char *const posts[] = {
    "ngx_http_lua_ffi_sema_post", "ngx_stream_lua_ffi_sema_post"
  };
  void *semaphore = checkaddress(L, 2);
  int subsystem = luaL_checkoption(L, 3, NULL, subsystems);
  NvWaiter *w = nv_newobject(L, NV_WAITER, sizeof(*w), 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return nv_waiter_open(w, semaphore, posts[subsystem]) == 0;
}


static NvWaiter *checkwaiter (lua_State *L) {
  return luaL_checkudata(L, 1, NV_WAITER);
}


/* waiter:expect(transfer | nil) */
static int waiter_expect (lua_State *L) {
  NvWaiter *w = checkwaiter(L);
  nv_waiter_expect(w, lua_isnoneornil(L, 2) ? NULL : nv_checktransfer(L, 2));
  return 0;
}


/* waiter:rouse() */
static int waiter_rouse (lua_State *L) {
  nv_waiter_rouse(checkwaiter(L));
  return 0;
}


/* waiter:roused() -> was it, and has not settled since? */
static int waiter_roused (lua_State *L) {
  lua_pushboolean(L, checkwaiter(L)->roused);
  return 1;
}


/* waiter:settle() -> was it roused? */
static int waiter_settle (lua_State *L) {
  lua_pushboolean(L, nv_waiter_settle(checkwaiter(L)));
  return 1;
}


static int waiter_gc (lua_State *L) {
  nv_waiter_expect(checkwaiter(L), NULL);
  return 0;
}


/*
** pool:watch() -> watch, or nil where nginx is not as expected. It keeps the
** pool.
*/
int nv_watch_new (lua_State *L, NvPool *p) {
  NvWatch *w = nv_newobject(L, NV_WATCH, sizeof(*w), 1);
  lua_getiuservalue(L, 1, 1);
  lua_setiuservalue(L, -2, 1);
  return nv_watch_open(w, p) == 0;
}


/* pushes whether there was work since this was last asked */
static int push_rang (lua_State *L, int *rang) {
  lua_pushboolean(L, *rang);
  *rang = 0;
  return 1;
}


/* watch:rang() -> boolean */
static int watch_rang (lua_State *L) {
  NvWatch *w = luaL_checkudata(L, 1, NV_WATCH);
  return push_rang(L, &w->rang);
}


/* watch:close(), also for __gc and __close */
static int watch_close (lua_State *L) {
  nv_watch_close(luaL_checkudata(L, 1, NV_WATCH));
  return 0;
}


/*
** pool:bell(directory) -> bell, or nil when no socket can be made there. It
** keeps the pool.
*/
int nv_bell_new (lua_State *L, NvPool *p) {
  const char *directory = luaL_checkstring(L, 2);
  int descriptor = nv_pool_descriptor(p);
  NvBell *b = nv_newobject(L, NV_BELL, sizeof(*b), 1);
  lua_getiuservalue(L, 1, 1);
  lua_setiuservalue(L, -2, 1);
  return descriptor >= 0 && nv_bell_open(b, descriptor, directory) == 0;
}


static NvBell *checkbell (lua_State *L) {
  NvBell *b = luaL_checkudata(L, 1, NV_BELL);
  luaL_argcheck(L, b->open, 1, "closed bell");
  return b;
}


/* bell:path(): where to connect to, before bell:start() */
static int bell_path (lua_State *L) {
  lua_pushstring(L, checkbell(L)->path);
  return 1;
}


/* bell:start() -> does it ring now? After false it is closed. */
static int bell_start (lua_State *L) {
  lua_pushboolean(L, nv_bell_start(checkbell(L)) == 0);
  return 1;
}


/* bell:rearm(): it rings once more when pool:poll(0) has work */
static int bell_rearm (lua_State *L) {
  nv_bell_rearm(checkbell(L));
  return 0;
}


/* bell:rang() -> boolean */
static int bell_rang (lua_State *L) {
  NvBell *b = luaL_checkudata(L, 1, NV_BELL);
  return push_rang(L, &b->rang);
}


/* bell:close(), also for __gc and __close */
static int bell_close (lua_State *L) {
  nv_bell_close(luaL_checkudata(L, 1, NV_BELL));
  return 0;
}


/*
** core.tie(address) -> tie | nil: to the request of nginx at this address,
** which must be the one that runs.
*/
int nv_tie_new (lua_State *L) {
  void *request = checkaddress(L, 1);
  NvTie *tie = nv_newobject(L, NV_TIE, sizeof(*tie), 0);
  return nv_tie_open(tie, request) == 0;
}


/*
** tie:hold(transfer) -> boolean: the transfer ends with the request; or
** false: that has ended.
*/
static int tie_hold (lua_State *L) {
  NvTie *tie = luaL_checkudata(L, 1, NV_TIE);
  NvTransfer *t = nv_checktransfer(L, 2);
  if (tie->cleanup != NULL)
    nv_tie_hold(tie, t);
  lua_pushboolean(L, tie->cleanup != NULL);
  return 1;
}


static int tie_close (lua_State *L) {
  nv_tie_close(luaL_checkudata(L, 1, NV_TIE));
  return 0;
}


static const luaL_Reg waiter_methods[] = {
  {"expect", waiter_expect},
  {"rouse", waiter_rouse},
  {"roused", waiter_roused},
  {"settle", waiter_settle},
  {NULL, NULL}
};

static const luaL_Reg waiter_metamethods[] = {
  {"__gc", waiter_gc},
  {NULL, NULL}
};

static const luaL_Reg watch_methods[] = {
  {"rang", watch_rang},
  {"close", watch_close},
  {NULL, NULL}
};

static const luaL_Reg watch_metamethods[] = {
  {"__gc", watch_close},
  {"__close", watch_close},
  {NULL, NULL}
};

static const luaL_Reg bell_methods[] = {
  {"path", bell_path},
  {"start", bell_start},
  {"rearm", bell_rearm},
  {"rang", bell_rang},
  {"close", bell_close},
  {NULL, NULL}
};

static const luaL_Reg bell_metamethods[] = {
  {"__gc", bell_close},
  {"__close", bell_close},
  {NULL, NULL}
};

static const luaL_Reg tie_methods[] = {
  {"hold", tie_hold},
  {NULL, NULL}
};

static const luaL_Reg tie_metamethods[] = {
  {"__gc", tie_close},
  {NULL, NULL}
};


void nv_nginx_open (lua_State *L, int state) {
  nv_newclass(L, NV_WAITER, state, waiter_methods, waiter_metamethods);
  nv_newclass(L, NV_WATCH, state, watch_methods, watch_metamethods);
  nv_newclass(L, NV_BELL, state, bell_methods, bell_metamethods);
  nv_newclass(L, NV_TIE, state, tie_methods, tie_metamethods);
}
