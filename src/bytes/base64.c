/*
** base64.c
** Base64 (RFC 4648, section 4): the standard alphabet, padded. The decoder
** is strict: it rejects truncated text and any other character.
*/

#include <stdint.h>
#include <string.h>

#include "bytes.h"

static const char digits[] =
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";


/* writes nv_base64_length(n) characters to 'to' */
void nv_base64_encode (const char *bytes, size_t n, char *to) {
  const unsigned char *from = (const unsigned char *)bytes;
  for (; n >= 3; n -= 3, from += 3) {
    unsigned group = (unsigned)from[0] << 16 | (unsigned)from[1] << 8
                     | from[2];
    *to++ = digits[group >> 18];
    *to++ = digits[group >> 12 & 63];
    *to++ = digits[group >> 6 & 63];
    *to++ = digits[group & 63];
  }
  if (n > 0) {
    unsigned group = (unsigned)from[0] << 16 |
                     (n > 1 ? (unsigned)from[1] << 8 : 0);
    *to++ = digits[group >> 18];
    *to++ = digits[group >> 12 & 63];
    *to++ = n > 1 ? digits[group >> 6 & 63] : '=';
    *to++ = '=';
  }
}


/* returns the value of a digit, or -1 */
static int digit_value (char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  return c == '+' ? 62 : c == '/' ? 63 : -1;
}


/* decodes four characters, the first 'n' digits, to n - 1 bytes; 0 or -1 */
static int decode_group (const char *text, int n, char *to) {
  unsigned group = 0;
  int i;
  for (i = 0; i < 4; i++) {
    int value = i < n ? digit_value(text[i]) : 0;
    if (value < 0)
      return -1;
    group = group << 6 | (unsigned)value;
  }
  if (n < 4 && (group & (n == 3 ? 0xFFu : 0xFFFFu)) != 0)
    return -1;  /* unused bits must be zero */
  for (i = 0; i < n - 1; i++)
    to[i] = (char)(group >> (16 - 8 * i) & 0xFF);
  return 0;
}


/*
** Writes at most n / 4 * 3 bytes to 'to', which may be 'text' itself, and
** returns their number; or -1 if the text is not Base64.
*/
long long nv_base64_decode (const char *text, size_t n, char *to) {
  size_t at, written = 0;
  if (n % 4 != 0)
    return -1;
  for (at = 0; at < n; at += 4) {
    int count = 4;
    if (at + 4 == n && text[n - 1] == '=')
      count = text[n - 2] == '=' ? 2 : 3;
    if (decode_group(text + at, count, to + written) != 0)
      return -1;
    written += (size_t)count - 1;
  }
  return (long long)written;
}


/* returns the little-endian float32 at 'bytes', on any machine */
double nv_float32_read (const char *bytes) {
  const unsigned char *b = (const unsigned char *)bytes;
  uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 |
                  (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
  float x;
  memcpy(&x, &bits, sizeof(x));
  return (double)x;
}
