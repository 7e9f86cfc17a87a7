/*
** handles.c
** Pools and transfers as Lua objects.
**
** A pool is its connections; a transfer is one exchange. Both are userdata
** that are empty before anything can fail, and closing, collecting and
** __close are one idempotent function. A transfer keeps its
** pool alive; the pool does not keep a transfer, so one that nobody holds is
** collected, and thereby stopped. They share a table of anchors:
** [ANCHOR_POOL] = the pool, [ANCHOR_TRANSFERS] = weak, slot -> transfer.
*/

#include <string.h>

#include "binding.h"

#define MAX_SLOT	2000000000	/* then they begin again at 1 */

enum { ANCHOR_POOL = 1, ANCHOR_TRANSFERS };


/*
** {======================================================
** Transfers
** =======================================================
*/

/* in a child of its process a pool is of no use, nor what is tied to it */
static void check_ours (lua_State *L, const NvPool *p) {
  luaL_argcheck(L, !nv_pool_inherited(p), 1,
                "pool used after fork: make a new one in the child");
}


NvTransfer *nv_checktransfer (lua_State *L, int index) {
  NvTransfer **box = luaL_checkudata(L, index, NV_TRANSFER);
  luaL_argcheck(L, *box != NULL, index, "closed transfer");
  if ((*box)->pool != NULL)
    check_ours(L, (*box)->pool);
  return *box;
}

#define checktransfer(L)	nv_checktransfer(L, 1)


/*
** Pushes a new transfer of the pool at 'pool'. A named one can be found
** again by its slot, when the pool says that it has news.
*/
NvTransfer *nv_newtransfer (lua_State *L, int pool, int named) {
  NvPool *p = lua_touserdata(L, pool);
  NvTransfer **box = lua_newuserdatauv(L, sizeof(*box), 1);
  *box = NULL;
  luaL_getmetatable(L, NV_TRANSFER);
  lua_setmetatable(L, -2);
  lua_getiuservalue(L, pool, 1);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, 1);
  *box = nv_transfer_new();
  if (*box == NULL)
    luaL_error(L, "not enough memory");
  if (named) {
    (*box)->slot = p->serial = p->serial < MAX_SLOT ? p->serial + 1 : 1;
    lua_rawgeti(L, -1, ANCHOR_TRANSFERS);
    lua_pushvalue(L, -3);
    lua_rawseti(L, -2, (*box)->slot);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return *box;
}


/* makes sure that the path is what follows the base URL */
static void push_url (lua_State *L, const NvCall *o, const char *path) {
  size_t length = strlen(o->base_url);
  while (o->base_url[length - 1] == '/')
    length--;
  lua_pushlstring(L, o->base_url, length);
  lua_pushstring(L, path);
  lua_concat(L, 2);
}


/*
** Starts the transfer, whose body is written already, with the options at
** 'options'. Returns 0, or -1 with a problem pushed.
*/
static int start (lua_State *L, NvPool *p, NvTransfer *t, NvCall *o,
                  int options, const char *method, const char *path) {
  if (nv_headers_write(L, t, o, options) != 0)
    return -1;
  push_url(L, o, path);
  o->wire.url = lua_tostring(L, -1);
  o->wire.method = method;
  if (nv_transfer_start(t, p, &o->wire) != 0)
    return luaL_error(L, "not enough memory");
  lua_pop(L, 1);
  return 0;
}


/* the same for a chat: 'request' is a table, or the JSON made of one */
int nv_start_chat (lua_State *L, NvPool *p, NvTransfer *t, int request,
                       int options) {
  NvCall o;
  int stream = 0;
  if (nv_options_read(L, options, &o) != 0)
    return -1;
  if (lua_type(L, request) == LUA_TSTRING) {
    size_t length;
    const char *body = lua_tolstring(L, request, &length);
    if (nv_buffer_append(&t->request, body, length) != 0)
      return luaL_error(L, "not enough memory");
  }
  else if (nv_chat_write(L, request, &t->request, &stream) != 0)
    return -1;
  o.wire.stream |= stream;
  t->chat = 1;
  return start(L, p, t, &o, options, "POST", "/chat/completions");
}


/* closes the transfer at 'index', if it is not */
void nv_closetransfer (lua_State *L, int index) {
  NvTransfer **box = lua_touserdata(L, index);
  NvTransfer *t = *box;
  if (t == NULL)
    return;
  *box = NULL;
  if (t->slot != 0) {
    lua_getiuservalue(L, index, 1);
    lua_rawgeti(L, -1, ANCHOR_TRANSFERS);
    lua_pushnil(L);
    lua_rawseti(L, -2, t->slot);
    lua_pop(L, 2);
  }
  nv_transfer_free(t);
}


/* transfer:close(), also for __gc and __close */
static int transfer_close (lua_State *L) {
  luaL_checkudata(L, 1, NV_TRANSFER);
  nv_closetransfer(L, 1);
  return 0;
}


