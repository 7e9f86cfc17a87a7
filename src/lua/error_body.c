/*
** error_body.c
** Reads errors from response bodies, in all the forms that servers use:
**   {"code":403,"reason":"NOT_ENOUGH_BALANCE","message":...}   Novita
**   {"message":"... trace_id: <hex>","type":"server_overload"}  its relay
**   {"error":{"message","type","code","param"}}                 OpenAI
**   {"error":{"metadata":{"raw":"{...}"}}}                      OpenRouter
**   {"base_resp":{"status_code":1004,"status_msg":...}}         MiniMax
**   {"error":"text"}  [{"error":{...}}]  {"detail":...}         others
**   plain text, HTML, nothing, and any of these truncated
** The status is always that of the response; a body does not change it.
*/

#include <string.h>

#include "binding.h"

#define SHORT_TEXT	200	/* bytes of a plain body in a message */
#define MOST_PLACES	16	/* steps of the path to a field */


/* sets error[name] to from[name] if that is a number or a non-empty string */
static void copy_field (lua_State *L, int from, int error, const char *name) {
  lua_getfield(L, from, name);
  if (lua_type(L, -1) == LUA_TNUMBER ||
      (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0))
    lua_setfield(L, error, name);
  else
    lua_pop(L, 1);
}


static void set_message_from (lua_State *L, int from, int error,
                              const char *name) {
  lua_getfield(L, from, name);
  nv_error_text_set(L, error);
}


static void copy_members (lua_State *L, int from, int error) {
  static const char *const names[] = {"type", "code", "param", "reason"};
  size_t i;
  set_message_from(L, from, error, "msg");
  set_message_from(L, from, error, "error_description");
  set_message_from(L, from, error, "message");
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    copy_field(L, from, error, names[i]);
}


/* pushes the first element of a list, recursively; else the value itself */
static void push_first (lua_State *L, int index) {
  lua_pushvalue(L, index);
  while (lua_istable(L, -1) && lua_rawlen(L, -1) > 0) {
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
}


/*
** Sets error.param from FastAPI's ["body","messages",0,"content"] at 'loc', in
** the form of other servers: messages[0].content.
*/
static void set_param (lua_State *L, int error, int loc) {
  int i, n = (int)lua_rawlen(L, loc), top = lua_gettop(L);
  lua_pushliteral(L, "");
  for (i = 1; i <= n && i <= MOST_PLACES; i++) {
    lua_rawgeti(L, loc, i);
    if (lua_type(L, -1) == LUA_TNUMBER)
      lua_pushfstring(L, "%s[%d]", lua_tostring(L, top + 1),
                      (int)lua_tointeger(L, -1));
    else if (lua_type(L, -1) == LUA_TSTRING &&
             (i > 1 || strcmp(lua_tostring(L, -1), "body") != 0))
      lua_pushfstring(L, "%s%s%s", lua_tostring(L, top + 1),
                      lua_rawlen(L, top + 1) > 0 ? "." : "",
                      lua_tostring(L, -1));
    else
      lua_pushvalue(L, top + 1);
    lua_replace(L, top + 1);
    lua_settop(L, top + 1);
  }
  if (lua_rawlen(L, top + 1) > 0)
    lua_setfield(L, error, "param");
  lua_settop(L, top);
}


/*
** Reads FastAPI's "detail": a string, an object, or a list of
** {"msg":...,"loc":["body","the field"]}.
*/
static void read_detail (lua_State *L, int body, int error) {
  int detail, top = lua_gettop(L);
  set_message_from(L, body, error, "title");
  set_message_from(L, body, error, "errors");
  set_message_from(L, body, error, "detail");
  lua_getfield(L, body, "detail");
  push_first(L, top + 1);
  detail = lua_gettop(L);
  if (lua_istable(L, detail)) {
    static const char *const names[] = {"type", "code", "param", "reason"};
    size_t i;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
      copy_field(L, detail, error, names[i]);
    lua_getfield(L, detail, "loc");
    if (lua_istable(L, -1))
      set_param(L, error, lua_gettop(L));
  }
  lua_settop(L, top);
}


/* reads MiniMax's {"base_resp":{"status_code":1004,"status_msg":...}} */
static void read_base (lua_State *L, int body, int error) {
  int top = lua_gettop(L);
  lua_getfield(L, body, "base_resp");
  if (lua_istable(L, top + 1)) {
    lua_getfield(L, top + 1, "status_code");
    if (lua_isstring(L, -1))
      lua_setfield(L, error, "code");
    set_message_from(L, top + 1, error, "status_msg");
  }
  lua_settop(L, top);
}


static void read_shape (lua_State *L, int index, int error, int depth);

/* copies fields from the error at 'inner' that the one at 'error' lacks */
static void complete (lua_State *L, int error, int inner) {
  static const char *const names[] = {
    "type", "code", "param", "reason", "trace_id"
  };
  size_t i;
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    lua_getfield(L, error, names[i]);
    if (lua_isnil(L, -1))
      copy_field(L, inner, error, names[i]);
    lua_pop(L, 1);
  }
  copy_field(L, inner, error, "message");
}


