/*
** json_encode.c
** Encodes JSON.
**
** lua-cjson is not used, because every value of a request is checked anyway,
** and lua-cjson can't name the invalid field, accepts ill-formed UTF-8, and up
** to 2.1.0 can encode neither an empty array nor an integer of 16 digits. Keys
** are sorted (json_object.c): equal tables have equal JSON, so that a server's
** prompt cache recognises tools and schemas.
*/

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define MAX_DEPTH	200


void nv_json_raw (NvJson *j, const char *text, size_t length) {
  if (nv_buffer_append(j->out, text, length) != 0)
    luaL_error(j->L, "not enough memory");
}


/* writes a comma, unless the next value is the first in its array or object */
void nv_json_separate (NvJson *j) {
  char last = nv_buffer_data(j->out)[nv_buffer_length(j->out) - 1];
  if (last != '{' && last != '[')
    nv_json_literal(j, ",");
}


static void write_escape (NvJson *j, unsigned char c) {
  char text[8];
  switch (c) {
    case '"': nv_json_literal(j, "\\\""); return;
    case '\\': nv_json_literal(j, "\\\\"); return;
    case '\n': nv_json_literal(j, "\\n"); return;
    case '\r': nv_json_literal(j, "\\r"); return;
    case '\t': nv_json_literal(j, "\\t"); return;
  }
  snprintf(text, sizeof(text), "\\u%04x", c);
  nv_json_raw(j, text, 6);
}


/* writes a string that needs no escapes, as most, and what follows it */
static void write_plain (NvJson *j, const char *text, size_t length,
                         const char *after) {
  size_t rest = strlen(after);
  char *to = nv_buffer_reserve(j->out, length + 2 + rest);
  if (to == NULL)
    luaL_error(j->L, "not enough memory");
  *to++ = '"';
  memcpy(to, text, length);
  to[length] = '"';
  memcpy(to + length + 1, after, rest);
  j->out->end += length + 2 + rest;
}


/* writes a string, and what follows it */
static int write_string (NvJson *j, const char *text, size_t length,
                         const NvPath *path, const char *after) {
  const unsigned char *s = (const unsigned char *)text;
  size_t i = nv_json_plain(text, length), run = 0, bad;
  if (i == length) {
    write_plain(j, text, length, after);
    return 0;
  }
  nv_json_literal(j, "\"");
  for (; i < length; i += nv_json_plain(text + i, length - i)) {
    if (s[i] >= 0x80) {
      size_t n = nv_utf8_length(s + i, length - i, &bad);
      if (n == 0)
        return nv_describe_problem(j, path, "invalid UTF-8 at byte %d",
                                   (int)i + 1);
      i += n;
    }
    else {
      nv_json_raw(j, text + run, i - run);  /* without escapes */
      write_escape(j, s[i]);
      run = ++i;
    }
  }
  nv_json_raw(j, text + run, length - run);
  nv_json_literal(j, "\"");
  nv_json_raw(j, after, strlen(after));
  return 0;
}


int nv_json_string (NvJson *j, const char *text, size_t length,
                    const NvPath *path) {
  return write_string(j, text, length, path, "");
}


void nv_json_integer (NvJson *j, long long n) {
  char text[NV_DECIMAL];
  nv_json_raw(j, text, nv_decimal_integer(text, n));
}


static int write_number (NvJson *j, int index, const NvPath *path) {
  lua_Number x = lua_tonumber(j->L, index);
  char text[NV_DECIMAL];
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger(j->L, index)) {
    nv_json_integer(j, lua_tointeger(j->L, index));
    return 0;
  }
#endif
  if (!isfinite(x))
    return nv_describe_problem(j, path, "%s is not a JSON number",
                               nv_describe_number(x));
  nv_json_raw(j, text, nv_decimal_write(text, x));
  return 0;
}


