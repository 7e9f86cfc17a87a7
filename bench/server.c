/*
** The server of the benchmarks: answers every chat completion with the
** same reply, plain on one port and over TLS on another, HTTP/1.1 only.
** A body with "stream":true gets a paced event stream; its model names the
** pace: "bench/chunks-100-pace-2.5" is 100 chunks of text, 2.5 ms apart.
** With "-wide-64" at its end, the second chunk waits until 64 streams have
** had their first: however long clients take to connect, all streams run.
** The text of a chunk is when it was sent, in monotonic nanoseconds.
**
** Blanks follow it, fewer or more, since a model's words differ in length:
** LuaJIT has one slot for all long strings of a length that differ only
** where it does not look, and would search that most of the time.
**
**   server DIR    writes DIR/cert.pem and DIR/key.pem, prints one line
**                 "http://127.0.0.1:P https://127.0.0.1:Q", ends when its
**                 standard input closes
**
** It checks no key, reads no JSON, and knows no other request: it is here
** to cost little and the same every time.
*/

#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define MAXREQUEST  (1 << 20)   /* a larger request ends the connection */
#define MAXPENDING  65536       /* unsent bytes that hold a stream back */
#define HOLD        1000000     /* ns until a held stream is tried again */
#define LATER       UINT64_MAX  /* due when enough streams have started */
#define MAXEVENTS   256

typedef struct Conn {
  int fd;
  unsigned events;      /* what epoll watches */
  SSL *ssl;             /* NULL on the plain port */
  char *in;             /* bytes of requests */
  size_t nin, sin;      /* how many, and room for how many */
  char *out;            /* bytes not yet sent */
  size_t nout, sout;
  uint64_t due, pace;   /* of the next chunk, and between two; ns */
  long left;            /* chunks still to send */
  size_t place;         /* in the schedule, 1-based; 0 when not there */
} Conn;

typedef struct Server {
  int epoll, timer;
  int plain, secure;    /* listeners */
  SSL_CTX *tls;
  Conn **heap;          /* streams by the time of their next chunk */
  size_t nheap, sheap;
  uint64_t armed;       /* what the timer is set to; 0 when it is not */
  unsigned long streams;
  long waiting;         /* streams that are due later */
} Server;

static const char reply[] =
  "{\"id\":\"02174619591940613bec6323f33f78c303ae4a7b399329b7618d5\","
  "\"object\":\"chat.completion\",\"created\":1746195922,"
  "\"model\":\"meta-llama/llama-3.3-70b-instruct\",\"choices\":[{\"index\":0,"
  "\"message\":{\"role\":\"assistant\",\"content\":\"- The city opened a new "
  "tram line between the harbour and the university.\\n- It runs every six "
  "minutes and carries about 40,000 people a day.\\n- Two more lines are "
  "planned before 2030, paid for by a tax on parking.\"},"
  "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":16,"
  "\"completion_tokens\":44,\"total_tokens\":60,\"prompt_tokens_details\":"
  "{\"audio_tokens\":0,\"cached_tokens\":0},\"completion_tokens_details\":"
  "{\"audio_tokens\":0,\"reasoning_tokens\":0}},\"system_fingerprint\":\"\"}";

static const char streamhead[] =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";

#define CHUNK \
  "data: {\"id\":\"chatcmpl-b806f3a1c2d44e5f\",\"object\":" \
  "\"chat.completion.chunk\",\"created\":1744497025,\"model\":" \
  "\"meta-llama/llama-3.3-70b-instruct\",\"choices\":["

static const char texthead[] =
  CHUNK "{\"index\":0,\"delta\":{\"content\":\"";
static const char texttail[] =
  " \"},\"finish_reason\":null}],\"usage\":null}\n\n";

static const char streamtail[] =
  CHUNK "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],"
  "\"usage\":null}\n\n"
  CHUNK "],\"usage\":{\"prompt_tokens\":16,\"completion_tokens\":44,"
  "\"total_tokens\":60}}\n\n"
  "data: [DONE]\n\n";


static void die (const char *what) {
  perror(what);
  exit(EXIT_FAILURE);
}


