/*
** sse.h
** Event streams (text/event-stream): bytes in, events out. Knows neither Lua
** nor libcurl, does no I/O, owns one malloc'd buffer a parser.
*/

#ifndef sse_h
#define sse_h

#include <stddef.h>

#if !defined(NV_FUNC)
#if defined(__GNUC__)
#define NV_FUNC  __attribute__((visibility("hidden")))
#else
#define NV_FUNC
#endif
#endif

#if !defined(NV_NOMEM)
#define NV_NOMEM   (-1)
#define NV_TOOBIG  (-2)
#endif

/*
** One event. Its parts lie in the input or in the parser's buffer: they live
** until the next call with this parser, or until the caller lets the input
** go. They are never NULL, end without a zero and may contain some.
*/
typedef struct NvEvent {
  const char *type;      /* "" stands for "message" */
  size_t type_length;
  const char *data;
  size_t data_length;
  const char *id;        /* the stream's last event id, "" if none */
  size_t id_length;
  int is_error;          /* named "error", or had an `error` field? */
} NvEvent;

typedef struct NvSseSlot {
  size_t room;           /* bytes set aside in the buffer */
  size_t length;         /* of the value */
} NvSseSlot;

/*
** A parser, owned by the caller: nv_sse_init before use, nv_sse_free after.
** 'errors' is the only field for the caller to set, between nv_sse_init and
** the first byte. It makes the parser tell of two things that model servers
** send and the standard drops: a field named `error` is taken as data
** (llama.cpp sent `error: {...}` until September 2025), and an event named
** "error" is given even without data. All else is as the standard has it.
*/
typedef struct NvSse {
  int errors;
  int failed;            /* NV_NOMEM, NV_TOOBIG or 0 */
  size_t ceiling;
  char *buffer;          /* id, type, data, value, in this order */
  size_t size;           /* of the buffer */
  NvSseSlot id;
  NvSseSlot type;
  size_t data_length;
  size_t value_length;   /* of the unfinished line */
  const char *input;     /* the data, while it lies in the input */
  char head[10];         /* first bytes of the unfinished line */
  unsigned char head_length;
  unsigned char field;   /* which one that line is, if known yet */
  char ending;           /* the line end to look for first */
  char started;          /* first line over? */
  char after_cr;         /* would an LF be the rest of a CRLF? */
  char has_data;
  char has_error;        /* was there an `error` field? */
  char given;            /* event given, to be cleared? */
} NvSse;

/*
** Makes 'p' ready for a stream. 'ceiling' is how many bytes type, data and
** id of one event may have together; 0 means no ceiling.
*/
NV_FUNC void nv_sse_init (NvSse *p, size_t ceiling);

/* Frees what 'p' owns and zeroes it; may be called again. */
NV_FUNC void nv_sse_free (NvSse *p);

/*
** Takes bytes from '*bytes', advancing it and lowering '*length', up to the
** end of one event. Returns 1 with '*event' filled, or 0 when all the bytes
** are taken and no event is complete: call it until it returns 0, then with
** the next bytes. Returns NV_NOMEM or NV_TOOBIG when it cannot go on, and
** from then on always, for a part of the stream is lost.
*/
NV_FUNC int nv_sse_next (NvSse *p, const char **bytes, size_t *length,
                         NvEvent *event);

/*
** After the last byte: fills '*event' with the event whose blank line never
** came; 1 if it has data, 0 if not, negative if 'p' failed. The standard
** discards such an event. This is for servers that end at `data: [DONE]`,
** so a last line without a line end counts.
*/
NV_FUNC int nv_sse_pending (NvSse *p, NvEvent *event);

#endif
