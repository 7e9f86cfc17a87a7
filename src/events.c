/*
** events.c
** core.sse(): the event-stream parser alone, for other people's streams.
*/

#include <string.h>

#include "binding.h"

typedef struct Parser {
  NvSse events;
  NvBuffer input;	/* fed, but not yet parsed */
} Parser;


static int parser_gc (lua_State *L) {
  Parser *p = luaL_checkudata(L, 1, NV_PARSER);
  nv_sse_free(&p->events);
  nv_buffer_free(&p->input);
  return 0;
}


/* parser:feed(bytes): more of the stream */
static int parser_feed (lua_State *L) {
  Parser *p = luaL_checkudata(L, 1, NV_PARSER);
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);
  if (nv_buffer_append(&p->input, bytes, length) != 0)
    return luaL_error(L, "not enough memory");
  return 0;
}


/*
** parser:next() -> type, data, id: the next event, its type "message" if
** the stream named none, its id the last one of the stream or ""; nil when
** there is no event yet; nil and an error when one is larger than
** max_event_bytes.
*/
static int parser_next (lua_State *L) {
  Parser *p = luaL_checkudata(L, 1, NV_PARSER);
  size_t had = nv_buffer_length(&p->input), left = had;
  const char *bytes = had > 0 ? nv_buffer_data(&p->input) : "";
  NvEvent event;
  int found = nv_sse_next(&p->events, &bytes, &left, &event);
  if (found == 1) {
    if (event.type_length > 0)
      lua_pushlstring(L, event.type, event.type_length);
    else
      lua_pushliteral(L, "message");
    lua_pushlstring(L, event.data, event.data_length);
    lua_pushlstring(L, event.id, event.id_length);
  }
  nv_buffer_consume(&p->input, had - left);
  if (found == 1)
    return 3;
  if (found == NV_NOMEM)
    return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  if (found == 0)
    return 1;
  nv_error_push(L, "response_too_large");
  lua_pushliteral(L, "an event is larger than max_event_bytes");
  lua_setfield(L, -2, "message");
  return 2;
}


/* the only option there is, or 0 for no ceiling */
static size_t read_ceiling (lua_State *L, int options) {
  lua_Number ceiling = 0;
  if (lua_isnoneornil(L, options))
    return 0;
  luaL_checktype(L, options, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, options); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING ||
        strcmp(lua_tostring(L, -2), "max_event_bytes") != 0)
      luaL_error(L, "unknown option %s",
                 nv_shown_push(L, lua_gettop(L) - 1));
    ceiling = lua_tonumber(L, -1);
    if (lua_type(L, -1) != LUA_TNUMBER || !(ceiling >= 1 && ceiling < 1e15))
      luaL_error(L, "max_event_bytes: %s is not a number of bytes",
                 nv_shown_push(L, lua_gettop(L)));
  }
  return (size_t)ceiling;
}


/* core.sse({ max_event_bytes }) -> parser */
int nv_events_new (lua_State *L) {
  size_t ceiling = read_ceiling(L, 1);
  Parser *p = nv_newobject(L, NV_PARSER, sizeof(*p), 0);
  nv_sse_init(&p->events, ceiling);
  return 1;
}


void nv_events_open (lua_State *L, int state) {
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
