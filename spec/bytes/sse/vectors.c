/*
** vectors.c
** Runs the event-stream vectors named as arguments on src/bytes/sse.c: each one
** whole, byte by byte, in pieces of many sizes and cut at every offset, the
** pieces in blocks of their exact size, so that a sanitizer sees each read
** beyond them. An event must come with the same byte however the stream is
** cut. The work done is counted, and any allocation may fail.
*/

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_CUT  4096   /* longer streams are cut here and there */


/*
** {======================================================
** The parser, with its work counted
** =======================================================
*/

static struct {
  size_t bytes;       /* scanned, moved or allocated */
  size_t blocks;      /* allocated now */
  long fail;          /* how many allocations are left; < 0: no limit */
} work;

static const void *work_memchr (const void *s, int c, size_t n) {
  const char *found = memchr(s, c, n);
  work.bytes += found ? (size_t)(found - (const char *)s) + 1 : n;
  return found;
}

static void *work_memmove (void *to, const void *from, size_t n) {
  work.bytes += n;
  return memmove(to, from, n);
}

static void *work_realloc (void *block, size_t size) {
  void *new_block;
  if (work.fail == 0)
    return NULL;
  if (work.fail > 0)
    work.fail--;
  work.bytes += size;
  new_block = realloc(block, size);
  if (block == NULL && new_block != NULL)
    work.blocks++;
  return new_block;
}

static void work_free (void *block) {
  work.blocks -= (block != NULL);
  free(block);
}

#define memchr(s,c,n)     work_memchr(s, c, n)
#define memmove(t,f,n)    work_memmove(t, f, n)
#define memcpy(t,f,n)     work_memmove(t, f, n)
#define realloc(b,n)      work_realloc(b, n)
#define free(b)           work_free(b)
#include "../../../src/bytes/sse.c"
#undef memchr
#undef memmove
#undef memcpy
#undef realloc
#undef free

#include "cases.h"

/* }====================================================== */


/*
** {======================================================
** Runs
** =======================================================
*/

/* What came out of one way to feed a case. */
typedef struct Run {
  int result, has_pending;
  size_t offset;             /* bytes fed */
  size_t count;              /* events given */
  Text log, pending, places;
  const char *wrong;
} Run;


/* Feeds one piece, in a block that holds these bytes and not one more. */
static void feed (NvSse *p, Run *run, const char *piece, size_t n) {
  char *block = must(malloc(n), "memory");
  const char *bytes = block;
  size_t length = n;
  NvEvent e;
  memcpy(block, piece, n);
  while ((run->result = nv_sse_next(p, &bytes, &length, &e)) == 1) {
    size_t place = run->offset + (size_t)(bytes - block);
    add_event(&run->log, &e);
    add(&run->places, &place, sizeof(place));
    run->count++;
  }
  if (run->result == 0 && length > 0)
    run->wrong = "bytes left over";
  run->offset += n;
  free(block);
}


static void check_marks (const Case *c, Run *run) {
  int i;
  for (i = 0; i < c->mark_count; i++) {
    if (c->marks[i].offset == run->offset && c->marks[i].count != run->count)
      run->wrong = "not the events that must be out by now";
  }
}


/* What is left at the end; asked twice, for it must not change. */
static void end_run (NvSse *p, Run *run) {
  NvEvent e;
  int again;
  run->has_pending = nv_sse_pending(p, &e);
  if (run->has_pending == 1)
    add(&run->pending, e.data, e.data_length);
  again = nv_sse_pending(p, &e);
  if (again != run->has_pending ||
      (again == 1 && e.data_length != run->pending.n))
    run->wrong = "what is pending has changed";
  nv_sse_free(p);
  nv_sse_free(p);
}


