/*
** chat_request.c
** Converts a chat request, a Lua table, to a checked JSON body.
**
** message, system_prompt and response_format are converted, and three numbers
** may be strings ("0.7"), because requests are often made from text. Fields
** not named here are sent unchanged.
*/

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define LARGEST_COUNT	9007199254740992.0	/* 2^53: exact in any JSON */


/*
** {======================================================
** Numbers
** =======================================================
*/

/* sets '*x' to the number at 'index', or that of its string; 0 if neither */
static int get_number (lua_State *L, int index, double *x) {
  const char *text;
  size_t length;
  if (lua_type(L, index) == LUA_TNUMBER) {
    *x = lua_tonumber(L, index);
    return isfinite(*x);
  }
  if (lua_type(L, index) != LUA_TSTRING)
    return 0;
  text = lua_tolstring(L, index, &length);
  return strlen(text) == length && nv_decimal_read(text, x);
}


/* writes a number as one, whether it was given as a string or not */
static int write_within (NvJson *j, int index, NvPath *path, double most) {
  char text[NV_DECIMAL];
  double x;
  if (!get_number(j->L, index, &x))
    return nv_describe_problem(j, path, "%s is not a number",
                               nv_describe(j->L, index));
  if (x < 0 || x > most)
    return nv_describe_problem(j, path, "%s is not within 0 to %d",
                               nv_describe(j->L, index), (int)most);
  if (nv_json_name(j, path) != 0)
    return -1;
  nv_json_raw(j, text, nv_decimal_write(text, x));
  return 0;
}


static int write_temperature (NvJson *j, int index, NvPath *path) {
  return write_within(j, index, path, 2);
}


static int write_top_p (NvJson *j, int index, NvPath *path) {
  return write_within(j, index, path, 1);
}


static int write_max_tokens (NvJson *j, int index, NvPath *path) {
  double x;
  if (!get_number(j->L, index, &x) || x < 1 || floor(x) != x ||
      x > LARGEST_COUNT)
    return nv_describe_problem(j, path, "%s is not an integer of at least 1",
                               nv_describe(j->L, index));
  if (nv_json_name(j, path) != 0)
    return -1;
  nv_json_integer(j, (long long)x);
  return 0;
}

/* }====================================================== */


/*
** {======================================================
** Other fields
** =======================================================
*/

/* pushes a field without metamethods, as it is sent */
static void raw_field (lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, index);
}


/* writes {"type":...} for "text", "json_object" or "json" */
static int write_format_name (NvJson *j, int index, NvPath *path) {
  const char *name = lua_tostring(j->L, index);
  if (strcmp(name, "json") == 0)
    name = "json_object";
  if (strcmp(name, "text") != 0 && strcmp(name, "json_object") != 0)
    return nv_describe_problem(j, path, "%s is not \"text\", \"json_object\" "
                               "or a table", nv_describe(j->L, index));
  nv_json_literal(j, "{\"type\":");
  if (nv_json_string(j, name, strlen(name), path) != 0)
    return -1;
  nv_json_literal(j, "}");
  return 0;
}


/* writes {"json_schema":{...},"type":"json_schema"}; name: "response" */
static int write_schema (NvJson *j, int index, NvPath *path) {
  lua_State *L = j->L;
  lua_newtable(L);
  lua_pushliteral(L, "response");
  lua_setfield(L, -2, "name");
  for (lua_pushnil(L); lua_next(L, index); ) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
  nv_json_literal(j, "{\"json_schema\":{");
  if (nv_json_members(j, lua_gettop(L), path, nv_json_member) != 0)
    return -1;
  lua_pop(L, 1);
  nv_json_literal(j, "},\"type\":\"json_schema\"}");
  return 0;
}


/*
** Writes response_format: { schema = {...}, name = "..." } is short for
** json_schema; a table with a type is sent unchanged.
*/
static int write_response_format (NvJson *j, int index, NvPath *path) {
  lua_State *L = j->L;
  int sugar;
  if (nv_json_name(j, path) != 0)
    return -1;
  if (lua_type(L, index) == LUA_TSTRING)
    return write_format_name(j, index, path);
  if (!lua_istable(L, index))
    return nv_describe_problem(j, path, "%s is not a string or a table",
                               nv_describe(L, index));
  raw_field(L, index, "type");
  raw_field(L, index, "schema");
  sugar = lua_isnil(L, -2) && !lua_isnil(L, -1);
  if (!sugar && lua_type(L, -2) != LUA_TSTRING)
    return nv_describe_problem(j, path, "has neither a type nor a schema");
  lua_pop(L, 2);
  if (!sugar)
    return nv_json_value(j, index, path);
  return write_schema(j, index, path);
}


static int write_stream (NvJson *j, int index, NvPath *path) {
  if (lua_type(j->L, index) != LUA_TBOOLEAN)
    return nv_describe_problem(j, path, "%s is not true or false",
                               nv_describe(j->L, index));
  return nv_json_member(j, index, path);
}


/* for fields that are written before or after the others */
static int written_already (NvJson *j, int index, NvPath *path) {
  (void)j; (void)index; (void)path;
  return 0;
}


static const struct Field {
  const char *name;
  NvJsonWriter write;
} fields[] = {
  {"max_tokens", write_max_tokens},
  {"message", written_already},
  {"messages", written_already},
  {"model", written_already},
  {"response_format", write_response_format},
  {"stream", write_stream},
  {"stream_options", written_already},
  {"system_prompt", written_already},
  {"temperature", write_temperature},
  {"top_p", write_top_p},
  {NULL, nv_json_member}
};


static int write_field (NvJson *j, int index, NvPath *path) {
  const struct Field *f = fields;
  while (f->name != NULL &&
         (f->name[0] != path->key[0] || strcmp(f->name, path->key) != 0))
    f++;
  return f->write(j, index, path);
}

/* }====================================================== */


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

/* }====================================================== */


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


/*
** Writes the request at 'index' to 'out' and returns 0; or pushes the path and
** the problem and returns -1. '*stream': does it request a stream?
*/
int nv_chat_request_write (lua_State *L, int index, NvBuffer *out,
                           int *stream) {
  NvPath root = {0};
  NvJson j;
  int top = lua_gettop(L);
  j.L = L;
  j.out = out;
  root.table = lua_topointer(L, index);
  raw_field(L, index, "stream");
  *stream = lua_toboolean(L, -1);
  nv_json_literal(&j, "{");
  if (write_model(&j, index, &root) != 0 ||
      write_messages(&j, index, &root) != 0 ||
      nv_json_members(&j, index, &root, write_field) != 0 ||
      write_stream_options(&j, index, &root, *stream) != 0)
    return -1;
  nv_json_literal(&j, "}");
  lua_settop(L, top);
  return 0;
}