/*
** Reads OpenRouter's "metadata": its "raw" is the provider's error, an object
** or its JSON; "message" is only "Provider returned error". The code is
** OpenRouter's own.
*/
static void read_metadata (lua_State *L, int from, int error, int depth) {
  int raw, inner, top = lua_gettop(L);
  size_t length;
  const char *text;
  lua_getfield(L, from, "metadata");
  if (lua_istable(L, -1) && depth > 0) {
    copy_field(L, top + 1, error, "trace_id");
    lua_getfield(L, top + 1, "raw");
    raw = lua_gettop(L);
    text = lua_tolstring(L, raw, &length);
    if (text != NULL && nv_json_decode(L, text, length) == 0 &&
        lua_istable(L, -1))
      lua_replace(L, raw);
    lua_settop(L, raw);
    lua_newtable(L);
    inner = lua_gettop(L);
    read_shape(L, raw, inner, depth - 1);
    complete(L, error, inner);
  }
  lua_settop(L, top);
}


static void read_shape (lua_State *L, int index, int error, int depth) {
  int body, top = lua_gettop(L);
  luaL_checkstack(L, 12, "error nested too deep");
  push_first(L, index);
  body = lua_gettop(L);
  if (lua_istable(L, body)) {
    read_detail(L, body, error);
    lua_getfield(L, body, "error");
    push_first(L, body + 1);
    if (lua_istable(L, -1)) {
      read_detail(L, body + 2, error);
      copy_members(L, body + 2, error);
      read_metadata(L, body + 2, error, depth);
    }
    else {
      nv_error_text_set(L, error);
      copy_members(L, body, error);
    }
    read_metadata(L, body, error, depth);
    read_base(L, body, error);
  }
  else if (lua_type(L, body) == LUA_TSTRING) {
    lua_pushvalue(L, body);
    nv_error_text_set(L, error);
  }
  lua_settop(L, top);
}


/*
** Reads the upstream error in the message of Novita's relay, which has failed
** to decode it: 'failed to decode error response: ..., raw: {...}'.
*/
static void unwrap_raw (lua_State *L, int error) {
  static const char mark[] = "failed to decode error response: ";
  const char *message, *raw = NULL, *end;
  int top = lua_gettop(L);
  lua_getfield(L, error, "message");
  message = lua_tostring(L, -1);
  if (message != NULL && strncmp(message, mark, sizeof(mark) - 1) == 0)
    raw = strstr(message, "raw: {");
  end = raw ? strrchr(raw, '}') : NULL;
  if (end != NULL) {
    raw += 5;
    if (nv_json_decode(L, raw, (size_t)(end - raw) + 1) == 0)
      read_shape(L, lua_gettop(L), error, NV_MAX_NESTING);
  }
  lua_settop(L, top);
}


/* sets the fields of the error from the decoded body at 'body' */
void nv_error_body_read (lua_State *L, int body, int error) {
  read_shape(L, body, error, NV_MAX_NESTING);
  unwrap_raw(L, error);
}


