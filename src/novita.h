/*
** novita.h
** The two lower layers of the module: bytes (buffer.c, sse.c, ring.c) and
** transport (transfer.c, easy.c, pool.c, wait.c, process.c), to which comes
** what only nginx needs. Nothing here knows Lua, and libcurl's types stay
** inside the transport. The layer above is declared in binding.h.
**
** Functions that can fail return 0, or -1 after writing down why.
** A zeroed struct is an empty one, and may always be freed.
*/

#ifndef novita_h
#define novita_h

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "sse.h"

#define NV_VERSION	"0.1.0"

/* shared between our files, but hidden from the program that loads us */
#if defined(__GNUC__)
#define NV_FUNC		__attribute__((visibility("hidden")))
#else
#define NV_FUNC
#endif

#if defined(__linux__) && !defined(NV_NO_EPOLL)
#define NV_EPOLL	1
#else
#define NV_EPOLL	0
#endif

#define NV_NEVER	1e300	/* a moment that does not come */


/*
** {======================================================
** process.c: the process that pools live in
** =======================================================
*/

/* monotonic seconds */
NV_FUNC double nv_now (void);

typedef struct NvGuard {
  int active;
  sigset_t mask;		/* the thread's own */
} NvGuard;

NV_FUNC void nv_guard_enter (NvGuard *g, int needed);
NV_FUNC void nv_guard_leave (const NvGuard *g);

/* which process made something; a zeroed one must be set before it is asked */
typedef struct NvMark {
  pid_t pid;
  int *page;			/* holds 1 there, 0 in a child; or NULL */
} NvMark;

NV_FUNC void nv_mark_set (NvMark *m);
NV_FUNC void nv_mark_clear (NvMark *m);
NV_FUNC int nv_mark_inherited (const NvMark *m);

/* }====================================================== */


/*
** {======================================================
** buffer.c: a queue of bytes with a ceiling
** =======================================================
*/

#define NV_NOMEM	(-1)
#define NV_TOOBIG	(-2)

typedef struct NvBuffer {
  char *bytes;		/* malloc'd block */
  size_t start;		/* first byte still queued */
  size_t end;		/* one past the last byte queued */
  size_t capacity;	/* of the block */
  size_t ceiling;	/* most bytes that may be queued; 0 = no limit */
} NvBuffer;

#define nv_buffer_length(b)	((b)->end - (b)->start)
#define nv_buffer_data(b)	((b)->bytes + (b)->start)

NV_FUNC void nv_buffer_init (NvBuffer *b, size_t ceiling);
NV_FUNC void nv_buffer_free (NvBuffer *b);
NV_FUNC int nv_buffer_append (NvBuffer *b, const char *bytes, size_t length);
NV_FUNC char *nv_buffer_reserve (NvBuffer *b, size_t length);
NV_FUNC void nv_buffer_consume (NvBuffer *b, size_t length);
NV_FUNC void nv_buffer_mask (NvBuffer *b, const char *secret);

/* }====================================================== */


/*
** {======================================================
** transfer.c: one HTTP exchange
** =======================================================
*/

typedef struct NvPool NvPool;
typedef struct NvTransfer NvTransfer;
typedef struct NvWaiter NvWaiter;

/*
** What a call may set; the strings are borrowed until the transfer has
** started. Times are in seconds, 0 means no limit.
*/
typedef struct NvOptions {
  const char *url;
  const char *method;		/* "GET", "POST", ... */
  const char *proxy;		/* NULL: the environment's; "": none */
  const char *ca_file;		/* NULL: the system's bundle */
  double connect_timeout;	/* name look-up, TCP and TLS */
  double first_byte_timeout;	/* request sent .. headers complete */
  double idle_timeout;		/* between two bytes of the body */
  double attempt_timeout;	/* the whole; of a stream, its headers */
  double deadline;		/* the whole, streams too */
  size_t max_response_bytes;
  size_t max_header_bytes;
  size_t max_event_bytes;	/* of a stream */
  int stream;			/* is each piece of the body news? */
} NvOptions;

/*
** How a transfer went wrong: 'kind' (NULL when it did not) and 'reason'
** are words of the error value, 'phase' says when it happened, and 'saying'
** what to tell the user, if we know it better than libcurl does.
*/
typedef struct NvFailure {
  const char *kind;
  const char *reason;
  const char *phase;
  const char *saying;
  int curl_code;		/* 0 when libcurl had no part in it */
  char text[256];		/* libcurl's own words; CURL_ERROR_SIZE */
} NvFailure;

typedef struct NvTimings {
  double queue, connect, tls, first_byte, total;
} NvTimings;

typedef struct NvLink {		/* a place in one of the pool's rings */
  struct NvLink *previous, *next;
  NvTransfer *owner;
} NvLink;

enum { NV_IDLE, NV_RUNNING, NV_DONE };

