/*
** failure.c
** What goes wrong in a call, as an error value: the transport fails, or the
** server's answer is an error, or is of no use.
*/

#include <stdio.h>
#include <string.h>

#include "binding.h"


static void set_string (lua_State *L, int error, const char *name,
                        const char *value) {
  if (value == NULL)
    return;
  lua_pushstring(L, value);
  lua_setfield(L, error, name);
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


/*
** Status, headers, request id and phase, as far as there are any. The
** credentials that were sent must not come back in an error: what the server
** has sent is masked from now on.
*/
void nv_failure_response (lua_State *L, int error, NvTransfer *t) {
  nv_transfer_mask(t, &t->head);
  nv_transfer_mask(t, &t->body);
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


/* masks the texts of the error too: JSON can spell a key in many ways */
static void mask_fields (lua_State *L, int error, const NvTransfer *t) {
  static const char *const names[] = {
    "message", "type", "code", "param", "reason", "request_id", "trace_id",
    "host"
  };
  NvBuffer *b = nv_newbuffer(L);
  size_t i, length;
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    lua_getfield(L, error, names[i]);
    if (lua_type(L, -1) == LUA_TSTRING) {
      const char *text = lua_tolstring(L, -1, &length);
      if (nv_buffer_append(b, text, length) != 0)
        luaL_error(L, "not enough memory");
      nv_transfer_mask(t, b);
      lua_pushlstring(L, length ? nv_buffer_data(b) : "", length);
      lua_setfield(L, error, names[i]);
      nv_buffer_consume(b, length);
    }
    lua_pop(L, 1);
  }
  nv_buffer_free(b);
  lua_pop(L, 1);
}


static void set_body (lua_State *L, int error, const NvTransfer *t) {
  if (nv_buffer_length(&t->body) == 0)
    return;
  lua_pushlstring(L, nv_buffer_data(&t->body), nv_buffer_length(&t->body));
  lua_setfield(L, error, "body");
}


/*
** Pushes the error for an option that only libcurl finds wrong, and returns
** 1; or pushes nothing. What it says of a proxy is not repeated: it holds
** the proxy's password.
*/
static int push_bad_option (lua_State *L, const NvFailure *f) {
  static const char bad_proxy[] = "Unsupported proxy";
  if (strncmp(f->text, bad_proxy, sizeof(bad_proxy) - 1) == 0) {
    lua_pushliteral(L, "proxy");
    lua_pushliteral(L, "the value is not a proxy that libcurl knows");
  }
  else if (strcmp(f->kind, "config") == 0) {
    lua_pushliteral(L, "base_url");
    nv_text_push(L, f->text, strlen(f->text));
  }
  else
    return 0;
  nv_error_config(L);
  return 1;
}


static void set_cause (lua_State *L, int error, const NvFailure *f) {
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, f->curl_code);
  lua_setfield(L, -2, "code");
  nv_text_push(L, f->text, strlen(f->text));
  lua_setfield(L, -2, "message");
  lua_setfield(L, error, "cause");
}


/* pushes the error of a transfer that failed without a usable answer */
void nv_failure_transfer (lua_State *L, NvTransfer *t) {
  const NvFailure *f = &t->failure;
  int error = lua_gettop(L) + 1;
  if (strcmp(f->kind, "memory") == 0)
    luaL_error(L, "not enough memory");
  if (push_bad_option(L, f)) {
    lua_replace(L, error);
    lua_settop(L, error);
    return;
  }
  nv_error_push(L, f->kind);
  nv_failure_response(L, error, t);
  set_string(L, error, "reason", f->reason);
  set_string(L, error, "phase", f->phase);
  if (strcmp(f->kind, "timeout") == 0)
    push_timeout(L, t);
  else if (f->saying != NULL)
    lua_pushstring(L, f->saying);
  else
    nv_text_push(L, f->text, strlen(f->text));
  lua_setfield(L, error, "message");
  if (f->curl_code != 0)
    set_cause(L, error, f);
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


int nv_failure_is_status (const char *kind) {
  size_t i = 0;
  while (i < STATUS_KINDS && strcmp(status_kinds[i].kind, kind) != 0)
    i++;
  return i < STATUS_KINDS;
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


/* what all errors have in common that a server has said something in */
static void finish (lua_State *L, int error, const NvTransfer *t) {
  lua_settop(L, error);
  lua_getfield(L, error, "request_id");
  lua_getfield(L, error, "trace_id");
  if (lua_isnil(L, -2))
    lua_setfield(L, error, "request_id");
  mask_fields(L, error, t);
  lua_settop(L, error);
}


/*
** Pushes the error that a complete answer is: its status is not 2xx, or
** its body says so. 'body' is the index of the decoded body, or 0.
*/
void nv_failure_answer (lua_State *L, NvTransfer *t, int body) {
  int error;
  nv_error_push(L, kind_of_status(t->status));
  error = lua_gettop(L);
  nv_failure_response(L, error, t);
  set_body(L, error, t);
  if (body == 0 && nv_buffer_length(&t->body) > 0 &&
      nv_json_decode(L, nv_buffer_data(&t->body),
                     nv_buffer_length(&t->body)) == 0)
    body = lua_gettop(L);
  if (body != 0)
    nv_envelope_read(L, body, error);
  refine_kind(L, error, t->status);
  if (t->status >= 300 && t->status < 400)
    nv_envelope_redirect(L, error, t->status);
  else if (!has_message(L, error))
    nv_envelope_plain(L, error, t);
  finish(L, error, t);
}


/* pushes the error that an event is: a value, or text, at the index 'body' */
void nv_failure_stream (lua_State *L, NvTransfer *t, int body) {
  int error;
  nv_error_push(L, "stream_error");
  error = lua_gettop(L);
  nv_failure_response(L, error, t);
  if (lua_type(L, body) == LUA_TSTRING) {
    lua_pushvalue(L, body);
    lua_setfield(L, error, "message");
  }
  nv_envelope_read(L, body, error);
  if (!has_message(L, error))
    set_string(L, error, "message", "the server sent an error");
  finish(L, error, t);
}


/* pushes " (text/html)" when the content type is not one of JSON, or "" */
static void push_strange_type (lua_State *L, int error) {
  const char *type;
  lua_getfield(L, error, "headers");
  lua_getfield(L, -1, "content-type");
  type = lua_tostring(L, -1);
  if (type == NULL || strstr(type, "json") != NULL ||
      strstr(type, "text/event-stream") != NULL)
    lua_pushliteral(L, "");
  else {
    lua_pushlstring(L, type, strcspn(type, "; "));
    lua_pushfstring(L, " (%s)", lua_tostring(L, -1));
    lua_remove(L, -2);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/*
** Pushes the error for a complete answer that can't be used; its body may
** hold anything, so the message must not repeat it.
*/
void nv_failure_invalid (lua_State *L, NvTransfer *t, const char *why) {
  int error;
  nv_error_push(L, "invalid_response");
  error = lua_gettop(L);
  nv_failure_response(L, error, t);
  set_body(L, error, t);
  lua_pushfstring(L, "the response can't be used: %s", why);
  push_strange_type(L, error);
  lua_concat(L, 2);
  lua_setfield(L, error, "message");
}

/* }====================================================== */
