/*
** error.c
** The error value: a table whose 'kind' is a word of a closed list, and
** the reading of every shape in which servers say what went wrong.
**
** Shapes seen:
**   {"code":403,"reason":"NOT_ENOUGH_BALANCE","message":...}   Novita
**   {"message":"... trace_id: <hex>","type":"server_overload"}  its relay
**   {"error":{"message","type","code","param"}}                 OpenAI
**   {"error":"text"}  [{"error":{...}}]  {"detail":...}         others
**   plain text, HTML, nothing, and any of these cut short
** The status is always the server's own; a body can't change it.
*/

#include <stdio.h>
#include <string.h>

#include "binding.h"

#define SHORT_TEXT	200	/* of a plain body, inside a message */


/* pushes a new error of this kind */
void nv_error_push (lua_State *L, const char *kind) {
  lua_newtable(L);
  luaL_getmetatable(L, NV_ERROR);
  lua_setmetatable(L, -2);
  lua_pushstring(L, kind);
  lua_setfield(L, -2, "kind");
}


static void set_string (lua_State *L, int error, const char *name,
                        const char *value) {
  if (value == NULL)
    return;
  lua_pushstring(L, value);
  lua_setfield(L, error, name);
}


/*
** A bad request or option. Expects two strings on the top, the place and
** what is wrong there; leaves nil and an error in their stead.
*/
int nv_error_config (lua_State *L) {
  int top = lua_gettop(L);
  lua_pushnil(L);
  nv_error_push(L, "config");
  lua_pushvalue(L, top - 1);
  lua_setfield(L, -2, "param");
  lua_pushfstring(L, "%s: %s", lua_tostring(L, top - 1),
                  lua_tostring(L, top));
  lua_setfield(L, -2, "message");
  return 2;
}


/*
** {======================================================
** The transport failed
** =======================================================
*/

/* what a time-out of ours says; each format takes the limit in seconds */
static const struct Saying {
  const char *reason;
  const char *format;
  size_t limit;
} sayings[] = {
  {"connect", "no connection within %.6g s",
   offsetof(NvOptions, connect_timeout)},
  {"first_byte", "no response within %.6g s of the request",
   offsetof(NvOptions, first_byte_timeout)},
  {"idle", "the response stopped for %.6g s",
   offsetof(NvOptions, idle_timeout)},
  {"attempt", "the attempt took longer than %.6g s",
   offsetof(NvOptions, attempt_timeout)},
  {"deadline", "the deadline of %.6g s has passed",
   offsetof(NvOptions, deadline)}
};


static void push_timeout (lua_State *L, const NvTransfer *t) {
  size_t i;
  for (i = 0; i < sizeof(sayings) / sizeof(sayings[0]); i++) {
    const struct Saying *s = &sayings[i];
    if (strcmp(s->reason, t->failure.reason) == 0) {
      char text[100];
      double limit;
      memcpy(&limit, (const char *)&t->options + s->limit, sizeof(limit));
      snprintf(text, sizeof(text), s->format, limit);
      lua_pushstring(L, text);
      return;
    }
  }
  lua_pushliteral(L, "timed out");
}


/* status, headers, request id and phase, as far as there are any */
void nv_error_response (lua_State *L, int error, const NvTransfer *t) {
  if (t->status > 0) {
    lua_pushinteger(L, t->status);
    lua_setfield(L, error, "status");
    nv_info_headers(L, t);
    lua_setfield(L, error, "headers");
    nv_info_request_id(L, t);
    lua_setfield(L, error, "request_id");
  }
  set_string(L, error, "phase", t->phase);
}


static void set_body (lua_State *L, int error, const NvTransfer *t) {
  if (nv_buffer_length(&t->body) == 0)
    return;
  lua_pushlstring(L, nv_buffer_data(&t->body), nv_buffer_length(&t->body));
  lua_setfield(L, error, "body");
}


