/*
** sse.c
** Event-stream parser, after "Interpreting an event stream" of the WHATWG
** HTML standard. The caller feeds bytes and pulls events.
**
** An event whose only `data` line is complete in the input is returned as a
** slice of it: two passes of memchr and no copy. Everything else goes through
** the parser's only buffer, which holds, in this order,
**
**   id      the last event id, kept from event to event
**   type    the `event` field of the current event
**   data    its `data` lines so far, joined by LF
**   value   the value of the unfinished line so far
**
** so that a long event grows at the end. Comments and unknown fields are
** skipped and never stored, however the input is split.
**
** It does not decode UTF-8 (the JSON layer checks that), does not reconnect
** (`retry` is an unknown field), and returns no event without a data field: a
** block of `event: ping` alone is a keep-alive, and empty data is not JSON.
** The caller can ask for one exception, `event: error`: see 'errors' in
** bytes.h.
*/

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define MIN_SIZE  512           /* initial size of the buffer, then doubled */
#define KEPT      (16 * 1024)   /* a larger buffer shrinks after an event */

enum { UNDECIDED, IGNORED, DATA, ERROR, TYPE, ID };   /* fields */


/*
** {======================================================
** The buffer
** =======================================================
*/

/* Returns the number of buffer bytes in use. */
static size_t used (const NvSse *p) {
  size_t data_length = p->input ? 0 : p->data_length;
  return p->id.room + p->type.room + data_length + p->value_length;
}


static int resize (NvSse *p, size_t size) {
  char *buffer = realloc(p->buffer, size);
  if (buffer == NULL) return 0;
  p->buffer = buffer;
  p->size = size;
  return 1;
}


/* Reserves 'more' bytes at the end; 1, or 0 without memory. */
static int reserve (NvSse *p, size_t more) {
  size_t need = used(p) + more;
  size_t size = p->size ? p->size : MIN_SIZE;
  if (need <= p->size) return 1;
  while (size < need && size <= SIZE_MAX / 2) size *= 2;
  if (need >= more && size >= need && resize(p, size)) return 1;
  p->failed = NV_NOMEM;
  return 0;
}


/*
** Shrinks a large buffer. Twice the id must still fit, or each event would
** grow the buffer again.
*/
static void shrink (NvSse *p) {
  size_t size = p->id.length > KEPT / 2 ? 2 * p->id.length : KEPT;
  if (p->size / 2 <= size) return;
  p->id.room = p->id.length;
  p->type.room = 0;
  resize(p, size);   /* on failure the buffer stays large */
}


/*
** Do 'n' more bytes in this field keep the event below the ceiling? A value
** counts as soon as it is read, in place of the one it replaces, so that the
** result does not depend on how the input is split.
*/
static int fits (NvSse *p, int field, size_t n) {
  size_t held = p->data_length + p->value_length;
  if (p->failed) return 0;
  if (p->ceiling == 0) return 1;
  if (field != ID) held += p->id.length;
  if (field != TYPE) held += p->type.length;
  if (held <= p->ceiling && n <= p->ceiling - held) return 1;
  p->failed = NV_TOOBIG;
  return 0;
}


/* Appends bytes to the value of the unfinished line. */
static void append (NvSse *p, const char *s, size_t n) {
  if (n == 0 || !fits(p, p->field, n) || !reserve(p, n)) return;
  memcpy(p->buffer + used(p), s, n);
  p->value_length += n;
}


/*
** Moves the value into the slot that ends at 'end'. A slot that is too small
** grows to twice the length plus a share of the buffer: only a value longer
** than that share makes it grow again, so the bytes moved stay proportional
** to the bytes read.
*/
static void set_slot (NvSse *p, NvSseSlot *slot, size_t end) {
  size_t n = p->value_length;
  if (n > slot->room) {
    size_t more = 2 * n + p->size / 8 - slot->room;
    size_t behind = used(p) - end;
    if (n > SIZE_MAX / 4) more = SIZE_MAX;   /* makes reserve fail */
    if (!reserve(p, more)) return;
    memmove(p->buffer + end + more, p->buffer + end, behind);
    slot->room += more;
    end += more;
  }
  if (n > 0)
    memcpy(p->buffer + end - slot->room, p->buffer + used(p) - n, n);
  slot->length = n;
}

