/*
** binding.h
** The Lua binding: the only folder that includes lua.h. Every Lua-callable
** function has the module's state, a table, as its first upvalue.
**
**   core, nginx, sse, base64, sha256, interrupts,
**   writer, terminal, folder      functions of novita.core
**   object, handle                classes; userdata of pools and transfers
**   pool, pool_request, transfer, transfer_reply     their methods
**   options, option_check, request_*                 what a call sends
**   chat_request, chat_fields, chat_content          a request table as JSON
**   json_*, cjson, text           JSON and UTF-8
**   reply, reply_shape, chat_chunk, response         what a call returns
**   error, error_*, describe      error values and their messages
**
** Lua allocations run finalizers and hooks, which may call any function of
** the binding, on the same object too. So across a Lua allocation:
**   - a string or table stays alive only while it is on the stack, or in a
**     value on the stack that no other code can reach;
**   - a transfer stays alive only while it is pinned (handle.c), or no other
**     code can reach it; then its request, head and failure do not change,
**     nor its body once it is done. A running body may move: see lookahead.c;
**   - a pool may be closed, and a table of the user may change.
** lua_newuserdata, lua_push*string, lua_newtable, lua_concat, luaL_Buffer,
** lua_call and the functions of this file allocate. lua_next, lua_rawget,
** lua_rawseti to an existing index, lua_pushvalue and luaL_checkstack do not
** run the collector.
*/

#ifndef binding_h
#define binding_h

#include "compat.h"
#include "../nginx/nginx.h"

#define NV_VERSION	"0.1.0"

#define NV_STATE	lua_upvalueindex(1)

/* ensures stack space for 'n' values; raises without memory */
#define nv_checkstack(L,n) \
  ((void)(lua_checkstack(L, n) || luaL_error(L, "not enough memory")))

/* indices of the state table */
enum {
  NV_STATE_DECODE = 1,	/* lua-cjson's decode */
  NV_STATE_POOL,	/* the pool of core.chat */
  NV_STATE_AGENT,	/* our User-Agent header */
  NV_STATE_URL,		/* the last valid base_url */
  NV_STATE_KEY,		/* the last valid key */
  NV_STATE_BEARER,	/* the last Authorization header */
  NV_STATE_TARGET,	/* the last URL of a request */
  NV_STATE_FILE,	/* the last valid file of an option */
  NV_STATE_TRANSFER,	/* metatables that each call needs */
  NV_STATE_REPLY, NV_STATE_INFO, NV_STATE_HEADERS,
  NV_STATE_HOOK,	/* an empty Lua function, to run hooks */
  NV_STATE_CJSON,	/* lua-cjson */
  NV_STATE_NIL,		/* vim.NIL */
  NV_STATE_DICT		/* metatable of vim.empty_dict() */
};

#define NV_POOL		"novita.pool"		/* metatables */
#define NV_TRANSFER	"novita.transfer"
#define NV_REPLY	"novita.reply"
#define NV_ERROR	"novita.error"
#define NV_HEADERS	"novita.headers"
#define NV_INFO		"novita.info"
#define NV_ARRAY	"novita.array"
#define NV_OBJECT	"novita.object"
#define NV_BUFFER	"novita.buffer"
#define NV_PARSER	"novita.parser"
#define NV_WATCH	"novita.watch"
#define NV_WRITER	"novita.writer"


/* object.c */

NV_FUNC void nv_setfunctions (lua_State *L, const luaL_Reg *functions,
                              int state);
NV_FUNC void nv_setmethods (lua_State *L, const luaL_Reg *methods, int state,
                            int class);
NV_FUNC void *nv_newobject (lua_State *L, const char *class, size_t size,
                            int values);
NV_FUNC void *nv_checkself (lua_State *L, const char *class);
NV_FUNC void nv_checktable (lua_State *L, const char *class);
NV_FUNC void nv_newclass (lua_State *L, const char *name, int state,
                          const luaL_Reg *methods, const luaL_Reg *meta);
