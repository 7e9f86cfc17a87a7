/*
** chat.c
** The chat request: a Lua table to a checked JSON body.
**
** The three inputs message, system_prompt and response_format are sugar,
** and three numbers may come as strings, for requests are often filled from
** text ("0.7"). All that is not named here is sent as it is.
*/

#include <math.h>
#include <string.h>

#include "binding.h"

#define LARGEST_COUNT	9007199254740992.0	/* 2^53: exact in any JSON */


/*
** {======================================================
** Numbers
** =======================================================
*/

static const char *skip_digits (const char *s) {
  while (*s >= '0' && *s <= '9')
    s++;
  return s;
}


/* does all of 's' match the number of RFC 8259, section 6? */
static int is_json_number (const char *s) {
  const char *digits;
  if (*s == '-')
    s++;
  digits = s;
  s = skip_digits(s);
  if (s == digits || (*digits == '0' && s > digits + 1))
    return 0;
  if (*s == '.') {
    digits = ++s;
    s = skip_digits(s);
    if (s == digits)
      return 0;
  }
  if (*s == 'e' || *s == 'E') {
    s++;
    if (*s == '+' || *s == '-')
      s++;
    digits = s;
    s = skip_digits(s);
    if (s == digits)
      return 0;
  }
  return *s == '\0';
}


/* the value of a JSON number, in any locale, near enough to check a range */
static double number_value (const char *s) {
  double value = 0, sign = 1;
  int scale = 0, exponent = 0, negative;
  if (*s == '-') {
    sign = -1;
    s++;
  }
  for (; *s >= '0' && *s <= '9'; s++)
    value = value * 10 + (*s - '0');
  if (*s == '.') {
    for (s++; *s >= '0' && *s <= '9'; s++, scale--)
      value = value * 10 + (*s - '0');
  }
  if (*s == 'e' || *s == 'E') {
    negative = s[1] == '-';
    s += s[1] == '-' || s[1] == '+' ? 2 : 1;
    for (; *s >= '0' && *s <= '9' && exponent < 10000; s++)
      exponent = exponent * 10 + (*s - '0');
    scale += negative ? -exponent : exponent;
  }
  return value == 0 ? 0 : sign * value * pow(10, scale);
}


/* the number at 'index', or the one its whole string spells */
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
  if (strlen(text) != length || !is_json_number(text))
    return 0;
  *x = number_value(text);
  return isfinite(*x);
}