static void *grow (void *block, size_t size) {
  void *p = realloc(block, size);
  if (p == NULL) die("memory");
  return p;
}


static uint64_t now (void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}


/*
** {======================================================
** Schedule: a heap of streams, the soonest chunk on top
** =======================================================
*/

static void setplace (Server *s, size_t place, Conn *c) {
  s->heap[place - 1] = c;
  c->place = place;
}


static void siftup (Server *s, size_t i, Conn *c) {
  while (i > 1 && s->heap[i / 2 - 1]->due > c->due) {
    setplace(s, i, s->heap[i / 2 - 1]);
    i /= 2;
  }
  setplace(s, i, c);
}


static void siftdown (Server *s, size_t i, Conn *c) {
  for (;;) {
    size_t child = 2 * i;
    if (child > s->nheap) break;
    if (child < s->nheap && s->heap[child]->due < s->heap[child - 1]->due)
      child++;
    if (s->heap[child - 1]->due >= c->due) break;
    setplace(s, i, s->heap[child - 1]);
    i = child;
  }
  setplace(s, i, c);
}


static void schedule (Server *s, Conn *c) {
  if (s->nheap == s->sheap) {
    s->sheap = s->sheap ? 2 * s->sheap : 64;
    s->heap = grow(s->heap, s->sheap * sizeof(*s->heap));
  }
  siftup(s, ++s->nheap, c);
}


static void unschedule (Server *s, Conn *c) {
  Conn *last = s->heap[--s->nheap];
  size_t place = c->place;
  c->place = 0;
  if (last == c) return;
  siftup(s, place, last);
  siftdown(s, last->place, last);
}


/* sets the timer to the top of the heap; does nothing if it is there */
static void settimer (Server *s) {
  uint64_t due = s->nheap ? s->heap[0]->due : 0;
  struct itimerspec t;
  if (due == s->armed) return;
  memset(&t, 0, sizeof(t));
  t.it_value.tv_sec = (time_t)(due / 1000000000u);
  t.it_value.tv_nsec = (long)(due % 1000000000u);
  if (timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL) < 0)
    die("timerfd_settime");
  s->armed = due;
}

/* }====================================================== */


/*
** {======================================================
** Connections: bytes in, bytes out
** =======================================================
*/

static void closeconn (Server *s, Conn *c) {
  if (c->place && c->due == LATER) s->waiting--;
  if (c->place) unschedule(s, c);
  SSL_free(c->ssl);
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}


static void watch (Server *s, Conn *c, unsigned events) {
  struct epoll_event ev;
  if (events == c->events) return;
  ev.events = events;
  ev.data.ptr = c;
  if (epoll_ctl(s->epoll, c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd,
                &ev) < 0)
    die("epoll_ctl");
  c->events = events;
}


/* bytes moved, 0 when the socket would block, -1 when it is over */
static ssize_t moved (Conn *c, ssize_t n) {
  if (n > 0) return n;
  if (c->ssl) {
    int e = SSL_get_error(c->ssl, (int)n);
    return e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ? 0 : -1;
  }
  return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}


static ssize_t conn_recv (Conn *c, char *b, size_t n) {
  return moved(c, c->ssl ? SSL_read(c->ssl, b, (int)n)
                         : recv(c->fd, b, n, 0));
}


static ssize_t conn_send (Conn *c, const char *b, size_t n) {
  return moved(c, c->ssl ? SSL_write(c->ssl, b, (int)n)
                         : send(c->fd, b, n, MSG_NOSIGNAL));
}


/* sends, or keeps for later what the socket does not take; -1: it is over */
static int put (Server *s, Conn *c, const char *b, size_t n) {
  if (c->nout == 0) {
    ssize_t sent = conn_send(c, b, n);
    if (sent < 0) return -1;
    b += sent;
    n -= (size_t)sent;
  }
  if (n == 0) return 0;
  if (c->nout + n > c->sout) {
    c->sout = 2 * (c->nout + n);
    c->out = grow(c->out, c->sout);
  }
  memcpy(c->out + c->nout, b, n);
  c->nout += n;
  watch(s, c, EPOLLIN | EPOLLOUT);
  return 0;
}