NV_FUNC NvBuffer *nv_newbuffer (lua_State *L);
NV_FUNC int nv_isnull (lua_State *L, int index);
NV_FUNC int nv_isempty (lua_State *L);
NV_FUNC void nv_settext (lua_State *L, const char *name, const char *text);
NV_FUNC int nv_concat (lua_State *L);
NV_FUNC void nv_object_open (lua_State *L);


/* core.c */



/* options.c */

typedef struct NvCall {
  NvOptions wire;
  const char *base_url;
  const char *api_key;		/* NULL: none was given */
  const char *user_agent;	/* NULL: NV_STATE_AGENT */
  int anonymous;		/* send no key: api_key = false */
  const char *exposed;		/* see nv_request_url_exposed */
  int headers;			/* stack index of the user's table, or 0 */
  int query;			/* the same */
} NvCall;

NV_FUNC int nv_options_list (lua_State *L);
NV_FUNC int nv_options_read (lua_State *L, int index, NvCall *o);


/* option_check.c */

enum {
  KIND_SECONDS, KIND_BYTES, KIND_BOOLEAN, KIND_TEXT, KIND_FILE, KIND_PEM,
  KIND_KEY, KIND_URL, KIND_HEADERS, KIND_QUERY, KIND_COUNT
};

typedef struct NvKind {
  /* returns what is wrong with the value at 'index', or NULL */
  const char *(*check) (lua_State *L, int index, NvCall *o, void *to);
  const char *type;		/* in LuaCATS */
  const char *unit;		/* NULL: none */
} NvKind;

NV_FUNC extern const NvKind nv_option_kinds[KIND_COUNT];

NV_FUNC const char *nv_file_problem (const char *path, int *empty);
NV_FUNC const char *nv_file_target_problem (const char *path, size_t length);


/* request_headers.c */

NV_FUNC int nv_request_headers_write (lua_State *L, NvTransfer *t,
                                      const NvCall *o);


/* handle.c */

NV_FUNC NvPool *nv_newpool (lua_State *L);
NV_FUNC NvPool *nv_checkpool (lua_State *L);
NV_FUNC void nv_pushtransfer (lua_State *L, int id);
NV_FUNC NvTransfer *nv_newtransfer (lua_State *L, int pool, int named);
NV_FUNC NvTransfer **nv_checkbox (lua_State *L, int index);
NV_FUNC NvTransfer *nv_checktransfer (lua_State *L, int index);
NV_FUNC NvTransfer *nv_pin (lua_State *L);
NV_FUNC void nv_unpin (lua_State *L);
NV_FUNC void nv_closetransfer (lua_State *L, int index);


/* request_start.c */

NV_FUNC int nv_start_request (lua_State *L, NvPool *p, NvTransfer *t,
                              NvCall *o, const char *method,
                              const char *path);
NV_FUNC int nv_start_chat (lua_State *L, NvPool *p, NvTransfer *t,
                           int request, int options, int known);


/* pool.c, pool_request.c, transfer.c */

NV_FUNC void nv_poolclass_open (lua_State *L, int state);
NV_FUNC int nv_pool_request (lua_State *L);
NV_FUNC void nv_transferclass_open (lua_State *L, int state);


/* request_url.c, request_query.c */

NV_FUNC void nv_request_url_push (lua_State *L, const NvCall *o,
                                  const char *path);
NV_FUNC const char *nv_request_url_exposed (const char *url,
                                            const char *proxy);
NV_FUNC int nv_query_push (lua_State *L, const NvCall *o, const char *path);


/* nginx.c */

NV_FUNC int nv_wakeup_new (lua_State *L);
NV_FUNC int nv_cleanup_new (lua_State *L);
NV_FUNC void nv_nginx_open (lua_State *L, int state);


/* interrupts.c */

NV_FUNC int nv_watch_new (lua_State *L);
NV_FUNC void nv_watchclass_open (lua_State *L, int state);


/* json_encode.c */

