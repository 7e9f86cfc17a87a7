/*
** chat_request.c
** Converts a chat request, a Lua table, to a checked JSON body: the model, the
** messages, then the other fields (chat_fields.c), sorted by name.
*/

#include <string.h>

#include "binding.h"

/* a request that is written */
typedef struct Request {
  NvJson json;
  int known;		/* index of the set of its possible fields; 0: any */
} Request;


/* pushes a field without metamethods, as it is sent */
static void raw_field (lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, index);
}


/*
** {======================================================
** Messages
** =======================================================
*/

static NvPath path_to (const NvPath *up, const char *key) {
  NvPath path = {0};
  path.up = up;
  path.key = key;
  path.key_length = strlen(key);
  return path;
}


/* writes {"content":...,"role":...} for a string, number or content parts */
static int write_simple (NvJson *j, int index, NvPath *path,
                         const char *role) {
  int type = lua_type(j->L, index);
  if (type != LUA_TSTRING && type != LUA_TNUMBER &&
      !(type == LUA_TTABLE && lua_rawlen(j->L, index) > 0))
    return nv_describe_problem(j, path,
                               "%s is not a text or a list of content parts",
                               nv_describe(j->L, index));
  nv_json_separate(j);
  nv_json_literal(j, "{\"content\":");
  if (type == LUA_TNUMBER)
    nv_json_literal(j, "\"");
  if (nv_content_write(j, index, path) != 0)
    return -1;
  if (type == LUA_TNUMBER)
    nv_json_literal(j, "\"");
  nv_json_literal(j, ",\"role\":\"");
  nv_json_raw(j, role, strlen(role));
  nv_json_literal(j, "\"}");
  return 0;
}


/*
** Writes an element of messages. The API requires 'content' in each; a reply
** of tool calls has null there, which is absent in its Lua table.
*/
static int write_message (NvJson *j, int index, NvPath *path) {
  lua_State *L = j->L;
  NvPath role = path_to(path, "role"), content = path_to(path, "content");
  if (!lua_istable(L, index))
    return nv_describe_problem(j, path,
             "%s is not a message, a table with role and content",
             nv_describe(L, index));
  raw_field(L, index, "role");
  if (lua_isnil(L, -1))
    return nv_describe_problem(j, &role, "is missing");
  if (lua_type(L, -1) != LUA_TSTRING)
    return nv_describe_problem(j, &role, "%s is not a role",
                               nv_describe(L, lua_gettop(L)));
  raw_field(L, index, "content");
  if (lua_isnil(L, -1) && strcmp(lua_tostring(L, -2), "assistant") != 0)
    return nv_describe_problem(j, &content, "is missing");
  path->table = lua_topointer(L, index);
  if (lua_isnil(L, -1))
    nv_json_literal(j, "{\"content\":null");
  else
    nv_json_literal(j, "{");
  if (nv_json_members(j, index, path, nv_content_member) != 0)
    return -1;
  nv_json_literal(j, "}");
  lua_pop(L, 2);
  return 0;
}


/* is the table at 'index' an object, not a list? */
static int is_object (lua_State *L, int index) {
  if (lua_rawlen(L, index) > 0)
    return 0;
  lua_pushnil(L);
  if (!lua_next(L, index))
    return 0;
  lua_pop(L, 2);
  return 1;
}


static int write_given (NvJson *j, int index, NvPath *path) {
  if (!lua_istable(j->L, index) || is_object(j->L, index))
    return nv_describe_problem(j, path, "%s is not a list of messages",
                               nv_describe(j->L, index));
  path->table = lua_topointer(j->L, index);
  return nv_json_elements(j, index, path, write_message);
}


/* writes messages: system_prompt, then messages, then message */
static int write_messages (NvJson *j, int index, const NvPath *root) {
  static const struct Source { const char *name, *role; } sources[] = {
    {"system_prompt", "system"}, {"messages", NULL}, {"message", "user"}
  };
  lua_State *L = j->L;
  size_t i, before = 0;
  nv_json_literal(j, ",\"messages\":[");
  for (i = 0; i < 3; i++) {
    NvPath path = path_to(root, sources[i].name);
    int top = lua_gettop(L) + 1, result = 0;
    raw_field(L, index, sources[i].name);
    if (i == 1)
      before = nv_buffer_length(j->out);
    if (!lua_isnil(L, top))
      result = sources[i].role == NULL ? write_given(j, top, &path)
             : write_simple(j, top, &path, sources[i].role);
    if (result != 0)
      return -1;
    lua_settop(L, top - 1);
  }
  if (nv_buffer_length(j->out) == before) {
    NvPath path = path_to(root, "message");
    return nv_describe_problem(j, &path, "is missing");
  }
  nv_json_literal(j, "]");
  return 0;
}


