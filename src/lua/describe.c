/*
** describe.c
** Formats values and paths for messages: "messages[2].content", the start of a
** string.
*/

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "binding.h"

#define BYTES	60	/* shown of a string */
#define DEPTH	30	/* shown of a path */


/*
** Pushes the start of a text as valid UTF-8, with control characters in Lua's
** escapes.
*/
static void push_excerpt (lua_State *L, const char *text, size_t length) {
  size_t i, run = 0, end = length;
  luaL_Buffer b;
  if (length > BYTES)
    for (end = BYTES; end > 0 && (text[end] & 0xC0) == 0x80; end--)
      ;  /* don't split a character */
  luaL_buffinit(L, &b);
  for (i = 0; i < end; i++) {
    if (nv_has_control(text + i, 1)) {
      char escape[8];
      luaL_addlstring(&b, text + run, i - run);
      snprintf(escape, sizeof(escape), "\\%d", (unsigned char)text[i]);
      luaL_addstring(&b, escape);
      run = i + 1;
    }
  }
  luaL_addlstring(&b, text + run, end - run);
  luaL_addstring(&b, end < length ? "..." : "");
  luaL_pushresult(&b);
  text = lua_tolstring(L, -1, &length);
  nv_text_push(L, text, length);
  lua_remove(L, -2);
}


/* returns the name of a number that JSON can't express */
const char *nv_describe_number (double x) {
  return isnan(x) ? "NaN" : x > 0 ? "inf" : "-inf";
}


/* pushes and returns the value at 'index' as messages show it */
const char *nv_describe (lua_State *L, int index) {
  size_t length;
  const char *text;
  switch (lua_type(L, index)) {
    case LUA_TSTRING:
      text = lua_tolstring(L, index, &length);
      lua_pushliteral(L, "\"");
      push_excerpt(L, text, length);
      lua_pushliteral(L, "\"");
      lua_concat(L, 3);
      break;
    case LUA_TNUMBER:
      if (!isfinite(lua_tonumber(L, index))) {
        lua_pushstring(L, nv_describe_number(lua_tonumber(L, index)));
        break;
      }
      lua_pushvalue(L, index);
      lua_tostring(L, -1);
      break;
    case LUA_TBOOLEAN:
      lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
      break;
    case LUA_TLIGHTUSERDATA: case LUA_TUSERDATA:
      if (nv_isnull(L, index)) {
        lua_pushliteral(L, "null");
        break;
      }  /* fallthrough */
    default:
      lua_pushfstring(L, "a %s", luaL_typename(L, index));
  }
  return lua_tostring(L, -1);
}


/* pushes one step of a path: ".content", "[2]" */
static void push_step (lua_State *L, const NvPath *path) {
  if (path->key == NULL)
    lua_pushfstring(L, "[%d]", (int)path->position);
  else {
    lua_pushstring(L, path->up->up ? "." : "");
    push_excerpt(L, path->key, path->key_length);
    lua_concat(L, 2);
  }
}


/* pushes a path: "messages[2].content" */
static void push_path (lua_State *L, const NvPath *path) {
  const NvPath *steps[DEPTH];
  int i, depth = 0, shown;
  for (; path->up != NULL; path = path->up)
    steps[depth++ % DEPTH] = path;
  shown = depth < DEPTH ? depth : DEPTH;
  lua_pushliteral(L, "");
  for (i = 1; i <= shown; i++) {
    push_step(L, steps[(depth - i) % DEPTH]);
    lua_concat(L, 2);
  }
  if (shown < depth) {
    lua_pushliteral(L, "...");
    lua_concat(L, 2);
  }
}


/*
** Pushes two strings, the path and the problem there, and returns -1, which
** the callers return up to nv_chat_request_write.
*/
int nv_describe_problem (NvJson *j, const NvPath *path, const char *format,
                         ...) {
  va_list arguments;
  push_path(j->L, path);
  va_start(arguments, format);
  lua_pushvfstring(j->L, format, arguments);
  va_end(arguments);
  return -1;
}