struct NvTransfer {
  int state;
  int slot, chat;		/* the binding's notes */
  int orphan;			/* does it only finish for its connection? */
  NvPool *pool;			/* NULL unless linked in one of its rings */
  void *easy;			/* CURL, while running */
  void *headers;		/* curl_slist of the request */
  NvBuffer request;		/* body to send; stays put while running */
  NvBuffer head;		/* header lines of the final response */
  NvBuffer body;		/* decoded bytes not yet taken */
  NvSse events;			/* of a stream: what they spell */
  NvOptions options;		/* its strings are gone after the start */
  double started, sent, heard;	/* moments */
  const char *phase;
  size_t header_bytes;		/* of all responses, interim ones too */
  long long content_length;	/* as the server said it, or -1 */
  int status;			/* 0 until a status line arrived */
  int headers_complete;
  int no_events;		/* is the body of another type? */
  int body_cut;			/* was the body of an error cut short? */
  int over;			/* has its owner had all that counts? */
  int paused;			/* is the owner slower than the server? */
  int http_version;		/* 10, 11, 20, 30 */
  int reused;			/* did it use a kept connection? */
  NvTimings timings;
  NvFailure failure;
  NvLink flight, news;
  NvLink tie;			/* to what ends it, see tie.c */
  NvWaiter *waiter;		/* who waits for it in nginx, or NULL */
};

NV_FUNC NvTransfer *nv_transfer_new (void);
NV_FUNC int nv_transfer_header (NvTransfer *t, const char *line);
NV_FUNC int nv_transfer_reads (const char *url);
NV_FUNC void nv_transfer_mask (const NvTransfer *t, NvBuffer *b);
NV_FUNC int nv_transfer_start (NvTransfer *t, NvPool *p, const NvOptions *o);
NV_FUNC void nv_transfer_cancel (NvTransfer *t);
NV_FUNC void nv_transfer_resume (NvTransfer *t);
NV_FUNC void nv_transfer_measure (NvTransfer *t);
NV_FUNC void nv_transfer_free (NvTransfer *t);

/* }====================================================== */


/*
** {======================================================
** pool.c: connections behind one descriptor
** =======================================================
*/

/* what the libcurl that runs can do; strings may be NULL */
typedef struct NvFeatures {
  const char *libcurl;		/* its version */
  const char *tls;		/* its TLS library and that one's version */
  const char *ca_file, *ca_path;	/* what it trusts by default */
  int asynch_dns;		/* do look-ups of names leave it free? */
  int http2;
  int descriptor;		/* can other event loops watch a pool? */
} NvFeatures;

#define NV_SPARES	32	/* idle handles kept for the next calls */

struct NvPool {
  void *multi;			/* CURLM; NULL = closed */
  NvMark mark;			/* who may use it: libcurl can't be forked */
  int epoll, timer, call;	/* descriptors, or -1 */
  int called;			/* is 'call' readable? */
  double spent;			/* seconds, since the last poll */
  int batch;			/* sockets to take from the kernel at once */
  int lost;			/* has libcurl failed us, for want of memory? */
  int needs_guard;		/* does libcurl let SIGPIPE through? */
  double now;			/* when the pool last looked at the clock */
  double wakeup;		/* when libcurl wants to be called */
  double alarm;			/* no time-out of ours comes before this */
  double armed;			/* what the timer descriptor is set to */
  int in_flight;
  int multiplexed;		/* was the last response HTTP/2? */
  long cap;			/* connections to a host; 0 = no limit */
  int serial;			/* the binding's last slot */
  int spare_count;
  void *spares[NV_SPARES];	/* CURL */
  const char *ca_file;		/* libcurl's own default, or NULL */
  NvLink flight, news;		/* rings: running; having something new */
};

NV_FUNC int nv_pool_open (NvPool *p);
NV_FUNC void nv_pool_close (NvPool *p);
NV_FUNC int nv_pool_inherited (const NvPool *p);
NV_FUNC int nv_pool_poll (NvPool *p, double seconds);
NV_FUNC int nv_pool_news (const NvPool *p);
NV_FUNC NvTransfer *nv_pool_ready (NvPool *p);
NV_FUNC int nv_pool_descriptor (NvPool *p);
NV_FUNC const char *nv_pool_library (void);
NV_FUNC void nv_pool_features (NvFeatures *f);

/* for the rest of the transport */
NV_FUNC void nv_pool_lose (NvPool *p);
NV_FUNC int nv_pool_add (NvPool *p, NvTransfer *t);
NV_FUNC void nv_pool_remove (NvTransfer *t);
NV_FUNC void nv_pool_settle (NvPool *p);
NV_FUNC void nv_pool_rearm (NvPool *p);
NV_FUNC void nv_pool_hurry (NvTransfer *t);
NV_FUNC void nv_pool_announce (NvTransfer *t);
NV_FUNC void nv_pool_forget (NvTransfer *t);
NV_FUNC double nv_transfer_expiry (const NvTransfer *t, const char **which);
NV_FUNC void nv_transfer_enter (NvTransfer *t, const char *phase,
                                double *moment);