static int write_within (NvJson *j, int index, NvPath *path, double most) {
  double x;
  if (!get_number(j->L, index, &x))
    return nv_shown_problem(j, path, "%s is not a number",
                            nv_shown_push(j->L, index));
  if (x < 0 || x > most)
    return nv_shown_problem(j, path, "%s is not within 0 to %d",
                            nv_shown_push(j->L, index), (int)most);
  if (nv_json_name(j, path) != 0)
    return -1;
  if (lua_type(j->L, index) == LUA_TSTRING) {
    nv_json_raw(j, lua_tostring(j->L, index), lua_rawlen(j->L, index));
    return 0;
  }
  return nv_json_value(j, index, path);
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
    return nv_shown_problem(j, path, "%s is not an integer of at least 1",
                            nv_shown_push(j->L, index));
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

/* pushes the field of this name; what a metatable gives is not sent either */
static void raw_field (lua_State *L, int index, const char *name) {
  lua_pushstring(L, name);
  lua_rawget(L, index);
}


/* "text", "json_object" (or "json"): {"type":...} */
static int write_format_name (NvJson *j, int index, NvPath *path) {
  const char *name = lua_tostring(j->L, index);
  if (strcmp(name, "json") == 0)
    name = "json_object";
  if (strcmp(name, "text") != 0 && strcmp(name, "json_object") != 0)
    return nv_shown_problem(j, path,
                            "%s is not \"text\", \"json_object\" or a table",
                            nv_shown_push(j->L, index));
  nv_json_literal(j, "{\"type\":");
  if (nv_json_string(j, name, strlen(name), path) != 0)
    return -1;
  nv_json_literal(j, "}");
  return 0;
}


/*
** { schema = {...}, name = "..." } is short for json_schema; a table with a
** type is already what the API wants.
*/
static int write_response_format (NvJson *j, int index, NvPath *path) {
  lua_State *L = j->L;
  int sugar;
  if (nv_json_name(j, path) != 0)
    return -1;
  if (lua_type(L, index) == LUA_TSTRING)
    return write_format_name(j, index, path);
  if (!lua_istable(L, index))
    return nv_shown_problem(j, path, "%s is not a string or a table",
                            nv_shown_push(L, index));
  raw_field(L, index, "type");
  raw_field(L, index, "schema");
  sugar = lua_isnil(L, -2) && !lua_isnil(L, -1);
  if (!sugar && lua_type(L, -2) != LUA_TSTRING)
    return nv_shown_problem(j, path, "has neither a type nor a schema");
  lua_pop(L, 2);
  if (!sugar)
    return nv_json_value(j, index, path);
  nv_json_literal(j, "{\"type\":\"json_schema\",\"json_schema\":{");
  raw_field(L, index, "name");
  if (lua_isnil(L, -1))
    nv_json_literal(j, "\"name\":\"response\"");
  lua_pop(L, 1);
  if (nv_json_members(j, index, path, nv_json_member) != 0)
    return -1;
  nv_json_literal(j, "}}");
  return 0;
}


/* false means: don't send the field, for servers that refuse it */
static int write_stream_options (NvJson *j, int index, NvPath *path) {
  if (lua_type(j->L, index) == LUA_TBOOLEAN && !lua_toboolean(j->L, index))
    return 0;
  return nv_json_member(j, index, path);
}


static int write_stream (NvJson *j, int index, NvPath *path) {
  if (lua_type(j->L, index) != LUA_TBOOLEAN)
    return nv_shown_problem(j, path, "%s is not true or false",
                            nv_shown_push(j->L, index));
  return nv_json_member(j, index, path);
}


/* written before the others, by write_head */
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
  {"stream_options", write_stream_options},
  {"system_prompt", written_already},
  {"temperature", write_temperature},
  {"top_p", write_top_p},
  {NULL, nv_json_member}
};


static int write_field (NvJson *j, int index, NvPath *path) {
  const struct Field *f = fields;
  while (f->name != NULL && strcmp(f->name, path->key) != 0)
    f++;
  return f->write(j, index, path);
}

/* }====================================================== */


/*
** {======================================================
** Messages
** =======================================================
*/

static NvPath place (const NvPath *up, const char *key) {
  NvPath path = {0};
  path.up = up;
  path.key = key;
  path.key_length = strlen(key);
  return path;
}


/* {"role":...,"content":...} for a text, a number or content parts */
static int write_simple (NvJson *j, int index, NvPath *path,
                         const char *role) {
  int type = lua_type(j->L, index);
  if (type != LUA_TSTRING && type != LUA_TNUMBER &&
      !(type == LUA_TTABLE && lua_rawlen(j->L, index) > 0))
    return nv_shown_problem(j, path,
                            "%s is not a text or a list of content parts",
                            nv_shown_push(j->L, index));
  nv_json_separate(j);
  nv_json_literal(j, "{\"role\":\"");
  nv_json_raw(j, role, strlen(role));
  nv_json_literal(j, "\",\"content\":");
  if (type == LUA_TNUMBER)
    nv_json_literal(j, "\"");
  if (nv_json_value(j, index, path) != 0)
    return -1;
  if (type == LUA_TNUMBER)
    nv_json_literal(j, "\"");
  nv_json_literal(j, "}");
  return 0;
}