/* }====================================================== */


/*
** {======================================================
** Lines
** =======================================================
*/

/*
** Returns the CR or LF that ends the line, or NULL. It searches for the last
** seen terminator first, then for the other one before it, so that no byte is
** scanned more than three times even if both occur. (Searching for LF first
** would scan a stream of CRs to its end for each line.)
*/
static const char *line_end (NvSse *p, const char *s, size_t n) {
  int other = p->ending == '\n' ? '\r' : '\n';
  const char *end = memchr(s, p->ending, n);
  size_t before = end ? (size_t)(end - s) : n;
  const char *sooner = memchr(s, other, before);
  if (sooner == NULL) return end;
  p->ending = (char)other;
  return sooner;
}


/*
** Returns the field of a line and moves '*line' past its name, colon and one
** space. Ten bytes suffice: byte order mark, longest name, colon, space. A
** comment is a field without a name, so ignored.
*/
static int read_name (const NvSse *p, const char **line, size_t *length) {
  static const struct { const char *name; size_t n; int field; } known[] = {
    {"data", 4, DATA}, {"event", 5, TYPE}, {"id", 2, ID}, {"error", 5, ERROR}
  };
  const char *s = *line, *end = s + *length;
  int i, count = p->errors ? 4 : 3;
  if (!p->started && *length >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0)
    s += 3;
  for (i = 0; i < count; i++) {
    size_t n = known[i].n;
    if ((size_t)(end - s) < n || memcmp(s, known[i].name, n) != 0) continue;
    s += n;
    if (s < end && *s != ':') return IGNORED;   /* a longer name */
    if (s < end) s++;
    if (s < end && *s == ' ') s++;
    *line = s;
    *length = (size_t)(end - s);
    return known[i].field;
  }
  return IGNORED;
}


/* Copies data that is a slice of the input; the value must be empty. */
static void keep_data (NvSse *p) {
  const char *s = p->input;
  if (s == NULL || !reserve(p, p->data_length)) return;
  if (p->data_length > 0) memcpy(p->buffer + used(p), s, p->data_length);
  p->input = NULL;
}


/* Determines the field from the head of the line; the value begins. */
static void read_head (NvSse *p) {
  const char *s = p->head;
  size_t n = p->head_length;
  p->field = (unsigned char)read_name(p, &s, &n);
  if (p->field == IGNORED) return;
  if (p->field == DATA || p->field == ERROR) {
    keep_data(p);
    if (p->has_data) append(p, "\n", 1);
    p->has_data = 1;
  }
  if (p->field == ERROR) p->has_error = 1;
  append(p, s, n);
}


/* Parses a fragment of a line. */
static void parse_fragment (NvSse *p, const char *s, size_t n) {
  if (p->field == UNDECIDED) {
    size_t most = sizeof(p->head) - p->head_length;
    size_t taken = n < most ? n : most;
    memcpy(p->head + p->head_length, s, taken);
    p->head_length = (unsigned char)(p->head_length + taken);
    if (taken < most) return;
    read_head(p);
    s += taken;
    n -= taken;
  }
  if (p->field != IGNORED) append(p, s, n);
}


/* Ends the line: moves its value into the slot of its field. */
static void finish_line (NvSse *p) {
  if (p->field == UNDECIDED) read_head(p);
  if (p->failed) return;
  if (p->field == DATA || p->field == ERROR)
    p->data_length += p->value_length;
  else if (p->field == TYPE)
    set_slot(p, &p->type, p->id.room + p->type.room);
  else if (p->field == ID) {
    size_t n = p->value_length;
    if (n == 0 || memchr(p->buffer + used(p) - n, '\0', n) == NULL)
      set_slot(p, &p->id, p->id.room);
  }
  p->value_length = 0;
  p->head_length = 0;
  p->field = UNDECIDED;
}