/* Feeds a first piece, then pieces of 'step' bytes; 0: all the rest. */
static void feed_all (const Case *c, Run *run, size_t first, size_t step) {
  NvSse p;
  NvEvent e;
  size_t n = first;
  memset(run, 0, sizeof(*run));
  memset(&p, '?', sizeof(p));
  nv_sse_init(&p, c->ceiling);
  p.errors = c->errors;
  while (run->offset < c->in.n && run->result == 0 && run->wrong == NULL) {
    const char *nothing = NULL;
    size_t none = 0;
    size_t rest = c->in.n - run->offset;
    feed(&p, run, c->in.s + run->offset, n > 0 && n < rest ? n : rest);
    check_marks(c, run);
    n = step;
    if (nv_sse_next(&p, &nothing, &none, &e) != run->result)
      run->wrong = "no bytes change the result";
  }
  end_run(&p, run);
  if (work.blocks != 0)
    run->wrong = "memory not freed";
}


static void free_run (Run *run) {
  clear(&run->log);
  clear(&run->pending);
  clear(&run->places);
}


static const char *compare (const Case *c, const Run *whole, const Run *run) {
  if (run->wrong != NULL)
    return run->wrong;
  if (run->result != c->result)
    return "not the result expected";
  if (!same(&run->log, &c->log))
    return "not the events expected";
  if (run->has_pending != c->has_pending || !same(&run->pending, &c->pending))
    return "not the pending data expected";
  if (whole != NULL && !same(&run->places, &whole->places))
    return "events came elsewhere than in the whole stream";
  return NULL;
}


static int complain (const Case *c, const char *wrong, size_t first,
                     size_t step) {
  if (wrong == NULL)
    return 1;
  printf("%s: %s (%lu bytes in pieces of %lu, then %lu)\n", c->name, wrong,
         (unsigned long)c->in.n, (unsigned long)first, (unsigned long)step);
  return 0;
}


/* Feeds the case in one way; true if all is right. */
static int right (const Case *c, const Run *whole, size_t first, size_t step) {
  const char *wrong;
  Run run;
  work.bytes = 0;
  feed_all(c, &run, first, step);
  wrong = compare(c, whole, &run);
  if (wrong == NULL && work.bytes > 16 * c->in.n + 4096)
    wrong = "too much work for the bytes";
  free_run(&run);
  return complain(c, wrong, first, step);
}


/* Each allocation fails in turn: out of memory, or all as it should be. */
static int survives (const Case *c) {
  size_t step = c->in.n / 64 + 1;
  const char *wrong = NULL;
  int failed = 1;
  long limit;
  for (limit = 0; failed && wrong == NULL; limit++) {
    Run run;
    work.fail = limit;
    feed_all(c, &run, step, step);
    failed = (work.fail == 0);
    work.fail = -1;
    if (run.result != NV_NOMEM && run.has_pending != NV_NOMEM)
      wrong = compare(c, NULL, &run);
    else if (!starts(&c->log, &run.log))
      wrong = "without memory, not the first of the events expected";
    free_run(&run);
  }
  return complain(c, wrong, step, step);
}


static int passes (const Case *c) {
  size_t n = c->in.n;
  size_t stride = n <= EVERY_CUT ? 1 : n / 64;
  size_t k;
  Run whole;
  int ok = right(c, NULL, n, 0) && right(c, NULL, 1, 1) && survives(c);
  feed_all(c, &whole, n, 0);
  for (k = 1; ok && k < n; k += (k < 16 || k + 16 > n) ? 1 : stride)
    ok = right(c, &whole, k, 0) &&
         (n > EVERY_CUT || k > 64 || right(c, &whole, k, k)) &&
         (n > 256 || (right(c, &whole, k, 1) && right(c, &whole, k, 5)));
  free_run(&whole);
  return ok;
}

/* }====================================================== */


/*
** {======================================================
** What vectors cannot say
** =======================================================
*/

/* An event that lies whole in the input is not copied. */
static int check_slices (void) {
  static const char stream[] = "data: one\n\ndata: two\r\n\r\n";
  const char *bytes = stream;
  size_t length = sizeof(stream) - 1;
  NvSse p;
  NvEvent e;
  int ok;
  work.bytes = 0;
  nv_sse_init(&p, 0);
  ok = nv_sse_next(&p, &bytes, &length, &e) == 1 && e.data == stream + 6 &&
       nv_sse_next(&p, &bytes, &length, &e) == 1 && e.data == stream + 17 &&
       nv_sse_pending(&p, &e) == 0 &&
       nv_sse_next(&p, &bytes, &length, &e) == 0 && p.buffer == NULL;
  nv_sse_free(&p);
  return ok;
}


