/*
** error_transfer.c
** Creates the error value of a transfer: the transport has failed, the
** response is an error, or it is invalid.
*/

#include <stdio.h>
#include <string.h>

#include "binding.h"

#define SHORT_TEXT	200	/* bytes of an event that is not JSON */


static void set_string (lua_State *L, int error, const char *name,
                        const char *value) {
  if (value == NULL)
    return;
  lua_pushstring(L, value);
  lua_setfield(L, error, name);
}


/*
** {======================================================
** Transport errors
** =======================================================
*/

/* messages of time-outs; each format takes the limit in seconds */
static const struct TimeoutMessage {
  const char *reason;
  const char *format;
  size_t limit;
} timeout_messages[] = {
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
  size_t i, n = sizeof(timeout_messages) / sizeof(timeout_messages[0]);
  for (i = 0; i < n; i++) {
    const struct TimeoutMessage *s = &timeout_messages[i];
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
** Sets status, headers, request id and phase of the error, as far as known.
** Redacts the credentials of the request in the response first.
*/
void nv_error_response (lua_State *L, int error, NvTransfer *t) {
  nv_transfer_redact(t, &t->head);
  nv_transfer_redact(t, &t->body);
  if (t->status > 0) {
    lua_pushinteger(L, t->status);
    lua_setfield(L, error, "status");
    nv_response_headers(L, t);
    nv_response_request_id(L, lua_gettop(L));
    lua_setfield(L, error, "request_id");
    lua_setfield(L, error, "headers");
  }
  set_string(L, error, "phase", t->phase);
}


/* redacts the fields of the error too: JSON can encode a key in many ways */
static void redact_fields (lua_State *L, int error, const NvTransfer *t) {
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
      nv_transfer_redact(t, b);
      lua_pushlstring(L, length ? nv_buffer_data(b) : "", length);
      lua_setfield(L, error, names[i]);
      nv_buffer_consume(b, length);
    }
    lua_pop(L, 1);
  }
  nv_buffer_free(b);
  lua_pop(L, 1);
}


/* the bytes of a running stream are not a body, and may move */
static size_t body_length (const NvTransfer *t) {
  return t->state == NV_RUNNING ? 0 : nv_buffer_length(&t->body);
}


static void set_body (lua_State *L, int error, const NvTransfer *t) {
  if (body_length(t) == 0)
    return;
  lua_pushlstring(L, nv_buffer_data(&t->body), nv_buffer_length(&t->body));
  lua_setfield(L, error, "body");
}


