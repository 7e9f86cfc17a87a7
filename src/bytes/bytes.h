/*
** bytes.h
** The lowest layer: data structures and parsers. Nothing here knows Lua or
** libcurl, or does any input or output.
**
**   buffer.c      NvBuffer: a byte queue with a size limit
**   redact.c      overwrites a secret in a buffer
**   sse.c         NvSse: the incremental event-stream parser
**   lookahead.c   NvLookahead: the next event of a stream, not yet consumed
**   list.c        NvLink: an intrusive doubly linked list
**   base64.c      Base64, and little-endian floats
**   decimal.c     numbers as JSON writes them
**   utf8.c        UTF-8 and classes of characters
**   header.c      parses header lines
**   sha256.c      SHA-256
**   json_scan.c   finds in a JSON text what lua-cjson reads wrongly
**   json_repeat.c NvRepeat: recognises a JSON text that repeats another
**
** Functions that can fail return 0 on success, else an error code. A zeroed
** struct is empty, and freeing it is safe.
*/

#ifndef bytes_h
#define bytes_h

#include <stddef.h>
#include <stdint.h>

/* shared between our files, but hidden from the program that loads us */
#if defined(__GNUC__)
#define NV_FUNC		__attribute__((visibility("hidden")))
#else
#define NV_FUNC
#endif


/* buffer.c: a byte queue with a size limit */

#define NV_NOMEM	(-1)
#define NV_TOOBIG	(-2)

typedef struct NvBuffer {
  char *bytes;		/* malloc'd block, owned */
  size_t start;		/* offset of the first queued byte */
  size_t end;		/* offset past the last queued byte */
  size_t capacity;	/* size of the block */
  size_t ceiling;	/* maximum number of queued bytes; 0 = no limit */
} NvBuffer;

#define nv_buffer_length(b)	((b)->end - (b)->start)
#define nv_buffer_data(b)	((b)->bytes + (b)->start)

NV_FUNC void nv_buffer_init (NvBuffer *b, size_t ceiling);
NV_FUNC void nv_buffer_free (NvBuffer *b);
NV_FUNC int nv_buffer_append (NvBuffer *b, const char *bytes, size_t length);
NV_FUNC char *nv_buffer_reserve (NvBuffer *b, size_t length);
NV_FUNC void nv_buffer_consume (NvBuffer *b, size_t length);
NV_FUNC NvBuffer nv_buffer_reused (NvBuffer *b);

/* redact.c */
NV_FUNC void nv_buffer_redact (NvBuffer *b, const char *secret);


/* sse.c: the parser of event streams */

/*
** One event. Its fields point into the input or into the parser's buffer:
** they are valid until the next call with this parser, or until the caller
** frees the input. They are never NULL, not zero-terminated, and may contain
** zeros.
*/
typedef struct NvEvent {
  const char *type;      /* "" means "message" */
  size_t type_length;
  const char *data;
  size_t data_length;
  const char *id;        /* the stream's last event id, "" if none */
  size_t id_length;
  int is_error;          /* type "error", or an `error` field? */
} NvEvent;

typedef struct NvSseSlot {
  size_t room;           /* bytes reserved in the buffer */
  size_t length;         /* length of the value */
} NvSseSlot;

/*
** A parser, owned by the caller: nv_sse_init before use, nv_sse_free after.
** The caller may set 'errors', and only that, between nv_sse_init and the
** first byte. It makes the parser report two things that model servers send
** and the standard discards: a field named `error` counts as data (llama.cpp
** sent `error: {...}` until September 2025), and an event of type "error" is
** returned even without data. Everything else follows the standard.
*/
typedef struct NvSse {
  int errors;
  int failed;            /* NV_NOMEM, NV_TOOBIG or 0 */
  size_t ceiling;
  char *buffer;          /* id, type, data, value, in this order */
  size_t size;           /* size of the buffer */
  NvSseSlot id;
  NvSseSlot type;
  size_t data_length;
  size_t value_length;   /* value length of the unfinished line */
  const char *input;     /* the data, while it is a slice of the input */
  char head[10];         /* first bytes of the unfinished line */
  unsigned char head_length;
  unsigned char field;   /* field of that line, once it is known */
  char ending;           /* line terminator to search for first */
  char started;          /* first line complete? */
  char after_cr;         /* does an LF now belong to a CRLF? */
  char has_data;
  char has_error;        /* was there an `error` field? */
  char returned;         /* event returned, to be cleared? */
} NvSse;

/*
** Initialises 'p' for a stream. 'ceiling' limits the total length of type,
** data and id of one event; 0 means no limit.
*/
NV_FUNC void nv_sse_init (NvSse *p, size_t ceiling);

/* Frees what 'p' owns and zeroes it. Idempotent. */
NV_FUNC void nv_sse_free (NvSse *p);

/*
** Parses from '*bytes', advancing it and lowering '*length', up to the end of
** one event. Returns 1 with '*event' filled, or 0 if all bytes are consumed
** and no event is complete: the caller repeats until 0, then passes the next
** bytes. Returns NV_NOMEM or NV_TOOBIG on failure, and again on every later
** call, because part of the stream is lost.
*/
NV_FUNC int nv_sse_next (NvSse *p, const char **bytes, size_t *length,
                         NvEvent *event);

