/*
** utf8.c
** UTF-8, blanks and control characters.
*/

#include "bytes.h"


/*
** Returns the length of the UTF-8 sequence at 's' (Unicode 15, table 3-7), or
** 0 if it is ill-formed; then '*bad' is the length of its maximal subpart.
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


/* is there a control character, which could end a line or the string? */
int nv_has_control (const char *s, size_t length) {
  size_t i;
  for (i = 0; i < length; i++) {
    if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F)
      return 1;
  }
  return 0;
}


/* is it white space in JSON and HTTP, line terminators included? */
int nv_is_blank (char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