/*
** Pushes why the table at 'index' is not a list of 'n' elements.
*/
static int list_problem (NvJson *j, int index, const NvPath *up, size_t n) {
  lua_State *L = j->L;
  NvPath path = {0};
  path.up = up;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    lua_Number place = lua_tonumber(L, -2);
    if (lua_type(L, -2) == LUA_TSTRING) {
      path.key = lua_tolstring(L, -2, &path.key_length);
      return nv_describe_problem(j, &path, "is in a list, which can't have "
                                 "named members");
    }
    if (lua_type(L, -2) != LUA_TNUMBER || place < 1 || floor(place) != place)
      return nv_describe_problem(j, up, "%s is not a place in a list",
                                 nv_describe(L, lua_gettop(L) - 1));
  }
  lua_pushnil(L);
  do {
    lua_pop(L, 1);
    lua_rawgeti(L, index, (int)++path.position);
  } while (!lua_isnil(L, -1) && path.position <= n);
  return nv_describe_problem(j, &path,
                             "is missing, and a list can't have holes");
}


/* calls 'write' for each element of the list at 'index' */
int nv_json_elements (NvJson *j, int index, NvPath *up, NvJsonWriter write) {
  lua_State *L = j->L;
  size_t i, n = lua_rawlen(L, index);
  if (nv_json_count(L, index) != n)
    return list_problem(j, index, up, n);
  for (i = 1; i <= n; i++) {
    NvPath path = {0};
    path.up = up;
    path.position = i;
    lua_rawgeti(L, index, (int)i);
    nv_json_separate(j);
    if (write(j, lua_gettop(L), &path) != 0)
      return -1;
    lua_pop(L, 1);
  }
  return 0;
}


static int write_array (NvJson *j, int index, NvPath *path) {
  nv_json_literal(j, "[");
  if (nv_json_elements(j, index, path, nv_json_value) != 0)
    return -1;
  nv_json_literal(j, "]");
  return 0;
}


/* writes a member's name, with the comma before and the colon after it */
int nv_json_name (NvJson *j, const NvPath *path) {
  nv_json_separate(j);
  return write_string(j, path->key, path->key_length, path, ":");
}


int nv_json_member (NvJson *j, int index, NvPath *path) {
  if (nv_json_name(j, path) != 0)
    return -1;
  return nv_json_value(j, index, path);
}


static int write_table (NvJson *j, int index, NvPath *path) {
  const NvPath *up;
  int depth = 0, result;
  path->table = lua_topointer(j->L, index);
  for (up = path->up; up != NULL; up = up->up, depth++) {
    if (up->table == path->table)
      return nv_describe_problem(j, path, "a table that contains itself");
  }
  if (depth > MAX_DEPTH)
    return nv_describe_problem(j, path, "nested deeper than %d", MAX_DEPTH);
  luaL_checkstack(j->L, 8, "request nested too deep");
  if (nv_json_empty_writes_array(j->L, index, path))
    return write_array(j, index, path);
  nv_json_literal(j, "{");
  result = nv_json_members(j, index, path, nv_json_member);
  nv_json_literal(j, "}");
  return result;
}


int nv_json_value (NvJson *j, int index, NvPath *path) {
  lua_State *L = j->L;
  const char *text;
  size_t length;
  switch (lua_type(L, index)) {
    case LUA_TSTRING:
      text = lua_tolstring(L, index, &length);
      return nv_json_string(j, text, length, path);
    case LUA_TNUMBER:
      return write_number(j, index, path);
    case LUA_TBOOLEAN:
      if (lua_toboolean(L, index))
        nv_json_literal(j, "true");
      else
        nv_json_literal(j, "false");
      return 0;
    case LUA_TTABLE:
      return write_table(j, index, path);
    case LUA_TLIGHTUSERDATA: case LUA_TUSERDATA:
      if (nv_isnull(L, index)) {
        nv_json_literal(j, "null");
        return 0;
      }
  }
  return nv_describe_problem(j, path, "a %s can't be sent",
                             luaL_typename(L, index));
}


/* core.encode(value) -> JSON text | nil, error */
int nv_json_encode (lua_State *L) {
  NvPath root = {0};
  NvJson j;
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  j.L = L;
  j.out = nv_newbuffer(L);
  if (nv_json_value(&j, 1, &root) != 0)
    return nv_error_config(L);
  lua_pushlstring(L, nv_buffer_data(j.out), nv_buffer_length(j.out));
  nv_buffer_free(j.out);
  return 1;
}