/* the position of a value in a request: a list from the value to the root */
typedef struct NvPath {
  const struct NvPath *up;	/* NULL: the root */
  const char *key;		/* NULL: an array element, at 'position' */
  size_t key_length;
  size_t position;
  const void *table;		/* lua_topointer of it, to find cycles */
} NvPath;

typedef struct NvJson {
  lua_State *L;
  NvBuffer *out;
} NvJson;

/* writes the value at 'index'; 0, or -1 with path and problem pushed */
typedef int (*NvJsonWriter) (NvJson *j, int index, NvPath *path);

NV_FUNC int nv_json_value (NvJson *j, int index, NvPath *path);
NV_FUNC int nv_json_member (NvJson *j, int index, NvPath *path);
NV_FUNC int nv_json_elements (NvJson *j, int index, NvPath *up,
                              NvJsonWriter write);
NV_FUNC int nv_json_string (NvJson *j, const char *text, size_t length,
                            const NvPath *path);
NV_FUNC int nv_json_name (NvJson *j, const NvPath *path);
NV_FUNC void nv_json_separate (NvJson *j);
NV_FUNC void nv_json_raw (NvJson *j, const char *text, size_t length);
NV_FUNC void nv_json_integer (NvJson *j, long long n);
NV_FUNC int nv_json_encode (lua_State *L);

#define nv_json_literal(j, s)	nv_json_raw(j, s, sizeof(s) - 1)


/* json_empty.c */

NV_FUNC void nv_json_empty_mark (lua_State *L, int index, int array);
NV_FUNC int nv_json_empty_writes_array (lua_State *L, int index,
                                        const NvPath *path);
NV_FUNC int nv_json_array (lua_State *L);
NV_FUNC void nv_json_empty_open (lua_State *L);


/* json_object.c */

NV_FUNC size_t nv_json_count (lua_State *L, int index);
NV_FUNC int nv_json_members (NvJson *j, int index, NvPath *up,
                             NvJsonWriter write);


/* describe.c */

NV_FUNC const char *nv_describe (lua_State *L, int index);
NV_FUNC const char *nv_describe_number (double x);
NV_FUNC int nv_describe_problem (NvJson *j, const NvPath *path,
                                 const char *format, ...);


/* text.c */

NV_FUNC void nv_text_sanitize (lua_State *L, const char *text, size_t n,
                           int escapes);
NV_FUNC int nv_text_number (lua_State *L, int index);
NV_FUNC void nv_text_push (lua_State *L, const char *text, size_t length);
NV_FUNC void nv_text_pushline (lua_State *L, const char *text, size_t length,
                               size_t most);
NV_FUNC int nv_text_ascii (lua_State *L);
NV_FUNC void nv_text_join (lua_State *L, int slot, const char *head, size_t n,
                           const char *tail);


/* base64.c, sha256.c */

NV_FUNC int nv_base64_new (lua_State *L);
NV_FUNC int nv_base64_floats (lua_State *L);
NV_FUNC int nv_sha256_new (lua_State *L);


/* terminal.c, folder.c: for the command */

NV_FUNC int nv_terminal_columns (lua_State *L);
NV_FUNC int nv_terminal_read_line (lua_State *L);
NV_FUNC int nv_folder_new (lua_State *L);


/* json_restore.c */

NV_FUNC void nv_json_restore (lua_State *L, const char *text, size_t length);


/* cjson.c */

NV_FUNC int nv_cjson_read (lua_State *L, const char *text, size_t length,
                           int *lossy);
NV_FUNC void nv_cjson_open (lua_State *L);


/* json_decode.c */

NV_FUNC int nv_json_decode (lua_State *L, const char *text, size_t length);
NV_FUNC int nv_json_parse (lua_State *L);


/* error.c */

NV_FUNC void nv_error_push (lua_State *L, const char *kind);
NV_FUNC const char *nv_error_kind_of_status (int status);
NV_FUNC int nv_error_config (lua_State *L);
NV_FUNC int nv_error_new (lua_State *L);
NV_FUNC void nv_error_open (lua_State *L, int state);


