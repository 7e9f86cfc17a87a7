/*
** chat_chunk.c
** The chunks of a streamed chat: bytes to events (sse.c), events to tables.
**
** Nothing here waits. Only `[DONE]` ends a stream without an error. Whether a
** stream that stops without it is complete is decided by the caller, who knows
** the finish reasons. An invalid event ends the stream with an error, because
** skipping it would silently lose a part.
*/

#include <string.h>

#include "binding.h"

enum { NOTHING, GIVEN };  /* was a result pushed? */


/* returns the data without surrounding white space, which some servers add */
static NvBuffer trimmed_data (char *bytes, size_t length) {
  NvBuffer data = {0};
  data.bytes = bytes;
  data.end = length;
  while (data.start < data.end && nv_is_blank(data.bytes[data.start]))
    data.start++;
  while (data.end > data.start && nv_is_blank(data.bytes[data.end - 1]))
    data.end--;
  return data;
}


static int is_done (const NvBuffer *data) {
  return nv_buffer_length(data) == 6 &&
         memcmp(nv_buffer_data(data), "[DONE]", 6) == 0;
}


/* pushes the end of a stream: false, nil, info */
static int push_end (lua_State *L, NvTransfer *t) {
  t->done_seen = 1;
  lua_pushboolean(L, 0);
  lua_pushnil(L);
  nv_response_push(L, t);
  return 3;
}


/* pushes false below the error on the top */
static int push_failure (lua_State *L) {
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}


static int is_null (const NvBuffer *data) {
  return nv_buffer_length(data) == 4 &&
         memcmp(nv_buffer_data(data), "null", 4) == 0;
}


static int decode (lua_State *L, const NvBuffer *data) {
  return nv_json_decode(L, nv_buffer_data(data), nv_buffer_length(data));
}


/* pushes false and the error that an event holds, JSON or text */
static int push_error (lua_State *L, NvTransfer *t, NvBuffer *data) {
  nv_error_event(L, t, data);
  return push_failure(L);
}


/*
** Pushes false, error, info for an event of type "error" that holds [DONE]:
** the end if all choices have finished, else an error. The caller knows which.
*/
static int push_end_or_error (lua_State *L, NvTransfer *t, NvBuffer *data) {
  t->done_seen = 1;
  push_error(L, t, data);
  nv_response_push(L, t);
  return 3;
}


/* pushes false and an error; only its body repeats the data */
static int push_unreadable (lua_State *L, NvTransfer *t, NvBuffer *data) {
  nv_error_invalid(L, t, "an event is not a JSON object");
  nv_transfer_redact(t, data);
  lua_pushlstring(L, nv_buffer_data(data), nv_buffer_length(data));
  lua_setfield(L, -2, "body");
  return push_failure(L);
}


/* pushes true, nil and the text of an event that repeats the one before */
static int push_repeat (lua_State *L, const char *text, size_t length) {
  lua_pushboolean(L, 1);
  lua_pushnil(L);
  lua_pushlstring(L, text, length);
  return 3;
}


/*
** Pushes what follows the decoded event on the top: nothing, or nil and its
** text if it is a chunk of a chat; or an error. Returns the number of results.
** A chunk that is only text is no error.
*/
static int push_chunk (lua_State *L, NvTransfer *t, NvBuffer *data,
                       int is_list) {
  int chunk = lua_gettop(L), is_chat = t->answer == NV_CHAT;
  lua_pushnil(L);
  if (is_chat)
    nv_chat_chunk_text(L, chunk);
  if (is_chat && !lua_isnil(L, -1))
    return 3;
  lua_settop(L, chunk);
  if (nv_error_body_is_error(L))
    return push_error(L, t, data);
  if (is_list)
    return push_unreadable(L, t, data);
  lua_settop(L, is_chat ? chunk + 2 : chunk);
  return is_chat ? 3 : 1;
}


/*
** Pushes the results for an event that has to be decoded. If 'brief', learns
** it to recognise its repeats, which depend on the event just before them.
*/
static int push_decoded (lua_State *L, NvTransfer *t, NvBuffer *data,
                         int brief) {
  char kind = *nv_buffer_data(data);
  int results;
  if ((kind != '{' && kind != '[') || decode(L, data) != 0)
    return push_unreadable(L, t, data);
  results = push_chunk(L, t, data, kind == '[');
  if (brief && results == 3 && lua_type(L, -1) == LUA_TSTRING)
    nv_repeat_learn(&t->repeat, nv_buffer_data(data), nv_buffer_length(data),
                    "content");
  else
    nv_repeat_forget(&t->repeat);
  return results;
}


