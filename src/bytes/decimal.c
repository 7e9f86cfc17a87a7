/*
** decimal.c
** Reads and writes numbers as JSON writes them, in any locale.
*/

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define LARGEST_INTEGER	9223372036854775808.0	/* 2^63 */
#define LARGEST_EXACT	9007199254740992.0	/* 2^53 */
#define PLACES		6	/* decimal places of a short number */


/*
** {======================================================
** Reading
** =======================================================
*/


static const char *skip_digits (const char *s) {
  while (*s >= '0' && *s <= '9')
    s++;
  return s;
}


/* does all of 's' match the number grammar of RFC 8259, section 6? */
static int is_json_number (const char *s) {
  const char *digits;
  if (*s == '-')
    s++;
  digits = s;
  s = skip_digits(s);
  if (s == digits || (*digits == '0' && s > digits + 1))
    return 0;
  if (*s == '.') {
    digits = ++s;
    s = skip_digits(s);
    if (s == digits)
      return 0;
  }
  if (*s == 'e' || *s == 'E') {
    s++;
    if (*s == '+' || *s == '-')
      s++;
    digits = s;
    s = skip_digits(s);
    if (s == digits)
      return 0;
  }
  return *s == '\0';
}


/*
** Returns the value of a JSON number: the nearest double if it has at most 15
** digits and its exponent is at most 22, because then both operands of the
** last operation are exact.
*/
static double number_value (const char *s) {
  double value = 0, sign = 1;
  int scale = 0, exponent = 0, negative;
  if (*s == '-') {
    sign = -1;
    s++;
  }
  for (; *s >= '0' && *s <= '9'; s++)
    value = value * 10 + (*s - '0');
  if (*s == '.') {
    for (s++; *s >= '0' && *s <= '9'; s++, scale--)
      value = value * 10 + (*s - '0');
  }
  if (*s == 'e' || *s == 'E') {
    negative = s[1] == '-';
    s += s[1] == '-' || s[1] == '+' ? 2 : 1;
    for (; *s >= '0' && *s <= '9' && exponent < 10000; s++)
      exponent = exponent * 10 + (*s - '0');
    scale += negative ? -exponent : exponent;
  }
  if (value == 0)
    return 0;
  return sign * (scale < 0 ? value / pow(10, -scale) : value * pow(10, scale));
}


/*
** Returns 1 and sets '*x' if all of 's' is a JSON number with a finite value;
** else returns 0.
*/
int nv_decimal_read (const char *s, double *x) {
  if (!is_json_number(s))
    return 0;
  *x = number_value(s);
  return isfinite(*x);
}

/* }====================================================== */


/*
** {======================================================
** Writing
** =======================================================
*/

/* writes 'n' with 'places' decimal places; returns the length */
static size_t write_digits (char *text, unsigned long long n, int places) {
  char digits[NV_DECIMAL], *at = digits + sizeof(digits);
  int written = 0;
  size_t length;
  do {
    if (written++ == places && places > 0)
      *--at = '.';
    *--at = (char)('0' + n % 10);
    n /= 10;
  } while (n > 0 || written <= places);
  length = (size_t)(digits + sizeof(digits) - at);
  memcpy(text, at, length);
  return length;
}


static size_t write_sign (char *text, int negative) {
  if (negative)
    text[0] = '-';
  return (size_t)negative;
}


/* writes an integer; returns the length */
size_t nv_decimal_integer (char *text, long long n) {
  size_t sign = write_sign(text, n < 0);
  unsigned long long size = n < 0 ? 0 - (unsigned long long)n
                                  : (unsigned long long)n;
  return sign + write_digits(text + sign, size, 0);
}


/*
** Writes a number with few decimal places, like 0.7, without the cost of
** printf: numerator and power of ten are exact in a double, so their quotient
** is rounded as the text is when it is read. Returns the length, or 0 for any
** other number.
*/
static size_t write_short (char *text, double x) {
  double size = fabs(x), power = 1;
  int places;
  if (size < 1e-3 || size > 1e9)
    return 0;
  for (places = 1; places <= PLACES; places++) {
    double n = floor(size * (power *= 10) + 0.5);
    if (n <= LARGEST_EXACT && n / power == size) {
      size_t sign = write_sign(text, x < 0);
      return sign + write_digits(text + sign, (unsigned long long)n, places);
    }
  }
  return 0;
}


/*
** Replaces the locale's decimal point, which may be of several bytes, with the
** full stop of JSON.
*/
static void fix_point (char *number) {
  char *end = number;
  for (; *number; number++) {
    if (strchr("+-0123456789eE", *number) != NULL)
      *end++ = *number;
    else if (end[-1] != '.')
      *end++ = '.';
  }
  *end = '\0';
}


/*
** Writes a finite number with the fewest digits that read back as the same
** number; returns the length.
*/
size_t nv_decimal_write (char *text, double x) {
  int digits = 15;
  size_t length;
  if (floor(x) == x && fabs(x) < LARGEST_INTEGER)
    return nv_decimal_integer(text, (long long)x);
  length = write_short(text, x);
  if (length > 0)
    return length;
  do
    snprintf(text, NV_DECIMAL, "%.*g", digits++, x);
  while (digits <= 17 && strtod(text, NULL) != x);
  fix_point(text);
  return strlen(text);
}

/* }====================================================== */