static int flush (Server *s, Conn *c) {
  ssize_t sent = conn_send(c, c->out, c->nout);
  if (sent < 0) return -1;
  c->nout -= (size_t)sent;
  memmove(c->out, c->out + sent, c->nout);
  if (c->nout == 0) watch(s, c, EPOLLIN);
  return 0;
}

/* }====================================================== */


/*
** {======================================================
** Streams
** =======================================================
*/

/* one chunk, and the end of the stream with the last one */
static int sendchunk (Server *s, Conn *c) {
  char b[2048], text[32];
  uint64_t t = now();
  int ntext = snprintf(text, sizeof(text), "%" PRIu64 "%*s", t,
                       (int)(t / 1024 % 8), "");
  size_t ndata = sizeof(texthead) - 1 + (size_t)ntext + sizeof(texttail) - 1;
  int n = snprintf(b, sizeof(b), "%zx\r\n%s%s%s\r\n", ndata, texthead, text,
                   texttail);
  if (--c->left == 0)
    n += snprintf(b + n, sizeof(b) - (size_t)n, "%zx\r\n%s\r\n0\r\n\r\n",
                  sizeof(streamtail) - 1, streamtail);
  return put(s, c, b, (size_t)n);
}


/*
** When the second chunk is due: at a distance of its own to the first, so
** that many streams started at once do not stay in step.
*/
static uint64_t secondchunk (Server *s, Conn *c) {
  uint64_t spread = (++s->streams * 2654435769u) & 0xffffffffu;
  return now() + c->pace / 2 + ((c->pace * spread) >> 32);
}


/* those before it in the heap have been through: they may move down */
static void startwaiting (Server *s) {
  size_t i;
  for (i = 0; i < s->nheap; i++) {
    Conn *c = s->heap[i];
    if (c->due != LATER) continue;
    c->due = secondchunk(s, c);
    siftup(s, i + 1, c);
  }
  s->waiting = 0;
}


/* the first chunk goes out with the head */
static int startstream (Server *s, Conn *c, long chunks, double pace,
                        long wide) {
  c->left = chunks > 0 ? chunks : 1;
  c->pace = pace > 0 ? (uint64_t)(pace * 1e6) : 0;
  if (put(s, c, streamhead, sizeof(streamhead) - 1) < 0) return -1;
  if (sendchunk(s, c) < 0) return -1;
  if (c->left == 0) return 0;
  c->due = wide > 1 ? LATER : secondchunk(s, c);
  schedule(s, c);
  if (wide > 1 && ++s->waiting >= wide) startwaiting(s);
  return 0;
}


static void runstreams (Server *s) {
  uint64_t t = now();
  while (s->nheap && s->heap[0]->due <= t) {
    Conn *c = s->heap[0];
    if (c->nout > MAXPENDING)
      c->due = t + HOLD;
    else if (sendchunk(s, c) < 0) {
      closeconn(s, c);
      continue;
    }
    else
      c->due += c->pace;
    if (c->left > 0)
      siftdown(s, 1, c);
    else
      unschedule(s, c);
  }
}

/* }====================================================== */


/*
** {======================================================
** Requests
** =======================================================
*/

static const char *find (const char *b, size_t n, const char *what) {
  return memmem(b, n, what, strlen(what));
}


/* value of Content-Length in a head of n bytes; 0 if there is none */
static size_t bodylength (const char *head, size_t n) {
  static const char name[] = "content-length:";
  const char *end = head + n;
  while (head < end) {
    if ((size_t)(end - head) > sizeof(name)
        && strncasecmp(head, name, sizeof(name) - 1) == 0)
      return strtoul(head + sizeof(name) - 1, NULL, 10);
    head = memchr(head, '\n', (size_t)(end - head));
    if (head == NULL) break;
    head++;
  }
  return 0;
}


