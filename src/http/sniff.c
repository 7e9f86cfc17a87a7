/*
** sniff.c
** Tells an event stream from other bodies by its first byte, because servers
** label event streams as text or JSON, and whole bodies and errors as event
** streams. The Content-Type decides only if the first byte does not.
*/

#include <string.h>

#include "http.h"


/* white space, or a byte of a byte order mark? */
static int is_filler (unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' ||
         c == 0xEF || c == 0xBB || c == 0xBF;
}


/* can a line of an event stream begin with 'c': data, event, id, retry? */
static int begins_event (char c) {
  return c == 'd' || c == 'e' || c == 'i' || c == 'r' || c == ':';
}


/*
** Checks the first byte of the body after any filler, and then sets
** 'body_started'. A body that is not an event stream is read as a whole, with
** the limit of a whole body.
*/
void nv_sniff_body (NvTransfer *t, const char *bytes, size_t length) {
  size_t i = 0;
  int json;
  while (i < length && is_filler((unsigned char)bytes[i]))
    i++;
  if (i == length)
    return;
  t->body_started = 1;
  json = bytes[i] == '{' || bytes[i] == '[';
  if (begins_event(bytes[i]) || (!json && !t->not_event_stream))
    return;
  t->options.stream = 0;
  t->body.ceiling = t->options.max_response_bytes;
  nv_transfer_enter_phase(t, "body", &t->last_byte_at);
}
