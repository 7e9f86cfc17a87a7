/*
** sse.c
** Event-stream parser, after "Interpreting an event stream" of the WHATWG
** HTML standard. The caller feeds bytes and pulls events.
**
** An event with one `data` line that lies whole in the input is given as a
** slice of it: two passes of memchr and no copy. All else goes through the
** parser's only buffer, which holds, in this order,
**
**   id      the last event id, kept from event to event
**   type    the `event` field of the event being read
**   data    its `data` lines so far, joined by LF
**   value   what was read of the value of the unfinished line
**
** so that a long event grows at the end. Comments and unknown fields are
** passed over and never stored, however many pieces they come in.
**
** It does not decode UTF-8 (bytes pass as they are, the JSON layer judges
** them), nor reconnect (`retry` is an unknown field here), nor give events
** without a data field: a block of `event: ping` alone is a keep-alive, and
** empty data would only trouble a JSON decoder. The exception worth having,
** `event: error`, is the caller's choice: see 'errors' in sse.h.
*/

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sse.h"

#define SMALLEST  512           /* size of the buffer; doubles from here */
#define KEPT      (16 * 1024)   /* more goes once the event is gone */

enum { UNDECIDED, IGNORED, DATA, ERROR, TYPE, ID };   /* fields */


/*
** {======================================================
** The buffer
** =======================================================
*/

/* Bytes of the buffer in use. */
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


/* Makes room for 'more' bytes at the end; true if there is. */
static int reserve (NvSse *p, size_t more) {
  size_t need = used(p) + more;
  size_t size = p->size ? p->size : SMALLEST;
  if (need <= p->size) return 1;
  while (size < need && size <= SIZE_MAX / 2) size *= 2;
  if (need >= more && size >= need && resize(p, size)) return 1;
  p->failed = NV_NOMEM;
  return 0;
}


/*
** Gives a large buffer back. A long id must still fit twice, or each event
** would have to grow the buffer again.
*/
static void shrink (NvSse *p) {
  size_t size = p->id.length > KEPT / 2 ? 2 * p->id.length : KEPT;
  if (p->size / 2 <= size) return;
  p->id.room = p->id.length;
  p->type.room = 0;
  resize(p, size);   /* if it can't, the buffer stays large */
}


/*
** May the event take 'n' more bytes in this field? All of a value counts as
** soon as it is read, in place of the one that it will replace: the answer
** must not depend on how the stream was cut.
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


/* Adds bytes to the value of the unfinished line. */
static void append (NvSse *p, const char *s, size_t n) {
  if (n == 0 || !fits(p, p->field, n) || !reserve(p, n)) return;
  memcpy(p->buffer + used(p), s, n);
  p->value_length += n;
}


/*
** Moves the value into the slot that ends at 'end'. A slot that is too small
** gets twice the room needed and a share of the buffer besides: to widen it
** again then takes a value longer than that share, so the bytes moved stay
** in proportion to the bytes read.
*/
static void set_slot (NvSse *p, NvSseSlot *slot, size_t end) {
  size_t n = p->value_length;
  if (n > slot->room) {
    size_t more = 2 * n + p->size / 8 - slot->room;
    size_t behind = used(p) - end;
    if (n > SIZE_MAX / 4) more = SIZE_MAX;   /* there is no such memory */
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
** Finds the CR or LF that ends a line, or NULL. The kind seen last is looked
** for first, the other one only before it: then no byte is passed over more
** than three times, even where both are mixed. (Always LF first would read a
** stream of CRs to its end for each line.)
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
** Reads the field name; '*line' moves past it, its colon and one space. Ten
** bytes tell: byte order mark, longest name, colon, space. A comment is a
** field without a name, so unknown.
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


/* Copies data that lies in the input; no value may have begun. */
static void keep_data (NvSse *p) {
  const char *s = p->input;
  if (s == NULL || !reserve(p, p->data_length)) return;
  if (p->data_length > 0) memcpy(p->buffer + used(p), s, p->data_length);
  p->input = NULL;
}


/* The head of a line tells its field; the value begins. */
static void decide (NvSse *p) {
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


/* Takes a piece of a line. */
static void take_piece (NvSse *p, const char *s, size_t n) {
  if (p->field == UNDECIDED) {
    size_t most = sizeof(p->head) - p->head_length;
    size_t taken = n < most ? n : most;
    memcpy(p->head + p->head_length, s, taken);
    p->head_length = (unsigned char)(p->head_length + taken);
    if (taken < most) return;
    decide(p);
    s += taken;
    n -= taken;
  }
  if (p->field != IGNORED) append(p, s, n);
}


/* The line is over: its value goes where it belongs. */
static void finish_line (NvSse *p) {
  if (p->field == UNDECIDED) decide(p);
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


/* Takes a line, or the rest of one, that ends in this input. */
static void take_line (NvSse *p, const char *s, size_t n) {
  const char *value = s;
  size_t length = n;
  if (p->has_data || p->head_length > 0 ||
      read_name(p, &value, &length) != DATA) {
    take_piece(p, s, n);
    finish_line(p);
  }
  else if (fits(p, DATA, length)) {   /* the only data, most likely */
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

/* Forgets the event; its id stays. */
static void clear_event (NvSse *p) {
  p->input = NULL;
  p->type.length = p->data_length = 0;
  p->has_data = p->has_error = p->given = 0;
  shrink(p);
}


/* Part of the buffer, which need not exist for an empty one. */
static const char *part (const NvSse *p, size_t offset, size_t length) {
  return length > 0 ? p->buffer + offset : "";
}


static void fill (const NvSse *p, NvEvent *event) {
  size_t data = p->id.room + p->type.room;
  event->id = part(p, 0, p->id.length);
  event->id_length = p->id.length;
  event->type = part(p, p->id.room, p->type.length);
  event->type_length = p->type.length;
  event->data = p->input ? p->input : part(p, data, p->data_length);
  event->data_length = p->data_length;
  event->is_error = p->has_error || (event->type_length == 5 &&
                                     memcmp(event->type, "error", 5) == 0);
}


/* A blank line: gives the event, if there is one to give. */
static void end_event (NvSse *p, NvEvent *event) {
  fill(p, event);
  p->given = p->has_data || (p->errors && event->is_error);
  if (!p->given) clear_event(p);
}


/*
** Takes one line or what there is of it, or the LF of a CRLF whose CR ended
** a line before.
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
    take_piece(p, s, n);
    return;
  }
  if (n == 0 && p->head_length == 0)
    end_event(p, event);
  else
    take_line(p, s, n);
  p->started = 1;
}


int nv_sse_next (NvSse *p, const char **bytes, size_t *length,
                 NvEvent *event) {
  if (p->given) clear_event(p);
  while (*length > 0 && !p->given && !p->failed)
    next_line(p, bytes, length, event);
  if (!p->given && !p->failed) keep_data(p);   /* the input goes away */
  return p->failed ? p->failed : p->given;
}


int nv_sse_pending (NvSse *p, NvEvent *event) {
  if (p->given) clear_event(p);
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