/* sets the message for any other body: "HTTP 502: Bad Gateway" */
void nv_error_body_plain (lua_State *L, int error, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->body);
  const char *text = length > 0 ? nv_buffer_data(&t->body) : "";
  while (length > 0 && strchr(" \t\r\n", *text) != NULL) {
    text++;
    length--;
  }
  if (length > 0 && *text == '<')
    text = nv_error_text_title(text, &length);
  nv_text_pushline(L, text, length, SHORT_TEXT);
  lua_pushfstring(L, lua_rawlen(L, -1) > 0 ? "HTTP %d: " : "HTTP %d",
                  t->status);
  lua_insert(L, -2);
  lua_concat(L, 2);
  lua_setfield(L, error, "message");
}


/* sets message and host for a redirect; omits its path and query */
void nv_error_body_redirect (lua_State *L, int error, int status) {
  char host[NV_HOST];
  const char *location;
  int known;
  lua_getfield(L, error, "headers");
  lua_getfield(L, -1, "location");
  location = lua_tostring(L, -1);
  known = location != NULL && nv_url_host(location, host) == 0;
  lua_pushfstring(L, "HTTP %d: a redirect%s%s, which is not followed", status,
                  known ? " to " : "", known ? host : "");
  lua_setfield(L, error, "message");
  if (known) {
    lua_pushstring(L, host);
    lua_setfield(L, error, "host");
  }
}


/* is the value a non-empty string? */
static int says_text (lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING && lua_rawlen(L, index) > 0;
}


/* is it a member "error" that means one? 0 and false do not */
static int says_error (lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER)
    return lua_tonumber(L, index) != 0;
  return lua_istable(L, index) || says_text(L, index) ||
         (lua_isboolean(L, index) && lua_toboolean(L, index));
}


/* is it the code of an error, not of success? */
static int is_bad_code (lua_State *L, int index) {
  if (lua_type(L, index) == LUA_TNUMBER)
    return lua_tonumber(L, index) != 0 && lua_tonumber(L, index) != 200;
  return !lua_isnil(L, index);
}


/*
** Is it one of Novita's flat forms: object = "error", or a message with a
** code, type or reason? Its list of files has a code and a message beside the
** data.
*/
static int is_flat (lua_State *L, int table) {
  int top = lua_gettop(L);
  lua_getfield(L, table, "data");
  if (lua_istable(L, -1))
    return 0;
  lua_pop(L, 1);
  lua_getfield(L, table, "object");
  lua_getfield(L, table, "message");
  lua_getfield(L, table, "code");
  lua_getfield(L, table, "reason");
  lua_getfield(L, table, "type");
  return (lua_type(L, top + 1) == LUA_TSTRING &&
          strcmp(lua_tostring(L, top + 1), "error") == 0) ||
         (lua_type(L, top + 2) == LUA_TSTRING &&
          (is_bad_code(L, top + 3) || !lua_isnil(L, top + 4) ||
           !lua_isnil(L, top + 5)));
}


/* is the status in MiniMax's base_resp not 0? */
static int is_base (lua_State *L, int table) {
  int bad, top = lua_gettop(L);
  lua_getfield(L, table, "base_resp");
  if (!lua_istable(L, -1)) {
    lua_settop(L, top);
    return 0;
  }
  lua_getfield(L, -1, "status_code");
  bad = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) != 0
      : says_text(L, -1) && strcmp(lua_tostring(L, -1), "0") != 0;
  lua_settop(L, top);
  return bad;
}


/*
** Is the table on the top an error, whatever the status? With choices it is
** one only by an "error" member or base_resp; a list is one if its first
** element is.
*/
int nv_error_body_is_error (lua_State *L) {
  int said = 0, table, top = lua_gettop(L);
  push_first(L, top);
  table = lua_gettop(L);
  if (lua_istable(L, table)) {
    lua_getfield(L, table, "error");
    lua_getfield(L, table, "choices");
    said = says_error(L, table + 1) ||
           (lua_rawlen(L, top) == 0 && lua_isnil(L, table + 2) &&
            is_flat(L, table)) || is_base(L, table);
  }
  lua_settop(L, top);
  return said;
}
