/*
** header.c
** Parses header lines, "Name: value" (RFC 9112, 5).
*/

#include <string.h>
#include <strings.h>

#include "bytes.h"


/*
** Sets '*h' to name and value of a line, without the white space around the
** value; both point into the line. Returns 0, or -1 if it has no colon.
*/
int nv_header_parse (const char *line, size_t length, NvHeader *h) {
  const char *colon = memchr(line, ':', length), *end = line + length;
  if (colon == NULL)
    return -1;
  h->name = line;
  h->name_length = (size_t)(colon - line);
  for (colon++; colon < end && nv_is_blank(*colon); colon++)
    ;
  while (end > colon && nv_is_blank(end[-1]))
    end--;
  h->value = colon;
  h->value_length = (size_t)(end - colon);
  return 0;
}


/* is the name equal to 'name', ignoring case? */
int nv_header_is (const NvHeader *h, const char *name, size_t length) {
  return h->name_length == length && strncasecmp(h->name, name, length) == 0;
}