/*
** A message as the caller gave it. The API wants 'content' in each; a reply
** that was all tool calls had null there, which a Lua table does not keep.
*/
static int write_message (NvJson *j, int index, NvPath *path) {
  lua_State *L = j->L;
  NvPath role = place(path, "role"), content = place(path, "content");
  if (!lua_istable(L, index))
    return nv_shown_problem(j, path,
             "%s is not a message, a table with role and content",
             nv_shown_push(L, index));
  raw_field(L, index, "role");
  if (lua_isnil(L, -1))
    return nv_shown_problem(j, &role, "is missing");
  if (lua_type(L, -1) != LUA_TSTRING)
    return nv_shown_problem(j, &role, "%s is not a role",
                            nv_shown_push(L, lua_gettop(L)));
  raw_field(L, index, "content");
  if (!lua_isnil(L, -1)) {
    lua_pop(L, 2);
    return nv_json_value(j, index, path);
  }
  if (strcmp(lua_tostring(L, -2), "assistant") != 0)
    return nv_shown_problem(j, &content, "is missing");
  nv_json_literal(j, "{\"content\":null");
  if (nv_json_members(j, index, path, nv_json_member) != 0)
    return -1;
  nv_json_literal(j, "}");
  lua_pop(L, 2);
  return 0;
}


/* is the table at 'index' one with names, and not a list? */
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
    return nv_shown_problem(j, path, "%s is not a list of messages",
                            nv_shown_push(j->L, index));
  path->table = lua_topointer(j->L, index);
  return nv_json_elements(j, index, path, write_message);
}


/* messages = system_prompt, then messages, then message */
static int write_messages (NvJson *j, int index, const NvPath *root) {
  static const struct Source { const char *name, *role; } sources[] = {
    {"system_prompt", "system"}, {"messages", NULL}, {"message", "user"}
  };
  lua_State *L = j->L;
  size_t i, before = 0;
  nv_json_literal(j, ",\"messages\":[");
  for (i = 0; i < 3; i++) {
    NvPath path = place(root, sources[i].name);
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
    NvPath path = place(root, "message");
    return nv_shown_problem(j, &path, "is missing");
  }
  nv_json_literal(j, "]");
  return 0;
}


static int write_model (NvJson *j, int index, const NvPath *root) {
  lua_State *L = j->L;
  NvPath path = place(root, "model");
  raw_field(L, index, "model");
  if (lua_isnil(L, -1))
    return nv_shown_problem(j, &path, "is missing");
  if (lua_type(L, -1) != LUA_TSTRING || lua_rawlen(L, -1) == 0)
    return nv_shown_problem(j, &path, "%s is not the name of a model",
                            nv_shown_push(L, lua_gettop(L)));
  if (nv_json_member(j, lua_gettop(L), &path) != 0)
    return -1;
  lua_pop(L, 1);
  return 0;
}

/* }====================================================== */


/* a stream is asked for its usage, unless the caller decides */
static void ask_usage (NvJson *j, int index, int stream) {
  raw_field(j->L, index, "stream_options");
  if (stream && lua_isnil(j->L, -1))
    nv_json_literal(j, ",\"stream_options\":{\"include_usage\":true}");
  lua_pop(j->L, 1);
}


/*
** Writes the request at 'index' to 'out' and returns 0; or pushes the place
** and the problem and returns -1. '*stream' tells whether it asks for a
** stream.
*/
int nv_chat_write (lua_State *L, int index, NvBuffer *out, int *stream) {
  NvPath root = {0};
  NvJson j;
  int top = lua_gettop(L);
  lua_rawgeti(L, NV_STATE, NV_STATE_SCRATCH);
  j.L = L;
  j.out = out;
  j.keys = lua_touserdata(L, -1);
  nv_buffer_consume(j.keys, nv_buffer_length(j.keys));
  root.table = lua_topointer(L, index);
  raw_field(L, index, "stream");
  *stream = lua_toboolean(L, -1);
  nv_json_literal(&j, "{");
  if (write_model(&j, index, &root) != 0 ||
      write_messages(&j, index, &root) != 0 ||
      nv_json_members(&j, index, &root, write_field) != 0)
    return -1;
  ask_usage(&j, index, *stream);
  nv_json_literal(&j, "}");
  lua_settop(L, top);
  return 0;
}
