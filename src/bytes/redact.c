/*
** redact.c
** Overwrites a secret in received bytes with asterisks, so that a response
** that echoes the request does not put the key into an error or a log. The
** secret is found verbatim, in the escapes of JSON and of URLs, nested ones
** too, and inside Base64 text.
*/

#include <string.h>

#include "bytes.h"

#define SHORT_SECRET	8	/* shorter ones match by chance */
#define PLAIN		(-1)

/*
** The text to search for: the secret, or those characters of its Base64 that
** do not depend on the surrounding bytes. 'shift' is the number of bytes
** before the secret in its group of three.
*/
typedef struct Pattern {
  const char *secret;
  size_t secret_length;
  int shift;		/* 0, 1, 2, or PLAIN */
  size_t first;		/* first Base64 character that is fixed */
  size_t length;	/* number of characters */
} Pattern;


static unsigned byte_at (const Pattern *p, size_t i) {
  size_t before = (size_t)p->shift;
  return i < before || i - before >= p->secret_length ? 0
       : (unsigned char)p->secret[i - before];
}


/* returns the i-th character of the pattern */
static char character_at (const Pattern *p, size_t i) {
  static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t bit;
  unsigned pair;
  if (p->shift == PLAIN)
    return p->secret[i];
  bit = (i + p->first) * 6;
  pair = byte_at(p, bit / 8) << 8 | byte_at(p, bit / 8 + 1);
  return digits[pair >> (10 - bit % 8) & 63];
}


static Pattern make_pattern (const char *secret, size_t length, int shift) {
  Pattern p;
  p.secret = secret;
  p.secret_length = length;
  p.shift = shift;
  p.first = 0;
  p.length = length;
  if (shift != PLAIN) {
    size_t before = (size_t)shift * 8;
    p.first = (before + 5) / 6;
    p.length = (before + length * 8) / 6 - p.first;
  }
  return p;
}


static int hex_value (char c) {
  static const char digits[] = "0123456789abcdef";
  const char *at = c ? strchr(digits, c | 0x20) : NULL;
  return at ? (int)(at - digits) : -1;
}


/* does 's' begin with 'count' hexadecimal digits of the value 'c'? */
static int is_hex (const char *s, const char *end, int count, char c) {
  int i, value = 0;
  if (end - s < count)
    return 0;
  for (i = 0; i < count; i++) {
    int digit = hex_value(s[i]);
    if (digit < 0)
      return 0;
    value = value * 16 + digit;
  }
  return value == (unsigned char)c;
}


/* same character? base64url has - and _ for + and / */
static int is_same (const Pattern *p, char text, char c) {
  if (p->shift == PLAIN)
    return text == c;
  return text == c || (c == '+' && text == '-') || (c == '/' && text == '_');
}


/*
** Returns the length of the text at 's' that encodes the character 'c', or 0:
** itself, \c, \u0063 or \x63 after any number of backslashes, or %63.
*/
static size_t match_character (const Pattern *p, const char *s,
                               const char *end, char c) {
  const char *at = s;
  if (s < end && is_same(p, *s, c))
    return 1;
  if (s < end && *s == '%' && is_hex(s + 1, end, 2, c))
    return 3;
  while (at < end && *at == '\\')
    at++;
  if (at == s || at >= end)
    return 0;
  if (is_same(p, *at, c))
    return (size_t)(at + 1 - s);
  if (*at == 'u' && is_hex(at + 1, end, 4, c))
    return (size_t)(at + 5 - s);
  if (*at == 'x' && is_hex(at + 1, end, 2, c))
    return (size_t)(at + 3 - s);
  return 0;
}


/* returns the length of the text at 's' that encodes the pattern, or 0 */
static size_t match (const Pattern *p, const char *s, const char *end) {
  const char *at = s;
  size_t i, length;
  for (i = 0; i < p->length; i++, at += length) {
    length = match_character(p, at, end, character_at(p, i));
    if (length == 0)
      return 0;
  }
  return (size_t)(at - s);
}


static void redact_pattern (NvBuffer *b, const Pattern *p) {
  char *s = nv_buffer_data(b), *end = b->bytes + b->end;
  while (s < end) {
    size_t length = match(p, s, end);
    memset(s, '*', length);
    s += length ? length : 1;
  }
}


/* overwrites every occurrence of 'secret'; does nothing for a short one */
void nv_buffer_redact (NvBuffer *b, const char *secret) {
  size_t length = secret ? strlen(secret) : 0;
  int shift;
  if (length < SHORT_SECRET || nv_buffer_length(b) == 0)
    return;
  for (shift = PLAIN; shift <= 2; shift++) {
    Pattern p = make_pattern(secret, length, shift);
    redact_pattern(b, &p);
  }
}
