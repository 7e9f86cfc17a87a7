/*
** date.c
** Parses dates of HTTP headers in the three forms of RFC 9110 5.6.7. The form
** is checked here: curl_getdate also takes other time zones or none, names in
** any case, dates without weekday or time, and day 31 of every month.
*/

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <curl/curl.h>

#include "http.h"

#define FIFTY_YEARS	(50 * 365.2425 * 86400)
#define FIRST_YEAR	1583	/* curl_getdate reads none before */


/*
** A form of dates after the weekday: a mask, in which '0' stands for a digit,
** '_' for a digit or a space, 'A' and 'a' for letters; and the offsets of its
** parts.
*/
typedef struct DateForm {
  const char *mask;
  int day, month, year, time;
  int digits;			/* of the year */
} DateForm;

static const DateForm forms[] = {
  {", 00 Aaa 0000 00:00:00 GMT", 2, 5, 9, 14, 4},	/* IMF-fixdate */
  {", 00-Aaa-00 00:00:00 GMT", 2, 5, 9, 12, 2},		/* RFC 850 */
  {" Aaa _0 00:00:00 0000", 5, 1, 17, 8, 4},		/* asctime() */
};


static int in_range (char c, char first, char last) {
  return first <= c && c <= last;
}


static int matches_mask (const char *text, const char *mask) {
  for (; *mask != '\0'; mask++, text++) {
    int ok;
    switch (*mask) {
      case '0': ok = in_range(*text, '0', '9'); break;
      case '_': ok = *text == ' ' || in_range(*text, '0', '9'); break;
      case 'A': ok = in_range(*text, 'A', 'Z'); break;
      case 'a': ok = in_range(*text, 'a', 'z'); break;
      default: ok = *text == *mask;
    }
    if (!ok)
      return 0;
  }
  return *text == '\0';
}


/* returns the number of 'digits' characters; a space counts as 0 */
static int number_at (const char *text, int digits) {
  int n = 0;
  for (; digits > 0; digits--, text++)
    n = n * 10 + (*text == ' ' ? 0 : *text - '0');
  return n;
}


/* returns the form of a date, '*rest' the text after its weekday; or NULL */
static const DateForm *find_form (const char *text, const char **rest) {
  const char *p = text;
  size_t i;
  while (in_range(*p, 'A', 'Z') || in_range(*p, 'a', 'z'))
    p++;
  *rest = p;
  for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
    int whole = forms[i].digits == 2;	/* the weekday in full */
    if (whole ? p - text > 3 && strncmp(p - 3, "day", 3) == 0 : p - text == 3)
      if (matches_mask(p, forms[i].mask))
        return &forms[i];
  }
  return NULL;
}


/* returns the first second of a day, or -1; may be of the month after it */
static time_t midnight (int year, const char *month, int day) {
  char text[48];
  snprintf(text, sizeof(text), "%d %.3s %d 00:00:00 GMT", day, month, year);
  return curl_getdate(text, NULL);
}


/* returns the second of the day, or -1; the leap second is one */
static int time_of_day (const char *text) {
  int hour = number_at(text, 2);
  int minute = number_at(text + 3, 2);
  int second = number_at(text + 6, 2);
  if (hour > 23 || minute > 59 || second > 60)
    return -1;
  return hour * 3600 + minute * 60 + second;
}


/*
** Parses a date into seconds since 1970. A year of two digits is the latest
** one that is not more than fifty years after 'now'. Returns -1 for a text
** that is no date.
*/
int nv_http_date (const char *text, double now, double *seconds) {
  const char *rest;
  const DateForm *form = find_form(text, &rest);
  int year, day, time;
  time_t start;
  struct tm date;
  if (form == NULL)
    return -1;
  year = number_at(rest + form->year, form->digits);
  day = number_at(rest + form->day, 2);
  time = time_of_day(rest + form->time);
  if (form->digits == 2)
    year += 2900;
  if (year < FIRST_YEAR || time < 0)
    return -1;
  start = midnight(year, rest + form->month, day);
  while (form->digits == 2 && year > 1900
         && (double)start + time > now + FIFTY_YEARS) {
    year -= 100;
    start = midnight(year, rest + form->month, day);
  }
  if (start == (time_t)-1 || gmtime_r(&start, &date) == NULL
      || date.tm_mday != day)
    return -1;
  *seconds = (double)start + time;
  return 0;
}
