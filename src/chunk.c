/*
** chunk.c
** The chunks of a streamed chat: bytes to events (sse.c), events to tables.
**
** Nothing here waits. A stream has come to a good end with `[DONE]`, and
** only with it; whether one that just stops is complete is for the caller to
** say, who has seen the finish reasons. An event that can't be read ends the
** stream: skipping it would leave a hole that nobody sees.
*/

#include <string.h>

#include "binding.h"

enum { NOTHING, GIVEN };  /* is there something for the caller? */


static int is_blank (char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* the data without blanks around it: some servers pad the sentinel */
static const char *trim (const NvEvent *e, size_t *length) {
  const char *s = e->data, *end = s + e->data_length;
  while (s < end && is_blank(*s))
    s++;
  while (end > s && is_blank(end[-1]))
    end--;
  *length = (size_t)(end - s);
  return s;
}


static int is_done (const NvEvent *e) {
  size_t length;
  const char *data = trim(e, &length);
  return length == 6 && memcmp(data, "[DONE]", 6) == 0;
}


/* the good end: false, nil, info */
static int push_end (lua_State *L, NvTransfer *t) {
  t->over = 1;
  lua_pushboolean(L, 0);
  lua_pushnil(L);
  nv_info_push(L, t);
  return 3;
}


/* a bad end: false and the error on the top */
static int push_failure (lua_State *L) {
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}


/*
** What the caller gets for an event: '*results' values on the stack, or
** nothing for a keep-alive.
*/
static int take_event (lua_State *L, NvTransfer *t, const NvEvent *e,
                       int *results) {
  size_t length;
  const char *data = trim(e, &length);
  if (length == 0 && !e->is_error)
    return NOTHING;
  if (is_done(e) && !e->is_error)
    *results = push_end(L, t);
  else if (nv_json_decode(L, data, length) != 0 && !e->is_error) {
    nv_error_invalid(L, t, "an event is not JSON");
    *results = push_failure(L);
  }
  else if (e->is_error || (lua_istable(L, -1) && nv_envelope_says(L))) {
    nv_error_stream(L, t, lua_gettop(L));
    *results = push_failure(L);
  }
  else if (!lua_istable(L, -1)) {
    nv_error_invalid(L, t, "an event is not a JSON object");
    *results = push_failure(L);
  }
  else
    *results = 1;
  return GIVEN;
}


/* the bytes that are here already, up to the first event worth giving */
static int take_bytes (lua_State *L, NvTransfer *t, int *results) {
  int outcome = NOTHING, found = 1;
  while (outcome == NOTHING && found == 1 && nv_buffer_length(&t->body) > 0) {
    const char *bytes = nv_buffer_data(&t->body);
    size_t had = nv_buffer_length(&t->body), left = had;
    NvEvent event;
    found = nv_sse_next(&t->events, &bytes, &left, &event);
    if (found == 1)
      outcome = take_event(L, t, &event, results);
    nv_buffer_consume(&t->body, had - left);
  }
  if (found == NV_NOMEM)
    return luaL_error(L, "not enough memory");
  if (found == NV_TOOBIG) {
    nv_error_push(L, "response_too_large");
    lua_pushliteral(L, "an event is larger than max_event_bytes");
    lua_setfield(L, -2, "message");
    *results = push_failure(L);
    outcome = GIVEN;
  }
  return outcome;
}


/*
** The connection has ended and all its bytes are taken. Some servers stop
** right behind `data: [DONE]`, without the blank line that would end it.
*/
static int take_end (lua_State *L, NvTransfer *t) {
  NvEvent event;
  if (t->failure.kind != NULL) {
    nv_error_transfer(L, t);
    return push_failure(L);
  }
  if (nv_sse_pending(&t->events, &event) == 1 && is_done(&event))
    return push_end(L, t);
  nv_error_push(L, "stream_truncated");
  nv_error_response(L, lua_gettop(L), t);
  lua_pushliteral(L, "the stream ended before [DONE]");
  lua_setfield(L, -2, "message");
  return push_failure(L);
}


/* makes a completion, on the top, look like the only chunk of a stream */
static void make_chunk (lua_State *L) {
  int i, n, top = lua_gettop(L);
  lua_pushnil(L);
  lua_setmetatable(L, top);
  lua_getfield(L, top, "choices");
  n = (int)lua_rawlen(L, -1);
  for (i = 1; i <= n; i++) {
    lua_rawgeti(L, top + 1, i);
    if (lua_istable(L, -1)) {
      lua_getfield(L, -1, "message");
      lua_setfield(L, -2, "delta");
      lua_pushnil(L);
      lua_setfield(L, -2, "message");
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}


/* the answer is no stream: an error, or the whole completion at once */
static int take_whole (lua_State *L, NvTransfer *t) {
  if (nv_chat_reply(L, t, 1) == 2 && lua_isnil(L, -2))
    return push_failure(L);
  lua_pop(L, 1);
  make_chunk(L);
  t->over = 1;
  return 1;
}


/*
** transfer:next(): pushes a chunk; or nil, nothing yet; or false, nil and
** the info, the good end; or false and an error. Returns how many values.
*/
int nv_chunk_next (lua_State *L, NvTransfer *t) {
  int results = 0;
  if (t->over)
    return push_end(L, t);
  if (t->options.stream && take_bytes(L, t, &results) == GIVEN)
    return results;
  if (t->state == NV_RUNNING) {
    nv_pool_forget(t);
    nv_transfer_resume(t);
    lua_pushnil(L);
    return 1;
  }
  return t->options.stream && t->headers_complete ? take_end(L, t)
                                                  : take_whole(L, t);
}
