/*
** sse.c
** core.sse(): the event-stream parser for any stream.
*/

#include <string.h>

#include "binding.h"

typedef struct Parser {
  NvSse events;
  NvBuffer input;	/* fed, not yet parsed */
  NvLookahead lookahead;	/* the next event */
} Parser;


/* returns a field of the event and its length */
static const char *event_field (const NvEvent *e, NvPart part,
                                size_t *length) {
  *length = part == NV_PART_TYPE ? e->type_length
          : part == NV_PART_DATA ? e->data_length : e->id_length;
  return part == NV_PART_TYPE ? e->type
       : part == NV_PART_DATA ? e->data : e->id;
}


/*
** Pushes a value and returns a copy of a field of the event, which is valid as
** long as that value and 'small' are, whatever happens to the stream. The copy
** is only meaningful if k->generation has not changed.
*/
char *nv_parser_copy (lua_State *L, NvLookahead *k, const NvBuffer *queue,
                      NvPart part, char *small, size_t *length) {
  unsigned generation = k->generation;
  char *copy = small;
  event_field(&k->event, part, length);
  if (*length <= NV_COPY_SIZE)
    lua_pushnil(L);
  else {
    copy = lua_newuserdatauv(L, *length, 0);
    if (k->generation != generation) {
      *length = 0;
      return copy;
    }
  }
  nv_lookahead_refresh(k, queue);
  memcpy(copy, event_field(&k->event, part, length), *length);
  return copy;
}


static int parser_gc (lua_State *L) {
  Parser *p = nv_checkself(L, NV_PARSER);
  nv_sse_free(&p->events);
  nv_buffer_free(&p->input);
  return 0;
}


/* parser:feed(bytes): appends bytes of the stream */
static int parser_feed (lua_State *L) {
  Parser *p = nv_checkself(L, NV_PARSER);
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);
  if (nv_buffer_append(&p->input, bytes, length) != 0)
    return luaL_error(L, "not enough memory");
  return 0;
}


/* pushes a field of the event */
static void push_event_part (lua_State *L, Parser *p, NvPart part) {
  char small[NV_COPY_SIZE];
  size_t length;
  const char *bytes = nv_parser_copy(L, &p->lookahead, &p->input, part, small,
                                     &length);
  lua_pushlstring(L, bytes, length);
  lua_remove(L, -2);
}


/* pushes nil and the error for a result of nv_sse_next */
static int push_problem (lua_State *L, int problem) {
  if (problem == NV_NOMEM)
    return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  nv_error_push(L, "response_too_large");
  lua_pushliteral(L, "an event is larger than max_event_bytes");
  lua_setfield(L, -2, "message");
  return 2;
}


/*
** parser:next() -> type, data, id of the next event | nil if there is none yet
** | nil, error if an event exceeds max_event_bytes. The type defaults to
** "message"; the id is the last one of the stream, or "".
*/
static int parser_next (lua_State *L) {
  Parser *p = nv_checkself(L, NV_PARSER);
  int found;
  lua_settop(L, 1);
  while ((found = nv_lookahead_find(&p->lookahead, &p->events,
                                    &p->input)) == 1) {
    unsigned generation = p->lookahead.generation;
    if (p->lookahead.event.type_length > 0)
      push_event_part(L, p, NV_PART_TYPE);
    else
      lua_pushliteral(L, "message");
    push_event_part(L, p, NV_PART_DATA);
    push_event_part(L, p, NV_PART_ID);
    if (p->lookahead.generation == generation) {
      nv_lookahead_consume(&p->lookahead, &p->input);
      return 3;
    }
    lua_settop(L, 1);  /* nested code has consumed it */
  }
  if (found != 0)
    return push_problem(L, found);
  lua_pushnil(L);
  return 1;
}


/* returns max_event_bytes from the options, or its default */
static size_t read_ceiling (lua_State *L, int options) {
  lua_Number ceiling = (lua_Number)NV_MAX_EVENT_BYTES;
  if (lua_isnoneornil(L, options))
    return NV_MAX_EVENT_BYTES;
  luaL_checktype(L, options, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, options); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING ||
        strcmp(lua_tostring(L, -2), "max_event_bytes") != 0)
      luaL_error(L, "unknown option %s",
                 nv_describe(L, lua_gettop(L) - 1));
    ceiling = lua_tonumber(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER || !(ceiling >= 1 && ceiling < 1e15))
      luaL_error(L, "max_event_bytes: %s is not a number of bytes",
                 nv_describe(L, lua_gettop(L)));
  }
  return (size_t)ceiling;
}


/* core.sse({ max_event_bytes }) -> parser */
int nv_parser_new (lua_State *L) {
  size_t ceiling = read_ceiling(L, 1);
  Parser *p = nv_newobject(L, NV_PARSER, sizeof(*p), 0);
  nv_sse_init(&p->events, ceiling);
  return 1;
}


/*
** Pushes the data of the first event with data and returns 1; or pushes
** nothing and returns 0. An event that no blank line ends counts.
*/
int nv_parser_first (lua_State *L, const char *bytes, size_t length) {
  Parser *p = nv_newobject(L, NV_PARSER, sizeof(*p), 0);
  NvEvent event;
  int found;
  nv_sse_init(&p->events, 0);
  p->events.errors = 1;
  do
    found = nv_sse_next(&p->events, &bytes, &length, &event);
  while (found == 1 && event.data_length == 0);
  if (found == 0)
    found = nv_sse_pending(&p->events, &event) == 1 && event.data_length > 0;
  if (found == NV_NOMEM)
    return luaL_error(L, "not enough memory");
  if (found == 1)
    lua_pushlstring(L, event.data, event.data_length);
  nv_sse_free(&p->events);
  lua_remove(L, found == 1 ? -2 : -1);
  return found == 1;
}


void nv_parser_open (lua_State *L, int state) {
  static const luaL_Reg methods[] = {
    {"feed", parser_feed},
    {"next", parser_next},
    {NULL, NULL}
  };
  static const luaL_Reg metamethods[] = {
    {"__gc", parser_gc},
    {NULL, NULL}
  };
  nv_newclass(L, NV_PARSER, state, methods, metamethods);
}
