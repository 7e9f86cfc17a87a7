/*
** base64.c
** Base64 for Lua: encodes strings, and decodes embeddings, which servers send
** as Base64 of little-endian float32 values.
*/

#include <stdlib.h>

#include "binding.h"


/* pushes a buffer and returns 'size' > 0 reserved bytes in it */
static char *push_room (lua_State *L, size_t size) {
  char *room = nv_buffer_reserve(nv_newbuffer(L), size);
  if (room == NULL)
    luaL_error(L, "not enough memory");
  return room;
}


/* core.base64(bytes) -> text */
int nv_base64_new (lua_State *L) {
  size_t length;
  const char *bytes = luaL_checklstring(L, 1, &length);
  char *text = push_room(L, nv_base64_length(length) + 1);
  nv_base64_encode(bytes, length, text);
  lua_pushlstring(L, text, nv_base64_length(length));
  nv_buffer_free(lua_touserdata(L, -2));
  return 1;
}


/* core.floats(text) -> a list of numbers | nil, problem */
int nv_base64_floats (lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  char *bytes = push_room(L, length + 1);
  long long i, n = nv_base64_decode(text, length, bytes);
  if (n < 0 || n % 4 != 0) {
    lua_pushnil(L);
    lua_pushstring(L, n < 0 ? "is not base64" : "has a length that is not a "
                                                "multiple of 4 bytes");
    return 2;
  }
  lua_createtable(L, (int)(n / 4), 0);
  for (i = 0; i < n / 4; i++) {
    lua_pushnumber(L, nv_float32_read(bytes + 4 * i));
    lua_rawseti(L, -2, (int)i + 1);
  }
  nv_buffer_free(lua_touserdata(L, -2));
  return 1;
}