NV_FUNC void nv_transfer_blame (NvTransfer *t, const char *kind,
                                const char *reason, const char *saying);
NV_FUNC void nv_transfer_finish (NvTransfer *t, int curl_code);
NV_FUNC void nv_transfer_fail (NvTransfer *t, const char *kind,
                               const char *reason, const char *text);

/* }====================================================== */


/*
** {======================================================
** ring.c: a link is in one ring at most, zeroed while in none
** =======================================================
*/

#define nv_ring_empty(ring)	((ring)->next == (ring))

NV_FUNC void nv_ring_init (NvLink *ring);
NV_FUNC void nv_ring_add (NvLink *ring, NvLink *link, NvTransfer *owner);
NV_FUNC void nv_ring_remove (NvLink *link);

/* }====================================================== */


/*
** {======================================================
** easy.c: libcurl's handle of a transfer
** =======================================================
*/

#define NV_HIGH_WATER	(64 * 1024)	/* unread bytes of a stream */

NV_FUNC void *nv_easy_new (NvPool *p);
NV_FUNC int nv_easy_configure (NvTransfer *t, const NvOptions *o,
                               const char *ca_file);
NV_FUNC void nv_easy_release (NvTransfer *t, NvPool *p);

/* }====================================================== */


/*
** {======================================================
** wait.c: what a pool waits with
** =======================================================
*/

#define NV_EVENTS	64	/* taken from the kernel at a time */
#define NV_A_WHILE	0.004	/* seconds; then other work of the thread has
				   its turn */

NV_FUNC int nv_wait_control (int set, int how, int descriptor,
                             unsigned events);
NV_FUNC int nv_wait_open (NvPool *p);
NV_FUNC void nv_wait_close (NvPool *p);
NV_FUNC void nv_wait_listen (void *multi, NvPool *p);
NV_FUNC void nv_wait_timers (NvPool *p);
NV_FUNC int nv_wait_sockets (NvPool *p, double seconds);
NV_FUNC void nv_wait_arm (NvPool *p, double wanted);
NV_FUNC int nv_wait_descriptor (NvPool *p);

/* }====================================================== */


/*
** {======================================================
** symbol.c, waiter.c, watch.c, bell.c, tie.c: nginx only
** =======================================================
*/

typedef void (*NvFunction) (void);

NV_FUNC void *nv_symbol (const char *name);
NV_FUNC NvFunction nv_function (const char *name);

typedef int (*NvPost) (void *semaphore, int count);

struct NvWaiter {
  void *semaphore;
  NvPost post;
  int roused;			/* posted, and it was not yet seen? */
  NvTransfer *transfer;		/* whose news rouse it; NULL: none's */
};

NV_FUNC int nv_waiter_open (NvWaiter *w, void *semaphore, const char *post);
NV_FUNC void nv_waiter_expect (NvWaiter *w, NvTransfer *t);
NV_FUNC void nv_waiter_rouse (NvWaiter *w);
NV_FUNC int nv_waiter_settle (NvWaiter *w);
NV_FUNC int nv_waiter_turn (NvPool *p);

typedef struct NvConnection NvConnection;

typedef struct NvWatch {
  NvConnection *connection;	/* nginx's; NULL: it has gone */
  pid_t pid;			/* whose connection */
  NvPool *pool;
  int rang;			/* was there work? */
} NvWatch;

NV_FUNC int nv_watch_open (NvWatch *w, NvPool *p);
NV_FUNC void nv_watch_close (NvWatch *w);

#define NV_BELL_PATH	108	/* of a unix socket */

typedef struct NvBell {
  int open, running;		/* is it? is its thread? */
  pid_t pid;			/* whose thread */
  pthread_t thread;
  int descriptor;		/* the pool's */
  int watch, stop, line;	/* all that the thread uses */
  int rang;			/* was there work? */
  int listener;
  char path[NV_BELL_PATH];	/* of the listener; "": it has gone */
} NvBell;

NV_FUNC int nv_bell_open (NvBell *b, int descriptor, const char *directory);
NV_FUNC int nv_bell_start (NvBell *b);
NV_FUNC void nv_bell_rearm (NvBell *b);
NV_FUNC void nv_bell_close (NvBell *b);

typedef struct NvCleanup NvCleanup;

typedef struct NvTie {
  NvCleanup *cleanup;		/* nginx's; NULL: the request has ended */
  NvLink held;			/* ring: transfers that end with it */
} NvTie;

NV_FUNC int nv_tie_open (NvTie *tie, void *request);
NV_FUNC void nv_tie_hold (NvTie *tie, NvTransfer *t);
NV_FUNC void nv_tie_close (NvTie *tie);

/* }====================================================== */

#endif
