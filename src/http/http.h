/*
** http.h
** The transport: transfers, and the pools that drive them. Only this folder
** includes curl.h, whose types stay inside it; nothing here knows Lua.
**
** A transfer (NvTransfer) is one HTTP exchange. A pool (NvPool) is one libcurl
** multi handle, its connections and the transfers in flight on them.
**
** The options of a call are in options.h, one row each. Here each file has its
** section.
**
** Functions that can fail return 0 or -1 unless stated otherwise. A zeroed
** struct is empty and may be freed. Moments are those of nv_now().
*/

#ifndef http_h
#define http_h

#include <signal.h>
#include <stddef.h>
#include <sys/types.h>

#include "../bytes/bytes.h"
#include "options.h"

#if defined(__linux__) && !defined(NV_NO_EPOLL)
#define NV_EPOLL	1
#else
#define NV_EPOLL	0
#endif

#define NV_NEVER	1e300	/* a moment in the infinite future */

/* date.c: dates of HTTP headers */
NV_FUNC int nv_http_date (const char *text, double now, double *seconds);

/* process.c: clock, SIGPIPE, detection of forks */
NV_FUNC double nv_now (void);
NV_FUNC const char *nv_getenv (const char *name);

/* a section of code in which SIGPIPE is blocked */
typedef struct NvGuard {
  int active;
  sigset_t mask;		/* the thread's own, restored afterwards */
} NvGuard;

NV_FUNC void nv_guard_enter (NvGuard *g, int needed);
NV_FUNC void nv_guard_leave (const NvGuard *g);

/* identifies the process that made something; set it before use */
typedef struct NvMark {
  pid_t pid;
  int *page;			/* holds 1, in a child 0; or NULL */
} NvMark;

NV_FUNC void nv_mark_set (NvMark *m);
NV_FUNC void nv_mark_clear (NvMark *m);
NV_FUNC int nv_mark_inherited (const NvMark *m);

/* interrupts.c: counts SIGINT, SIGTERM, SIGHUP */
typedef struct NvWatch {
  int open, since, until;	/* the counter when it was opened, closed */
} NvWatch;

NV_FUNC void nv_watch_open (NvWatch *w);
NV_FUNC int nv_watch_count (const NvWatch *w);
NV_FUNC void nv_watch_close (NvWatch *w);

/* download.c: a file that is complete, or not there */
typedef struct NvDownload {
  char *path;			/* as it was given; NULL: no download */
  char *target;			/* the file that it leads to */
  char *temporary;		/* path until it is complete */
  int is_private;		/* for its owner only? */
  int descriptor;		/* of the temporary file; 0: not open */
  int error;			/* errno of a failed write, or 0 */
} NvDownload;

NV_FUNC int nv_download_open (NvDownload *d, const char *path);
NV_FUNC int nv_write_all (int descriptor, const char *s, size_t n);
NV_FUNC int nv_download_write (NvDownload *d, const char *s, size_t n);
NV_FUNC int nv_download_sync (NvDownload *d);
NV_FUNC int nv_download_finish (NvDownload *d, int durable);
NV_FUNC void nv_download_drop (NvDownload *d);
NV_FUNC void nv_download_free (NvDownload *d);

/* transfer.c: creates and frees transfers; their phases and time-outs */

/* a field of a multipart form: a file, or bytes */
typedef struct NvField {
  const char *name;
  const char *path;		/* file to send; NULL: send 'bytes' */
  const char *bytes;
  size_t length;
  const char *filename, *type;	/* NULL: chosen by libcurl */
} NvField;

/* how to decode a complete response body */
enum {
  NV_JSON,		/* JSON, whatever its Content-Type */
  NV_CHAT,		/* JSON that holds a chat completion */
  NV_BY_TYPE,		/* JSON if its Content-Type is JSON, else text */
  NV_TEXT
};

