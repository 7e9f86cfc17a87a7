/*
** json.c
** The seam to lua-cjson, which reads JSON for us: its decoder, set to strict
** numbers, between two passes of ours. Before it, the bytes are looked at:
** raw control characters are refused (lua-cjson takes a NUL for the end),
** broken UTF-8 becomes U+FFFD. After it, a null member is absent from its
** object, a null in an array is novita.null, and an integer is a Lua integer
** where Lua has them (lua-cjson 2.1.0 gives floats: 60.0).
*/

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "binding.h"

#define EXACT	9007199254740992.0	/* 2^53 */


/*
** The length of the UTF-8 sequence at 's' (Unicode 15, table 3-7), or 0 if
** it is ill-formed; then '*bad' is the length of its maximal subpart.
*/
size_t nv_utf8_length (const unsigned char *s, size_t n, size_t *bad) {
  unsigned char low = 0x80, high = 0xBF;
  size_t i, more = s[0] < 0xE0 ? 1 : s[0] < 0xF0 ? 2 : 3;
  *bad = 1;
  if (s[0] < 0xC2 || s[0] > 0xF4)
    return 0;
  switch (s[0]) {
    case 0xE0: low = 0xA0; break;  /* no overlong forms */
    case 0xED: high = 0x9F; break;  /* no surrogates */
    case 0xF0: low = 0x90; break;
    case 0xF4: high = 0x8F; break;  /* nothing above U+10FFFF */
  }
  for (i = 1; i <= more; i++) {
    *bad = i;
    if (i == n || s[i] < low || s[i] > high)
      return 0;
    low = 0x80;
    high = 0xBF;
  }
  return more + 1;
}


enum { FINE, CONTROL, BROKEN };


#define EACH_BYTE(x)	(~(uint64_t)0 / 255 * (x))


/*
** Are all bytes printable ASCII? Most texts are, and need no closer look.
** Eight at a time: one of them is 0x80 or above, or below 0x20 if taking
** 0x20 away borrows.
*/
static int is_plain (const unsigned char *s, size_t n) {
  uint64_t word, suspect = 0;
  for (; n >= sizeof(word); s += sizeof(word), n -= sizeof(word)) {
    memcpy(&word, s, sizeof(word));
    suspect |= word | ((word - EACH_BYTE(0x20)) & ~word);
  }
  for (; n > 0; s++, n--)
    suspect |= *s < 0x20 || *s >= 0x80 ? 0x80 : 0;
  return (suspect & EACH_BYTE(0x80)) == 0;
}


/* what stands in the way of lua-cjson: nothing, a raw control character ... */
static int inspect (const unsigned char *s, size_t n) {
  int in_string = 0, verdict = FINE;
  size_t i = 0, bad;
  if (is_plain(s, n))
    return FINE;
  while (i < n) {
    unsigned char c = s[i];
    if (c >= 0x80) {
      size_t length = nv_utf8_length(s + i, n - i, &bad);
      if (length == 0)
        verdict = BROKEN;
      i += length ? length : bad;
      continue;
    }
    if (c < 0x20 && (in_string || strchr("\t\n\r", c) == NULL || c == '\0'))
      return CONTROL;
    if (c == '"')
      in_string = !in_string;
    else if (c == '\\' && in_string)
      i++;  /* the escaped one can't end the string */
    i++;
  }
  return verdict;
}


/* pushes 's' with U+FFFD for each maximal ill-formed part */
static void push_mended (lua_State *L, const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  luaL_Buffer b;
  size_t i = 0;
  luaL_buffinit(L, &b);
  while (i < n) {
    size_t bad, length = s[i] < 0x80 ? 1 : nv_utf8_length(s + i, n - i, &bad);
    if (length > 0)
      luaL_addlstring(&b, text + i, length);
    else
      luaL_addlstring(&b, "\xEF\xBF\xBD", 3);
    i += length ? length : bad;
  }
  luaL_pushresult(&b);
}


/* pushes text that came from the wire as valid UTF-8 */
void nv_json_pushtext (lua_State *L, const char *text, size_t length) {
  size_t i = 0, n, bad;
  while (i < length) {
    n = (unsigned char)text[i] < 0x80 ? 1
      : nv_utf8_length((const unsigned char *)text + i, length - i, &bad);
    if (n == 0) {
      push_mended(L, text, length);
      return;
    }
    i += n;
  }
  lua_pushlstring(L, text, length);
}


static void normalise (lua_State *L, int table);


/* the value on the top stands at the key below it */
static void normalise_member (lua_State *L, int table) {
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
      normalise(L, lua_gettop(L));
      break;
    case LUA_TLIGHTUSERDATA:
      if (lua_type(L, -2) != LUA_TSTRING)
        break;  /* novita.null is the same pointer */
      lua_pushvalue(L, -2);
      lua_pushnil(L);
      lua_rawset(L, table);
      break;
#if LUA_VERSION_NUM >= 503
    case LUA_TNUMBER: {
      lua_Number x = lua_tonumber(L, -1);
      if (lua_isinteger(L, -1) || floor(x) != x || fabs(x) > EXACT)
        break;
      lua_pushvalue(L, -2);
      lua_pushinteger(L, (lua_Integer)x);
      lua_rawset(L, table);
      break;
    }
#endif
  }
}


static void normalise (lua_State *L, int table) {
  luaL_checkstack(L, 6, "response nested too deep");
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
    normalise_member(L, table);
}


/*
** Calls a function of lua-cjson's; when it raises, returns -1 with the error
** on the top, unless that is a lack of memory, which is nobody's mistake.
*/
static int call_cjson (lua_State *L) {
  int status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  return status == 0 ? 0 : -1;
}


/*
** Pushes the value of a JSON text and returns 0, or pushes what is wrong
** with it (never a part of it) and returns -1. A leading BOM is skipped.
*/
int nv_json_decode (lua_State *L, const char *text, size_t length) {
  int verdict;
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3;
    length -= 3;
  }
  verdict = inspect((const unsigned char *)text, length);
  if (verdict == CONTROL) {
    lua_pushliteral(L, "raw control character");
    return -1;
  }
  lua_rawgeti(L, NV_STATE, NV_STATE_DECODE);
  if (verdict == BROKEN)
    push_mended(L, text, length);
  else
    lua_pushlstring(L, text, length);
  if (call_cjson(L) != 0)
    return -1;
  if (lua_istable(L, -1))
    normalise(L, lua_gettop(L));
  return 0;
}


/* core.decode(text) -> value | nil, error */
int nv_json_parse (lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  if (nv_json_decode(L, text, length) == 0)
    return 1;
  lua_pushnil(L);
  nv_error_push(L, "invalid_response");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "message");
  return 2;
}


/*
** Leaves lua-cjson's decoder in the state table, which is on the top: an
** instance of our own, so that nobody's settings are changed.
*/
void nv_json_open (lua_State *L) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  if (call_cjson(L) != 0)
    luaL_error(L, "novita needs lua-cjson (Debian: apt-get install lua-cjson;"
                  " LuaRocks: luarocks install lua-cjson)");
  lua_getfield(L, -1, "new");
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "decode_invalid_numbers");
  lua_pushboolean(L, 0);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "decode");
  lua_rawseti(L, -4, NV_STATE_DECODE);
  lua_pop(L, 2);
}
