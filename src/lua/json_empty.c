/*
** json_empty.c
** Decides whether an empty Lua table is [] or {} in JSON.
**
** A metatable decides: that of novita.array, that of an empty list or object
** that was decoded, or that of vim.empty_dict(). Without one the table is an
** array where the API has arrays, and an object elsewhere.
*/

#include <string.h>

#include "binding.h"


/* pops a metatable; is it that of the table at 'index'? */
static int has_metatable (lua_State *L, int index) {
  int same = 0;
  if (lua_getmetatable(L, index)) {
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return same;
}


/* is the table at 'index' from novita.array, or a decoded empty list? */
static int is_marked_array (lua_State *L, int index) {
  luaL_getmetatable(L, NV_ARRAY);
  return has_metatable(L, index);
}


/* is it a decoded empty object, or from vim.empty_dict? */
static int is_marked_object (lua_State *L, int index) {
  luaL_getmetatable(L, NV_OBJECT);
  if (has_metatable(L, index))
    return 1;
  lua_rawgeti(L, NV_STATE, NV_STATE_DICT);
  return has_metatable(L, index);
}


/* marks a decoded empty list or object, so that it is encoded as one */
void nv_json_empty_mark (lua_State *L, int index, int array) {
  luaL_getmetatable(L, array ? NV_ARRAY : NV_OBJECT);
  lua_setmetatable(L, index);
}


static int is_one_of (const NvPath *path, const char *const *names) {
  for (; path->key != NULL && *names != NULL; names++) {
    if (strcmp(*names, path->key) == 0)
      return 1;
  }
  return 0;
}


/* is the key that of an array in the API or in JSON Schema? */
static int is_array_name (const NvPath *path) {
  static const char *const names[] = {
    "allOf", "anyOf", "content", "documents", "enum", "examples", "input",
    "messages", "modalities", "oneOf", "prefixItems", "reasoning_details",
    "required", "stop", "tool_calls", "tools", NULL
  };
  return is_one_of(path, names);
}


enum { KEYWORD, NAME, DATA };

/*
** Returns whether the key at 'path' is a keyword of the API, a name chosen by
** the user, or inside the user's data. The members of "properties" have names,
** and schemas as values: one may be named "properties" too.
*/
static int key_kind (const NvPath *path) {
  static const char *const maps[] = {
    "$defs", "definitions", "dependentRequired", "dependentSchemas",
    "patternProperties", "properties", NULL
  };
  static const char *const data[] = {
    "arguments", "const", "default", "enum", "example", "examples", NULL
  };
  int up;
  if (path->up == NULL)
    return KEYWORD;
  up = key_kind(path->up);
  if (up == DATA || (up == KEYWORD && is_one_of(path->up, data)))
    return DATA;
  return up == KEYWORD && is_one_of(path->up, maps) ? NAME : KEYWORD;
}


/* is an unmarked empty table at 'path' an array? */
static int is_array_at (const NvPath *path) {
  static const char *const lists[] = {"dependentRequired", NULL};
  if (path->key == NULL || path->up == NULL)
    return 0;
  switch (key_kind(path)) {
    case KEYWORD: return is_array_name(path);
    case NAME: return is_one_of(path->up, lists);
    default: return 0;
  }
}


/* has the table at 'index' members? */
static int has_members (lua_State *L, int index) {
  lua_pushnil(L);
  if (!lua_next(L, index))
    return 0;
  lua_pop(L, 2);
  return 1;
}


/* is the table at 'index' encoded as an array at 'path'? */
int nv_json_empty_writes_array (lua_State *L, int index, const NvPath *path) {
  if (lua_rawlen(L, index) > 0 || is_marked_array(L, index))
    return 1;
  return is_array_at(path) && !has_members(L, index) &&
         !is_marked_object(L, index);
}


/* core.array(list) -> the same table, encoded as an array even if empty */
int nv_json_array (lua_State *L) {
  if (lua_isnoneornil(L, 1)) {
    lua_settop(L, 0);
    lua_newtable(L);
  }
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  nv_json_empty_mark(L, 1, 1);
  return 1;
}


void nv_json_empty_open (lua_State *L) {
  luaL_newmetatable(L, NV_ARRAY);
  luaL_newmetatable(L, NV_OBJECT);
  lua_pop(L, 2);
}
