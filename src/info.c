/*
** info.c
** What is known of a response beside its body: status, headers, request
** id, timings. It is given next to a reply and inside an error.
**
** The headers stay bytes until somebody asks for one: most calls don't, and
** a table of them would cost as much as the JSON of a short answer.
*/

#include <string.h>
#include <strings.h>

#include "binding.h"


/* one line of a header block: "Name: value" without blanks around it */
typedef struct Line {
  const char *name, *value;
  size_t name_length, value_length;
} Line;


static int is_blank (char c) {
  return c == ' ' || c == '\t' || c == '\r';
}


/* reads the line at '*at' and moves past it; 0 when there is none left */
static int next_line (const char **at, const char *end, Line *line) {
  while (*at < end) {
    const char *start = *at;
    const char *stop = memchr(start, '\n', (size_t)(end - start));
    const char *colon;
    *at = stop ? stop + 1 : end;
    stop = stop ? stop : end;
    while (stop > start && is_blank(stop[-1]))
      stop--;
    colon = memchr(start, ':', (size_t)(stop - start));
    if (colon == NULL)
      continue;  /* no header: say, a status line */
    line->name = start;
    line->name_length = (size_t)(colon - start);
    for (colon++; colon < stop && is_blank(*colon); colon++)
      ;
    line->value = colon;
    line->value_length = (size_t)(stop - colon);
    return 1;
  }
  return 0;
}


/* pushes the value, or the values joined by ", " (RFC 9110, 5.3), or nil */
static int push_value (lua_State *L, const char *at, const char *end,
                       const char *name, size_t length) {
  Line line;
  int found = 0;
  while (next_line(&at, end, &line)) {
    if (line.name_length != length ||
        strncasecmp(line.name, name, length) != 0)
      continue;
    if (found)
      lua_pushliteral(L, ", ");
    nv_text_push(L, line.value, line.value_length);
    if (found)
      lua_concat(L, 3);
    found = 1;
  }
  if (!found)
    lua_pushnil(L);
  return found;
}


/*
** {======================================================
** The headers in Lua
** =======================================================
*/

typedef struct Headers {
  size_t length;
  char bytes[1];
} Headers;


/* pushes the headers of the final response */
void nv_info_headers (lua_State *L, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->head);
  Headers *h = lua_newuserdatauv(L, sizeof(Headers) + length, 0);
  h->length = length;
  if (length > 0)
    memcpy(h->bytes, nv_buffer_data(&t->head), length);
  luaL_getmetatable(L, NV_HEADERS);
  lua_setmetatable(L, -2);
}


/* headers[name]: the value, whatever the case of the name */
static int headers_index (lua_State *L) {
  const Headers *h = luaL_checkudata(L, 1, NV_HEADERS);
  size_t length;
  const char *name;
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  name = lua_tolstring(L, 2, &length);
  push_value(L, h->bytes, h->bytes + h->length, name, length);
  return 1;
}


/* the iterator of headers(): upvalues are the headers and the offset */
static int headers_next (lua_State *L) {
  const Headers *h = lua_touserdata(L, lua_upvalueindex(1));
  const char *at = h->bytes + lua_tointeger(L, lua_upvalueindex(2));
  Line line;
  if (!next_line(&at, h->bytes + h->length, &line))
    return 0;
  lua_pushinteger(L, at - h->bytes);
  lua_replace(L, lua_upvalueindex(2));
  nv_text_push(L, line.name, line.name_length);
  nv_text_push(L, line.value, line.value_length);
  return 2;
}


/* for name, value in headers() do: all of them, in their order */
static int headers_call (lua_State *L) {
  luaL_checkudata(L, 1, NV_HEADERS);
  lua_settop(L, 1);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, headers_next, 2);
  return 1;
}


static int headers_tostring (lua_State *L) {
  const Headers *h = luaL_checkudata(L, 1, NV_HEADERS);
  nv_text_push(L, h->bytes, h->length);
  return 1;
}


void nv_info_open (lua_State *L) {
  static const luaL_Reg metamethods[] = {
    {"__index", headers_index},
    {"__call", headers_call},
    {"__tostring", headers_tostring},
    {NULL, NULL}
  };
  luaL_newmetatable(L, NV_HEADERS);
  luaL_setfuncs(L, metamethods, 0);
  lua_pop(L, 1);
}

/* }====================================================== */


/* pushes the id under which the server knows this request, or nil; an empty
   one is none */
int nv_info_request_id (lua_State *L, const NvTransfer *t) {
  static const char *const names[] = {
    "x-request-id", "request-id", "x-generation-id"
  };
  size_t length = nv_buffer_length(&t->head), i;
  const char *head = length > 0 ? nv_buffer_data(&t->head) : "";
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (push_value(L, head, head + length, names[i],
                   strlen(names[i])) && lua_rawlen(L, -1) > 0)
      return 1;
    lua_pop(L, 1);
  }
  lua_pushnil(L);
  return 0;
}


static void set_seconds (lua_State *L, const char *name, double seconds) {
  lua_pushnumber(L, seconds);
  lua_setfield(L, -2, name);
}


static void push_timings (lua_State *L, const NvTimings *times) {
  lua_createtable(L, 0, 5);
  set_seconds(L, "queue", times->queue);
  set_seconds(L, "connect", times->connect);
  set_seconds(L, "tls", times->tls);
  set_seconds(L, "first_byte", times->first_byte);
  set_seconds(L, "total", times->total);
}


static const char *version_name (int version) {
  switch (version) {
    case 10: return "1.0";
    case 11: return "1.1";
    case 20: return "2";
    case 30: return "3";
  }
  return "unknown";
}


/* pushes the table that stands beside a reply */
void nv_info_push (lua_State *L, NvTransfer *t) {
  nv_transfer_measure(t);
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, t->status);
  lua_setfield(L, -2, "status");
  lua_pushstring(L, version_name(t->http_version));
  lua_setfield(L, -2, "http_version");
  lua_pushboolean(L, t->reused);
  lua_setfield(L, -2, "reused");
  push_timings(L, &t->timings);
  lua_setfield(L, -2, "timings");
  nv_info_headers(L, t);
  lua_setfield(L, -2, "headers");
  nv_info_request_id(L, t);
  lua_setfield(L, -2, "request_id");
}
