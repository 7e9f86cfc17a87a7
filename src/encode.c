/*
** encode.c
** Writing JSON.
**
** It is ours, and not lua-cjson's, because a request must be checked value
** by value anyway: lua-cjson can't name the field that is wrong, takes
** broken UTF-8, and up to 2.1.0 can write neither an empty array nor an
** integer of 16 digits. Keys are sorted: the same table always makes the
** same bytes, so that a server's prompt cache knows tools and schemas again.
*/

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define MAX_DEPTH	200
#define LARGEST_INTEGER	9223372036854775808.0	/* 2^63 */


static int buffer_gc (lua_State *L) {
  nv_buffer_free(luaL_checkudata(L, 1, NV_BUFFER));
  return 0;
}


/* pushes a buffer that is freed with its userdata */
NvBuffer *nv_newbuffer (lua_State *L) {
  NvBuffer *b = lua_newuserdatauv(L, sizeof(NvBuffer), 0);
  nv_buffer_init(b, 0);
  luaL_getmetatable(L, NV_BUFFER);
  lua_setmetatable(L, -2);
  return b;
}


static void append (lua_State *L, NvBuffer *b, const char *text, size_t n) {
  if (nv_buffer_append(b, text, n) != 0)
    luaL_error(L, "not enough memory");
}


void nv_json_raw (NvJson *j, const char *text, size_t length) {
  append(j->L, j->out, text, length);
}


/* a comma, unless the value about to come is the first of its kind */
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


int nv_json_string (NvJson *j, const char *text, size_t length,
                    const NvPath *path) {
  const unsigned char *s = (const unsigned char *)text;
  size_t i = 0, run = 0, bad;  /* 'run': where plain text began */
  nv_json_literal(j, "\"");
  while (i < length) {
    if (s[i] >= 0x80) {
      size_t n = nv_text_utf8(s + i, length - i, &bad);
      if (n == 0)
        return nv_shown_problem(j, path, "invalid UTF-8 at byte %d",
                                (int)i + 1);
      i += n;
    }
    else if (s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
      i++;
    else {
      nv_json_raw(j, text + run, i - run);
      write_escape(j, s[i]);
      run = ++i;
    }
  }
  nv_json_raw(j, text + run, length - run);
  nv_json_literal(j, "\"");
  return 0;
}


/*
** Whatever the locale takes for a decimal point, perhaps of several bytes,
** JSON wants a full stop.
*/
static void mend_point (char *number) {
  char *end = number;
  for (; *number; number++) {
    if (strchr("+-0123456789eE", *number) != NULL)
      *end++ = *number;
    else if (end[-1] != '.')
      *end++ = '.';
  }
  *end = '\0';
}


void nv_json_integer (NvJson *j, long long n) {
  char text[32];
  nv_json_raw(j, text, (size_t)snprintf(text, sizeof(text), "%lld", n));
}


static int write_number (NvJson *j, int index, const NvPath *path) {
  lua_Number x = lua_tonumber(j->L, index);
  char text[64];
  int digits = 15;  /* as few as give the same number back */
#if LUA_VERSION_NUM >= 503
  if (lua_isinteger(j->L, index)) {
    nv_json_integer(j, lua_tointeger(j->L, index));
    return 0;
  }
#endif
  if (!isfinite(x))
    return nv_shown_problem(j, path, "%s is not a JSON number",
                            nv_shown_number(x));
  if (floor(x) == x && fabs(x) < LARGEST_INTEGER) {
    nv_json_integer(j, (long long)x);
    return 0;
  }
  do
    snprintf(text, sizeof(text), "%.*g", digits++, x);
  while (digits <= 17 && strtod(text, NULL) != x);
  mend_point(text);
  nv_json_raw(j, text, strlen(text));
  return 0;
}


/*
** Empty tables stand for arrays where the API has arrays, except inside a
** JSON schema's "properties", whose member names are the user's.
*/
static int wants_array (const NvPath *path) {
  static const char *const arrays[] = {
    "allOf", "anyOf", "content", "documents", "enum", "input", "messages",
    "modalities", "oneOf", "prefixItems", "reasoning_details", "required",
    "stop", "tool_calls", "tools", NULL
  };
  const NvPath *up = path->up;
  int i;
  if (path->key == NULL || up == NULL ||
      (up->key != NULL && strcmp(up->key, "properties") == 0))
    return 0;
  for (i = 0; arrays[i] != NULL; i++) {
    if (strcmp(arrays[i], path->key) == 0)
      return 1;
  }
  return 0;
}


/* is the table at 'index' marked by novita.array? */
static int is_array (lua_State *L, int index) {
  int same;
  if (!lua_getmetatable(L, index))
    return 0;
  luaL_getmetatable(L, NV_ARRAY);
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}


/* by vim.empty_dict? */
static int is_object (lua_State *L, int index) {
  int same;
  if (!lua_getmetatable(L, index))
    return 0;
  lua_rawgeti(L, NV_STATE, NV_STATE_DICT);
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}


/* how many members, of any kind */
static size_t count_members (lua_State *L, int index) {
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    n++;
  return n;
}


/*
** The table at 'index' is no list of 'n' elements: says why.
*/
static int list_problem (NvJson *j, int index, const NvPath *up, size_t n) {
  lua_State *L = j->L;
  NvPath path = {0};
  path.up = up;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    lua_Number place = lua_tonumber(L, -2);
    if (lua_type(L, -2) == LUA_TSTRING) {
      path.key = lua_tolstring(L, -2, &path.key_length);
      return nv_shown_problem(j, &path,
                              "is in a list, which can't have named members");
    }
    if (lua_type(L, -2) != LUA_TNUMBER || place < 1 || floor(place) != place)
      return nv_shown_problem(j, up, "%s is not a place in a list",
                              nv_shown_push(L, lua_gettop(L) - 1));
  }
  do {
    lua_rawgeti(L, index, (int)++path.position);
  } while (!lua_isnil(L, -1) && path.position <= n);
  return nv_shown_problem(j, &path, "is missing, and a list can't have holes");
}