typedef struct NvPool NvPool;
typedef struct NvTransfer NvTransfer;
typedef struct NvUrl NvUrl;
typedef struct NvLines { int users; void *list; } NvLines;  /* curl_slist */
typedef struct NvWay { unsigned host, way; int several; } NvWay;

/*
** The options of a transfer. The caller owns the strings and fields, which
** must live until the transfer is started. A limit of 0 means none.
*/
typedef struct NvOptions {
#define NV_FIELD(name, kind, curl, secret, initial, topic, help) \
  NV_TYPE_##kind name;
  NV_OPTIONS(NV_FIELD)		/* a row of options.h each */
#undef NV_FIELD
  const char *url;
  const char *method;		/* "GET", "POST", ... */
  const char *ca_path, *proxy_ca_path;	/* CA folders, or NULL */
  const char *ca_file_from;	/* environment variable it is from, or NULL */
  const NvField *fields;	/* of a multipart form, instead of a body */
  size_t field_count;
} NvOptions;

/*
** The failure of a transfer. 'kind' and 'reason' are those of the error value.
** kind == NULL means that it has not failed.
*/
typedef struct NvFailure {
  const char *kind, *reason;
  const char *phase;		/* phase in which it failed */
  const char *message;		/* for the user; NULL: 'text' is */
  int curl_code;		/* CURLcode, or 0 */
  int proxy_status;		/* see nv_proxy_status */
  char text[256];		/* CURLOPT_ERRORBUFFER: CURL_ERROR_SIZE */
} NvFailure;

typedef struct NvTimings {
  double queue, connect, tls, first_byte, total;
} NvTimings;

#define NV_HOST	300	/* size of a host name and port */
enum { NV_IDLE, NV_RUNNING, NV_DONE };

/* state of a transfer that sends a form or writes its body to a file */
typedef struct NvFiles {
  void *form;			/* curl_mime, owned; or NULL */
  NvDownload download;
  long long sent, sent_total;	/* bytes of the form; total 0 if unknown */
  long long received, received_total;	/* bytes of the body */
  double reported_at;		/* moment of the last progress report */
} NvFiles;

typedef unsigned char NvFlag;

struct NvTransfer {
  /* ownership */
  NvPool *owner;		/* the pool that made it, and reuses it */
  NvPool *pool;			/* the same while it is running or ready */
  NvLink running, ready;	/* in the pool's lists of these names */
  NvLink scope;			/* in a list of transfers to cancel together */
  NvLink listener;		/* in a list of transfers to wait for */
  int id;			/* set by the binding, kept for reuse */
  int pins;			/* functions of the binding that use it */
  /* request */
  NvOptions options;		/* its strings are NULL once it is started */
  NvBuffer request;		/* body; does not move while running */
  NvLines *lines;		/* "Name: value", once it is started */
  void *query;			/* curl_slist of "name=value", owned */
  NvFiles *files;		/* of a form or a download, owned; or NULL */
  char *proxy_ca_file;		/* copy of the option, owned; or NULL */
  NvUrl *url;			/* the last one, kept for reuse; or NULL */
  /* connection */
  void *easy;			/* CURL, while running */
  const char *phase;		/* "connect", "headers", "body" or "stream" */
  double started_at;
  double connect_at;		/* this and the next three are on the */
  double sent_at;		/* clock of unpolled.c; 0: not yet */
  double last_byte_at;
  double rechecked_at;		/* see http2_recheck.c */
  int local_port;		/* of the connection, once 'sent_at' is set */
  int retries;			/* see resend.c */
  /* response head */
  NvBuffer head;		/* header lines of the final response */
  size_t header_bytes;		/* of all responses, interim ones too */
  long long content_length;	/* Content-Length, or -1 */
  int status;			/* 0 before the status line */
  int http_version;		/* 10, 11, 20 or 30 */
  /* response body */
  NvBuffer body;		/* decoded bytes, not yet consumed */
  NvSse sse;			/* parses the body of a stream */
  NvLookahead lookahead;	/* the next event of a stream */
  NvRepeat repeat;		/* of the events of a stream */
  /* end */
  NvFailure failure;
  NvTimings timings;
  /* enumerations and flags */
  NvFlag state;			/* NV_IDLE, NV_RUNNING or NV_DONE */
  NvFlag answer;		/* NV_JSON, NV_CHAT, NV_BY_TYPE or NV_TEXT */
  NvFlag closed;		/* freed when 'pins' becomes 0? */
  NvFlag unread;		/* news that the owner has not read? */
  NvFlag draining;		/* only completes to keep its connection? */
  NvFlag single_use;		/* is the easy handle not to be reused? */
  NvFlag tunnels;		/* see nv_proxy_configure */
  NvFlag several_ways;		/* see http2_limit.c */
  NvFlag aborted;		/* ended before the end of the response? */
  NvFlag paused;		/* receiving paused: too much unread? */
  NvFlag wants_stream;		/* options.stream, which an error clears */
  NvFlag headers_complete;
  NvFlag not_event_stream;	/* Content-Type not text/event-stream? */
  NvFlag is_json;		/* is Content-Type a JSON type? */
  NvFlag body_started;		/* has sniff.c decided? */
  NvFlag body_truncated;	/* error body cut at its limit? */
  NvFlag done_seen;		/* has the owner received the end? */
  NvFlag reused;		/* over a kept connection? */
};

