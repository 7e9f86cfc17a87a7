/*
** libcurl alone: what the same exchanges cost in C, as bytes, without JSON.
** It is the limit that the benchmarks measure the others against.
**
**   bare version
**   bare call URL CA WARM COUNT          in sequence, one kept handle
**   bare stream URL CA WARM COUNT MODEL  the same with streams
**   bare calls URL CA WARM COUNT WIDTH ENGINE     WIDTH calls at a time
**   bare streams URL CA COUNT MODEL ENGINE        COUNT streams at a time
**
** The first three print the cost of one of COUNT exchanges, as "cpu US wall
** US", after WARM ones that do not count. ENGINE is "poll" (multi_perform
** and multi_poll) or "epoll" (multi_socket_action). CA is "" for plain
** HTTP. Ends with an error if an answer is not what bench/server sends.
*/

#define _GNU_SOURCE

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"

/* one exchange after the other on one handle */
typedef struct Exchange {
  struct Bench *bench;
  CURL *easy;
  char *body;           /* the answer, in memory */
  size_t n, size;
  uint64_t first;       /* when its first byte came; 0 before */
} Exchange;

typedef struct Bench {
  const char *url, *ca;
  char request[1024];
  struct curl_slist *headers;
  CURLM *multi;
  Engine engine;        /* drives it; all zero with "poll" */
  long left;            /* exchanges not yet started */
  int running;
  uint64_t since;       /* when counting began */
  clock_t cpu;          /* spent until then */
  /* of concurrent streams */
  long streams, started;
  size_t chunks, maxchunks;
  double *latency;      /* of each chunk that counts; us */
  size_t nlatency;
  long rss;             /* pages, among the streams */
} Bench;


static void die (const char *what) {
  fprintf(stderr, "bare: %s\n", what);
  exit(EXIT_FAILURE);
}


static void check (CURLcode code) {
  if (code != CURLE_OK) die(curl_easy_strerror(code));
}


static void *grow (void *block, size_t size) {
  void *p = realloc(block, size);
  if (p == NULL) die("not enough memory");
  return p;
}


static int byvalue (const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}


/* the value that a part 'q' of the n values stays under; sorts them */
static double quantile (double *values, size_t n, double q) {
  if (n == 0) return 0;
  qsort(values, n, sizeof(*values), byvalue);
  return values[(size_t)(q * (double)(n - 1))];
}


static long residentpages (void) {
  long size = 0, resident = 0;
  FILE *f = fopen("/proc/self/statm", "r");
  if (f == NULL || fscanf(f, "%ld %ld", &size, &resident) != 2)
    die("cannot read /proc/self/statm");
  fclose(f);
  return resident;
}


/*
** {======================================================
** One exchange
** =======================================================
*/

static size_t onbody (char *b, size_t size, size_t n, void *data) {
  Exchange *x = data;
  n *= size;
  if (x->first == 0) x->first = now();
  if (x->n + n > x->size) {
    x->size = 2 * (x->n + n);
    x->body = grow(x->body, x->size);
  }
  memcpy(x->body + x->n, b, n);
  x->n += n;
  return n;
}


static void initbench (Bench *b, char **argv) {
  memset(b, 0, sizeof(*b));
  b->url = argv[2];
  b->ca = argv[3];
  b->headers = curl_slist_append(b->headers, "Authorization: Bearer "
    "sk_0123456789abcdef0123456789abcdef01234567");
  b->headers = curl_slist_append(b->headers,
                                 "Content-Type: application/json");
}


static void setrequest (Bench *b, const char *model, int stream) {
  snprintf(b->request, sizeof(b->request),
    "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":"
    "\"You are a helpful assistant.\"},{\"role\":\"user\",\"content\":"
    "\"Summarize this article in 3 bullets: The city has opened a new tram "
    "line.\"}],\"temperature\":0.7,\"max_tokens\":1024,\"top_p\":0.9%s}",
    model, stream ? ",\"stream\":true,\"stream_options\":"
                    "{\"include_usage\":true}" : "");
}


static void initexchange (Bench *b, Exchange *x,
                          curl_write_callback write) {
  memset(x, 0, sizeof(*x));
  x->bench = b;
  x->easy = curl_easy_init();
  if (x->easy == NULL) die("not enough memory");
  check(curl_easy_setopt(x->easy, CURLOPT_URL, b->url));
  check(curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, b->headers));
  check(curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE,
                         (long)strlen(b->request)));
  check(curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, b->request));
  check(curl_easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, write));
  check(curl_easy_setopt(x->easy, CURLOPT_WRITEDATA, x));
  check(curl_easy_setopt(x->easy, CURLOPT_PRIVATE, x));
  check(curl_easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L));
  check(curl_easy_setopt(x->easy, CURLOPT_PIPEWAIT, 1L));
  if (*b->ca == '\0') return;
  /* libcurl keeps a parsed CA store only where no CAPATH is set */
  check(curl_easy_setopt(x->easy, CURLOPT_CAPATH, NULL));
  check(curl_easy_setopt(x->easy, CURLOPT_CAINFO, b->ca));
}


