/*
** sha256.c
** SHA-256 for Lua.
*/

#include "binding.h"


/* core.sha256(...) -> the digest of the concatenated strings, in hex */
int nv_sha256_new (lua_State *L) {
  static const char digits[] = "0123456789abcdef";
  unsigned char digest[NV_SHA256];
  char hex[2 * NV_SHA256];
  NvSha256 h;
  int i, top = lua_gettop(L);
  luaL_checkany(L, 1);
  nv_sha256_init(&h);
  for (i = 1; i <= top; i++) {
    size_t length;
    const char *bytes;
    luaL_checktype(L, i, LUA_TSTRING);
    bytes = lua_tolstring(L, i, &length);
    nv_sha256_append(&h, bytes, length);
  }
  nv_sha256_finish(&h, digest);
  for (i = 0; i < NV_SHA256; i++) {
    hex[2 * i] = digits[digest[i] >> 4];
    hex[2 * i + 1] = digits[digest[i] & 15];
  }
  lua_pushlstring(L, hex, sizeof(hex));
  return 1;
}
