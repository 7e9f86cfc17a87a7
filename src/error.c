/*
** error.c
** The error value: a table whose 'kind' is a word of a closed list. What goes
** wrong becomes one in failure.c; what a server says is read in envelope.c.
*/

#include <string.h>

#include "binding.h"

#define LINE	1000	/* of a message, in its one line */


/* pushes a new error of this kind */
void nv_error_push (lua_State *L, const char *kind) {
  lua_newtable(L);
  luaL_getmetatable(L, NV_ERROR);
  lua_setmetatable(L, -2);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
}


/*
** A bad request or option. Expects two strings on the top, the place and
** what is wrong there; pushes nil and an error. The place is empty when it
** is the whole.
*/
int nv_error_config (lua_State *L) {
  int top = lua_gettop(L);
  lua_pushnil(L);
  nv_error_push(L, "config");
  if (lua_rawlen(L, top - 1) > 0) {
    lua_pushvalue(L, top - 1);
    lua_setfield(L, -2, "param");
    lua_pushfstring(L, "%s: %s", lua_tostring(L, top - 1),
                    lua_tostring(L, top));
  }
  else
    lua_pushvalue(L, top);
  lua_setfield(L, -2, "message");
  return 2;
}


/* core.error(fields): makes an error value of a table with a kind */
int nv_error_new (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "kind");
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "kind expected");
  luaL_getmetatable(L, NV_ERROR);
  lua_setmetatable(L, 1);
  lua_settop(L, 1);
  return 1;
}


/* the field as text on one line, between 'before' and 'after'; or "" */
static void push_part (lua_State *L, const char *before, const char *name,
                       const char *after) {
  size_t length;
  const char *text;
  lua_getfield(L, 1, name);
  text = lua_tolstring(L, -1, &length);
  if (text == NULL || length == 0)
    lua_pushliteral(L, "");
  else {
    lua_pushstring(L, before);
    nv_text_pushline(L, text, length, LINE);
    lua_pushstring(L, after);
    lua_concat(L, 3);
  }
  lua_remove(L, -2);
}


/* takes ": HTTP <status>" off the message on the top: that is said already */
static void drop_status (lua_State *L) {
  const char *message = lua_tostring(L, -1), *status;
  lua_getfield(L, 1, "status");
  lua_pushfstring(L, ": HTTP %s", lua_tostring(L, -1));
  status = lua_tostring(L, -1);
  if (!lua_isnil(L, -2) && strncmp(message, status, strlen(status)) == 0) {
    lua_pushstring(L, message + strlen(status));
    lua_replace(L, -4);
  }
  lua_pop(L, 2);
}


/* kind [reason] (status): message [request id] */
static int error_tostring (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  push_part(L, "", "kind", "");
  push_part(L, " ", "reason", "");
  push_part(L, " ", "status", "");
  push_part(L, ": ", "message", "");
  drop_status(L);
  push_part(L, " (request ", "request_id", ")");
  lua_concat(L, 5);
  return 1;
}


/*
** error:is(kind): is it of this kind, or of a narrower one? The kinds of a
** status are also "api_status", a "timeout" is also a "connection".
*/
static int error_is (lua_State *L) {
  const char *wanted = luaL_checkstring(L, 2);
  const char *kind;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "kind");
  kind = luaL_checkstring(L, -1);
  lua_pushboolean(L, strcmp(kind, wanted) == 0 ||
    (strcmp(wanted, "connection") == 0 && strcmp(kind, "timeout") == 0) ||
    (strcmp(wanted, "api_status") == 0 && nv_failure_is_status(kind)));
  return 1;
}


void nv_error_open (lua_State *L) {
  luaL_newmetatable(L, NV_ERROR);
  lua_pushcfunction(L, error_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, NV_ERROR);
  lua_setfield(L, -2, "__name");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, error_is);
  lua_setfield(L, -2, "is");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
