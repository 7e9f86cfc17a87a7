/*
** reply.c
** The results of a complete response: reply and info, or nil and an error.
*/

#include <string.h>

#include "binding.h"


/*
** Returns why the value on the top is not a completion, or NULL. It needs a
** choice, in a list or alone; stream/plain_reply.lua handles irregular ones.
*/
static const char *shape_problem (lua_State *L) {
  const char *problem = NULL;
  int top = lua_gettop(L);
  if (!lua_istable(L, top))
    return "not a JSON object";
  lua_getfield(L, top, "choices");
  if (!lua_istable(L, -1))
    problem = "no choices";
  else {
    lua_getfield(L, -1, "message");
    lua_rawgeti(L, -2, 1);
    if (!lua_istable(L, -1) && lua_isnil(L, -2))
      problem = "no choice";
  }
  lua_settop(L, top);
  return problem;
}


/*
** Is it an error status? A server error is reported even if truncated, unless
** the call was cancelled.
*/
static int is_error_status (const NvTransfer *t) {
  const char *kind = t->failure.kind;
  return t->status >= 300 && t->headers_complete &&
         (kind == NULL || strcmp(kind, "cancelled") != 0);
}


/*
** Replaces the problem on the top by the error in the first event of a body
** that is an event stream, and returns 1; or returns 0 if there is none.
*/
static int is_framed_error (lua_State *L, const NvTransfer *t) {
  int top = lua_gettop(L);
  if (nv_error_from_events(L, t) && lua_istable(L, -1) &&
      nv_error_body_is_error(L)) {
    lua_replace(L, top);
    return 1;
  }
  lua_settop(L, top);
  return 0;
}


/* returns the path of the file that holds the body, or NULL */
static const char *file_of (const NvTransfer *t) {
  return t->files ? t->files->download.path : NULL;
}


/* is the body returned without decoding, as text or the path of a file? */
static int is_plain (const NvTransfer *t, int answer) {
  return file_of(t) != NULL || answer == NV_TEXT ||
         (answer == NV_BY_TYPE &&
          (!t->is_json || nv_buffer_length(&t->body) == 0));
}


static void push_raw_body (lua_State *L, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->body);
  lua_pushlstring(L, length > 0 ? nv_buffer_data(&t->body) : "", length);
}


static void push_plain (lua_State *L, const NvTransfer *t) {
  if (file_of(t) != NULL)
    lua_pushstring(L, file_of(t));
  else
    push_raw_body(L, t);
}


/* pushes the info, with the body if that is to be kept and not in a file */
static void push_info (lua_State *L, NvTransfer *t) {
  nv_response_push(L, t);
  if (t->options.keep_body && file_of(t) == NULL) {
    push_raw_body(L, t);
    lua_setfield(L, -2, "body");
  }
}


/* pushes the decoded body and returns NULL; or returns what is wrong */
static const char *push_value (lua_State *L, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->body);
  if (length == 0)
    return "it is empty";
  if (nv_json_decode(L, nv_buffer_data(&t->body), length) == 0 ||
      is_framed_error(L, t))
    return NULL;
  return lua_pushfstring(L, "it is not JSON: %s", lua_tostring(L, -1));
}


/* returns why the value on the top is not a valid answer, or NULL */
static const char *answer_problem (lua_State *L, int answer) {
  if (answer == NV_CHAT)
    return shape_problem(L);
  return !lua_toboolean(L, -1) || nv_isnull(L, lua_gettop(L))
         ? "it is null or false" : NULL;
}