/* Feeds a text some times over; the result of the last call. */
static int repeat (NvSse *p, const char *text, long count) {
  int result = 0;
  while (count-- > 0) {
    const char *bytes = text;
    size_t length = strlen(text);
    NvEvent e;
    while ((result = nv_sse_next(p, &bytes, &length, &e)) == 1)
      continue;
  }
  return result;
}


/* The memory of large data and of a long type goes with their event. */
static int check_shrinks (void) {
  NvSse p;
  int ok;
  nv_sse_init(&p, 0);
  repeat(&p, "data: some\n", 100000);
  ok = p.size >= 400000;
  repeat(&p, "\nevent: e", 1);
  ok = ok && p.size <= 64 * 1024;
  repeat(&p, "and so on", 100000);
  ok = ok && p.size >= 400000;
  repeat(&p, "\ndata: a\n\n", 1);
  repeat(&p, "event: e\n", 1);
  ok = ok && p.size <= 64 * 1024 && p.failed == 0;
  nv_sse_free(&p);
  return ok;
}


/* Types that become longer and longer don't move the data each time. */
static int check_growing_types (void) {
  size_t bytes = 0;
  NvSse p;
  int i, ok;
  nv_sse_init(&p, 0);
  repeat(&p, "data: some\n", 10000);
  work.bytes = 0;
  for (i = 0; i < 500; i++) {
    repeat(&p, "event:", 1);
    repeat(&p, "x", i);
    repeat(&p, "\n", 1);
    bytes += 7 + (size_t)i;
  }
  ok = p.type.length == 499 && work.bytes <= 16 * (bytes + p.data_length);
  nv_sse_free(&p);
  return ok;
}


/* Comments and unknown fields take no memory. */
static int check_stores_nothing (void) {
  NvSse p;
  int ok;
  nv_sse_init(&p, 0);
  repeat(&p, ": comment\nretry: 1\nunknown: x\n\n", 1000);
  repeat(&p, ": a comment in pieces", 1000);
  repeat(&p, "\nunknown field in pieces: x", 1000);
  ok = p.buffer == NULL && p.failed == 0;
  nv_sse_free(&p);
  return ok;
}


/* A parser that failed stays so; a new start helps. */
static int check_fails_for_good (void) {
  NvSse p;
  NvEvent e;
  int ok;
  nv_sse_init(&p, 3);
  ok = repeat(&p, "data: 1234\n\n", 1) == NV_TOOBIG &&
       repeat(&p, "\n\ndata: 1\n\n", 3) == NV_TOOBIG &&
       nv_sse_pending(&p, &e) == NV_TOOBIG;
  nv_sse_free(&p);
  nv_sse_init(&p, 3);
  ok = ok && repeat(&p, "data: 123\n\n", 3) == 0;
  nv_sse_free(&p);
  return ok;
}


/* A zeroed parser may be freed. */
static int check_zeroed (void) {
  NvSse p;
  memset(&p, 0, sizeof(p));
  nv_sse_free(&p);
  return work.blocks == 0;
}

/* }====================================================== */


static int passed, failed;


static void count (const char *name, int ok) {
  if (ok)
    passed++;
  else {
    failed++;
    printf("failed: %s\n", name);
  }
}


static void run_case (const Case *c) {
  count(c->name, passes(c));
}


int main (int argc, char **argv) {
  int i;
  work.fail = -1;
  for (i = 1; i < argc; i++)
    each_case(argv[i], run_case);
  count("an event in the input is not copied", check_slices());
  count("a large event's memory goes with it", check_shrinks());
  count("longer types don't move the data each time", check_growing_types());
  count("comments and unknown fields are not stored", check_stores_nothing());
  count("a parser that failed stays so", check_fails_for_good());
  count("a zeroed parser may be freed", check_zeroed());
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
