/*
** binding.h
** What the files of the binding share; they are the only ones that know
** Lua. All our Lua-callable functions carry the module's state, a table, as
** their first upvalue.
*/

#ifndef binding_h
#define binding_h

#include "compat.h"
#include "novita.h"

#define NV_STATE	lua_upvalueindex(1)

/* what the state table holds, by index */
enum {
  NV_STATE_DECODE = 1,	/* lua-cjson's decode */
  NV_STATE_SCRATCH,	/* a buffer for json.c */
  NV_STATE_POOL,	/* of core.chat */
  NV_STATE_AGENT,	/* our User-Agent header */
  NV_STATE_URL,		/* the last good base_url */
  NV_STATE_HOOK,	/* a Lua function that does nothing */
  NV_STATE_CJSON,	/* lua-cjson */
  NV_STATE_NIL,		/* Neovim's null */
  NV_STATE_DICT		/* and the metatable of its {} */
};

#define NV_POOL		"novita.pool"		/* metatables */
#define NV_TRANSFER	"novita.transfer"
#define NV_REPLY	"novita.reply"
#define NV_ERROR	"novita.error"
#define NV_HEADERS	"novita.headers"
#define NV_ARRAY	"novita.array"
#define NV_BUFFER	"novita.buffer"
#define NV_PARSER	"novita.parser"


/* options.c */

typedef struct NvCall {
  NvOptions wire;
  const char *base_url;
  const char *api_key;		/* NULL: none was given */
  const char *user_agent;	/* NULL: ours */
  int anonymous;		/* api_key = false: send none */
  int headers;			/* are there any of the user's? */
} NvCall;

NV_FUNC int nv_has_control (const char *s, size_t length);
NV_FUNC int nv_options_read (lua_State *L, int index, NvCall *o);


/* headers.c */

NV_FUNC int nv_headers_write (lua_State *L, NvTransfer *t, const NvCall *o,
                              int options);


/* handles.c */

NV_FUNC NvPool *nv_newpool (lua_State *L);
NV_FUNC NvTransfer *nv_newtransfer (lua_State *L, int pool, int named);
NV_FUNC NvTransfer *nv_checktransfer (lua_State *L, int index);
NV_FUNC void nv_closetransfer (lua_State *L, int index);
NV_FUNC int nv_start_chat (lua_State *L, NvPool *p, NvTransfer *t,
                           int request, int options);
NV_FUNC void nv_setfunctions (lua_State *L, const luaL_Reg *functions,
                              int state);
NV_FUNC void *nv_newobject (lua_State *L, const char *class, size_t size,
                            int values);
NV_FUNC void nv_newclass (lua_State *L, const char *name, int state,
                          const luaL_Reg *methods,
                          const luaL_Reg *metamethods);
NV_FUNC void nv_handles_open (lua_State *L, int state);


/* nginx.c */

NV_FUNC int nv_waiter_new (lua_State *L);
NV_FUNC int nv_watch_new (lua_State *L, NvPool *p);
NV_FUNC int nv_bell_new (lua_State *L, NvPool *p);
NV_FUNC int nv_tie_new (lua_State *L);
NV_FUNC void nv_nginx_open (lua_State *L, int state);


/* encode.c */

/* where a value stands inside the request: a chain from the leaf up */
typedef struct NvPath {
  const struct NvPath *up;	/* NULL: the request itself */
  const char *key;		/* NULL: a position in an array */
  size_t key_length;
  size_t position;
  const void *table;		/* the table there, to find cycles */
} NvPath;

typedef struct NvJson {
  lua_State *L;
  NvBuffer *out;
  NvBuffer *keys;		/* scratch for sorting */
} NvJson;

/* writes the value at a stack index: 0, or -1 with a problem pushed */
typedef int (*NvJsonWriter) (NvJson *j, int index, NvPath *path);

NV_FUNC int nv_json_value (NvJson *j, int index, NvPath *path);
NV_FUNC int nv_json_member (NvJson *j, int index, NvPath *path);
NV_FUNC int nv_json_members (NvJson *j, int index, NvPath *up,
                             NvJsonWriter write);
NV_FUNC int nv_json_elements (NvJson *j, int index, NvPath *up,
                              NvJsonWriter write);
NV_FUNC int nv_json_string (NvJson *j, const char *text, size_t length,
                            const NvPath *path);