static void checkreply (Exchange *x, const char *what) {
  long status = 0;
  curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200 || memmem(x->body, x->n, what, strlen(what)) == NULL)
    die("unexpected answer");
}


static void freeexchange (Exchange *x) {
  curl_easy_cleanup(x->easy);
  free(x->body);
}


static void startclocks (Bench *b) {
  b->since = now();
  b->cpu = clock();
}


static double cpusince (Bench *b) {
  return (double)(clock() - b->cpu) * 1e6 / CLOCKS_PER_SEC;
}


static void printcost (Bench *b, long count) {
  double cpu = cpusince(b), wall = (double)(now() - b->since) / 1e3;
  printf("cpu %.3f wall %.3f\n", cpu / (double)count, wall / (double)count);
}


static void call (Bench *b, long warm, long count) {
  long i;
  Exchange x;
  setrequest(b, "meta-llama/llama-3.3-70b-instruct", 0);
  initexchange(b, &x, onbody);
  for (i = 0; i < warm + count; i++) {
    if (i == warm) startclocks(b);
    x.n = 0;
    check(curl_easy_perform(x.easy));
    checkreply(&x, "\"total_tokens\":60");
  }
  printcost(b, count);
  freeexchange(&x);
}


/* prints the median time to the first text too */
static void stream (Bench *b, long warm, long count, const char *model) {
  Exchange x;
  double *first = grow(NULL, (size_t)(warm + count) * sizeof(*first));
  long i;
  setrequest(b, model, 1);
  initexchange(b, &x, onbody);
  for (i = 0; i < warm + count; i++) {
    uint64_t start = now();
    if (i == warm) startclocks(b);
    x.n = 0;
    x.first = 0;
    check(curl_easy_perform(x.easy));
    checkreply(&x, "[DONE]");
    first[i] = (double)(x.first - start) / 1e3;
  }
  printcost(b, count);
  printf("first %.1f\n", quantile(first + warm, (size_t)count, 0.5));
  free(first);
  freeexchange(&x);
}

/* }====================================================== */


/*
** {======================================================
** Engines: 'run' drives the multi handle until nothing is in flight, and
** calls 'done' with each exchange that has ended
** =======================================================
*/

typedef void (*Done) (Bench *b, Exchange *x);


static void initmulti (Bench *b, const char *engine, long width) {
  b->multi = curl_multi_init();
  curl_multi_setopt(b->multi, CURLMOPT_MAXCONNECTS, width + 16);
  if (strcmp(engine, "epoll") == 0) initengine(&b->engine, b->multi);
}


static void addexchange (Bench *b, Exchange *x) {
  if (curl_multi_add_handle(b->multi, x->easy) != CURLM_OK) die("multi");
  b->running++;
}


static void takedone (Bench *b, Done done) {
  int n;
  CURLMsg *m;
  while ((m = curl_multi_info_read(b->multi, &n)) != NULL) {
    CURL *easy = m->easy_handle;
    char *x;
    check(m->data.result);
    check(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x));
    curl_multi_remove_handle(b->multi, easy);
    b->running--;
    done(b, (Exchange *)(void *)x);
  }
}


static void runpoll (Bench *b, Done done) {
  int n;
  for (;;) {
    if (curl_multi_perform(b->multi, &n) != CURLM_OK) die("multi");
    takedone(b, done);
    if (b->running == 0) return;
    curl_multi_poll(b->multi, NULL, 0, 1000, NULL);
  }
}


static void runepoll (Bench *b, Done done) {
  for (;;) {
    runtimers(&b->engine);
    takedone(b, done);
    if (b->running == 0) return;
    waitsockets(&b->engine);
  }
}


static void run (Bench *b, Done done) {
  if (b->engine.multi == NULL)
    runpoll(b, done);
  else
    runepoll(b, done);
}

/* }====================================================== */


/*
** {======================================================
** Many calls at once
** =======================================================
*/

static void calldone (Bench *b, Exchange *x) {
  checkreply(x, "\"total_tokens\":60");
  if (b->left == 0) return;
  b->left--;
  x->n = 0;
  addexchange(b, x);
}


/* 'count' calls, as many at a time as there are exchanges */
static void runcalls (Bench *b, Exchange *x, long width, long count) {
  long i;
  for (i = 0; i < width && i < count; i++) {
    x[i].n = 0;
    addexchange(b, &x[i]);
  }
  b->left = count - i;
  run(b, calldone);
}


static void calls (Bench *b, long warm, long count, long width) {
  Exchange *x = grow(NULL, (size_t)width * sizeof(*x));
  long i;
  setrequest(b, "meta-llama/llama-3.3-70b-instruct", 0);
  for (i = 0; i < width; i++)
    initexchange(b, &x[i], onbody);
  runcalls(b, x, width, warm);
  startclocks(b);
  runcalls(b, x, width, count);
  printcost(b, count);
  for (i = 0; i < width; i++)
    freeexchange(&x[i]);
  free(x);
}

