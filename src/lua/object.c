/*
** object.c
** Classes and objects, buffers that are freed with their userdata, and tests
** of values that the whole binding uses.
*/

#include <string.h>

#include "binding.h"


/* sets functions with the state, at index 'state', as their upvalue */
void nv_setfunctions (lua_State *L, const luaL_Reg *functions,
                           int state) {
  lua_pushvalue(L, state);
  luaL_setfuncs(L, functions, 1);
}


/*
** Sets methods of the class whose metatable is at index 'class': it is their
** second upvalue, so that checking their object takes no look-up.
*/
void nv_setmethods (lua_State *L, const luaL_Reg *methods, int state,
                    int class) {
  lua_pushvalue(L, state);
  lua_pushvalue(L, class);
  luaL_setfuncs(L, methods, 2);
}


/* pushes a zeroed userdata of a class with 'values' user values */
void *nv_newobject (lua_State *L, const char *class, size_t size,
                    int values) {
  void *object = lua_newuserdatauv(L, size, values);
  (void)values;  /* always one before 5.4 */
  memset(object, 0, size);
  luaL_getmetatable(L, class);
  lua_setmetatable(L, -2);
  return object;
}


/* creates a class; metamethods are not methods, so t:__gc() is an error */
void nv_newclass (lua_State *L, const char *name, int state,
                       const luaL_Reg *methods, const luaL_Reg *metamethods) {
  int class = lua_gettop(L) + 1;
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");  /* before 5.3, too */
  nv_setmethods(L, metamethods, state, class);
  lua_newtable(L);
  nv_setmethods(L, methods, state, class);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}


/* raises: the running method was not called on an object of its class */
static void raise_self (lua_State *L, const char *class) {
  lua_Debug ar;
  ar.name = NULL;
  if (lua_getstack(L, 0, &ar))
    lua_getinfo(L, "n", &ar);
  luaL_error(L, "%s:%s(): call it with a colon",
             class + sizeof("novita.") - 1, ar.name ? ar.name : "?");
}


/* is the value at 1 of the class of the running method? */
static int is_self (lua_State *L) {
  int same;
  if (!lua_getmetatable(L, 1))
    return 0;
  same = lua_topointer(L, -1) == lua_topointer(L, lua_upvalueindex(2));
  lua_pop(L, 1);
  return same;
}


/* returns the object at 1; raises if it is not of the method's class */
void *nv_checkself (lua_State *L, const char *class) {
  void *self = lua_touserdata(L, 1);
  if (self == NULL || !is_self(L))
    raise_self(L, class);
  return self;
}


/* the same for a class whose objects are tables */
void nv_checktable (lua_State *L, const char *class) {
  if (!lua_istable(L, 1) || !is_self(L))
    raise_self(L, class);
}


/* __concat: joins a string and an object's __tostring, in either order */
int nv_concat (lua_State *L) {
  int i;
  lua_settop(L, 2);
  for (i = 1; i <= 2; i++) {
    if (luaL_callmeta(L, i, "__tostring"))
      lua_replace(L, i);
    if (!lua_isstring(L, i))
      return luaL_error(L, "attempt to concatenate a %s value",
                        luaL_typename(L, i));
  }
  lua_concat(L, 2);
  return 1;
}


static int buffer_gc (lua_State *L) {
  nv_buffer_free(luaL_checkudata(L, 1, NV_BUFFER));
  return 0;
}


/* pushes a buffer, freed when its userdata is collected */
NvBuffer *nv_newbuffer (lua_State *L) {
  NvBuffer *b = lua_newuserdatauv(L, sizeof(NvBuffer), 0);
  nv_buffer_init(b, 0);
  luaL_getmetatable(L, NV_BUFFER);
  lua_setmetatable(L, -2);
  return b;
}


/* is the value at 'index' novita.null (which is cjson.null) or vim.NIL? */
int nv_isnull (lua_State *L, int index) {
  int same;
  if (lua_type(L, index) == LUA_TLIGHTUSERDATA)
    return lua_touserdata(L, index) == NULL;
  if (lua_type(L, index) != LUA_TUSERDATA)
    return 0;
  lua_pushvalue(L, index);
  lua_rawgeti(L, NV_STATE, NV_STATE_NIL);
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}


/* is the value on the top an empty table? */
int nv_isempty (lua_State *L) {
  if (!lua_istable(L, -1))
    return 0;
  lua_pushnil(L);
  if (!lua_next(L, -2))
    return 1;
  lua_pop(L, 2);
  return 0;
}


/* sets a field of the table on the top; NULL is nil */
void nv_settext (lua_State *L, const char *name, const char *text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}


/* creates the class of buffers */
void nv_object_open (lua_State *L) {
  luaL_newmetatable(L, NV_BUFFER);
  lua_pushcfunction(L, buffer_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