/*
** After the last byte, fills '*event' with the event that no blank line has
** ended; returns 1 if it has data, 0 if not, negative if 'p' failed. The
** standard discards such an event. This is for servers that stop right after
** `data: [DONE]`, so a last line without a line terminator counts.
*/
NV_FUNC int nv_sse_pending (NvSse *p, NvEvent *event);


/* base64.c: Base64, and little-endian floats */

/* returns the number of characters for 'n' bytes */
#define nv_base64_length(n)	(((n) + 2) / 3 * 4)

NV_FUNC void nv_base64_encode (const char *bytes, size_t n, char *to);
NV_FUNC long long nv_base64_decode (const char *text, size_t n, char *to);
NV_FUNC double nv_float32_read (const char *bytes);


/* sha256.c */

#define NV_SHA256	32	/* bytes of a digest */

typedef struct NvSha256 {
  uint32_t state[8];
  uint64_t length;		/* bytes so far */
  unsigned char block[64];	/* those of the unfinished block */
} NvSha256;

NV_FUNC void nv_sha256_init (NvSha256 *h);
NV_FUNC void nv_sha256_append (NvSha256 *h, const char *bytes, size_t n);
NV_FUNC void nv_sha256_finish (NvSha256 *h, unsigned char digest[NV_SHA256]);


/* lookahead.c: the next event of a stream, not yet consumed */

/*
** Zeroed: no event. While there is one its bytes stay in the queue or in the
** parser, and every caller gets the same event, until it is consumed.
*/
typedef struct NvLookahead {
  NvEvent event;
  int found;			/* is there one? */
  unsigned generation;		/* changes when it is consumed or discarded */
  size_t length;		/* queued bytes up to the end of the event */
  size_t offset;		/* offset of its data in the queue, ... */
  int queued;			/* ... if the data is there */
} NvLookahead;

NV_FUNC int nv_lookahead_find (NvLookahead *k, NvSse *events, NvBuffer *queue);
NV_FUNC void nv_lookahead_refresh (NvLookahead *k, const NvBuffer *queue);
NV_FUNC void nv_lookahead_consume (NvLookahead *k, NvBuffer *queue);
NV_FUNC void nv_lookahead_discard (NvLookahead *k);


/* list.c: an intrusive doubly linked list */

/*
** A link is in at most one list, and zeroed while in none. The head of a
** list is a link without an owner.
*/
typedef struct NvLink {
  struct NvLink *previous, *next;
  void *owner;			/* the struct that contains the link */
} NvLink;

#define nv_list_empty(head)	((head)->next == (head))

NV_FUNC void nv_list_init (NvLink *head);
NV_FUNC void nv_list_add (NvLink *head, NvLink *link, void *owner);
NV_FUNC void nv_list_remove (NvLink *link);


/* decimal.c: numbers as JSON writes them */

#define NV_DECIMAL	64	/* buffer size for any number */

NV_FUNC int nv_decimal_read (const char *s, double *x);
NV_FUNC size_t nv_decimal_integer (char *text, long long n);
NV_FUNC size_t nv_decimal_write (char *text, double x);


/* utf8.c: UTF-8 and classes of characters */

NV_FUNC size_t nv_utf8_length (const unsigned char *s, size_t n, size_t *bad);
NV_FUNC int nv_has_control (const char *s, size_t length);
NV_FUNC int nv_is_blank (char c);


/* header.c: parses header lines */

typedef struct NvHeader {
  const char *name, *value;	/* slices of the line */
  size_t name_length, value_length;
} NvHeader;

NV_FUNC int nv_header_parse (const char *line, size_t length, NvHeader *h);
NV_FUNC int nv_header_is (const NvHeader *h, const char *name, size_t length);


/* json_scan.c: finds in a JSON text what lua-cjson reads wrongly */

typedef struct NvJsonScan {
  const char *problem;	/* why it is not JSON, or NULL */
  int broken;		/* ill-formed UTF-8, or a lone surrogate? */
  int fractions;	/* are there numbers with a decimal point? */
  int nulls;		/* may there be a null? */
  int exact;		/* is json_restore.c needed? */
} NvJsonScan;

NV_FUNC NvJsonScan nv_json_scan (const char *text, size_t n);
NV_FUNC size_t nv_json_plain (const char *text, size_t n);
NV_FUNC size_t nv_json_escape_length (const unsigned char *s, size_t n,
                                      int *alone);


/* json_repeat.c: recognises a JSON text that repeats another */

typedef struct NvRepeat {
  NvBuffer text;	/* the earlier text; empty: none is known */
  size_t start, end;	/* where the inside of its string is */
} NvRepeat;

NV_FUNC void nv_repeat_forget (NvRepeat *r);
NV_FUNC void nv_repeat_learn (NvRepeat *r, const char *text, size_t n,
                              const char *key);
NV_FUNC char *nv_repeat_match (const NvRepeat *r, char *text, size_t n,
                               size_t *length);

#endif
