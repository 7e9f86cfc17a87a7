/*
** text.c
** Received text as Lua strings: ill-formed UTF-8 and lone surrogates become
** U+FFFD. Numbers as text, and texts that are made again and again.
*/

#include <math.h>
#include <string.h>

#include "binding.h"


/*
** Replaces a number at 'index' by its decimal text, which unlike that of
** lua_tolstring has all digits and no ".0". Returns 0 if it is not finite.
*/
int nv_text_number (lua_State *L, int index) {
  char text[NV_DECIMAL];
  lua_Number x;
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger(L, index))
    return 1;  /* as lua_tolstring writes it */
#endif
  if (lua_type(L, index) != LUA_TNUMBER)
    return 1;
  x = lua_tonumber(L, index);
  if (!isfinite(x))
    return 0;
  lua_pushlstring(L, text, nv_decimal_write(text, x));
  lua_replace(L, index);
  return 1;
}


/*
** Pushes the text with U+FFFD for each maximal ill-formed subpart, and with
** 'escapes' also for the escape of a lone surrogate.
*/
void nv_text_sanitize (lua_State *L, const char *text, size_t n,
                         int escapes) {
  const unsigned char *s = (const unsigned char *)text;
  luaL_Buffer b;
  size_t i = 0;
  luaL_buffinit(L, &b);
  while (i < n) {
    size_t bad = 1, length = 1;
    int alone = 0;
    if (s[i] >= 0x80)
      length = nv_utf8_length(s + i, n - i, &bad);
    else if (s[i] == '\\' && escapes)
      length = nv_json_escape_length(s + i, n - i, &alone);
    if (length > 0 && !alone)
      luaL_addlstring(&b, text + i, length);
    else
      luaL_addlstring(&b, "\xEF\xBF\xBD", 3);
    i += length ? length : bad;
  }
  luaL_pushresult(&b);
}


/* pushes received text as valid UTF-8 */
void nv_text_push (lua_State *L, const char *text, size_t length) {
  size_t i = 0, n, bad;
  while (i < length) {
    n = (unsigned char)text[i] < 0x80 ? 1
      : nv_utf8_length((const unsigned char *)text + i, length - i, &bad);
    if (n == 0) {
      nv_text_sanitize(L, text, length, 0);
      return;
    }
    i += n;
  }
  lua_pushlstring(L, text, length);
}


/*
** The same on one line: each run of white space and control characters becomes
** a space, none at either end; "..." follows after 'most' bytes.
*/
void nv_text_pushline (lua_State *L, const char *text, size_t length,
                       size_t most) {
  luaL_Buffer b;
  size_t i, written = 0;
  int blank = 0;
  luaL_buffinit(L, &b);
  for (i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c <= ' ' || c == 0x7F) {
      blank = written > 0;
      continue;
    }
    if (written >= most && (c & 0xC0) != 0x80)
      break;  /* don't split a character */
    if (blank)
      luaL_addchar(&b, ' ');
    luaL_addchar(&b, (char)c);
    written += blank ? 2 : 1;
    blank = 0;
  }
  luaL_addstring(&b, i < length ? "..." : "");
  luaL_pushresult(&b);
  text = lua_tolstring(L, -1, &length);
  nv_text_push(L, text, length);
  lua_remove(L, -2);
}


/* core.ascii(text) -> how many of its bytes are ASCII */
int nv_text_ascii (lua_State *L) {
  const char *text;
  size_t length, i, high = 0;
  luaL_checktype(L, 1, LUA_TSTRING);
  text = lua_tolstring(L, 1, &length);
  for (i = 0; i < length; i++)
    high += (unsigned char)text[i] >> 7;
  lua_pushnumber(L, (lua_Number)(length - high));
  return 1;
}


/*
** Pushes the string that 'head' and 'tail' make. The state keeps the last one
** in 'slot': most programs need it again and again.
*/
void nv_text_join (lua_State *L, int slot, const char *head, size_t n,
                   const char *tail) {
  size_t length, rest = strlen(tail);
  const char *last;
  luaL_Buffer b;
  lua_rawgeti(L, NV_STATE, slot);
  last = lua_tolstring(L, -1, &length);
  if (last != NULL && length == n + rest && memcmp(last, head, n) == 0 &&
      memcmp(last + n, tail, rest) == 0)
    return;
  lua_pop(L, 1);
  luaL_buffinit(L, &b);
  luaL_addlstring(&b, head, n);
  luaL_addlstring(&b, tail, rest);
  luaL_pushresult(&b);
  lua_pushvalue(L, -1);
  lua_rawseti(L, NV_STATE, slot);
}
