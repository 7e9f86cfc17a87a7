/*
** json_scan.c
** Scans a JSON text for what lua-cjson reads wrongly. Raw control characters
** (lua-cjson stops at a NUL) and numbers like "1." are errors; ill-formed
** UTF-8 and lone surrogates must be replaced.
*/

#include <stdint.h>
#include <string.h>

#include "bytes.h"

#if defined(__SSE2__) && defined(__GNUC__)
#include <emmintrin.h>
#endif

#define FLOAT_DIGITS	15	/* digits that any double can hold */


enum { NO_SURROGATE, HIGH, LOW };

/* is the escape at 's' a surrogate, and which? */
static int surrogate (const unsigned char *s, size_t n) {
  if (n < 6 || s[0] != '\\' || s[1] != 'u' || (s[2] | 0x20) != 'd')
    return NO_SURROGATE;
  switch (s[3] | 0x20) {
    case '8': case '9': case 'a': case 'b': return HIGH;
    case 'c': case 'd': case 'e': case 'f': return LOW;
  }
  return NO_SURROGATE;
}


/* returns the length of the escape at 's'; '*alone': a lone surrogate? */
size_t nv_json_escape_length (const unsigned char *s, size_t n, int *alone) {
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

/* the place of the first byte whose top bit is set, or 0 if that is unknown */
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FIRST_BYTE(flags)	((size_t)__builtin_ctzll(flags) / 8)
#else
#define FIRST_BYTE(flags)	0
#endif


#if defined(__SSE2__) && defined(__GNUC__)

#define VECTOR	sizeof(__m128i)

/*
** Returns which of the 16 bytes at 's' are special, a bit each. As signed
** bytes, those from 0x80 on are below 0x20 too.
*/
static unsigned special_bytes (const unsigned char *s) {
  __m128i bytes = _mm_loadu_si128((const __m128i *)s);
  __m128i low = _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20));
  __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
  __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
  __m128i any = _mm_or_si128(low, _mm_or_si128(quote, slash));
  return (unsigned)_mm_movemask_epi8(any);
}

#endif


/*
** Returns the number of bytes before the next special one in a string: not
** printable ASCII, a quote or a backslash. Tests 16 bytes at a time where the
** processor can, then eight. A byte is below 0x20 if subtracting 0x20 borrows;
** that may flag the next byte too, but not the one before.
*/
size_t nv_json_plain (const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  size_t i = 0;
#ifdef VECTOR
  for (; i + VECTOR <= n; i += VECTOR) {
    unsigned special = special_bytes(s + i);
    if (special != 0)
      return i + (size_t)__builtin_ctz(special);
  }
#endif
  for (; i + sizeof(uint64_t) <= n; i += sizeof(uint64_t)) {
    uint64_t word, special;
    memcpy(&word, s + i, sizeof(word));
    special = word | ((word - EACH_BYTE(0x20)) & ~word) |
              ZERO_BYTE(word ^ EACH_BYTE('"')) |
              ZERO_BYTE(word ^ EACH_BYTE('\\'));
    special &= EACH_BYTE(0x80);
    if (special != 0) {
      i += FIRST_BYTE(special);
      break;
    }
  }
  while (i < n && s[i] >= 0x20 && s[i] < 0x80 && s[i] != '"' && s[i] != '\\')
    i++;
  return i;
}


/* scans a string from after its quote; returns the index after it */
static size_t inspect_string (const unsigned char *s, size_t n, size_t i,
                              NvJsonScan *found) {
  const char *text = (const char *)s;
  for (i += nv_json_plain(text + i, n - i); i < n && s[i] != '"';
       i += nv_json_plain(text + i, n - i)) {
    size_t length = 1, bad = 1;
    int alone = 0;
    if (s[i] >= 0x80)
      length = nv_utf8_length(s + i, n - i, &bad);
    else if (s[i] == '\\')
      length = nv_json_escape_length(s + i, n - i, &alone);
    else {
      found->problem = "raw control character";
      return n;
    }
    found->broken |= length == 0 || alone;
    i += length ? length : bad;
  }
  return i + 1;
}


/* is there only white space before the closing bracket? */
static int is_empty (const unsigned char *s, size_t n, size_t i, int close) {
  while (i < n && s[i] <= ' ')
    i++;
  return i < n && s[i] == close;
}


/* do the digits at 'i' begin a number, not a fraction or an exponent? */
static int begins_number (const unsigned char *s, size_t i) {
  if (i > 0 && (s[i - 1] == '-' || s[i - 1] == '+'))
    i--;
  return i == 0 || (s[i - 1] != '.' && (s[i - 1] | 0x20) != 'e');
}


/*
** Does the byte at 'i', outside strings, belong to a number that JSON does not
** allow: 0x10, Infinity, NaN, +1? Parsers differ in these.
*/
static int foreign_number (const unsigned char *s, size_t n, size_t i) {
  switch (s[i]) {
    case '+': return i == 0 || (s[i - 1] | 0x20) != 'e';
    case 'n': return i + 1 == n || s[i + 1] != 'u';  /* of null */
    case 'N': case 'i': case 'I': case 'x': case 'X': return 1;
    default: return 0;
  }
}


/* skips digits; many of them may be an integer that no double holds */
static size_t inspect_digits (const unsigned char *s, size_t n, size_t i,
                              NvJsonScan *found) {
  size_t start = i;
  while (is_digit(s, n, i))
    i++;
  found->exact |= i - start > FLOAT_DIGITS;
  if (s[start] == '0' && i - start > 1 && begins_number(s, start))
    found->problem = "number with a leading zero";
  return i;
}


/* scans a text; does not check that it is JSON otherwise */
NvJsonScan nv_json_scan (const char *text, size_t n) {
  const unsigned char *s = (const unsigned char *)text;
  NvJsonScan found = {NULL, 0, 0, 0, 0};
  size_t i = 0;
  while (i < n && found.problem == NULL) {
    if (s[i] == ',' || s[i] == ':') {  /* the most frequent ones */
      i++;
      continue;
    }
    if (s[i] == '"') {
      i = inspect_string(s, n, i + 1, &found);
      continue;
    }
    if (is_digit(s, n, i)) {
      i = inspect_digits(s, n, i, &found);
      continue;
    }
    if (s[i] < 0x20 && s[i] != '\t' && s[i] != '\n' && s[i] != '\r')
      found.problem = "raw control character";
    else if (s[i] == '.') {
      found.fractions = 1;
      if (i == 0 || !is_digit(s, n, i - 1) || !is_digit(s, n, i + 1))
        found.problem = "no digit beside a decimal point";
    }
    else if (foreign_number(s, n, i))
      found.problem = "invalid token";
    else if (s[i] == 'n')
      found.nulls = 1;
    else if (s[i] == '[' || s[i] == '{')
      found.exact |= is_empty(s, n, i + 1, s[i] + 2);  /* in ASCII */
    i++;
  }
  return found;
}
