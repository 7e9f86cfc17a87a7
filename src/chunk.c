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

#define SHORT_TEXT	200	/* of an error that is not JSON */

enum { NOTHING, GIVEN };  /* is there something for the caller? */


static int is_blank (char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}


/* the data without blanks around it: some servers pad the sentinel */
static NvBuffer data_of (const NvEvent *e) {
  NvBuffer data = {0};
  data.bytes = (char *)e->data;
  data.end = e->data_length;
  while (data.start < data.end && is_blank(data.bytes[data.start]))
    data.start++;
  while (data.end > data.start && is_blank(data.bytes[data.end - 1]))
    data.end--;
  return data;
}


static int is_done (const NvBuffer *data) {
  return nv_buffer_length(data) == 6 &&
         memcmp(nv_buffer_data(data), "[DONE]", 6) == 0;
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


static int decode (lua_State *L, const NvBuffer *data) {
  return nv_json_decode(L, nv_buffer_data(data), nv_buffer_length(data));
}


/* the server says what went wrong: in JSON, or in words */
static int push_error (lua_State *L, NvTransfer *t, NvBuffer *data) {
  nv_transfer_mask(t, data);
  if (decode(L, data) != 0) {
    size_t length = nv_buffer_length(data);
    nv_text_push(L, nv_buffer_data(data),
                     length < SHORT_TEXT ? length : SHORT_TEXT);
  }
  nv_failure_stream(L, t, lua_gettop(L));
  return push_failure(L);
}


/* the message must not repeat the data; the body of the error has it */
static int push_unreadable (lua_State *L, NvTransfer *t, NvBuffer *data) {
  nv_failure_invalid(L, t, "an event is not a JSON object");
  nv_transfer_mask(t, data);
  lua_pushlstring(L, nv_buffer_data(data), nv_buffer_length(data));
  lua_setfield(L, -2, "body");
  return push_failure(L);
}


/*
** What the caller gets for an event: '*results' values on the stack, or
** nothing for a keep-alive.
*/
static int take_event (lua_State *L, NvTransfer *t, const NvEvent *e,
                       int *results) {
  NvBuffer data = data_of(e);
  if (e->is_error)
    *results = push_error(L, t, &data);
  else if (nv_buffer_length(&data) == 0)
    return NOTHING;
  else if (is_done(&data))
    *results = push_end(L, t);
  else if (*nv_buffer_data(&data) != '{' || decode(L, &data) != 0)
    *results = push_unreadable(L, t, &data);
  else if (nv_envelope_says(L))
    *results = push_error(L, t, &data);
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
    nv_failure_response(L, lua_gettop(L), t);
    lua_pushliteral(L, "an event is larger than max_event_bytes");
    lua_setfield(L, -2, "message");
    *results = push_failure(L);
    outcome = GIVEN;
  }
  return outcome;
}


/*
** The connection has ended and all its bytes are taken. Some servers stop
** right behind `data: [DONE]`, without the blank line that would end it;
** some say no [DONE] at all, so the info is there besides the error.
*/
static int take_end (lua_State *L, NvTransfer *t) {
  NvEvent event;
  if (nv_sse_pending(&t->events, &event) == 1) {
    NvBuffer data = data_of(&event);
    if (is_done(&data))
      return push_end(L, t);
  }
  if (t->failure.kind != NULL) {
    nv_failure_transfer(L, t);
    return push_failure(L);
  }
  lua_pushboolean(L, 0);
  nv_error_push(L, "stream_truncated");
  nv_failure_response(L, lua_gettop(L), t);
  lua_pushliteral(L, "the stream ended before [DONE]");
  lua_setfield(L, -2, "message");
  nv_info_push(L, t);
  return 3;
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
  if (nv_reply_push(L, t, 1) == 2 && lua_isnil(L, -2))
    return push_failure(L);
  lua_pop(L, 1);
  make_chunk(L);
  t->over = 1;
  return 1;
}


/*
** transfer:next(): pushes a chunk; or nil, nothing yet; or false, nil and
** the info, the good end; or false and an error, and for a stream that just
** stops also the info. Returns how many values.
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
