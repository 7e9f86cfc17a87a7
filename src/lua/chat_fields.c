/*
** chat_fields.c
** The fields of a chat request that are converted or checked: response_format
** may be a name or a schema, and three numbers may be strings ("0.7"), because
** requests are often made from text.
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
  lua_pushliteral(L, "type");
  lua_rawget(L, index);
  lua_pushliteral(L, "schema");
  lua_rawget(L, index);
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
  {NULL, NULL}
};


/* is it the name of the field at 'path', to its last byte? */
static int is_name (const char *name, const NvPath *path) {
  return *name == *path->key && strcmp(name, path->key) == 0 &&
         strlen(name) == path->key_length;
}


/*
** Returns the function that writes the field at 'path', or NULL if its value
** is sent as it is.
*/
NvJsonWriter nv_chat_field_writer (const NvPath *path) {
  const struct Field *f = fields;
  while (f->name != NULL && !is_name(f->name, path))
    f++;
  return f->write;
}

/* }====================================================== */