/* calls 'write' for each element of the list at 'index' */
int nv_json_elements (NvJson *j, int index, NvPath *up, NvJsonWriter write) {
  lua_State *L = j->L;
  size_t i, n = lua_rawlen(L, index);
  if (count_members(L, index) != n)
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


typedef struct Key {
  const char *text;
  size_t length;
} Key;


static int compare_keys (const void *a, const void *b) {
  const Key *x = a, *y = b;
  size_t n = x->length < y->length ? x->length : y->length;
  int order = memcmp(x->text, y->text, n);
  return order != 0 ? order
                    : (x->length > y->length) - (x->length < y->length);
}


/* appends the sorted keys of an object to the scratch buffer */
static int sort_keys (NvJson *j, int index, const NvPath *path) {
  lua_State *L = j->L;
  size_t base = nv_buffer_length(j->keys);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    Key key;
    if (lua_type(L, -2) != LUA_TSTRING)
      return nv_shown_problem(j, path,
                              "%s can't be a member's name: it is not a string",
                              nv_shown_push(L, lua_gettop(L) - 1));
    key.text = lua_tolstring(L, -2, &key.length);
    append(L, j->keys, (const char *)&key, sizeof(key));
  }
  if (nv_buffer_length(j->keys) > base)
    qsort(nv_buffer_data(j->keys) + base,
          (nv_buffer_length(j->keys) - base) / sizeof(Key), sizeof(Key),
          compare_keys);
  return 0;
}


/* a member's name, with what goes before and after it */
int nv_json_name (NvJson *j, const NvPath *path) {
  nv_json_separate(j);
  if (nv_json_string(j, path->key, path->key_length, path) != 0)
    return -1;
  nv_json_literal(j, ":");
  return 0;
}


int nv_json_member (NvJson *j, int index, NvPath *path) {
  if (nv_json_name(j, path) != 0)
    return -1;
  return nv_json_value(j, index, path);
}


/*
** Calls 'write' for each member of the table at 'index', in the order of
** their names, with the index of the value and its place.
*/
int nv_json_members (NvJson *j, int index, NvPath *up, NvJsonWriter write) {
  lua_State *L = j->L;
  size_t base = nv_buffer_length(j->keys), at;
  if (sort_keys(j, index, up) != 0)
    return -1;
  for (at = base; at < nv_buffer_length(j->keys); at += sizeof(Key)) {
    NvPath path = {0};
    Key key;
    memcpy(&key, nv_buffer_data(j->keys) + at, sizeof(key));
    path.up = up;
    path.key = key.text;
    path.key_length = key.length;
    lua_pushlstring(L, key.text, key.length);
    lua_rawget(L, index);
    if (write(j, lua_gettop(L), &path) != 0)
      return -1;
    lua_pop(L, 1);
  }
  j->keys->end = j->keys->start + base;
  return 0;
}


static int write_table (NvJson *j, int index, NvPath *path) {
  const NvPath *up;
  int depth = 0, result;
  path->table = lua_topointer(j->L, index);
  for (up = path->up; up != NULL; up = up->up, depth++) {
    if (up->table == path->table)
      return nv_shown_problem(j, path, "a table that contains itself");
  }
  if (depth > MAX_DEPTH)
    return nv_shown_problem(j, path, "nested deeper than %d", MAX_DEPTH);
  luaL_checkstack(j->L, 8, "request nested too deep");
  if (lua_rawlen(j->L, index) > 0 || is_array(j->L, index))
    return write_array(j, index, path);
  if (wants_array(path) && count_members(j->L, index) == 0 &&
      !is_object(j->L, index))
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
      if (nv_json_isnull(L, index)) {
        nv_json_literal(j, "null");
        return 0;
      }
  }
  return nv_shown_problem(j, path, "a %s can't be sent",
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
  j.keys = nv_newbuffer(L);
  if (nv_json_value(&j, 1, &root) != 0)
    return nv_error_config(L);
  lua_pushlstring(L, nv_buffer_data(j.out), nv_buffer_length(j.out));
  nv_buffer_free(j.out);
  nv_buffer_free(j.keys);
  return 1;
}


/* core.array(list) -> the same table, an array even when it is empty */
int nv_json_array (lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_getmetatable(L, NV_ARRAY);
  lua_setmetatable(L, 1);
  return 1;
}


/* leaves the scratch buffer in the state table, which is on the top */
void nv_encode_open (lua_State *L) {
  luaL_newmetatable(L, NV_BUFFER);
  lua_pushcfunction(L, buffer_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newmetatable(L, NV_ARRAY);
  lua_pop(L, 1);
  nv_newbuffer(L);
  lua_rawseti(L, -2, NV_STATE_SCRATCH);
}