/* nv_reply_push for JSON */
static int push_json (lua_State *L, NvTransfer *t, int answer) {
  int value = lua_gettop(L) + 1, shape = NV_IRREGULAR;
  const char *problem = push_value(L, t);
  if (problem == NULL && answer == NV_CHAT)
    shape = nv_reply_shape(L);
  if (problem == NULL && shape != NV_REGULAR && lua_istable(L, -1) &&
      nv_error_body_is_error(L)) {
    lua_pushnil(L);
    nv_error_answer(L, t, value);
    lua_remove(L, value);
    return 1;
  }
  if (problem == NULL && shape == NV_IRREGULAR)
    problem = answer_problem(L, answer);
  if (problem != NULL) {
    nv_error_invalid(L, t, problem);
    lua_insert(L, value);
    lua_settop(L, value);
    lua_pushnil(L);
    lua_insert(L, value);
    return 1;
  }
  if (answer == NV_CHAT) {
    lua_rawgeti(L, NV_STATE, NV_STATE_REPLY);
    lua_setmetatable(L, -2);
  }
  push_info(L, t);
  return answer != NV_CHAT || shape != NV_IRREGULAR;
}


/*
** Pushes the two results of a finished transfer, reply and info, or nil and an
** error. 'answer' (NV_CHAT, ...) says how to decode the body. Returns 0 for a
** completion that is irregular, else 1.
*/
int nv_reply_push (lua_State *L, NvTransfer *t, int answer) {
  if (is_error_status(t)) {
    lua_pushnil(L);
    nv_error_answer(L, t, 0);
  }
  else if (t->failure.kind != NULL) {
    lua_pushnil(L);
    nv_error_transfer(L, t);
  }
  else if (!is_plain(t, answer))
    return push_json(L, t, answer);
  else {
    push_plain(L, t);
    push_info(L, t);
  }
  return 1;
}


/* core.reply(table) -> the same table with the methods of a reply */
int nv_reply_mark (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_rawgeti(L, NV_STATE, NV_STATE_REPLY);
  lua_setmetatable(L, 1);
  return 1;
}


/* pushes the text of a content part, a string or its `text`, or nil */
static void push_part_text (lua_State *L, int list, int position) {
  lua_rawgeti(L, list, position);
  if (!lua_istable(L, -1))
    return;
  lua_getfield(L, -1, "text");
  lua_remove(L, -2);
}


/* pushes the joined texts of the content parts in the list on the top */
static void join_parts (lua_State *L) {
  int list = lua_gettop(L), i, n = (int)lua_rawlen(L, list), found = 0;
  lua_pushliteral(L, "");
  for (i = 1; i <= n; i++) {
    push_part_text(L, list, i);
    if (lua_type(L, -1) == LUA_TSTRING) {
      found = 1;
      lua_concat(L, 2);
    }
    else
      lua_pop(L, 1);
  }
  if (!found)
    lua_pushnil(L);
}


/* pushes a member of the value on the top, or nil if that is no table */
static void push_member (lua_State *L, const char *name) {
  if (lua_istable(L, -1))
    lua_getfield(L, -1, name);
  else
    lua_pushnil(L);
}


/*
** reply:text() -> the content of the first choice, or the joined texts of its
** parts, or nil
*/
static int reply_text (lua_State *L) {
  nv_checktable(L, NV_REPLY);
  lua_settop(L, 1);
  push_member(L, "choices");
  if (lua_istable(L, -1))
    lua_rawgeti(L, -1, 1);
  push_member(L, "message");
  push_member(L, "content");
  if (lua_istable(L, -1))
    join_parts(L);
  else if (lua_type(L, -1) != LUA_TSTRING)
    lua_pushnil(L);
  return 1;
}


static int reply_tostring (lua_State *L) {
  reply_text(L);
  if (lua_isnil(L, -1))
    lua_pushliteral(L, "");
  return 1;
}


static const luaL_Reg reply_methods[] = {
  {"text", reply_text},
  {NULL, NULL}
};

static const luaL_Reg reply_metamethods[] = {
  {"__tostring", reply_tostring},
  {"__concat", nv_concat},
  {NULL, NULL}
};


void nv_reply_open (lua_State *L, int state) {
  nv_newclass(L, NV_REPLY, state, reply_methods, reply_metamethods);
  luaL_getmetatable(L, NV_REPLY);
  lua_rawseti(L, state, NV_STATE_REPLY);
}
