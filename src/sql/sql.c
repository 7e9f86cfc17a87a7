/*
** sql.c
** The common part of the database modules: parameters, integers of 64 bits,
** the error value, and the class of blobs.
*/

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sql.h"

#define LARGEST_WHOLE	9007199254740992.0	/* 2^53 */


/*
** {======================================================
** Errors
** =======================================================
*/

void nv_sql_fault (NvSqlFault *f, const char *reason, const char *format,
                   ...) {
  va_list values;
  memset(f, 0, sizeof(*f));
  f->reason = reason;
  va_start(values, format);
  vsnprintf(f->text, sizeof(f->text), format, values);
  va_end(values);
}


/* sets a field of the table on the top, unless the text is empty */
static void set_word (lua_State *L, const char *name, const char *text) {
  if (*text == '\0')
    return;
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}


/* pushes an error; it has the class of errors if novita.core is loaded */
static void push_sql_error (lua_State *L, const char *kind) {
  lua_createtable(L, 0, 6);
  luaL_getmetatable(L, "novita.error");
  lua_setmetatable(L, -2);
  set_word(L, "kind", kind);
}


/* pushes nil and the error; the caller returns both */
int nv_sql_fail (lua_State *L, const NvSqlFault *f) {
  lua_pushnil(L);
  push_sql_error(L, "store");
  set_word(L, "reason", f->reason);
  set_word(L, "message", f->text);
  set_word(L, "code", f->state);
  set_word(L, "constraint", f->constraint);
  if (f->number != 0) {
    lua_pushinteger(L, f->number);
    lua_setfield(L, -2, "code");
  }
  return 2;
}


/* the same for an invalid address */
int nv_sql_misaddressed (lua_State *L, const char *problem) {
  lua_pushnil(L);
  push_sql_error(L, "config");
  set_word(L, "param", "address");
  lua_pushfstring(L, "address: %s", problem);
  lua_setfield(L, -2, "message");
  return 2;
}


/* raises if the database at 1 is closed, or that of another process */
void nv_sql_checkusable (lua_State *L, const void *handle, pid_t pid) {
  luaL_argcheck(L, handle != NULL, 1, "closed database");
  luaL_argcheck(L, pid == getpid(), 1,
                "database used after fork: open it again in the child");
}

/* }====================================================== */


/*
** {======================================================
** Values
** =======================================================
*/

/* returns the SQL text at 'index'; raises if it holds a NUL */
const char *nv_sql_statement (lua_State *L, int index, size_t *length) {
  const char *sql;
  luaL_checktype(L, index, LUA_TSTRING);
  sql = lua_tolstring(L, index, length);
  luaL_argcheck(L, strlen(sql) == *length, index,
                "the statement has a NUL byte");
  return sql;
}


/* in a Lua with one type of numbers, one without a fraction is an integer */
static void read_number (lua_State *L, int index, NvSqlValue *v) {
#if LUA_VERSION_NUM >= 503
  v->type = lua_isinteger(L, index) ? NV_SQL_INTEGER : NV_SQL_FLOAT;
  v->integer = lua_tointeger(L, index);
  v->number = lua_tonumber(L, index);
#else
  double x = v->number = lua_tonumber(L, index);
  int negative_zero = x == 0 && signbit(x);
  v->type = floor(x) == x && fabs(x) <= LARGEST_WHOLE && !negative_zero
            ? NV_SQL_INTEGER : NV_SQL_FLOAT;
  if (v->type == NV_SQL_INTEGER)
    v->integer = (long long)x;
#endif
}


/* is the value at 'index' one of nv_sql_blob? */
static int is_blob (lua_State *L, int index) {
  int same = 0;
  if (lua_type(L, index) == LUA_TTABLE && lua_getmetatable(L, index)) {
    luaL_getmetatable(L, NV_BLOB);
    same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
  }
  return same;
}


/* reads the bytes in the table at 'index', which anchors them */
static void read_blob (lua_State *L, int index, NvSqlValue *v) {
  lua_rawgeti(L, index, 1);
  luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index,
                "a blob without bytes");
  v->type = NV_SQL_BLOB;
  v->bytes = lua_tolstring(L, -1, &v->length);
  lua_pop(L, 1);
}


/* returns the parameter at 'index'; raises for other values */
NvSqlValue nv_sql_value (lua_State *L, int index) {
  NvSqlValue v;
  memset(&v, 0, sizeof(v));
  switch (lua_type(L, index)) {
    case LUA_TNIL:
      break;
    case LUA_TBOOLEAN:
      v.type = NV_SQL_BOOLEAN;
      v.integer = lua_toboolean(L, index);
      break;
    case LUA_TNUMBER:
      read_number(L, index, &v);
      break;
    case LUA_TSTRING:
      v.type = NV_SQL_TEXT;
      v.bytes = lua_tolstring(L, index, &v.length);
      break;
    default:
      if (!is_blob(L, index))
        luaL_argerror(L, index, lua_pushfstring(L, "nil, boolean, number, "
          "string or blob expected, got %s", luaL_typename(L, index)));
      read_blob(L, index, &v);
  }
  return v;
}


/*
** Pushes an integer, or its digits as a string if a number of this Lua can't
** hold it. Databases accept that string as the same integer.
*/
void nv_sql_integer (lua_State *L, long long n) {
  char digits[32];
#if LUA_VERSION_NUM >= 503
  if ((lua_Integer)n == n) {
    lua_pushinteger(L, (lua_Integer)n);
    return;
  }
#else
  if (n >= -(long long)LARGEST_WHOLE && n <= (long long)LARGEST_WHOLE) {
    lua_pushnumber(L, (lua_Number)n);
    return;
  }
#endif
  snprintf(digits, sizeof(digits), "%lld", n);
  lua_pushstring(L, digits);
}


/* blob(bytes) -> a parameter of type bytes instead of text */
int nv_sql_blob (lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  luaL_getmetatable(L, NV_BLOB);
  lua_setmetatable(L, -2);
  return 1;
}

/* }====================================================== */


/* runs a method without arguments, one statement -> true | nil, error */
int nv_sql_command (lua_State *L, NvSqlQuery query, const char *sql) {
  lua_settop(L, 1);
  lua_pushstring(L, sql);
  if (query(L) == 2)
    return 2;
  lua_pushboolean(L, 1);
  return 1;
}


/* creates a class, and the class of blobs */
void nv_sql_class (lua_State *L, const char *name, const luaL_Reg *methods,
                   const luaL_Reg *metamethods) {
  luaL_newmetatable(L, NV_BLOB);
  lua_pop(L, 1);
  luaL_newmetatable(L, name);
  lua_pushstring(L, name);
  lua_setfield(L, -2, "__name");
  luaL_setfuncs(L, metamethods, 0);
  lua_newtable(L);
  luaL_setfuncs(L, methods, 0);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