NV_FUNC NvTransfer *nv_transfer_new (NvPool *p);
NV_FUNC void nv_transfer_free_idle (NvPool *p);
NV_FUNC NvFiles *nv_transfer_files (NvTransfer *t);
NV_FUNC int nv_transfer_set_url (NvTransfer *t, const char *url);
NV_FUNC int nv_transfer_apply_url (const NvTransfer *t);
NV_FUNC int nv_url_is_valid (const char *url);
NV_FUNC int nv_url_host (const char *url, char host[NV_HOST]);
NV_FUNC double nv_transfer_expiry (const NvTransfer *t, const char **which);
NV_FUNC void nv_transfer_enter_phase (NvTransfer *t, const char *phase,
                                      double *moment);
NV_FUNC void nv_transfer_update_expiry (NvTransfer *t);
NV_FUNC void nv_transfer_mark_ready (NvTransfer *t);
NV_FUNC void nv_transfer_clear_ready (NvTransfer *t);
NV_FUNC void nv_transfer_set_failure (NvTransfer *t, const char *kind,
                                  const char *reason, const char *message);
NV_FUNC void nv_transfer_read_info (NvTransfer *t);
NV_FUNC void nv_transfer_retire (NvTransfer *t);

/* pool.c: opens and closes pools; starts and cancels transfers */

/* features of the libcurl in use; strings may be NULL */
typedef struct NvFeatures {
  const char *libcurl, *tls;	/* versions of it and of its TLS library */
  const char *ca_file, *ca_path;	/* trusted by default */
  int http2, asynch_dns;	/* does it have these? */
  int descriptor;		/* does nv_pool_descriptor work? */
} NvFeatures;

#define NV_MAX_IDLE	64	/* idle handles and transfers kept for reuse */
#define NV_EVENTS	64	/* maximum of one epoll_wait */
#define NV_WAYS		8	/* hosts whose ways a pool remembers */

