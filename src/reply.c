/*
** reply.c
** What a call gives its caller: the reply and what is known beside it, or
** the error.
*/

#include <string.h>

#include "binding.h"


/* is the value on the top a completion? its first choice has a message */
static const char *shape_problem (lua_State *L) {
  const char *problem = NULL;
  int top = lua_gettop(L);
  if (!lua_istable(L, top))
    return "not a JSON object";
  lua_getfield(L, top, "choices");
  if (!lua_istable(L, -1))
    problem = "no choices";
  else {
    lua_rawgeti(L, -1, 1);
    if (!lua_istable(L, -1))
      problem = "no choice";
    else {
      lua_getfield(L, -1, "message");
      if (!lua_istable(L, -1))
        problem = "a choice without a message";
    }
  }
  lua_settop(L, top);
  return problem;
}


/*
** An error of the server counts even if its body stalled or was cut, but not
** when the caller wanted no answer any more.
*/
static int is_refusal (const NvTransfer *t) {
  const char *kind = t->failure.kind;
  return t->status >= 300 && t->headers_complete &&
         (kind == NULL || strcmp(kind, "cancelled") != 0);
}


/*
** Turns a finished transfer into what its caller gets: pushes the reply and
** what is known beside it, or nil and an error, and returns 2. 'chat': must
** it be a completion?
*/
int nv_reply_push (lua_State *L, NvTransfer *t, int chat) {
  const char *problem = NULL;
  int top = lua_gettop(L);
  lua_pushnil(L);
  if (is_refusal(t)) {
    nv_failure_answer(L, t, 0);
    return 2;
  }
  if (t->failure.kind != NULL) {
    nv_failure_transfer(L, t);
    return 2;
  }
  if (nv_buffer_length(&t->body) == 0)
    problem = "it is empty";
  else if (nv_json_decode(L, nv_buffer_data(&t->body),
                          nv_buffer_length(&t->body)) != 0)
    problem = lua_pushfstring(L, "it is not JSON: %s", lua_tostring(L, -1));
  else if (lua_istable(L, -1) && nv_envelope_says(L)) {
    nv_failure_answer(L, t, lua_gettop(L));
    lua_remove(L, top + 2);
    return 2;
  }
  else if (chat)
    problem = shape_problem(L);
  if (problem != NULL) {
    nv_failure_invalid(L, t, problem);
    lua_insert(L, top + 2);
    lua_settop(L, top + 2);
    return 2;
  }
  lua_remove(L, top + 1);
  if (chat) {
    luaL_getmetatable(L, NV_REPLY);
    lua_setmetatable(L, -2);
  }
  nv_info_push(L, t);
  return 2;
}


/* core.reply(table) -> the same table, with the methods of a reply */
int nv_reply_mark (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_getmetatable(L, NV_REPLY);
  lua_setmetatable(L, 1);
  return 1;
}


/* reply:text(): the content of the first choice, or nil */
static int reply_text (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "choices");
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    if (lua_istable(L, -1)) {
      lua_getfield(L, -1, "message");
      if (lua_istable(L, -1)) {
        lua_getfield(L, -1, "content");
        if (lua_type(L, -1) == LUA_TSTRING)
          return 1;
      }
    }
  }
  lua_pushnil(L);
  return 1;
}


static int reply_tostring (lua_State *L) {
  reply_text(L);
  if (lua_isnil(L, -1))
    lua_pushliteral(L, "");
  return 1;
}


void nv_reply_open (lua_State *L) {
  luaL_newmetatable(L, NV_REPLY);
  lua_pushcfunction(L, reply_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushliteral(L, NV_REPLY);
  lua_setfield(L, -2, "__name");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, reply_text);
  lua_setfield(L, -2, "text");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