/*
** Pushes the error for an option that libcurl rejects and returns 1; or pushes
** nothing and returns 0. libcurl's message for a proxy is not repeated,
** because it holds the proxy's password.
*/
static int push_bad_option (lua_State *L, const NvTransfer *t) {
  static const char bad_proxy[] = "Unsupported proxy";
  const NvFailure *f = &t->failure;
  if (strncmp(f->text, bad_proxy, sizeof(bad_proxy) - 1) == 0) {
    lua_pushliteral(L, "proxy");
    lua_pushliteral(L, "the value is not a proxy that libcurl knows");
  }
  else if (strcmp(f->kind, "config") == 0) {
    lua_pushstring(L, f->reason != NULL ? f->reason : "base_url");
    nv_text_push(L, f->text, strlen(f->text));
    if (f->reason != NULL && strcmp(f->reason, "ca_file") == 0 &&
        t->options.ca_file_from != NULL) {
      lua_pushfstring(L, " (from %s)", t->options.ca_file_from);
      lua_concat(L, 2);
    }
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


/* pushes the error of a transfer whose transport has failed */
void nv_error_transfer (lua_State *L, NvTransfer *t) {
  const NvFailure *f = &t->failure;
  int error = lua_gettop(L) + 1;
  if (strcmp(f->kind, "memory") == 0)
    luaL_error(L, "not enough memory");
  if (push_bad_option(L, t)) {
    lua_replace(L, error);
    lua_settop(L, error);
    return;
  }
  nv_error_push(L, f->kind);
  nv_error_response(L, error, t);
  set_string(L, error, "reason", f->reason);
  set_string(L, error, "phase", f->phase);
  if (f->proxy_status != 0) {
    lua_pushinteger(L, f->proxy_status);
    lua_setfield(L, error, "proxy_status");
  }
  if (strcmp(f->kind, "timeout") == 0)
    push_timeout(L, t);
  else if (f->message != NULL)
    lua_pushstring(L, f->message);
  else
    nv_text_push(L, f->text, strlen(f->text));
  lua_setfield(L, error, "message");
  if (f->curl_code != 0)
    set_cause(L, error, f);
}

/* }====================================================== */


/*
** {======================================================
** Errors in responses
** =======================================================
*/


static int has_message (lua_State *L, int error) {
  int result;
  lua_getfield(L, error, "message");
  result = lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0;
  lua_pop(L, 1);
  return result;
}


/* Novita's 403 also means a missing or wrong key: sets the kind */
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


/* completes an error that a server has sent */
static void finish (lua_State *L, int error, const NvTransfer *t) {
  lua_settop(L, error);
  lua_getfield(L, error, "request_id");
  lua_getfield(L, error, "trace_id");
  if (lua_isnil(L, -2))
    lua_setfield(L, error, "request_id");
  redact_fields(L, error, t);
  lua_settop(L, error);
}


/* does it look like (invalid) JSON rather than text? */
static int is_like_json (const char *text) {
  return *text == '{' || *text == '[' || *text == '"';
}


/*
** Pushes the first event of a body, a decoded value or text, and returns 1; or
** returns 0 if the body is not an event stream.
*/
int nv_error_from_events (lua_State *L, const NvTransfer *t) {
  int top = lua_gettop(L);
  size_t length;
  const char *data;
  if (nv_buffer_length(&t->body) == 0 ||
      !nv_parser_first(L, nv_buffer_data(&t->body),
                       nv_buffer_length(&t->body)))
    return 0;
  data = lua_tolstring(L, -1, &length);
  if (nv_json_decode(L, data, length) == 0) {
    lua_replace(L, top + 1);
    return 1;
  }
  lua_settop(L, top + !is_like_json(data));  /* the text, or nothing */
  return lua_gettop(L) > top;
}


/* pushes the value of a body of JSON or events and returns 1; or returns 0 */
static int push_body (lua_State *L, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->body);
  if (length == 0)
    return 0;
  if (nv_json_decode(L, nv_buffer_data(&t->body), length) == 0)
    return 1;
  lua_pop(L, 1);
  return nv_error_from_events(L, t);
}


/*
** Pushes the error of a complete response whose status is not 2xx or whose
** body is an error. 'body' is the index of the decoded body, or 0.
*/
void nv_error_answer (lua_State *L, NvTransfer *t, int body) {
  int error;
  nv_error_push(L, nv_error_kind_of_status(t->status));
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  set_body(L, error, t);
  if (body == 0 && push_body(L, t))
    body = lua_gettop(L);
  if (body != 0)
    nv_error_body_read(L, body, error);
  refine_kind(L, error, t->status);
  if (t->status >= 300 && t->status < 400)
    nv_error_body_redirect(L, error, t->status);
  else if (!has_message(L, error))
    nv_error_body_plain(L, error, t);
  finish(L, error, t);
}


/*
** Pushes the error in the data of an event: JSON, text, or invalid JSON, which
** only the body of the error repeats.
*/
void nv_error_event (lua_State *L, NvTransfer *t, NvBuffer *data) {
  size_t length = nv_buffer_length(data);
  const char *text = length > 0 ? nv_buffer_data(data) : "";
  int error;
  nv_transfer_redact(t, data);
  nv_error_push(L, "stream_error");
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  nv_text_push(L, text, length);
  lua_setfield(L, error, "body");
  if (nv_json_decode(L, text, length) == 0)
    nv_error_body_read(L, lua_gettop(L), error);
  else if (length > 0 && is_like_json(text))
    set_string(L, error, "message",
               "the server sent an error that is not JSON");
  else {
    nv_text_push(L, text, length < SHORT_TEXT ? length : SHORT_TEXT);
    nv_error_text_set(L, error);
  }
  if (!has_message(L, error))
    set_string(L, error, "message", "the server sent an error");
  finish(L, error, t);
}


/* pushes ': "the title"' of an HTML body, or "" */
static void push_title (lua_State *L, const NvTransfer *t) {
  size_t length = body_length(t);
  const char *title = "";
  if (length > 0)
    title = nv_error_text_title(nv_buffer_data(&t->body), &length);
  nv_text_pushline(L, title, length, SHORT_TEXT);
  if (lua_rawlen(L, -1) > 0) {
    lua_pushfstring(L, ": \"%s\"", lua_tostring(L, -1));
    lua_remove(L, -2);
  }
}


/* pushes ' (text/html: "the title")' if Content-Type is not JSON, or "" */
static void push_wrong_type (lua_State *L, int error, const NvTransfer *t) {
  const char *type;
  lua_getfield(L, error, "headers");
  lua_getfield(L, -1, "content-type");
  type = lua_tostring(L, -1);
  if (type == NULL || strstr(type, "json") != NULL ||
      strstr(type, "text/event-stream") != NULL)
    lua_pushliteral(L, "");
  else {
    lua_pushlstring(L, type, strcspn(type, "; "));
    push_title(L, t);
    lua_pushfstring(L, " (%s%s)", lua_tostring(L, -2), lua_tostring(L, -1));
    lua_replace(L, -3);
    lua_pop(L, 1);
  }
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/*
** Pushes the error of an invalid response. Its body may hold anything, so the
** message does not quote it.
*/
void nv_error_invalid (lua_State *L, NvTransfer *t, const char *why) {
  int error;
  nv_error_push(L, "invalid_response");
  error = lua_gettop(L);
  nv_error_response(L, error, t);
  set_body(L, error, t);
  lua_pushfstring(L, "the response can't be used: %s", why);
  push_wrong_type(L, error, t);
  lua_concat(L, 2);
  lua_setfield(L, error, "message");
  redact_fields(L, error, t);
}

/* }====================================================== */
