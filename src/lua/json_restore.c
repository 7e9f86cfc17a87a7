/*
** json_restore.c
** Restores what lua-cjson loses: whether an empty table was [] or {}, and the
** digits of integers beyond 2^53.
**
** Walks the text together with the decoded value, so the text is valid JSON.
** Marks empty lists and objects (json_empty.c), and replaces floats by 64-bit
** integers where Lua has them. Only texts with such values get here. If an
** object has a name twice, the table holds the last value; a value that does
** not match the text is not changed.
*/

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "binding.h"

typedef struct Walk {
  lua_State *L;
  const char *at;	/* next byte of the text */
  const char *end;
} Walk;

static void visit (Walk *w, int table);


static void skip_blanks (Walk *w) {
  w->at += strspn(w->at, " \t\r\n");
}


/* skips white space, and then 'c' if it follows; returns whether it did */
static int accept (Walk *w, char c) {
  skip_blanks(w);
  if (w->at >= w->end || *w->at != c)
    return 0;
  w->at++;
  return 1;
}


/* skips a string from after its quote; returns whether it has escapes */
static int skip_string (Walk *w) {
  int escapes = 0;
  for (; w->at < w->end && *w->at != '"'; w->at++) {
    if (*w->at == '\\') {
      escapes = 1;
      w->at++;
    }
  }
  w->at++;
  return escapes;
}


/* pushes a member's name, from after its quote */
static void push_name (Walk *w) {
  const char *start = w->at;
  int lossy;
  if (!skip_string(w))
    lua_pushlstring(w->L, start, (size_t)(w->at - start) - 1);
  else {
    nv_cjson_read(w->L, start - 1, (size_t)(w->at - start) + 1, &lossy);
    lua_remove(w->L, -2);
  }
}


/* walks the members of an object, whose table should be at 'table' */
static void visit_members (Walk *w, int table) {
  while (accept(w, '"')) {
    push_name(w);
    accept(w, ':');
    visit(w, table);
    if (!accept(w, ','))
      break;
  }
  accept(w, '}');
}


static void visit_elements (Walk *w, int table) {
  lua_Integer i = 0;
  do {
    lua_pushinteger(w->L, ++i);
    visit(w, table);
  } while (accept(w, ','));
  accept(w, ']');
}


static void visit_list (Walk *w) {
  int table = lua_gettop(w->L);
  if (!accept(w, ']'))
    visit_elements(w, table);
  else if (nv_isempty(w->L))
    nv_json_empty_mark(w->L, table, 1);
}


static void visit_object (Walk *w) {
  int table = lua_gettop(w->L);
  if (!accept(w, '}'))
    visit_members(w, table);
  else if (nv_isempty(w->L))
    nv_json_empty_mark(w->L, table, 0);
}


/*
** Walks a number or literal. Replaces an inexact float in the table at 'table'
** by the integer; key and float are on the top.
*/
static void visit_scalar (Walk *w, int table) {
  const char *start = w->at;
  w->at += strcspn(w->at, ",]} \t\r\n");
#if LUA_VERSION_NUM >= 503
  {
    lua_State *L = w->L;
    char *stop;
    long long n;
    errno = 0;
    n = strtoll(start, &stop, 10);
    if (stop != w->at || errno != 0 || lua_type(L, -1) != LUA_TNUMBER ||
        lua_tonumber(L, -1) != (lua_Number)n)
      return;
    lua_pushvalue(L, -2);
    lua_pushinteger(L, (lua_Integer)n);
    lua_rawset(L, table);
  }
#else
  (void)start; (void)table;
#endif
}


/* walks the value whose key in the table at 'table' is on the top; pops it */
static void visit (Walk *w, int table) {
  lua_State *L = w->L;
  luaL_checkstack(L, 6, "response nested too deep");
  if (lua_istable(L, table)) {
    lua_pushvalue(L, -1);
    lua_rawget(L, table);
  }
  else
    lua_pushnil(L);
  if (accept(w, '{'))
    visit_object(w);
  else if (accept(w, '['))
    visit_list(w);
  else if (accept(w, '"'))
    skip_string(w);
  else
    visit_scalar(w, table);
  lua_pop(L, 2);
}


/* restores the value on the top, which was decoded from 'text' */
void nv_json_restore (lua_State *L, const char *text, size_t length) {
  Walk w;
  w.L = L;
  w.at = text;
  w.end = text + length;
  lua_createtable(L, 1, 0);
  lua_insert(L, -2);
  lua_rawseti(L, -2, 1);
  lua_pushinteger(L, 1);
  visit(&w, lua_gettop(L) - 1);
  lua_rawgeti(L, -1, 1);
  lua_remove(L, -2);
}