struct NvPool {
  void *multi;			/* CURLM; NULL = closed */
  NvMark mark;			/* process that opened it */
  NvLink running, ready;	/* transfers in flight; those with news */
  /* moments */
  double now;			/* cached nv_now() */
  double curl_due;		/* when libcurl's next timer expires */
  double next_expiry;		/* none of our time-outs expires earlier */
  double timer_due;		/* setting of 'timer' */
  double polled_at, served_at;	/* see unpolled.c; the last serving */
  double max_silence;		/* see unpolled.c */
  double unpolled;		/* seconds without polling, see unpolled.c */
  double drive_time;		/* seconds driven since the last poll */
  /* descriptors, or -1 */
  int epoll;			/* set of sockets, 'timer' and 'wake_fd' */
  int timer;			/* timerfd */
  int wake_fd;			/* eventfd, readable if there is work now */
  int woken;			/* is 'wake_fd' readable? */
  int batch;			/* maximum events of one epoll_wait */
  int removed[NV_EVENTS], removed_count;	/* see poller.c */
  /* state */
  int in_flight;		/* length of 'running' */
  int last_id;			/* of the binding's transfers */
  int multiplexed;		/* was the last response HTTP/2? */
  NvWay ways[NV_WAYS];		/* see http2_limit.c */
  int way_count;		/* those noted so far */
  long host_limit;		/* connections to one host; 0 = no limit */
  long least_limit;		/* see http2_limit.c */
  int broken;			/* has libcurl failed, without memory? */
  int flush_due;		/* is a RST_STREAM still to be sent? */
  int needs_guard;		/* does libcurl raise SIGPIPE? */
  int http1_tunnels;		/* see nv_proxy_configure */
  /* kept for reuse */
  int idle_handle_count, idle_transfer_count;
  void *idle_handles[NV_MAX_IDLE];	/* CURL */
  NvTransfer *idle_transfers[NV_MAX_IDLE];
  NvUrl *url;			/* of the transfer started last, or NULL */
  NvLines *lines;		/* likewise */
  const char *ca_file, *ca_path;	/* libcurl's defaults, or NULL */
  int trust_found, trust_differs;	/* see trust.c */
};

NV_FUNC int nv_pool_open (NvPool *p);
NV_FUNC void nv_pool_close (NvPool *p);
NV_FUNC int nv_pool_inherited (const NvPool *p);
NV_FUNC int nv_pool_start (NvPool *p, NvTransfer *t, const NvOptions *o);
NV_FUNC void nv_pool_cancel (NvTransfer *t);
NV_FUNC void nv_pool_resume (NvTransfer *t);
NV_FUNC void nv_pool_drop (NvTransfer *t);
NV_FUNC NvTransfer *nv_pool_next_ready (NvPool *p);
NV_FUNC int nv_pool_descriptor (NvPool *p);
NV_FUNC void nv_pool_features (NvFeatures *f);

/* unpolled.c: excludes time without polling from time-outs */
NV_FUNC void nv_unpolled_update (NvPool *p);
NV_FUNC void nv_unpolled_start (NvPool *p, const NvOptions *o);
NV_FUNC double nv_unpolled_now (const NvPool *p);
NV_FUNC double nv_unpolled_due (const NvPool *p);

/* sniff.c: tells an event stream from other bodies */
NV_FUNC void nv_sniff_body (NvTransfer *t, const char *bytes, size_t length);

/* proxy.c: which calls may use a proxy, and how one refuses */
NV_FUNC int nv_proxy_applies (const char *url, const char *proxy);
NV_FUNC int nv_proxy_status (const NvTransfer *t, int curl_code);
NV_FUNC int nv_proxy_refuses (const NvTransfer *t);
NV_FUNC int nv_proxy_configure (NvTransfer *t, const NvOptions *o);
NV_FUNC void nv_proxy_release (const NvTransfer *t, void *easy);

/* request_lines.c: headers and query of a request, and their secrets */
NV_FUNC int nv_transfer_add_header (NvTransfer *t, const char *line);
NV_FUNC int nv_transfer_share_lines (NvTransfer *t);
NV_FUNC void nv_lines_drop (NvLines *lines);
NV_FUNC int nv_transfer_set_query (NvTransfer *t, const char *url);
NV_FUNC int nv_transfer_set_proxy (NvTransfer *t, const char *proxy);
NV_FUNC void nv_transfer_redact (const NvTransfer *t, NvBuffer *b);

/* response_head.c: parses the header lines of a response */
NV_FUNC int nv_head_line (NvTransfer *t, const char *line, size_t length);

