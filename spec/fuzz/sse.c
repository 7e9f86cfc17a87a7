/*
** sse.c
** Fuzz target of the event-stream parser. An input says how to cut, then
** what to parse:
**
**   1 byte    bit 0: 'errors'; the next three bits choose a ceiling
**   1 byte    how many piece lengths follow, in its low three bits
**   n bytes   lengths of the pieces, used in turn
**   the rest  the stream
**
** The stream must give the same events with the same bytes when it comes
** whole, byte by byte and in those pieces, and they must be those of a
** parser too simple to be wrong.
*/

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/bytes/bytes.h"

#define HEAD  10   /* an unfinished line is not judged before so many bytes */

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct Text {
  char *s;
  size_t n;
} Text;

typedef struct Options {
  size_t ceiling;
  int errors;
} Options;

/* What came of a stream. */
typedef struct Outcome {
  int result, has_pending;
  Text log, pending;
} Outcome;


static void add (Text *t, const void *s, size_t n) {
  if (n == 0)
    return;
  t->s = realloc(t->s, t->n + n);
  memcpy(t->s + t->n, s, n);
  t->n += n;
}


static void set (Text *t, const char *s, size_t n) {
  t->n = 0;
  add(t, s, n);
}


static int is (const char *s, size_t n, const char *word) {
  return n == strlen(word) && memcmp(s, word, n) == 0;
}


static int same (const Text *a, const Text *b) {
  return a->n == b->n && (a->n == 0 || memcmp(a->s, b->s, a->n) == 0);
}


/* 'place' is how many bytes of the stream it took. */
static void log_event (Text *log, const NvEvent *e, size_t place) {
  int is_error = e->is_error;
  add(log, &place, sizeof(place));
  add(log, &is_error, sizeof(is_error));
  add(log, &e->type_length, sizeof(e->type_length));
  add(log, e->type, e->type_length);
  add(log, &e->data_length, sizeof(e->data_length));
  add(log, e->data, e->data_length);
  add(log, &e->id_length, sizeof(e->id_length));
  add(log, e->id, e->id_length);
}


static void free_outcome (Outcome *out) {
  free(out->log.s);
  free(out->pending.s);
}


/* {====================== The parser in question ====================== */

/* Feeds one piece, in a block of its size. */
static void feed (NvSse *p, Outcome *out, const char *s, size_t n,
                  size_t offset) {
  char *block = malloc(n);
  const char *bytes = block;
  size_t length = n;
  NvEvent e;
  if (n > 0)
    memcpy(block, s, n);
  while ((out->result = nv_sse_next(p, &bytes, &length, &e)) == 1)
    log_event(&out->log, &e, offset + (size_t)(bytes - block));
  free(block);
}


static Outcome parse (const char *s, size_t n, const Options *o,
                      const uint8_t *lengths, size_t count) {
  Outcome out;
  NvSse p;
  NvEvent e;
  size_t offset = 0, turn = 0, fed = 0;
  memset(&out, 0, sizeof(out));
  nv_sse_init(&p, o->ceiling);
  p.errors = o->errors;
  while (offset < n && out.result == 0) {
    size_t piece = count > 0 ? lengths[turn++ % count] : n;
    if (turn > count && fed == 0)   /* all lengths are zero */
      piece = n;
    if (piece > n - offset)
      piece = n - offset;
    feed(&p, &out, s + offset, piece, offset);
    offset += piece;
    fed += piece;
  }
  out.has_pending = nv_sse_pending(&p, &e);
  if (out.has_pending == 1)
    add(&out.pending, e.data, e.data_length);
  nv_sse_free(&p);
  return out;
}

/* }====================================================== */


/* {====================== The simple parser ====================== */

typedef struct Simple {
  const Options *o;
  Text type, data, id;
  int has_data, has_error, failed;
} Simple;


static void check_size (Simple *v, size_t total) {
  if (v->o->ceiling > 0 && total > v->o->ceiling)
    v->failed = NV_TOOBIG;
}