/* pushes the error of a transfer that failed without a usable answer */
void nv_error_transfer (lua_State *L, NvTransfer *t) {
  const NvFailure *f = &t->failure;
  int error;
  if (strcmp(f->kind, "memory") == 0)
    luaL_error(L, "not enough memory");
  nv_transfer_mask(t);
  nv_error_push(L, f->kind);
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  set_string(L, error, "reason", f->reason);
  set_string(L, error, "phase", f->phase);
  if (strcmp(f->kind, "timeout") == 0)
    push_timeout(L, t);
  else
    nv_json_pushtext(L, f->text, strlen(f->text));
  lua_setfield(L, error, "message");
  if (f->curl_code != 0) {
    lua_createtable(L, 0, 2);
    lua_pushinteger(L, f->curl_code);
    lua_setfield(L, -2, "code");
    nv_json_pushtext(L, f->text, strlen(f->text));
    lua_setfield(L, -2, "message");
    lua_setfield(L, error, "cause");
  }
}

/* }====================================================== */


/*
** {======================================================
** The server says what went wrong
** =======================================================
*/

/* the kinds of a status; their family is "api_status" */
static const struct StatusKind {
  int status;
  const char *kind;
} status_kinds[] = {
  {400, "bad_request"}, {401, "authentication"}, {403, "permission"},
  {404, "not_found"}, {409, "conflict"}, {413, "request_too_large"},
  {422, "unprocessable"}, {429, "rate_limit"}, {500, "server"}
};

#define STATUS_KINDS	(sizeof(status_kinds) / sizeof(status_kinds[0]))