/*
** transfer:reply() -> reply, info | nil, error | nothing while it runs.
** The transfer is closed by its answer.
*/
static int transfer_reply (lua_State *L) {
  NvTransfer *t = checktransfer(L);
  int results;
  if (t->state == NV_RUNNING)
    return 0;
  results = nv_reply_push(L, t, t->chat);
  nv_closetransfer(L, 1);
  return results;
}


/*
** transfer:next(), for streams: the next chunk; or nil when there is none
** yet; or, at the end, false, nil, info, or false, an error and perhaps the
** info. The transfer is closed by its end.
*/
static int transfer_next (lua_State *L) {
  NvTransfer *t = checktransfer(L);
  int results;
  lua_settop(L, 1);
  results = nv_chunk_next(L, t);
  if (lua_type(L, -results) == LUA_TBOOLEAN)
    nv_closetransfer(L, 1);
  return results;
}


/*
** transfer:info() -> what is known beside the body, once the headers are
** here; nil before; false when it ended without any.
*/
static int transfer_info (lua_State *L) {
  NvTransfer *t = checktransfer(L);
  if (t->headers_complete)
    nv_info_push(L, t);
  else if (t->state == NV_DONE)
    lua_pushboolean(L, 0);
  else
    lua_pushnil(L);
  return 1;
}


/* transfer:cancel(): stops at once; reply() or next() then say "cancelled" */
static int transfer_cancel (lua_State *L) {
  nv_transfer_cancel(checktransfer(L));
  return 0;
}


static int transfer_tostring (lua_State *L) {
  NvTransfer **box = luaL_checkudata(L, 1, NV_TRANSFER);
  lua_pushfstring(L, "novita.transfer (%s)", *box == NULL ? "closed"
                  : (*box)->state == NV_RUNNING ? "running" : "done");
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Pools
** =======================================================
*/

static NvPool *checkpool (lua_State *L) {
  NvPool *p = luaL_checkudata(L, 1, NV_POOL);
  luaL_argcheck(L, p->multi != NULL, 1, "closed pool");
  check_ours(L, p);
  return p;
}


/* pushes a new pool */
NvPool *nv_newpool (lua_State *L) {
  NvPool *p = nv_newobject(L, NV_POOL, sizeof(*p), 1);
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
  if (nv_pool_open(p) != 0)
    luaL_error(L, "can't set up libcurl: out of memory or descriptors");
  return p;
}


/*
** pool:chat(request, options) -> transfer | nil, error. It is under way
** when this returns.
*/
static int pool_chat (lua_State *L) {
  NvPool *p = checkpool(L);
  NvTransfer *t;
  luaL_argcheck(L, lua_istable(L, 2) || lua_type(L, 2) == LUA_TSTRING, 2,
                "table or JSON expected");
  lua_settop(L, 3);
  t = nv_newtransfer(L, 1, 1);  /* 4 */
  if (nv_start_chat(L, p, t, 2, 3) != 0)
    return nv_error_config(L);
  lua_settop(L, 4);
  return 1;
}


/* sets 'text' to field 'name' of the table at 'index', or 'otherwise' */
static const char *text_field (lua_State *L, int index, const char *name,
                               const char *otherwise) {
  lua_getfield(L, index, name);
  if (lua_isnil(L, -1) && otherwise != NULL)
    return otherwise;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field '%s' must be a string", name);
  return lua_tostring(L, -1);
}


/*
** pool:request({ method, path, body, public }, options) -> transfer | nil,
** error: any other endpoint; 'path' follows the base URL, 'body' is JSON
** text, 'public' that there need not be a key.
*/
static int pool_request (lua_State *L) {
  NvPool *p = checkpool(L);
  NvTransfer *t;
  NvCall o;
  const char *method, *path, *body;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  t = nv_newtransfer(L, 1, 1);  /* 4 */
  method = text_field(L, 2, "method", "GET");
  path = text_field(L, 2, "path", NULL);
  body = text_field(L, 2, "body", "");
  luaL_argcheck(L, path[0] == '/' && !nv_has_control(path, strlen(path)) &&
                   strchr(path, ' ') == NULL, 2, "path must begin with /");
  luaL_argcheck(L, strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                   strlen(method), 2, "method must be in capitals");
  if (nv_buffer_append(&t->request, body, strlen(body)) != 0)
    return luaL_error(L, "not enough memory");
  if (nv_options_read(L, 3, &o) != 0)
    return nv_error_config(L);
  lua_getfield(L, 2, "public");
  if (lua_toboolean(L, -1) && o.api_key == NULL)
    o.anonymous = 1;
  if (start(L, p, t, &o, 3, method, path) != 0)
    return nv_error_config(L);
  lua_settop(L, 4);
  return 1;
}


/*
** pool:poll(seconds) -> in_flight, news. Waits until a transfer has news, at
** most so long (default 0); a signal ends the waiting early. The second
** value says whether there is anything for pool:ready().
*/
static int pool_poll (lua_State *L) {
  NvPool *p = checkpool(L);
  lua_pushinteger(L, nv_pool_poll(p, luaL_optnumber(L, 2, 0)));
  lua_pushboolean(L, nv_pool_news(p));
  return 2;
}


/* pool:ready() -> a transfer that has news, each once, or nil */
static int pool_ready (lua_State *L) {
  NvPool *p = checkpool(L);
  NvTransfer *t;
  lua_settop(L, 1);
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, 2, ANCHOR_TRANSFERS);
  while ((t = nv_pool_ready(p)) != NULL) {
    lua_rawgeti(L, 3, t->slot);
    if (!lua_isnil(L, -1))
      return 1;
    lua_pop(L, 1);  /* being collected */
  }
  lua_pushnil(L);
  return 1;
}