static void take_field (Simple *v, const char *name, size_t name_length,
                        const char *value, size_t n) {
  int is_error = v->o->errors && is(name, name_length, "error");
  if (is_error || is(name, name_length, "data")) {
    if (v->has_data)
      add(&v->data, "\n", 1);
    add(&v->data, value, n);
    v->has_data = 1;
    v->has_error |= is_error;
    check_size(v, v->type.n + v->data.n + v->id.n);
  }
  else if (is(name, name_length, "event")) {
    check_size(v, v->data.n + v->id.n + n);
    set(&v->type, value, n);
  }
  else if (is(name, name_length, "id")) {
    check_size(v, v->data.n + v->type.n + n);
    if (n == 0 || memchr(value, 0, n) == NULL)
      set(&v->id, value, n);
  }
}


static void take_line (Simple *v, const char *s, size_t n) {
  size_t colon = 0, value;
  while (colon < n && s[colon] != ':')
    colon++;
  value = colon < n ? colon + 1 : n;
  if (value < n && s[value] == ' ')
    value++;
  take_field(v, s, colon, s + value, n - value);
}


static void end_event (Simple *v, Text *log, size_t place) {
  NvEvent e;
  e.type = v->type.s;
  e.type_length = v->type.n;
  e.data = v->data.s;
  e.data_length = v->data.n;
  e.id = v->id.s;
  e.id_length = v->id.n;
  e.is_error = v->has_error || is(v->type.s, v->type.n, "error");
  if (v->has_data || (v->o->errors && e.is_error))
    log_event(log, &e, place);
  v->type.n = v->data.n = 0;
  v->has_data = v->has_error = 0;
}


/* What is left after the last line end. */
static void end_stream (Simple *v, Outcome *out, const char *s, size_t n,
                        size_t bytes_on_line) {
  int judged = bytes_on_line >= HEAD;
  if (v->failed == 0 && n > 0)
    take_line(v, s, n);
  if (judged || out->result != 0)
    out->result = v->failed;
  out->has_pending = v->failed ? v->failed : v->has_data;
  if (out->has_pending == 1)
    add(&out->pending, v->data.s, v->data.n);
  free(v->type.s);
  free(v->data.s);
  free(v->id.s);
}


static Outcome parse_simply (const char *s, size_t n, const Options *o) {
  Outcome out;
  Simple v;
  size_t start = 0, i, mark = 0;
  memset(&out, 0, sizeof(out));
  memset(&v, 0, sizeof(v));
  v.o = o;
  if (n >= 3 && memcmp(s, "\xEF\xBB\xBF", 3) == 0)
    start = mark = 3;
  for (i = start; i < n && v.failed == 0; i++) {
    if (s[i] == '\n' && i > 0 && s[i - 1] == '\r')
      start = i + 1;   /* the rest of a CRLF */
    else if (s[i] == '\n' || s[i] == '\r') {
      if (i == start)
        end_event(&v, &out.log, i + 1);
      else
        take_line(&v, s + start, i - start);
      start = i + 1;
    }
  }
  out.result = v.failed;
  end_stream(&v, &out, s + start, n - start,
             n - start + (start == mark ? mark : 0));
  return out;
}

/* }====================================================== */


static void compare (const char *how, const Outcome *a, const Outcome *b) {
  const char *what = NULL;
  if (a->result != b->result)
    what = "result";
  else if (!same(&a->log, &b->log))
    what = "events";
  else if (a->has_pending != b->has_pending)
    what = "whether data is pending";
  else if (!same(&a->pending, &b->pending))
    what = "pending data";
  if (what != NULL) {
    fprintf(stderr, "whole and %s: not the same %s\n", how, what);
    abort();
  }
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const size_t ceilings[] = {0, 1, 3, 8, 20, 50, 200, 2000};
  static const uint8_t one = 1;
  Options o;
  Outcome whole, bytes, pieces, simple;
  const char *s;
  size_t count;
  if (size < 2 || size - 2 < (size_t)(data[1] & 7))
    return 0;
  o.errors = data[0] & 1;
  o.ceiling = ceilings[data[0] >> 1 & 7];
  count = data[1] & 7;
  s = (const char *)data + 2 + count;
  size -= 2 + count;
  whole = parse(s, size, &o, NULL, 0);
  bytes = parse(s, size, &o, &one, 1);
  pieces = parse(s, size, &o, data + 2, count);
  simple = parse_simply(s, size, &o);
  compare("byte by byte", &whole, &bytes);
  compare("in pieces", &whole, &pieces);
  compare("parsed simply", &whole, &simple);
  free_outcome(&whole);
  free_outcome(&bytes);
  free_outcome(&pieces);
  free_outcome(&simple);
  return 0;
}