/* }====================================================== */


/*
** {======================================================
** Many streams at once
** =======================================================
*/

/* notes how long a chunk took from the server, by the time it carries */
static void chunk (Bench *b, uint64_t sent) {
  if (b->chunks++ == b->maxchunks / 2) b->rss = residentpages();
  if (b->since == 0 || sent < b->since) return;
  if (b->nlatency == b->maxchunks) die("more chunks than asked for");
  b->latency[b->nlatency++] = (double)(now() - sent) / 1e3;
}


static size_t onchunks (char *bytes, size_t size, size_t n, void *data) {
  static const char mark[] = "\"content\":\"";
  const char *end = bytes + n * size, *p = bytes;
  Exchange *x = data;
  Bench *b = x->bench;
  while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1)) != NULL) {
    uint64_t sent = 0;
    for (p += sizeof(mark) - 1; p < end && *p >= '0' && *p <= '9'; p++)
      sent = 10 * sent + (uint64_t)(*p - '0');
    if (p == end) break;  /* cut in two: not counted */
    if (x->n++ == 0 && ++b->started == b->streams) startclocks(b);
    chunk(b, sent);
  }
  return n * size;
}


static void streamdone (Bench *b, Exchange *x) {
  (void)b;
  if (x->n == 0) die("a stream without chunks");
}


/*
** One short stream, so that memory for every run is there already. With
** HTTP/2 it also caps the connections: once 100 streams share the first,
** libcurl would open one for each further stream.
*/
static void warmup (Bench *b, long count) {
  Exchange x;
  long version = 0;
  setrequest(b, "bench/chunks-2-pace-1", 1);
  initexchange(b, &x, onchunks);
  addexchange(b, &x);
  run(b, streamdone);
  curl_easy_getinfo(x.easy, CURLINFO_HTTP_VERSION, &version);
  if (version == CURL_HTTP_VERSION_2_0)
    curl_multi_setopt(b->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      (count + 99) / 100);
  freeexchange(&x);
}


static void report (Bench *b, long rss) {
  double cpu = cpusince(b), n = (double)b->nlatency;
  double kib = (double)(b->rss - rss) * (double)sysconf(_SC_PAGESIZE) / 1024;
  if (b->nlatency == 0) die("the streams ended before all had started");
  printf("chunks %.0f cpu %.3f p50 %.1f p99 %.1f kib %.2f\n", n, cpu / n,
         quantile(b->latency, b->nlatency, 0.5),
         quantile(b->latency, b->nlatency, 0.99),
         kib / (double)b->streams);
}


static void streams (Bench *b, long count, const char *model) {
  Exchange *x = grow(NULL, (size_t)count * sizeof(*x));
  long i, rss, chunks = 0;
  if (sscanf(model, "bench/chunks-%ld", &chunks) != 1) die("bad model");
  b->latency = grow(NULL, (size_t)(count * chunks) * sizeof(*b->latency));
  warmup(b, count);
  b->chunks = 0;
  b->started = 0;
  b->maxchunks = (size_t)(count * chunks);
  b->streams = count;
  setrequest(b, model, 1);
  rss = residentpages();
  for (i = 0; i < count; i++) {
    initexchange(b, &x[i], onchunks);
    addexchange(b, &x[i]);
  }
  run(b, streamdone);
  report(b, rss);
  for (i = 0; i < count; i++)
    freeexchange(&x[i]);
  free(x);
  free(b->latency);
}

/* }====================================================== */


static void morefiles (void) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}


/* false if there is no such job */
static int dojob (Bench *b, int argc, char **argv) {
  const char *job = argv[1];
  long a4 = atol(argv[4]), a5 = atol(argv[5]);
  if (strcmp(job, "call") == 0)
    call(b, a4, a5);
  else if (strcmp(job, "stream") == 0 && argc > 6)
    stream(b, a4, a5, argv[6]);
  else if (strcmp(job, "calls") == 0 && argc > 7) {
    initmulti(b, argv[7], atol(argv[6]));
    calls(b, a4, a5, atol(argv[6]));
  }
  else if (strcmp(job, "streams") == 0 && argc > 6) {
    initmulti(b, argv[6], a4);
    streams(b, a4, argv[5]);
  }
  else
    return 0;
  return 1;
}


int main (int argc, char **argv) {
  Bench b;
  if (curl_global_init(CURL_GLOBAL_ALL) != CURLE_OK) die("libcurl");
  if (argc == 2 && strcmp(argv[1], "version") == 0) {
    puts(curl_version());
    return EXIT_SUCCESS;
  }
  morefiles();
  if (argc < 6) die("too few arguments");
  initbench(&b, argv);
  if (!dojob(&b, argc, argv)) die("no such job");
  if (b.multi) curl_multi_cleanup(b.multi);
  curl_slist_free_all(b.headers);
  curl_global_cleanup();
  return EXIT_SUCCESS;
}