static const char *kind_of_status (int status) {
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


/* sets error[name] to from[name] if that is a number or a text */
static void copy_field (lua_State *L, int from, int error, const char *name) {
  lua_getfield(L, from, name);
  if (lua_type(L, -1) == LUA_TNUMBER ||
      (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0))
    lua_setfield(L, error, name);
  else
    lua_pop(L, 1);
}


/* takes " trace_id: <hex>" off the end of the message: it is the id */
static void take_trace_id (lua_State *L, int error) {
  static const char mark[] = "trace_id: ";
  const char *message, *found = NULL, *at;
  size_t length;
  lua_getfield(L, error, "message");
  message = lua_tostring(L, -1);
  for (at = message; (at = strstr(at, mark)) != NULL; at++)
    found = at;
  if (found == NULL) {
    lua_pop(L, 1);
    return;
  }
  at = found + sizeof(mark) - 1;
  length = strspn(at, "0123456789abcdefABCDEF-");
  if (length >= 8 && at[length + strspn(at + length, " \n")] == '\0') {
    lua_getfield(L, error, "request_id");
    if (lua_isnil(L, -1)) {
      lua_pushlstring(L, at, length);
      lua_setfield(L, error, "request_id");
    }
    while (found > message && found[-1] == ' ')
      found--;
    if (found > message) {
      lua_pushlstring(L, message, (size_t)(found - message));
      lua_setfield(L, error, "message");
    }
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
}


static void read_envelope (lua_State *L, int body, int error);


/*
** Novita's relay, when it can't decode an upstream error, hides it behind
** its own complaint: 'failed to decode error response: ..., raw: {...}'.
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
    if (nv_json_decode(L, raw, (size_t)(end - raw) + 1) == 0 &&
        lua_istable(L, -1))
      read_envelope(L, lua_gettop(L), error);
  }
  lua_settop(L, top);
}


/* FastAPI: "detail" is a text, or a list of {"msg":...} */
static void copy_detail (lua_State *L, int body, int error) {
  lua_getfield(L, body, "detail");
  if (lua_istable(L, -1)) {
    lua_rawgeti(L, -1, 1);
    if (lua_istable(L, -1))
      lua_getfield(L, -1, "msg");
  }
  if (lua_type(L, -1) == LUA_TSTRING)
    lua_setfield(L, error, "message");
}


/* copies what the table at 'body' says into the error */
static void read_envelope (lua_State *L, int body, int error) {
  static const char *const names[] = {
    "message", "type", "code", "param", "reason"
  };
  int top = lua_gettop(L), from = body;
  size_t i;
  luaL_checkstack(L, 12, NULL);
  if (lua_rawlen(L, body) > 0) {
    lua_rawgeti(L, body, 1);
    if (lua_istable(L, -1))
      read_envelope(L, lua_gettop(L), error);
    lua_settop(L, top);
    return;
  }
  copy_detail(L, body, error);
  lua_getfield(L, body, "error");
  if (lua_istable(L, -1))
    from = lua_gettop(L);
  else if (lua_type(L, -1) == LUA_TSTRING)
    lua_setfield(L, error, "message");
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    copy_field(L, from, error, names[i]);
  lua_getfield(L, body, "metadata");
  if (lua_istable(L, -1)) {
    lua_getfield(L, -1, "trace_id");
    if (lua_type(L, -1) == LUA_TSTRING)
      lua_setfield(L, error, "request_id");
  }
  lua_settop(L, top);
}


/* the text between <title> and </title>, or all of a body that is no HTML */
static const char *plain_text (const char *body, size_t *length) {
  static const char open[] = "<title>";
  size_t i, from = 0, to = *length;
  if (*length > 0 && body[0] == '<') {
    to = 0;
    for (i = 0; i + sizeof(open) - 1 <= *length && to == 0; i++) {
      if (memcmp(body + i, open, sizeof(open) - 1) == 0) {
        const char *stop;
        from = i + sizeof(open) - 1;
        stop = memchr(body + from, '<', *length - from);
        to = stop ? (size_t)(stop - body) : *length;
      }
    }
  }
  while (from < to && strchr(" \t\r\n", body[from]) != NULL)
    from++;
  while (to > from && strchr(" \t\r\n", body[to - 1]) != NULL)
    to--;
  *length = to - from < SHORT_TEXT ? to - from : SHORT_TEXT;
  return body + from;
}


/* message = "HTTP 502" or "HTTP 502: Bad Gateway" */
static void set_plain_message (lua_State *L, int error, NvTransfer *t) {
  size_t length = nv_buffer_length(&t->body);
  const char *text = length > 0 ? nv_buffer_data(&t->body) : "";
  text = plain_text(text, &length);
  lua_pushfstring(L, length > 0 ? "HTTP %d: " : "HTTP %d", t->status);
  nv_json_pushtext(L, text, length);
  lua_concat(L, 2);
  lua_setfield(L, error, "message");
}


/* copies what the value at 'body' says, if it is a table */
static void read_body (lua_State *L, int body, int error) {
  if (body == 0 || !lua_istable(L, body))
    return;
  read_envelope(L, body, error);
  unwrap_raw(L, error);
}


static int has_message (lua_State *L, int error) {
  int result;
  lua_getfield(L, error, "message");
  result = lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0;
  lua_pop(L, 1);
  return result;
}


/* 403 is also how Novita says that a key is missing or wrong */
static void refine_kind (lua_State *L, int error, int status) {
  const char *reason;
  if (status != 403)
    return;
  lua_getfield(L, error, "reason");
  reason = lua_tostring(L, -1);
  if (reason != NULL && (strcmp(reason, "INVALID_API_KEY") == 0 ||
                         strcmp(reason, "FAILED_TO_AUTH") == 0))
    set_string(L, error, "kind", "authentication");
  lua_pop(L, 1);
}


/* a redirect is refused: says where to, but not the path and the query */
static void set_redirect (lua_State *L, int error, int status) {
  const char *location, *host;
  lua_getfield(L, error, "headers");
  lua_getfield(L, -1, "location");
  location = lua_tostring(L, -1);
  host = location ? strstr(location, "://") : NULL;
  if (host != NULL) {
    const char *at;
    host += 3;
    lua_pushlstring(L, host, strcspn(host, "/?#"));
    at = strrchr(lua_tostring(L, -1), '@');
    if (at != NULL)
      lua_pushstring(L, at + 1);
    lua_pushvalue(L, -1);
    lua_setfield(L, error, "host");
    lua_pushfstring(L, "HTTP %d: a redirect to %s, which is not followed",
                    status, lua_tostring(L, -1));
  }
  else
    lua_pushfstring(L, "HTTP %d: a redirect, which is not followed", status);
  lua_setfield(L, error, "message");
}


/*
** Does the table on the top say that something went wrong, whatever the
** status? That is an error member, or Novita's flat shapes.
*/
int nv_error_said (lua_State *L) {
  int said, top = lua_gettop(L);
  lua_getfield(L, top, "error");
  lua_getfield(L, top, "choices");
  lua_getfield(L, top, "message");
  lua_getfield(L, top, "object");
  lua_getfield(L, top, "code");
  lua_getfield(L, top, "reason");
  lua_getfield(L, top, "type");
  said = lua_istable(L, top + 1) || lua_type(L, top + 1) == LUA_TSTRING;
  if (lua_isnil(L, top + 2))
    said |= (lua_type(L, top + 4) == LUA_TSTRING &&
             strcmp(lua_tostring(L, top + 4), "error") == 0) ||
            (lua_type(L, top + 3) == LUA_TSTRING &&
             (!lua_isnil(L, top + 5) || !lua_isnil(L, top + 6) ||
              !lua_isnil(L, top + 7)));
  lua_settop(L, top);
  return said;
}


/*
** Pushes the error that a complete answer is: its status is not 2xx, or
** its body says so. 'body' is the index of the decoded body, or 0.
*/
void nv_error_answer (lua_State *L, NvTransfer *t, int body) {
  int error;
  nv_transfer_mask(t);
  nv_error_push(L, kind_of_status(t->status));
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  set_body(L, error, t);
  if (body == 0 && nv_buffer_length(&t->body) > 0 &&
      nv_json_decode(L, nv_buffer_data(&t->body),
                     nv_buffer_length(&t->body)) == 0)
    body = lua_gettop(L);
  read_body(L, body, error);
  refine_kind(L, error, t->status);
  if (t->status >= 300 && t->status < 400)
    set_redirect(L, error, t->status);
  else if (has_message(L, error))
    take_trace_id(L, error);
  else
    set_plain_message(L, error, t);
  lua_settop(L, error);
}


/* pushes the error that an event at the index 'body' is */
void nv_error_stream (lua_State *L, NvTransfer *t, int body) {
  int error;
  nv_error_push(L, "stream_error");
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  if (lua_type(L, body) == LUA_TSTRING) {
    lua_pushvalue(L, body);
    lua_setfield(L, error, "message");
  }
  read_body(L, body, error);
  if (has_message(L, error))
    take_trace_id(L, error);
  else
    set_string(L, error, "message", "the server sent an error");
  lua_settop(L, error);
}


/*
** Pushes the error for a complete answer that can't be used; its body may
** hold anything, so the message must not repeat it.
*/
void nv_error_invalid (lua_State *L, NvTransfer *t, const char *why) {
  int error;
  nv_transfer_mask(t);
  nv_error_push(L, "invalid_response");
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  set_body(L, error, t);
  lua_pushfstring(L, "the response can't be used: %s", why);
  lua_setfield(L, error, "message");
}

/* }====================================================== */


/*
** {======================================================
** The value in Lua
** =======================================================
*/

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


/* the field as text, on one line, after 'before'; or an empty string */
static void push_part (lua_State *L, const char *before, const char *name) {
  lua_getfield(L, 1, name);
  if (lua_tostring(L, -1) == NULL)
    lua_pushliteral(L, "");
  else {
    luaL_gsub(L, lua_tostring(L, -1), "\n", " ");
    lua_pushfstring(L, "%s%s", before, lua_tostring(L, -1));
    lua_remove(L, -2);
  }
  lua_remove(L, -2);
}


/* kind [reason] (status): message [request id] */
static int error_tostring (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  push_part(L, "", "kind");
  push_part(L, " ", "reason");
  push_part(L, " ", "status");
  push_part(L, ": ", "message");
  push_part(L, " (request ", "request_id");
  if (lua_rawlen(L, -1) > 0)
    lua_pushliteral(L, ")");
  lua_concat(L, lua_gettop(L) - 1);
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
    (strcmp(wanted, "api_status") == 0 && is_status_kind(kind)));
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

/* }====================================================== */