/*
** Pushes the '*results' values for an event and returns GIVEN; or returns
** NOTHING for a keep-alive.
*/
static int push_event (lua_State *L, NvTransfer *t, int brief, int *results) {
  char small[NV_COPY_SIZE], *text = NULL;
  size_t length;
  int is_error = t->lookahead.event.is_error;
  char *bytes = nv_parser_copy(L, &t->lookahead, &t->body, NV_PART_DATA, small,
                               &length);
  NvBuffer data = trimmed_data(bytes, length);
  if (is_error)
    *results = is_done(&data) ? push_end_or_error(L, t, &data)
                              : push_error(L, t, &data);
  else if (nv_buffer_length(&data) == 0 || is_null(&data))
    return NOTHING;
  else if (is_done(&data))
    *results = push_end(L, t);
  else if (brief && (text = nv_repeat_match(&t->repeat, nv_buffer_data(&data),
                                            nv_buffer_length(&data),
                                            &length)) != NULL)
    *results = push_repeat(L, text, length);
  else
    *results = push_decoded(L, t, &data, brief);
  return GIVEN;
}


/*
** Pushes the results of the next event among the received bytes and returns
** GIVEN; or returns NOTHING. If nested code has consumed an event meanwhile,
** goes on with the next one.
*/
static int next_event (lua_State *L, NvTransfer *t, int brief, int *results) {
  int outcome = NOTHING, found = 1, top = lua_gettop(L);
  while (outcome == NOTHING &&
         (found = nv_lookahead_find(&t->lookahead, &t->sse,
                                    &t->body)) == 1) {
    unsigned generation = t->lookahead.generation;
    outcome = push_event(L, t, brief, results);
    if (t->lookahead.generation == generation)
      nv_lookahead_consume(&t->lookahead, &t->body);
    else
      outcome = NOTHING;
    if (outcome == NOTHING)
      lua_settop(L, top);
  }
  if (found == NV_NOMEM)
    return luaL_error(L, "not enough memory");
  if (found == NV_TOOBIG) {
    nv_error_push(L, "response_too_large");
    nv_error_response(L, lua_gettop(L), t);
    lua_pushliteral(L, "an event is larger than max_event_bytes");
    lua_setfield(L, -2, "message");
    *results = push_failure(L);
    outcome = GIVEN;
  }
  return outcome;
}


/*
** Pushes the results at the end of the connection, when all bytes are
** consumed. Some servers stop right after `data: [DONE]`, without a blank
** line; others send no [DONE], so the info is pushed beside the error.
*/
static int push_connection_end (lua_State *L, NvTransfer *t) {
  NvEvent event;
  if (nv_sse_pending(&t->sse, &event) == 1) {
    NvBuffer data = trimmed_data((char *)event.data, event.data_length);
    if (is_done(&data))
      return push_end(L, t);
  }
  if (t->failure.kind != NULL) {
    nv_error_transfer(L, t);
    return push_failure(L);
  }
  lua_pushboolean(L, 0);
  nv_error_push(L, "stream_truncated");
  nv_error_response(L, lua_gettop(L), t);
  lua_pushliteral(L, "the stream ended before [DONE]");
  lua_setfield(L, -2, "message");
  nv_response_push(L, t);
  return 3;
}


/*
** Converts the completion on the top to the only chunk of a stream: copies the
** message of each choice to its delta.
*/
static void make_chunk (lua_State *L) {
  int i, n, top = lua_gettop(L);
  lua_pushnil(L);
  lua_setmetatable(L, top);
  lua_getfield(L, top, "choices");
  n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  for (i = 1; i <= n; i++) {
    lua_rawgeti(L, top + 1, i);
    if (lua_istable(L, -1)) {
      lua_getfield(L, -1, "message");
      lua_setfield(L, -2, "delta");
    }
    lua_pop(L, 1);
  }
  lua_settop(L, top);
}


/* pushes a complete response: false and an error, or a chunk and true */
static int push_whole (lua_State *L, NvTransfer *t) {
  nv_reply_push(L, t, t->answer);
  if (lua_isnil(L, -2))
    return push_failure(L);
  lua_pop(L, 1);
  if (t->answer == NV_CHAT)
    make_chunk(L);
  lua_pushboolean(L, 1);
  t->done_seen = 1;
  return 2;
}


/* is the response complete JSON or text rather than an event stream? */
static int is_whole (const NvTransfer *t) {
  return !t->options.stream || !t->headers_complete ||
         (!t->body_started && t->not_event_stream);
}


/*
** transfer:next(brief): pushes and returns the number of
**   chunk, nil, text     text: the content, if that is all the chunk adds
**   true, nil, text      if 'brief': the chunk repeats the one before, but for
**                        its text
**   chunk, true          a complete response instead of a stream
**   nil                  nothing yet
**   false, nil, info     the end
**   false, error         failure
**   false, error, info   the end if all choices have finished, else failure
*/
int nv_chat_chunk_next (lua_State *L, NvTransfer *t, int brief) {
  int results = 0;
  if (t->done_seen)
    return push_end(L, t);
  if (t->options.stream && next_event(L, t, brief, &results) == GIVEN)
    return results;
  if (t->done_seen)  /* nested code has received the end */
    return push_end(L, t);
  if (t->state == NV_RUNNING) {
    nv_transfer_clear_ready(t);
    t->unread = 0;
    nv_pool_resume(t);
    lua_pushnil(L);
    return 1;
  }
  return is_whole(t) ? push_whole(L, t) : push_connection_end(L, t);
}