/* error_transfer.c: errors of a transfer */

NV_FUNC void nv_error_transfer (lua_State *L, NvTransfer *t);
NV_FUNC void nv_error_answer (lua_State *L, NvTransfer *t, int body);
NV_FUNC int nv_error_from_events (lua_State *L, const NvTransfer *t);
NV_FUNC void nv_error_event (lua_State *L, NvTransfer *t, NvBuffer *data);
NV_FUNC void nv_error_invalid (lua_State *L, NvTransfer *t,
                               const char *why);
NV_FUNC void nv_error_response (lua_State *L, int error, NvTransfer *t);


/* error_text.c: the message in an error body */

#define NV_MAX_NESTING	5	/* nested objects that are read */

NV_FUNC const char *nv_error_text_title (const char *html, size_t *length);
NV_FUNC void nv_error_text_set (lua_State *L, int error);


/* error_body.c: errors in response bodies */

NV_FUNC void nv_error_body_read (lua_State *L, int body, int error);
NV_FUNC void nv_error_body_plain (lua_State *L, int error,
                                  const NvTransfer *t);
NV_FUNC void nv_error_body_redirect (lua_State *L, int error, int status);
NV_FUNC int nv_error_body_is_error (lua_State *L);


/* response.c: status, headers and timings of a response */

NV_FUNC void nv_response_push (lua_State *L, NvTransfer *t);
NV_FUNC void nv_response_headers (lua_State *L, const NvTransfer *t);
NV_FUNC int nv_response_request_id (lua_State *L, int headers);
NV_FUNC void nv_response_open (lua_State *L, int state);


/* sse.c */

#define NV_COPY_SIZE	2048	/* a larger copy is a userdata */

typedef enum NvPart {NV_PART_TYPE, NV_PART_DATA, NV_PART_ID} NvPart;

NV_FUNC char *nv_parser_copy (lua_State *L, NvLookahead *k,
                              const NvBuffer *queue,
                              NvPart part, char *small, size_t *length);
NV_FUNC int nv_parser_new (lua_State *L);
NV_FUNC int nv_parser_first (lua_State *L, const char *bytes, size_t length);
NV_FUNC void nv_parser_open (lua_State *L, int state);


/* writer.c */

NV_FUNC int nv_writer_new (lua_State *L);
NV_FUNC int nv_writer_same (lua_State *L);
NV_FUNC void nv_writer_open (lua_State *L, int state);


/* chat_chunk.c, chat_content.c, chat_fields.c */

NV_FUNC int nv_chat_chunk_next (lua_State *L, NvTransfer *t, int brief);
NV_FUNC int nv_content_write (NvJson *j, int index, NvPath *path);
NV_FUNC int nv_content_member (NvJson *j, int index, NvPath *path);
NV_FUNC NvJsonWriter nv_chat_field_writer (const NvPath *path);


/* chat_request.c */

#define NV_UNKNOWN	1	/* a field is not among the known ones */

NV_FUNC int nv_chat_request_write (lua_State *L, int index, int known,
                                   NvBuffer *out, int *stream);


/* transfer_reply.c: methods of a transfer */

NV_FUNC int nv_transfer_reply (lua_State *L);
NV_FUNC int nv_transfer_fault (lua_State *L);
NV_FUNC int nv_transfer_unusable (lua_State *L);


/* reply_shape.c */

enum { NV_IRREGULAR, NV_SUSPECT, NV_REGULAR };

NV_FUNC int nv_reply_shape (lua_State *L);
NV_FUNC void nv_chat_chunk_text (lua_State *L, int index);


/* reply.c */

NV_FUNC int nv_reply_push (lua_State *L, NvTransfer *t, int answer);
NV_FUNC int nv_reply_mark (lua_State *L);
NV_FUNC void nv_reply_open (lua_State *L, int state);

#endif
