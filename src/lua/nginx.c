/*
** nginx.c
** The classes of nginx.h as Lua objects, for loop/ngx.lua and
** loop/ngx_worker.lua.
*/

#include <stdint.h>

#include "binding.h"

#define NV_WAKEUP	"novita.wakeup"
#define NV_NGINX_EVENT	"novita.event"
#define NV_NOTIFIER		"novita.notifier"
#define NV_CLEANUP		"novita.cleanup"


/* an address as a number: a double holds 53 bits, addresses have fewer */
static void *checkaddress (lua_State *L, int index) {
  return (void *)(uintptr_t)luaL_checknumber(L, index);
}


/*
** core.wakeup(semaphore, address, subsystem) -> wakeup | nil. 'address' is
** that of the semaphore's C object. The wakeup keeps the semaphore alive.
*/
int nv_wakeup_new (lua_State *L) {
  static const char *const subsystems[] = {"http", "stream", NULL};
  static const char *const posts[] = {
    "ngx_http_lua_ffi_sema_post", "ngx_stream_lua_ffi_sema_post"
  };
  void *semaphore = checkaddress(L, 2);
  int subsystem = luaL_checkoption(L, 3, NULL, subsystems);
  NvWakeup *w = nv_newobject(L, NV_WAKEUP, sizeof(*w), 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return nv_wakeup_open(w, semaphore, posts[subsystem]) == 0;
}


static NvWakeup *checkwakeup (lua_State *L) {
  return nv_checkself(L, NV_WAKEUP);
}


/* wakeup:listen(transfer | nil) */
static int wakeup_listen (lua_State *L) {
  NvWakeup *w = checkwakeup(L);
  nv_wakeup_listen(w, lua_isnoneornil(L, 2) ? NULL : nv_checktransfer(L, 2));
  return 0;
}


/* wakeup:post() */
static int wakeup_post (lua_State *L) {
  nv_wakeup_post(checkwakeup(L));
  return 0;
}


/* wakeup:posted() -> was it posted since the last reset? */
static int wakeup_posted (lua_State *L) {
  lua_pushboolean(L, checkwakeup(L)->posted);
  return 1;
}


/* wakeup:reset() -> was it posted? */
static int wakeup_reset (lua_State *L) {
  lua_pushboolean(L, nv_wakeup_reset(checkwakeup(L)));
  return 1;
}


static int wakeup_gc (lua_State *L) {
  nv_wakeup_listen(checkwakeup(L), NULL);
  return 0;
}


/* pool:dispatch() -> in_flight: poll(0), and posts wakeups, see wakeup.c */
static int pool_dispatch (lua_State *L) {
  lua_pushinteger(L, nv_wakeup_dispatch(nv_checkpool(L)));
  return 1;
}


/*
** pool:event() -> event, or nil where nginx can't poll the pool. The event
** keeps the pool alive.
*/
static int pool_event (lua_State *L) {
  NvPool *p = nv_checkpool(L);
  NvNginxEvent *w = nv_newobject(L, NV_NGINX_EVENT, sizeof(*w), 1);
  lua_getiuservalue(L, 1, 1);
  lua_setiuservalue(L, -2, 1);
  return p->multi != NULL && nv_nginx_event_open(w, p) == 0;
}


/* pushes the flag and clears it */
static int push_fired (lua_State *L, int *fired) {
  lua_pushboolean(L, *fired);
  *fired = 0;
  return 1;
}


/* event:fired() -> has it fired since the last call? */
static int event_fired (lua_State *L) {
  NvNginxEvent *w = nv_checkself(L, NV_NGINX_EVENT);
  return push_fired(L, &w->fired);
}


/* event:close(), also for __gc and __close */
static int event_close (lua_State *L) {
  nv_nginx_event_close(nv_checkself(L, NV_NGINX_EVENT));
  return 0;
}


/*
** pool:notifier(directory) -> notifier, or nil if it can't make a socket
** there. The notifier keeps the pool alive.
*/
static int pool_notifier (lua_State *L) {
  NvPool *p = nv_checkpool(L);
  const char *directory = luaL_checkstring(L, 2);
  NvNotifier *n = nv_newobject(L, NV_NOTIFIER, sizeof(*n), 1);
  int descriptor = p->multi != NULL ? nv_pool_descriptor(p) : -1;
  lua_getiuservalue(L, 1, 1);
  lua_setiuservalue(L, -2, 1);
  return descriptor >= 0 && nv_notifier_open(n, descriptor, directory) == 0;
}


static NvNotifier *checknotifier (lua_State *L) {
  NvNotifier *n = nv_checkself(L, NV_NOTIFIER);
  luaL_argcheck(L, n->open, 1, "closed notifier");
  return n;
}


/* notifier:path() -> the path to connect to before notifier:start() */
static int notifier_path (lua_State *L) {
  lua_pushstring(L, checknotifier(L)->path);
  return 1;
}


/* notifier:start() -> boolean; false closes it */
static int notifier_start (lua_State *L) {
  lua_pushboolean(L, nv_notifier_start(checknotifier(L)) == 0);
  return 1;
}


/* notifier:rearm(): notifies once more when pool:poll(0) has work */
static int notifier_rearm (lua_State *L) {
  nv_notifier_rearm(checknotifier(L));
  return 0;
}


/* notifier:fired() -> was it rearmed since the last call? */
static int notifier_fired (lua_State *L) {
  NvNotifier *n = nv_checkself(L, NV_NOTIFIER);
  return push_fired(L, &n->fired);
}


/* notifier:close(), also for __gc and __close */
static int notifier_close (lua_State *L) {
  nv_notifier_close(nv_checkself(L, NV_NOTIFIER));
  return 0;
}


/*
** core.cleanup(address) -> cleanup | nil: of the current nginx request, which
** is at this address.
*/
int nv_cleanup_new (lua_State *L) {
  void *request = checkaddress(L, 1);
  NvCleanup *c = nv_newobject(L, NV_CLEANUP, sizeof(*c), 0);
  return nv_cleanup_open(c, request) == 0;
}


/*
** cleanup:add(transfer) -> boolean: cancels the transfer when the request
** ends; false if it has ended already.
*/
static int cleanup_add (lua_State *L) {
  NvCleanup *c = nv_checkself(L, NV_CLEANUP);
  NvTransfer *t = nv_checktransfer(L, 2);
  if (c->nginx != NULL)
    nv_cleanup_add(c, t);
  lua_pushboolean(L, c->nginx != NULL);
  return 1;
}


static int cleanup_close (lua_State *L) {
  nv_cleanup_close(nv_checkself(L, NV_CLEANUP));
  return 0;
}


static const luaL_Reg nginx_pool_methods[] = {
  {"dispatch", pool_dispatch},
  {"event", pool_event},
  {"notifier", pool_notifier},
  {NULL, NULL}
};

static const luaL_Reg wakeup_methods[] = {
  {"listen", wakeup_listen},
  {"post", wakeup_post},
  {"posted", wakeup_posted},
  {"reset", wakeup_reset},
  {NULL, NULL}
};

static const luaL_Reg wakeup_metamethods[] = {
  {"__gc", wakeup_gc},
  {NULL, NULL}
};

static const luaL_Reg event_methods[] = {
  {"fired", event_fired},
  {"close", event_close},
  {NULL, NULL}
};

static const luaL_Reg event_metamethods[] = {
  {"__gc", event_close},
  {"__close", event_close},
  {NULL, NULL}
};

static const luaL_Reg notifier_methods[] = {
  {"path", notifier_path},
  {"start", notifier_start},
  {"rearm", notifier_rearm},
  {"fired", notifier_fired},
  {"close", notifier_close},
  {NULL, NULL}
};

static const luaL_Reg notifier_metamethods[] = {
  {"__gc", notifier_close},
  {"__close", notifier_close},
  {NULL, NULL}
};

static const luaL_Reg cleanup_methods[] = {
  {"add", cleanup_add},
  {NULL, NULL}
};

static const luaL_Reg cleanup_metamethods[] = {
  {"__gc", cleanup_close},
  {NULL, NULL}
};


/* makes the classes, and gives pools the methods that make their objects */
void nv_nginx_open (lua_State *L, int state) {
  int pool;
  nv_newclass(L, NV_WAKEUP, state, wakeup_methods, wakeup_metamethods);
  nv_newclass(L, NV_NGINX_EVENT, state, event_methods, event_metamethods);
  nv_newclass(L, NV_NOTIFIER, state, notifier_methods, notifier_metamethods);
  nv_newclass(L, NV_CLEANUP, state, cleanup_methods, cleanup_metamethods);
  pool = lua_gettop(L) + 1;
  luaL_getmetatable(L, NV_POOL);
  lua_getfield(L, -1, "__index");
  nv_setmethods(L, nginx_pool_methods, state, pool);
  lua_pop(L, 2);
}
