/*
** cases.h
** Reads the event-stream vectors; README.md has their format.
*/

#ifndef cases_h
#define cases_h

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../src/bytes/bytes.h"

#define MARKS  16   /* of `out` in one case */


/*
** {======================================================
** Texts
** =======================================================
*/

typedef struct Text {
  char *s;
  size_t n, size;
} Text;


static void die (const char *what, const char *which) {
  fprintf(stderr, "%s: %s\n", what, which);
  exit(2);
}


static void *must (void *thing, const char *which) {
  if (thing == NULL)
    die("can't have", which);
  return thing;
}


static void add (Text *t, const void *s, size_t n) {
  if (t->n + n > t->size) {
    t->size = 2 * (t->n + n);
    t->s = must(realloc(t->s, t->size), "memory");
  }
  if (n > 0)
    memcpy(t->s + t->n, s, n);
  t->n += n;
}


static void add_counted (Text *t, const void *s, size_t n) {
  add(t, &n, sizeof(n));
  add(t, s, n);
}


static void clear (Text *t) {
  free(t->s);
  memset(t, 0, sizeof(*t));
}


static int same (const Text *a, const Text *b) {
  return a->n == b->n && (a->n == 0 || memcmp(a->s, b->s, a->n) == 0);
}


static int starts (const Text *a, const Text *b) {
  return a->n >= b->n && (b->n == 0 || memcmp(a->s, b->s, b->n) == 0);
}


/* One character of a vector's text; '*s' moves on. */
static char unescape (const char **s) {
  unsigned int byte = 0;
  char c = *(*s)++;
  if (c != '\\')
    return c;
  switch (c = *(*s)++) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 's': return ' ';
    case '0': return '\0';
    case '\\': return '\\';
    case 'x':
      if (sscanf(*s, "%2X", &byte) == 1) {
        *s += 2;
        return (char)byte;
      }
  }
  die("bad escape before", *s);
  return 0;
}


static void add_escaped (Text *t, const char *s, long count) {
  Text one = {NULL, 0, 0};
  while (*s != '\0') {
    char c = unescape(&s);
    add(&one, &c, 1);
  }
  while (count-- > 0)
    add(t, one.s, one.n);
  clear(&one);
}

/* }====================================================== */


/*
** {======================================================
** Cases
** =======================================================
*/

typedef struct Case {
  char name[128];
  size_t ceiling;
  int errors, result, has_pending;
  Text in, log, pending;
  struct { size_t offset, count; } marks[MARKS];
  int mark_count;
  long count;                /* of equal events, the last one read */
  Text type, data, id;       /* that event */
  int is_error;
} Case;

static void add_event (Text *log, const NvEvent *e) {
  const char *type = e->type_length > 0 ? e->type : "message";
  size_t type_length = e->type_length > 0 ? e->type_length : 7;
  add_counted(log, type, type_length);
  add_counted(log, e->data, e->data_length);
  add_counted(log, e->id, e->id_length);
  add_counted(log, "error", e->is_error ? 5 : 0);
}


/* The event that was read goes to the log of those expected. */
static void finish_event (Case *c) {
  NvEvent e;
  e.type = c->type.s;
  e.type_length = c->type.n;
  e.data = c->data.s;
  e.data_length = c->data.n;
  e.id = c->id.s;
  e.id_length = c->id.n;
  e.is_error = c->is_error ||
               (c->type.n == 5 && memcmp(c->type.s, "error", 5) == 0);
  for (; c->count > 0; c->count--)
    add_event(&c->log, &e);
  clear(&c->type);
  clear(&c->data);
  clear(&c->id);
  c->is_error = 0;
}


static void add_mark (Case *c, long count) {
  if (c->mark_count == MARKS)
    die("too many marks", c->name);
  c->marks[c->mark_count].offset = c->in.n;
  c->marks[c->mark_count++].count = (size_t)count;
}


/* One line of a case: a word, perhaps a count, perhaps a text. */
static void read_line (Case *c, char *line) {
  char *text = strchr(line, ' ');
  char *star;
  long count = 1;
  if (text != NULL)
    *text++ = '\0';
  else
    text = line + strlen(line);
  star = strchr(line, '*');
  if (star != NULL) {
    *star = '\0';
    count = strtol(star + 1, NULL, 10);
  }
  if (strcmp(line, "in") == 0)
    add_escaped(&c->in, text, count);
  else if (strcmp(line, "out") == 0)
    add_mark(c, strtol(text, NULL, 10));
  else if (strcmp(line, "event") == 0) {
    finish_event(c);
    c->count = count;
    add_escaped(&c->type, text, 1);
  }
  else if (strcmp(line, "data") == 0)
    add_escaped(&c->data, text, count);
  else if (strcmp(line, "id") == 0)
    add_escaped(&c->id, text, count);
  else if (strcmp(line, "pending") == 0) {
    c->has_pending = 1;
    add_escaped(&c->pending, text, count);
  }
  else if (strcmp(line, "is_error") == 0)
    c->is_error = 1;
  else if (strcmp(line, "errors") == 0)
    c->errors = 1;
  else if (strcmp(line, "ceiling") == 0)
    c->ceiling = (size_t)strtol(text, NULL, 10);
  else if (strcmp(line, "too_big") == 0)
    c->result = c->has_pending = NV_TOOBIG;
  else
    die("unknown line", line);
}


typedef void (*CaseFunction) (const Case *c);

static void finish_case (Case *c, CaseFunction run) {
  if (c->name[0] != '\0') {
    finish_event(c);
    run(c);
  }
  clear(&c->in);
  clear(&c->log);
  clear(&c->pending);
  memset(c, 0, sizeof(*c));
}


/* Calls 'run' with each case of a file. */
static void each_case (const char *path, CaseFunction run) {
  char line[2048];
  Case c;
  FILE *f = must(fopen(path, "r"), path);
  memset(&c, 0, sizeof(c));
  while (fgets(line, sizeof(line), f) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    if (line[0] == '#' || line[0] == '\0')
      continue;
    if (strncmp(line, "case ", 5) == 0) {
      finish_case(&c, run);
      sprintf(c.name, "%.120s", line + 5);
    }
    else
      read_line(&c, line);
  }
  finish_case(&c, run);
  fclose(f);
}

/* }====================================================== */

#endif
