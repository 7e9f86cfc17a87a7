/*
** info.c
** What is known of a response beside its body: status, headers, request
** id, timings. It is given next to a reply and inside an error.
*/

#include <string.h>

#include "binding.h"


/* pushes a header's name in lower case */
static void push_lower (lua_State *L, const char *name, size_t length) {
  char lower[64];
  size_t i;
  if (length > sizeof(lower))
    length = sizeof(lower);
  for (i = 0; i < length; i++)
    lower[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] | 0x20)
                                                : name[i];
  lua_pushlstring(L, lower, length);
}


/* sets headers[name], after what is there already if the name repeats */
static void add_value (lua_State *L, const char *line, size_t name,
                       const char *value, size_t length) {
  push_lower(L, line, name);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    nv_json_pushtext(L, value, length);
  }
  else {
    lua_pushliteral(L, ", ");
    nv_json_pushtext(L, value, length);
    lua_concat(L, 3);
  }
  lua_rawset(L, -3);
}


/*
** Pushes the headers of the final response: each line, in order, at 1, 2,
** 3 ..., and each value under its name in lower case; the values of a
** repeated name are joined by ", " (RFC 9110, 5.3).
*/
void nv_info_headers (lua_State *L, const NvTransfer *t) {
  const char *line = nv_buffer_data(&t->head);
  const char *end = line + nv_buffer_length(&t->head);
  int n = 0;
  lua_newtable(L);
  while (line < end) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    const char *next = stop ? stop + 1 : end;
    const char *colon = memchr(line, ':', (size_t)(next - line));
    const char *value = colon ? colon + 1 : NULL;
    stop = stop ? stop : end;
    while (stop > line && strchr(" \t\r", stop[-1]) != NULL)
      stop--;
    if (colon != NULL && colon < stop) {
      while (value < stop && (*value == ' ' || *value == '\t'))
        value++;
      nv_json_pushtext(L, line, (size_t)(stop - line));
      lua_rawseti(L, -2, ++n);
      add_value(L, line, (size_t)(colon - line), value,
                (size_t)(stop - value));
    }
    line = next;
  }
  luaL_getmetatable(L, NV_HEADERS);
  lua_setmetatable(L, -2);
}


/* headers.__index: names are the same in any case */
static int headers_index (lua_State *L) {
  size_t length;
  const char *name;
  if (lua_type(L, 2) != LUA_TSTRING)
    return 0;
  name = lua_tolstring(L, 2, &length);
  push_lower(L, name, length);
  lua_rawget(L, 1);
  return 1;
}


/*
** Pushes the id under which the server knows this request, as found in the
** table of headers at 'headers', and returns 1; or pushes nothing.
*/
int nv_info_request_id (lua_State *L, int headers) {
  static const char *const names[] = {
    "x-request-id", "request-id", "x-generation-id", NULL
  };
  int i;
  for (i = 0; names[i] != NULL; i++) {
    lua_pushstring(L, names[i]);
    lua_rawget(L, headers);
    if (!lua_isnil(L, -1))
      return 1;
    lua_pop(L, 1);
  }
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
  int info;
  nv_transfer_measure(t);
  lua_createtable(L, 0, 6);
  info = lua_gettop(L);
  lua_pushinteger(L, t->status);
  lua_setfield(L, info, "status");
  lua_pushstring(L, version_name(t->http_version));
  lua_setfield(L, info, "http_version");
  lua_pushboolean(L, t->reused);
  lua_setfield(L, info, "reused");
  push_timings(L, &t->timings);
  lua_setfield(L, info, "timings");
  nv_info_headers(L, t);
  if (nv_info_request_id(L, info + 1))
    lua_setfield(L, info, "request_id");
  lua_setfield(L, info, "headers");
}


void nv_info_open (lua_State *L) {
  luaL_newmetatable(L, NV_HEADERS);
  lua_pushcfunction(L, headers_index);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