/*
** pool:fd() -> descriptor | nil: readable whenever poll(0) has work, so
** that any event loop can drive the pool; nil where there is no epoll.
*/
static int pool_fd (lua_State *L) {
  int descriptor = nv_pool_descriptor(checkpool(L));
  if (descriptor < 0)
    return 0;
  lua_pushinteger(L, descriptor);
  return 1;
}


/* pool:turn() -> in_flight: poll(0), which rouses waiters, see waiter.c */
static int pool_turn (lua_State *L) {
  lua_pushinteger(L, nv_waiter_turn(checkpool(L)));
  return 1;
}


/* pool:watch() -> watch | nil, see nginx.c */
static int pool_watch (lua_State *L) {
  return nv_watch_new(L, checkpool(L));
}


/* pool:bell(directory) -> bell | nil, see nginx.c */
static int pool_bell (lua_State *L) {
  return nv_bell_new(L, checkpool(L));
}


/* pool:usable(): open, and made by this very process? */
static int pool_usable (lua_State *L) {
  const NvPool *p = luaL_checkudata(L, 1, NV_POOL);
  lua_pushboolean(L, p->multi != NULL && !nv_pool_inherited(p));
  return 1;
}


/* pool:close(), also for __gc and __close: what is in flight is cancelled */
static int pool_close (lua_State *L) {
  nv_pool_close(luaL_checkudata(L, 1, NV_POOL));
  return 0;
}


static int pool_tostring (lua_State *L) {
  const NvPool *p = luaL_checkudata(L, 1, NV_POOL);
  if (p->multi == NULL)
    lua_pushliteral(L, "novita.pool (closed)");
  else
    lua_pushfstring(L, "novita.pool (%d in flight)", p->in_flight);
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Classes
** =======================================================
*/

static const luaL_Reg transfer_methods[] = {
  {"reply", transfer_reply},
  {"next", transfer_next},
  {"info", transfer_info},
  {"cancel", transfer_cancel},
  {"close", transfer_close},
  {NULL, NULL}
};

static const luaL_Reg transfer_metamethods[] = {
  {"__gc", transfer_close},
  {"__close", transfer_close},
  {"__tostring", transfer_tostring},
  {NULL, NULL}
};

static const luaL_Reg pool_methods[] = {
  {"chat", pool_chat},
  {"request", pool_request},
  {"poll", pool_poll},
  {"ready", pool_ready},
  {"fd", pool_fd},
  {"turn", pool_turn},
  {"watch", pool_watch},
  {"bell", pool_bell},
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


/* each of our functions carries the state, at the index 'state' */
void nv_setfunctions (lua_State *L, const luaL_Reg *functions,
                           int state) {
  lua_pushvalue(L, state);
  luaL_setfuncs(L, functions, 1);
}


/* pushes a zeroed userdata of a class, with so many user values */
void *nv_newobject (lua_State *L, const char *class, size_t size,
                    int values) {
  void *object = lua_newuserdatauv(L, size, values);
  (void)values;  /* before 5.4 there is always one */
  memset(object, 0, size);
  luaL_getmetatable(L, class);
  lua_setmetatable(L, -2);
  return object;
}


/* methods and metamethods are two tables: nobody can call t:__gc() */
void nv_newclass (lua_State *L, const char *name, int state,
                       const luaL_Reg *methods, const luaL_Reg *metamethods) {
  luaL_newmetatable(L, name);
  nv_setfunctions(L, metamethods, state);
  lua_newtable(L);
  nv_setfunctions(L, methods, state);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}


/* makes both classes; 'state' is the index of the module's state */
void nv_handles_open (lua_State *L, int state) {
  nv_newclass(L, NV_TRANSFER, state, transfer_methods, transfer_metamethods);
  nv_newclass(L, NV_POOL, state, pool_methods, pool_metamethods);
}

/* }====================================================== */