/* }====================================================== */


/*
** {======================================================
** Fields
** =======================================================
*/

/* pushes the model of the request, by default NOVITA_MODEL, or nil */
static void push_model (lua_State *L, int index) {
  const char *model;
  raw_field(L, index, "model");
  model = lua_isnil(L, -1) ? nv_getenv("NOVITA_MODEL") : NULL;
  if (model != NULL) {
    lua_pop(L, 1);
    lua_pushstring(L, model);
  }
}


static int write_model (NvJson *j, int index, const NvPath *root) {
  lua_State *L = j->L;
  NvPath path = path_to(root, "model");
  push_model(L, index);
  if (lua_isnil(L, -1))
    return nv_describe_problem(j, &path, "is missing");
  if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0)
    return nv_describe_problem(j, &path, "%s is not the name of a model",
                               nv_describe(L, lua_gettop(L)));
  if (nv_json_member(j, lua_gettop(L), &path) != 0)
    return -1;
  lua_pop(L, 1);
  return 0;
}


/*
** Writes stream_options, always last: by default a stream requests its usage.
** false omits the field, for servers that reject it.
*/
static int write_stream_options (NvJson *j, int index, const NvPath *root,
                                 int stream) {
  lua_State *L = j->L;
  NvPath path = path_to(root, "stream_options");
  int result = 0;
  raw_field(L, index, "stream_options");
  if (lua_isnil(L, -1) && stream)
    nv_json_literal(j, ",\"stream_options\":{\"include_usage\":true}");
  else if (lua_toboolean(L, -1))
    result = nv_json_member(j, lua_gettop(L), &path);
  if (result == 0)
    lua_pop(L, 1);
  return result;
}


/* may the request have a field of this name? */
static int may_have (const Request *r, const NvPath *path) {
  lua_State *L = r->json.L;
  int known;
  if (r->known == 0)
    return 1;
  lua_pushlstring(L, path->key, path->key_length);
  lua_rawget(L, r->known);
  known = !lua_isnil(L, -1);
  lua_pop(L, 1);
  return known;
}


static int write_field (NvJson *j, int index, NvPath *path) {
  NvJsonWriter write = nv_chat_field_writer(path);
  if (write != NULL)
    return write(j, index, path);
  return may_have((const Request *)j, path) ? nv_json_member(j, index, path)
                                            : NV_UNKNOWN;
}


/* }====================================================== */


/* has the request a field that it may not have? */
static int has_unknown (lua_State *L, int index, int known) {
  nv_checkstack(L, 3);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    lua_pushvalue(L, -2);
    lua_rawget(L, known);
    if (lua_isnil(L, -1))
      return 1;
    lua_pop(L, 1);
  }
  return 0;
}


static int write_request (Request *r, int index, int stream) {
  NvJson *j = &r->json;
  NvPath root = {0};
  int result;
  root.table = lua_topointer(j->L, index);
  nv_json_literal(j, "{");
  if (write_model(j, index, &root) != 0 ||
      write_messages(j, index, &root) != 0)
    return -1;
  result = nv_json_members(j, index, &root, write_field);
  if (result == 0)
    result = write_stream_options(j, index, &root, stream);
  if (result == 0)
    nv_json_literal(j, "}");
  return result;
}


/*
** Writes the request at 'index' to 'out' and returns 0; or pushes the path and
** the problem and returns -1. Returns NV_UNKNOWN, whatever else is wrong, if
** it has a field that the set at index 'known' lacks (0: the set of all).
** '*stream': does it request a stream?
*/
int nv_chat_request_write (lua_State *L, int index, int known, NvBuffer *out,
                           int *stream) {
  Request r;
  int top = lua_gettop(L), result;
  r.json.L = L;
  r.json.out = out;
  r.known = known;
  raw_field(L, index, "stream");
  *stream = lua_toboolean(L, -1);
  result = write_request(&r, index, *stream);
  if (result != 0 && known != 0 && has_unknown(L, index, known))
    return NV_UNKNOWN;
  if (result == 0)
    lua_settop(L, top);
  return result;
}