NV_FUNC int nv_json_name (NvJson *j, const NvPath *path);
NV_FUNC void nv_json_separate (NvJson *j);
NV_FUNC void nv_json_raw (NvJson *j, const char *text, size_t length);
NV_FUNC void nv_json_integer (NvJson *j, long long n);
NV_FUNC NvBuffer *nv_newbuffer (lua_State *L);
NV_FUNC int nv_json_encode (lua_State *L);
NV_FUNC int nv_json_array (lua_State *L);
NV_FUNC void nv_encode_open (lua_State *L);

#define nv_json_literal(j, s)	nv_json_raw(j, s, sizeof(s) - 1)


/* shown.c */

NV_FUNC const char *nv_shown_push (lua_State *L, int index);
NV_FUNC const char *nv_shown_number (double x);
NV_FUNC int nv_shown_problem (NvJson *j, const NvPath *path,
                              const char *format, ...);


/* text.c */

/* what is found in a text before it is decoded */
typedef struct NvFindings {
  const char *problem;	/* why it is not JSON, or NULL */
  int broken;		/* does it need mending? */
  int fractions;	/* are there numbers with a decimal point? */
  int nulls;		/* may there be a null? */
} NvFindings;

NV_FUNC size_t nv_text_utf8 (const unsigned char *s, size_t n, size_t *bad);
NV_FUNC NvFindings nv_text_inspect (const char *text, size_t n);
NV_FUNC void nv_text_mend (lua_State *L, const char *text, size_t n,
                           int escapes);
NV_FUNC void nv_text_push (lua_State *L, const char *text, size_t length);
NV_FUNC void nv_text_pushline (lua_State *L, const char *text, size_t length,
                               size_t most);


/* json.c */

NV_FUNC int nv_json_isnull (lua_State *L, int index);
NV_FUNC int nv_json_decode (lua_State *L, const char *text, size_t length);
NV_FUNC int nv_json_parse (lua_State *L);
NV_FUNC void nv_json_open (lua_State *L);


/* error.c */

NV_FUNC void nv_error_push (lua_State *L, const char *kind);
NV_FUNC int nv_error_config (lua_State *L);
NV_FUNC int nv_error_new (lua_State *L);
NV_FUNC void nv_error_open (lua_State *L);


/* failure.c: each of the void ones but nv_failure_response pushes an error */

NV_FUNC void nv_failure_transfer (lua_State *L, NvTransfer *t);
NV_FUNC void nv_failure_answer (lua_State *L, NvTransfer *t, int body);
NV_FUNC void nv_failure_stream (lua_State *L, NvTransfer *t, int body);
NV_FUNC void nv_failure_invalid (lua_State *L, NvTransfer *t,
                                 const char *why);
NV_FUNC void nv_failure_response (lua_State *L, int error, NvTransfer *t);
NV_FUNC int nv_failure_is_status (const char *kind);


/* envelope.c: what the body of an answer says went wrong */

NV_FUNC void nv_envelope_read (lua_State *L, int body, int error);
NV_FUNC void nv_envelope_plain (lua_State *L, int error, const NvTransfer *t);
NV_FUNC void nv_envelope_redirect (lua_State *L, int error, int status);
NV_FUNC int nv_envelope_says (lua_State *L);


/* info.c: what is known of a response beside its body */

NV_FUNC void nv_info_push (lua_State *L, NvTransfer *t);
NV_FUNC void nv_info_headers (lua_State *L, const NvTransfer *t);
NV_FUNC int nv_info_request_id (lua_State *L, const NvTransfer *t);
NV_FUNC void nv_info_open (lua_State *L);


/* events.c */

NV_FUNC int nv_events_new (lua_State *L);
NV_FUNC void nv_events_open (lua_State *L, int state);


/* chunk.c */

NV_FUNC int nv_chunk_next (lua_State *L, NvTransfer *t);


/* chat.c */

NV_FUNC int nv_chat_write (lua_State *L, int index, NvBuffer *out,
                           int *stream);


/* reply.c */

NV_FUNC int nv_reply_push (lua_State *L, NvTransfer *t, int chat);
NV_FUNC int nv_reply_mark (lua_State *L);
NV_FUNC void nv_reply_open (lua_State *L);

#endif
