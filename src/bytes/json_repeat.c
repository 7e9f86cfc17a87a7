/*
** json_repeat.c
** Recognises a JSON text that repeats an earlier one but for the string of one
** member, as most chunks of a stream do, and decodes that string. The rest of
** its value is known, so nothing else of it need be decoded.
*/

#include <string.h>

#include "bytes.h"


/* does the text repeat the earlier one but for what stands in its string? */
static int repeats (const NvRepeat *r, const char *text, size_t n) {
  size_t length = nv_buffer_length(&r->text), tail = length - r->end;
  const char *known;
  if (length == 0 || n < r->start + tail)
    return 0;
  known = nv_buffer_data(&r->text);
  return memcmp(text, known, r->start) == 0 &&
         memcmp(text + n - tail, known + r->end, tail) == 0;
}


/* forgets the earlier text, and keeps its block */
void nv_repeat_forget (NvRepeat *r) {
  nv_buffer_consume(&r->text, nv_buffer_length(&r->text));
}


/*
** Finds the quote that closes the only string of a valid JSON text that is
** 'key'; NULL if there is none, or another. There are no escapes in the text,
** so each quote opens or closes a string.
*/
static const char *find_key (const char *text, const char *end,
                             const char *key, size_t length) {
  const char *found = NULL, *open = text, *close;
  for (; (open = memchr(open, '"', end - open)) != NULL; open = close + 1) {
    close = memchr(open + 1, '"', end - open - 1);
    if (close == NULL)
      return NULL;
    if ((size_t)(close - open - 1) == length &&
        memcmp(open + 1, key, length) == 0) {
      if (found != NULL)
        return NULL;
      found = close;
    }
  }
  return found;
}


/*
** Learns a valid JSON text whose value has a member 'key' that is a string,
** unless it repeats the one that is known. Forgets that one if the new text
** can't be learned: it has escapes, or another string that is 'key', or there
** is no memory.
*/
void nv_repeat_learn (NvRepeat *r, const char *text, size_t n,
                      const char *key) {
  const char *end = text + n, *at;
  if (repeats(r, text, n))
    return;
  nv_repeat_forget(r);
  if (memchr(text, '\\', n) != NULL ||
      (at = find_key(text, end, key, strlen(key))) == NULL)
    return;
  do
    at++;
  while (at < end && (nv_is_blank(*at) || *at == ':'));
  if (at == end || *at != '"')
    return;
  r->start = (size_t)(at + 1 - text);
  at = memchr(at + 1, '"', end - at - 1);
  r->end = at != NULL ? (size_t)(at - text) : n;
  nv_buffer_append(&r->text, text, n);
}


/* returns the character that a backslash before 'c' stands for; 0: another */
static char unescaped (char c) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  const char *at = c != '\0' ? strchr(names, c) : NULL;
  return at != NULL ? values[at - names] : '\0';
}


/* is this the inside of a JSON string, valid UTF-8 and without \u? */
static int is_simple (const char *s, size_t n) {
  size_t i, length, bad;
  for (i = nv_json_plain(s, n); i < n; i += nv_json_plain(s + i, n - i)) {
    if ((unsigned char)s[i] >= 0x80)
      length = nv_utf8_length((const unsigned char *)s + i, n - i, &bad);
    else
      length = s[i] == '\\' && i + 1 < n && unescaped(s[i + 1]) ? 2 : 0;
    if (length == 0)
      return 0;
    i += length;
  }
  return n > 0;
}


/* decodes the inside of a JSON string in its place; returns the new length */
static size_t unescape (char *s, size_t n) {
  const char *from = memchr(s, '\\', n), *end = s + n;
  char *to = s + (from != NULL ? (size_t)(from - s) : n);
  while (from != NULL && from < end) {
    char c = *from++;
    *to++ = c == '\\' ? unescaped(*from++) : c;
  }
  return (size_t)(to - s);
}


/*
** Returns the decoded string of a text that repeats the earlier one, in its
** place in the text, and sets '*length'. Returns NULL, and leaves the text as
** it is, if it does not, or if the string is empty or has to be decoded by
** other means.
*/
char *nv_repeat_match (const NvRepeat *r, char *text, size_t n,
                       size_t *length) {
  char *string;
  size_t size;
  if (!repeats(r, text, n))
    return NULL;
  string = text + r->start;
  size = n - r->start - (nv_buffer_length(&r->text) - r->end);
  if (!is_simple(string, size))
    return NULL;
  *length = unescape(string, size);
  return string;
}
