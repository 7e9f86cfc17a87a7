/*
** error.c
** The error value: a table whose 'kind' is one of a closed list.
** error_transfer.c creates errors of transfers, error_body.c reads those of
** servers.
*/

#include <string.h>

#include "binding.h"

#define LINE	1000	/* bytes of a field in tostring(error) */


/* the kinds of statuses, which are all "api_status" too */
static const struct StatusKind {
  int status;
  const char *kind;
} status_kinds[] = {
  {400, "bad_request"}, {401, "authentication"}, {403, "permission"},
  {404, "not_found"}, {409, "conflict"}, {413, "request_too_large"},
  {422, "unprocessable"}, {429, "rate_limit"}, {500, "server"}
};

#define STATUS_KINDS	(sizeof(status_kinds) / sizeof(status_kinds[0]))


/* returns the kind of a response with this status */
const char *nv_error_kind_of_status (int status) {
  size_t i;
  if (status > 500)
    status = 500;
  for (i = 0; i < STATUS_KINDS; i++) {
    if (status_kinds[i].status == status)
      return status_kinds[i].kind;
  }
  return status >= 400 ? "api_status" : status >= 300 ? "redirect"
                                                      : "api_error";
}


static int is_status_kind (const char *kind) {
  size_t i = 0;
  while (i < STATUS_KINDS && strcmp(status_kinds[i].kind, kind) != 0)
    i++;
  return i < STATUS_KINDS;
}


/* pushes a new error */
void nv_error_push (lua_State *L, const char *kind) {
  lua_newtable(L);
  luaL_getmetatable(L, NV_ERROR);
  lua_setmetatable(L, -2);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
}


/*
** Pushes nil and a config error for an invalid request or option, and returns
** 2. Expects two strings on the top: the path, "" for the whole request, and
** the problem.
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


/* core.error(fields) -> the same table, an error; it must have a kind */
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


/* pushes a field on one line between 'before' and 'after', or "" */
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


/* removes a redundant ": HTTP <status>" from the message on the top */
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


/* returns a field of the table on the top as seconds, or 0 */
static double get_seconds (lua_State *L, const char *name) {
  double seconds;
  lua_getfield(L, -1, name);
  seconds = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return seconds > 0 && seconds < 1e9 ? seconds : 0;
}


/* pushes "13 s", "1.5 s" or "80 ms", in any locale */
static void push_duration (lua_State *L, double seconds) {
  int tenths = (int)((seconds < 1e8 ? seconds : 1e8) * 10 + 0.5);
  if (tenths >= 100)
    lua_pushfstring(L, "%d s", (tenths + 5) / 10);
  else if (tenths >= 10)
    lua_pushfstring(L, "%d.%d s", tenths / 10, tenths % 10);
  else
    lua_pushfstring(L, "%d ms", (int)(seconds * 1000 + 0.5));
}


/* pushes " (5 attempts in 13 s)", delays included, or "" for one attempt */
static void push_attempts (lua_State *L) {
  double seconds = 0;
  int i, n, top = lua_gettop(L);
  lua_getfield(L, 1, "attempts");
  n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (i = 1; i <= n; i++) {
    lua_rawgeti(L, top + 1, i);
    if (lua_istable(L, -1))
      seconds += get_seconds(L, "seconds") + get_seconds(L, "delay");
    lua_pop(L, 1);
  }
  if (n > 1) {
    push_duration(L, seconds);
    lua_pushfstring(L, " (%d attempts in %s)", n, lua_tostring(L, -1));
  }
  else
    lua_pushliteral(L, "");
  lua_replace(L, top + 1);
  lua_settop(L, top + 1);
}


/* kind [reason] [status]: message [attempts] [request id] */
static int error_tostring (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  push_part(L, "", "kind", "");
  push_part(L, " ", "reason", "");
  push_part(L, " ", "status", "");
  push_part(L, ": ", "message", "");
  drop_status(L);
  push_attempts(L);
  push_part(L, " (request ", "request_id", ")");
  lua_concat(L, 6);
  return 1;
}


/*
** error:is(kind) -> is it of this kind, or of a subkind? The kinds of statuses
** are subkinds of "api_status", "timeout" is one of "connection".
*/
static int error_is (lua_State *L) {
  const char *wanted, *kind;
  nv_checktable(L, NV_ERROR);
  wanted = luaL_checkstring(L, 2);
  lua_getfield(L, 1, "kind");
  kind = luaL_checkstring(L, -1);
  lua_pushboolean(L, strcmp(kind, wanted) == 0 ||
    (strcmp(wanted, "connection") == 0 && strcmp(kind, "timeout") == 0) ||
    (strcmp(wanted, "api_status") == 0 && is_status_kind(kind)));
  return 1;
}


static const luaL_Reg error_methods[] = {
  {"is", error_is},
  {NULL, NULL}
};

static const luaL_Reg error_metamethods[] = {
  {"__tostring", error_tostring},
  {"__concat", nv_concat},
  {NULL, NULL}
};


void nv_error_open (lua_State *L, int state) {
  nv_newclass(L, NV_ERROR, state, error_methods, error_metamethods);
}
