/*
** response.c
** The info of a response: status, headers, request id, timings. It is the
** second result beside a reply; errors have its fields too.
**
** Most callers use none of it, and creating it would cost as much as the JSON
** of a short reply. So the table holds the status and one userdata with header
** bytes and timings. Its other fields are created on first access.
*/

#include <string.h>

#include "binding.h"


/* parses the header line at '*at' and advances; 0 at the end */
static int next_header (const char **at, const char *end, NvHeader *h) {
  while (*at < end) {
    const char *start = *at;
    const char *stop = memchr(start, '\n', (size_t)(end - start));
    *at = stop ? stop + 1 : end;
    if (nv_header_parse(start, (size_t)(*at - start), h) == 0)
      return 1;  /* else a status line */
  }
  return 0;
}


/* pushes the value, several joined by ", " (RFC 9110, 5.3), or nil */
static int push_header_value (lua_State *L, const char *at, const char *end,
                              const char *name, size_t length) {
  NvHeader line;
  int found = 0;
  while (next_header(&at, end, &line)) {
    if (!nv_header_is(&line, name, length))
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
  NvTimings timings;
  int http_version, reused;
  size_t length;
  char bytes[1];
} Headers;


/* pushes the headers of the final response */
void nv_response_headers (lua_State *L, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->head);
  Headers *h = lua_newuserdatauv(L, sizeof(Headers) + length, 0);
  if (length > nv_buffer_length(&t->head))
    length = nv_buffer_length(&t->head);  /* a finalizer has changed it */
  h->timings = t->timings;
  h->http_version = t->http_version;
  h->reused = t->reused;
  h->length = length;
  if (length > 0)
    memcpy(h->bytes, nv_buffer_data(&t->head), length);
  lua_rawgeti(L, NV_STATE, NV_STATE_HEADERS);
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
  push_header_value(L, h->bytes, h->bytes + h->length, name, length);
  return 1;
}


/* the iterator of headers(): upvalues are the headers and the offset */
static int headers_next (lua_State *L) {
  const Headers *h = lua_touserdata(L, lua_upvalueindex(1));
  const char *at = h->bytes + lua_tointeger(L, lua_upvalueindex(2));
  NvHeader line;
  if (!next_header(&at, h->bytes + h->length, &line))
    return 0;
  lua_pushinteger(L, at - h->bytes);
  lua_replace(L, lua_upvalueindex(2));
  nv_text_push(L, line.name, line.name_length);
  nv_text_push(L, line.value, line.value_length);
  return 2;
}


/* headers(): an iterator over names and values in their order */
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


/* }====================================================== */


/*
** Pushes the server's request id from the headers at the index, or nil if
** there is none or it is empty.
*/
int nv_response_request_id (lua_State *L, int headers) {
  static const char *const names[] = {
    "x-request-id", "request-id", "x-generation-id"
  };
  const Headers *h = lua_touserdata(L, headers);
  size_t i;
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
    if (push_header_value(L, h->bytes, h->bytes + h->length, names[i],
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


/* pushes the list of attempts of a call that had one, of 'seconds' */
static void push_attempt_list (lua_State *L, double seconds) {
  lua_createtable(L, 1, 0);
  lua_createtable(L, 0, 1);
  set_seconds(L, "seconds", seconds);
  lua_rawseti(L, -2, 1);
}


/* pushes a field of the info whose headers are at 'index', or nil */
static void push_info_field (lua_State *L, int index, const char *name) {
  const Headers *h = lua_touserdata(L, index);
  if (strcmp(name, "timings") == 0)
    push_timings(L, &h->timings);
  else if (strcmp(name, "request_id") == 0)
    nv_response_request_id(L, index);
  else if (strcmp(name, "http_version") == 0)
    lua_pushstring(L, version_name(h->http_version));
  else if (strcmp(name, "reused") == 0)
    lua_pushboolean(L, h->reused);
  else if (strcmp(name, "attempts") == 0)
    push_attempt_list(L, h->timings.total);
  else
    lua_pushnil(L);
}


/* pushes the headers of the info at 1, to 3; 0 if they were removed */
static int push_headers (lua_State *L) {
  int ours;
  lua_pushliteral(L, "headers");
  lua_rawget(L, 1);
  luaL_getmetatable(L, NV_HEADERS);
  ours = lua_type(L, 3) == LUA_TUSERDATA && lua_getmetatable(L, 3) &&
         lua_rawequal(L, 4, 5);
  lua_settop(L, 3);
  return ours;
}


/* info[name] of a field that does not exist yet */
static int info_index (lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (lua_type(L, 2) != LUA_TSTRING || !push_headers(L))
    return 0;
  push_info_field(L, 3, lua_tostring(L, 2));
  if (!lua_isnil(L, -1)) {
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
  }
  return 1;
}


/* pairs(info) from Lua 5.2 on: creates all fields first */
static int info_pairs (lua_State *L) {
  static const char *const names[] = {
    "timings", "request_id", "http_version", "reused", "attempts"
  };
  size_t i;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    lua_getfield(L, 1, names[i]);
  lua_getglobal(L, "next");
  lua_pushvalue(L, 1);
  return 2;
}


/* pushes the info of a transfer */
void nv_response_push (lua_State *L, NvTransfer *t) {
  nv_transfer_read_info(t);
  lua_createtable(L, 0, 2);
  lua_pushinteger(L, t->status);
  lua_setfield(L, -2, "status");
  nv_response_headers(L, t);
  lua_setfield(L, -2, "headers");
  lua_rawgeti(L, NV_STATE, NV_STATE_INFO);
  lua_setmetatable(L, -2);
}


void nv_response_open (lua_State *L, int state) {
  static const luaL_Reg of_headers[] = {
    {"__index", headers_index},
    {"__call", headers_call},
    {"__tostring", headers_tostring},
    {NULL, NULL}
  };
  static const luaL_Reg of_info[] = {
    {"__index", info_index},
    {"__pairs", info_pairs},
    {NULL, NULL}
  };
  luaL_newmetatable(L, NV_HEADERS);
  luaL_setfuncs(L, of_headers, 0);
  lua_rawseti(L, state, NV_STATE_HEADERS);
  luaL_newmetatable(L, NV_INFO);
  luaL_setfuncs(L, of_info, 0);
  lua_pushnil(L);
  lua_setfield(L, -2, "__name");  /* tostring: a plain table */
  lua_rawseti(L, state, NV_STATE_INFO);
}