/* easy.c: options and callbacks of libcurl's easy handle */
#define NV_HIGH_WATER	(64 * 1024)	/* unread bytes that pause a stream */

NV_FUNC int nv_trust_init (void *easy, NvPool *p);
NV_FUNC int nv_trust_set (void *easy, const NvOptions *o, NvPool *p);
NV_FUNC int nv_trust_is_known (const NvPool *p);
NV_FUNC void *nv_easy_new (NvPool *p);
NV_FUNC int nv_easy_configure (NvTransfer *t, const NvOptions *o, NvPool *p);
NV_FUNC void nv_easy_release (NvTransfer *t, NvPool *p);

/* upload.c: multipart forms, and progress */
NV_FUNC int nv_upload_set (NvTransfer *t, const NvOptions *o);
NV_FUNC void nv_upload_free (NvTransfer *t);
NV_FUNC void nv_upload_track (NvTransfer *t);

/* abort.c: makes the server see an aborted transfer at once */
NV_FUNC void nv_abort_prepare (NvTransfer *t);
NV_FUNC void nv_abort_restore (NvTransfer *t);
NV_FUNC void nv_abort_close (const NvTransfer *t, int curl_code);
NV_FUNC NvTransfer *nv_abort_flush (NvPool *p, int local_port);

/* http2_limit.c: limits connections over which streams share */
NV_FUNC void nv_http2_note_way (NvTransfer *t, const NvOptions *o);
NV_FUNC void nv_http2_limit (NvPool *p);
NV_FUNC void nv_http2_widen (NvPool *p);

/* http2_recheck.c: makes libcurl look again for what it missed */
NV_FUNC double nv_http2_recheck_due (const NvTransfer *t);
NV_FUNC int nv_http2_recheck (NvTransfer *t);

/* resend.c: repeats requests that no server has processed */
NV_FUNC int nv_resend (NvTransfer *t, int curl_code);

/* poller.c: waits for sockets and timers with epoll */
#define NV_INTERRUPTED	(-1)	/* results of nv_poller_sockets */
#define NV_BROKEN	(-2)
#define NV_MAX_DRIVE	0.004	/* seconds, to leave the thread to others */

NV_FUNC int nv_poller_control (int set, int how, int fd, unsigned events);
NV_FUNC int nv_poller_open (NvPool *p);
NV_FUNC void nv_poller_close (NvPool *p);
NV_FUNC void nv_poller_attach (void *multi, NvPool *p);
NV_FUNC void nv_poller_closing (NvPool *p, int s);
NV_FUNC int nv_poller_timers (NvPool *p);
NV_FUNC int nv_poller_sockets (NvPool *p, double seconds);
NV_FUNC void nv_poller_arm (NvPool *p, double wanted);
NV_FUNC int nv_poller_descriptor (NvPool *p);

/* curl_error.c: maps libcurl's errors to ours */
NV_FUNC void nv_curl_error_set (NvTransfer *t, int curl_code);

/* transfer_end.c: ends transfers: completed, failed or timed out */
NV_FUNC void nv_transfer_finish (NvTransfer *t, int curl_code);
NV_FUNC void nv_transfer_fail (NvTransfer *t, const char *kind,
                               const char *reason, const char *text);
NV_FUNC void nv_transfer_unpause (NvTransfer *t);

/* drive.c: runs libcurl, and expires transfers */
NV_FUNC int nv_pool_poll (NvPool *p, double seconds, const NvTransfer *t);
NV_FUNC int nv_pool_has_news (const NvPool *p, const NvTransfer *t);
NV_FUNC void nv_pool_drive (NvPool *p);
NV_FUNC void nv_pool_flush (NvPool *p);
NV_FUNC void nv_pool_drain (NvPool *p);
NV_FUNC void nv_pool_rearm (NvPool *p);
NV_FUNC void nv_pool_drive_new (NvPool *p);

#endif