static int sendreply (Server *s, Conn *c, const char *status,
                      const char *body, size_t n) {
  char b[2048];
  int head = snprintf(b, sizeof(b), "HTTP/1.1 %s\r\nContent-Type: "
    "application/json\r\nX-Trace-Id: 374755e617bfb55305d9c970f697082c\r\n"
    "Content-Length: %zu\r\n\r\n", status, n);
  memcpy(b + head, body, n);
  return put(s, c, b, (size_t)head + n);
}


/* answers the request of 'head' and 'body', both inside c->in */
static int answer (Server *s, Conn *c, size_t head, size_t body) {
  const char *b = c->in + head;
  const char *flag = find(b, body, "\"stream\":");
  const char *name = find(b, body, "chunks-");
  long chunks = 100, wide = 0;
  double pace = 0;
  if (strncmp(c->in, "POST ", 5) != 0
      || find(c->in, head, "/openai/v1/chat/completions ") == NULL)
    return sendreply(s, c, "404 Not Found", "404 page not found\n", 19);
  if (flag == NULL || strncmp(flag + 9 + (flag[9] == ' '), "true", 4) != 0)
    return sendreply(s, c, "200 OK", reply, sizeof(reply) - 1);
  if (name != NULL && sscanf(name, "chunks-%ld-pace-%lf-wide-%ld", &chunks,
                             &pace, &wide) < 1)
    return sendreply(s, c, "400 Bad Request", "{}", 2);
  return startstream(s, c, chunks, pace, wide);
}


/* answers the requests that have arrived whole; waits behind a stream */
static int requests (Server *s, Conn *c) {
  while (c->place == 0) {
    size_t head, body;
    const char *end = find(c->in, c->nin, "\r\n\r\n");
    if (end == NULL) return 0;
    head = (size_t)(end - c->in) + 4;
    body = bodylength(c->in, head);
    if (body > MAXREQUEST) return -1;
    if (c->nin < head + body) return 0;
    if (answer(s, c, head, body) < 0) return -1;
    c->nin -= head + body;
    memmove(c->in, c->in + head + body, c->nin + 1);
  }
  return 0;
}


/* reads what there is; the bytes end in a zero, for sscanf and strtoul */
static int receive (Server *s, Conn *c) {
  ssize_t n;
  do {
    if (c->nin > MAXREQUEST) return -1;
    if (c->sin - c->nin < 2048) {
      c->sin = 2 * c->sin + 4096;
      c->in = grow(c->in, c->sin);
    }
    n = conn_recv(c, c->in + c->nin, c->sin - c->nin - 1);
    if (n < 0) return -1;
    c->nin += (size_t)n;
    c->in[c->nin] = '\0';
  } while (n > 0 && c->ssl);  /* OpenSSL may hold bytes epoll can't see */
  return requests(s, c);
}

/* }====================================================== */


/*
** {======================================================
** TLS
** =======================================================
*/

static void addextension (X509 *x, int nid, const char *value) {
  X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
  if (e == NULL || !X509_add_ext(x, e, -1)) die("certificate");
  X509_EXTENSION_free(e);
}


static X509 *newcertificate (EVP_PKEY *key) {
  X509 *x = X509_new();
  X509_NAME *name = X509_get_subject_name(x);
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), (long)time(NULL));
  X509_gmtime_adj(X509_getm_notBefore(x), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x), 7 * 24 * 3600);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             (const unsigned char *)"localhost", -1, -1, 0);
  X509_set_issuer_name(x, name);
  X509_set_pubkey(x, key);
  addextension(x, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  addextension(x, NID_basic_constraints, "critical,CA:TRUE");
  if (!X509_sign(x, key, EVP_sha256())) die("certificate");
  return x;
}


static FILE *create (const char *dir, const char *name) {
  char path[4096];
  FILE *f;
  snprintf(path, sizeof(path), "%s/%s", dir, name);
  f = fopen(path, "w");
  if (f == NULL) die(path);
  return f;
}


