/*
** text.c
** Text from the wire: UTF-8, and what a JSON text has in it that its reader
** would take wrongly. Raw control characters (lua-cjson takes a NUL for the
** end) and numbers like "1." are problems; broken UTF-8 and halves of
** surrogate pairs become U+FFFD.
*/

#include <stdint.h>
#include <string.h>

#include "binding.h"


/*
** The length of the UTF-8 sequence at 's' (Unicode 15, table 3-7), or 0 if
** it is ill-formed; then '*bad' is the length of its maximal subpart.
*/
size_t nv_text_utf8 (const unsigned char *s, size_t n, size_t *bad) {
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


enum { NO_SURROGATE, HIGH, LOW };

/* is the escape at 's' one for half of a pair of surrogates? */
static int surrogate (const unsigned char *s, size_t n) {
  if (n < 6 || s[0] != '\\' || s[1] != 'u' || (s[2] | 0x20) != 'd')
    return NO_SURROGATE;
  switch (s[3] | 0x20) {
    case '8': case '9': case 'a': case 'b': return HIGH;
    case 'c': case 'd': case 'e': case 'f': return LOW;
  }
  return NO_SURROGATE;
}


/* the length of the escape at 's'; '*alone': is it half of a pair? */
static size_t escape_length (const unsigned char *s, size_t n, int *alone) {
  int kind = surrogate(s, n);
  *alone = 0;
  if (kind == NO_SURROGATE)
    return n < 2 ? n : 2;
  if (kind == HIGH && surrogate(s + 6, n - 6) == LOW)
    return 12;
  *alone = 1;
  return 6;
}


static int is_digit (const unsigned char *s, size_t n, size_t i) {
  return i < n && s[i] >= '0' && s[i] <= '9';
}


#define EACH_BYTE(x)	(~(uint64_t)0 / 255 * (x))
#define ZERO_BYTE(word)	(((word) - EACH_BYTE(1)) & ~(word))  /* at 0x80 */


/*
** How many bytes have no meaning of their own inside a string: printable
** ASCII but the quote and the backslash. Most do; they are looked at eight
** at a time. A byte is below 0x20 if taking 0x20 away borrows.
*/
static size_t skip_plain (const unsigned char *s, size_t n) {
  size_t i;
  for (i = 0; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t)) {
    uint64_t word, special;
    memcpy(&word, s + i, sizeof(word));
    special = word | ((word - EACH_BYTE(0x20)) & ~word) |
              ZERO_BYTE(word ^ EACH_BYTE('"')) |
              ZERO_BYTE(word ^ EACH_BYTE('\\'));
    if ((special & EACH_BYTE(0x80)) != 0)
      break;
  }
  while (i < n && s[i] >= 0x20 && s[i] < 0x80 && s[i] != '"' && s[i] != '\\')
    i++;
  return i;
}


/* looks a string over, from behind its quote; returns where it goes on */
static size_t inspect_string (const unsigned char *s, size_t n, size_t i,
                              NvFindings *found) {
  for (i += skip_plain(s + i, n - i); i < n && s[i] != '"';
       i += skip_plain(s + i, n - i)) {
    size_t length = 1, bad = 1;
    int alone = 0;
    if (s[i] >= 0x80)
      length = nv_text_utf8(s + i, n - i, &bad);
    else if (s[i] == '\\')
      length = escape_length(s + i, n - i, &alone);
    else {
      found->problem = "raw control character";
      return n;
    }
    found->broken |= length == 0 || alone;
    i += length ? length : bad;
  }
  return i + 1;
}


/* looks a JSON text over; whether it is JSON is for its reader to say */
NvFindings nv_text_inspect (const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  NvFindings found = {NULL, 0, 0, 0};
  size_t i = 0;
  while (i < n && found.problem == NULL) {
    if (s[i] == '"') {
      i = inspect_string(s, n, i + 1, &found);
      continue;
    }
    if (s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r')
      found.problem = "raw control character";
    else if (s[i] == '.') {
      found.fractions = 1;
      if (i == 0 || !is_digit(s, n, i - 1) || !is_digit(s, n, i + 1))
        found.problem = "no digit beside a decimal point";
    }
    else if (s[i] == 'n')
      found.nulls = 1;
    i++;
  }
  return found;
}


/*
** Pushes 's' with U+FFFD for each maximal ill-formed part, and for half
** a pair of surrogates where a backslash escapes.
*/
void nv_text_mend (lua_State *L, const char *text, size_t n,
                         int escapes) {
  const unsigned char *s = (const unsigned char *)text;
  luaL_Buffer b;
  size_t i = 0;
  luaL_buffinit(L, &b);
  while (i < n) {
    size_t bad = 1, length = 1;
    int alone = 0;
    if (s[i] >= 0x80)
      length = nv_text_utf8(s + i, n - i, &bad);
    else if (s[i] == '\\' && escapes)
      length = escape_length(s + i, n - i, &alone);
    if (length > 0 && !alone)
      luaL_addlstring(&b, text + i, length);
    else
      luaL_addlstring(&b, "\xEF\xBF\xBD", 3);
    i += length ? length : bad;
  }
  luaL_pushresult(&b);
}


/* pushes text that came from the wire as valid UTF-8 */
void nv_text_push (lua_State *L, const char *text, size_t length) {
  size_t i = 0, n, bad;
  while (i < length) {
    n = (unsigned char)text[i] < 0x80 ? 1
      : nv_text_utf8((const unsigned char *)text + i, length - i, &bad);
    if (n == 0) {
      nv_text_mend(L, text, length, 0);
      return;
    }
    i += n;
  }
  lua_pushlstring(L, text, length);
}


/*
** The same on one line: a run of blanks and control characters is one blank,
** none is left at either end, and after 'most' bytes comes "...".
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
      break;  /* not inside a character */
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