/* Parses a line, or the rest of one, that ends in this input. */
static void parse_line (NvSse *p, const char *s, size_t n) {
  const char *value = s;
  size_t length = n;
  if (p->has_data || p->head_length > 0 ||
      read_name(p, &value, &length) != DATA) {
    parse_fragment(p, s, n);
    finish_line(p);
  }
  else if (fits(p, DATA, length)) {   /* likely the only data line */
    p->has_data = 1;
    p->input = value;
    p->data_length = length;
  }
}

/* }====================================================== */


/*
** {======================================================
** Events
** =======================================================
*/

/* Clears the event, but not its id. */
static void clear_event (NvSse *p) {
  p->input = NULL;
  p->type.length = p->data_length = 0;
  p->has_data = p->has_error = p->returned = 0;
  shrink(p);
}


/* Returns a slice of the buffer, "" for an empty one. */
static const char *slice (const NvSse *p, size_t offset, size_t length) {
  return length > 0 ? p->buffer + offset : "";
}


static void fill (const NvSse *p, NvEvent *event) {
  size_t data = p->id.room + p->type.room;
  event->id = slice(p, 0, p->id.length);
  event->id_length = p->id.length;
  event->type = slice(p, p->id.room, p->type.length);
  event->type_length = p->type.length;
  event->data = p->input ? p->input : slice(p, data, p->data_length);
  event->data_length = p->data_length;
  event->is_error = p->has_error || (event->type_length == 5 &&
                                     memcmp(event->type, "error", 5) == 0);
}


/* Handles a blank line: fills 'event' if there is one to return. */
static void end_event (NvSse *p, NvEvent *event) {
  fill(p, event);
  p->returned = p->has_data || (p->errors && event->is_error);
  if (!p->returned) clear_event(p);
}


/*
** Parses one line, or as much of it as there is, or the LF of a CRLF whose CR
** has ended the line before.
*/
static void next_line (NvSse *p, const char **bytes, size_t *length,
                       NvEvent *event) {
  const char *s = *bytes;
  int rest_of_crlf = p->after_cr && *s == '\n';
  const char *end = rest_of_crlf ? s : line_end(p, s, *length);
  size_t n = end ? (size_t)(end - s) : *length;
  *bytes += end ? n + 1 : n;
  *length -= end ? n + 1 : n;
  p->after_cr = end != NULL && *end == '\r';
  if (rest_of_crlf) return;
  if (end == NULL) {
    keep_data(p);
    parse_fragment(p, s, n);
    return;
  }
  if (n == 0 && p->head_length == 0)
    end_event(p, event);
  else
    parse_line(p, s, n);
  p->started = 1;
}


int nv_sse_next (NvSse *p, const char **bytes, size_t *length,
                 NvEvent *event) {
  if (p->returned) clear_event(p);
  while (*length > 0 && !p->returned && !p->failed)
    next_line(p, bytes, length, event);
  if (!p->returned && !p->failed) keep_data(p);   /* the input may be freed */
  return p->failed ? p->failed : p->returned;
}


int nv_sse_pending (NvSse *p, NvEvent *event) {
  if (p->returned) clear_event(p);
  if (p->head_length > 0) finish_line(p);
  if (p->failed) return p->failed;
  fill(p, event);
  return p->has_data;
}


void nv_sse_init (NvSse *p, size_t ceiling) {
  memset(p, 0, sizeof(*p));
  p->ceiling = ceiling;
  p->ending = '\n';
}


void nv_sse_free (NvSse *p) {
  free(p->buffer);
  memset(p, 0, sizeof(*p));
}

/* }====================================================== */