/* picks HTTP/1.1, whatever else the client offers */
static int alpn (SSL *ssl, const unsigned char **out, unsigned char *n,
                 const unsigned char *in, unsigned int nin, void *data) {
  static const unsigned char want[] = "\x08http/1.1";
  (void)ssl;
  (void)data;
  if (SSL_select_next_proto((unsigned char **)out, n, want,
                            sizeof(want) - 1, in, nin)
      != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_NOACK;
  return SSL_TLSEXT_ERR_OK;
}


static SSL_CTX *newtls (const char *dir) {
  SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *x = newcertificate(key);
  FILE *f = create(dir, "cert.pem");
  PEM_write_X509(f, x);
  fclose(f);
  umask(077);
  f = create(dir, "key.pem");
  PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
  fclose(f);
  if (!SSL_CTX_use_certificate(tls, x) || !SSL_CTX_use_PrivateKey(tls, key))
    die("certificate");
  SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE
    | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(tls, alpn, NULL);
  X509_free(x);
  EVP_PKEY_free(key);
  return tls;
}

/* }====================================================== */


/* watches a descriptor of the server's own */
static void watchown (Server *s, int fd, void *tag) {
  struct epoll_event ev;
  ev.events = EPOLLIN;
  ev.data.ptr = tag;
  if (epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &ev) < 0) die("epoll_ctl");
}


/* a listener on a free port of 127.0.0.1 */
static int newlistener (Server *s, int *port, void *tag) {
  struct sockaddr_in a;
  socklen_t n = sizeof(a);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  memset(&a, 0, sizeof(a));
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, n) < 0
      || listen(fd, 4096) < 0
      || getsockname(fd, (struct sockaddr *)&a, &n) < 0)
    die("listen");
  watchown(s, fd, tag);
  *port = ntohs(a.sin_port);
  return fd;
}


static void acceptall (Server *s, int listener, SSL_CTX *tls) {
  int one = 1;
  for (;;) {
    Conn *c;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    c = grow(NULL, sizeof(*c));
    memset(c, 0, sizeof(*c));
    c->fd = fd;
    if (tls) {
      c->ssl = SSL_new(tls);
      SSL_set_fd(c->ssl, fd);
      SSL_set_accept_state(c->ssl);
    }
    watch(s, c, EPOLLIN);
  }
}


static void serve (Server *s, Conn *c, unsigned events) {
  int r = 0;
  if (events & EPOLLOUT) r = flush(s, c);
  if (r == 0 && (events & ~(unsigned)EPOLLOUT)) r = receive(s, c);
  if (r < 0) closeconn(s, c);
}


/* false once standard input is closed */
static int openinput (void) {
  char b[64];
  return read(STDIN_FILENO, b, sizeof(b)) > 0;
}


static void run (Server *s) {
  struct epoll_event ev[MAXEVENTS];
  for (;;) {
    int i, n;
    settimer(s);
    n = epoll_wait(s->epoll, ev, MAXEVENTS, -1);
    for (i = 0; i < n; i++) {
      void *tag = ev[i].data.ptr;
      if (tag == &s->plain)
        acceptall(s, s->plain, NULL);
      else if (tag == &s->secure)
        acceptall(s, s->secure, s->tls);
      else if (tag == NULL) {
        if (!openinput()) return;
      }
      else if (tag != &s->timer)
        serve(s, tag, ev[i].events);
    }
    runstreams(s);
  }
}


int main (int argc, char **argv) {
  Server s;
  struct rlimit files;
  int plain, secure;
  if (argc != 2) {
    fprintf(stderr, "usage: server DIR\n");
    return EXIT_FAILURE;
  }
  signal(SIGPIPE, SIG_IGN);
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  memset(&s, 0, sizeof(s));
  s.tls = newtls(argv[1]);
  s.epoll = epoll_create1(EPOLL_CLOEXEC);
  s.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  s.plain = newlistener(&s, &plain, &s.plain);
  s.secure = newlistener(&s, &secure, &s.secure);
  watchown(&s, s.timer, &s.timer);
  watchown(&s, STDIN_FILENO, NULL);
  printf("http://127.0.0.1:%d https://127.0.0.1:%d\n", plain, secure);
  fflush(stdout);
  run(&s);
  return EXIT_SUCCESS;
}
