/*
** result.c
** The results of statements of novita.postgres as rows of Lua values. The
** server sends text, in which each type has its own exact form.
*/

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "postgres.h"

#define RESULT_CLASS	"novita.postgres.result"

/* types that have a value in Lua; all others stay text */
enum {
  OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23,
  OID_OID = 26, OID_FLOAT4 = 700, OID_FLOAT8 = 701
};


void nv_result_free (NvResult *r) {
  PQclear(r->handle);
  PQfreemem(r->bytes);
  r->handle = NULL;
  r->bytes = NULL;
}


static int result_gc (lua_State *L) {
  nv_result_free(luaL_checkudata(L, 1, RESULT_CLASS));
  return 0;
}


/* pushes an empty one */
NvResult *nv_result_new (lua_State *L) {
  NvResult *r = lua_newuserdatauv(L, sizeof(*r), 0);
  memset(r, 0, sizeof(*r));
  luaL_getmetatable(L, RESULT_CLASS);
  lua_setmetatable(L, -2);
  return r;
}


/* strtod also reads "NaN" and "-Infinity", but needs the locale's point */
static double float_value (const char *text) {
  char local[64];
  const char *point = localeconv()->decimal_point;
  const char *stop = strchr(text, '.');
  if (stop == NULL || strcmp(point, ".") == 0)
    return strtod(text, NULL);
  snprintf(local, sizeof(local), "%.*s%s%s", (int)(stop - text), text, point,
           stop + 1);
  return strtod(local, NULL);
}


static void push_bytes (lua_State *L, NvResult *r, const char *text) {
  size_t length;
  r->bytes = PQunescapeBytea((const unsigned char *)text, &length);
  if (r->bytes == NULL)
    luaL_error(L, "not enough memory");
  lua_pushlstring(L, (const char *)r->bytes, length);
  PQfreemem(r->bytes);
  r->bytes = NULL;
}


static void push_result_field (lua_State *L, NvResult *r, int row,
                               int column) {
  const char *text = PQgetvalue(r->handle, row, column);
  if (PQgetisnull(r->handle, row, column)) {
    lua_pushnil(L);
    return;
  }
  switch (PQftype(r->handle, column)) {
    case OID_BOOL:
      lua_pushboolean(L, *text == 't');
      break;
    case OID_INT2: case OID_INT4: case OID_INT8: case OID_OID:
      nv_sql_integer(L, strtoll(text, NULL, 10));
      break;
    case OID_FLOAT4: case OID_FLOAT8:
      lua_pushnumber(L, float_value(text));
      break;
    case OID_BYTEA:
      push_bytes(L, r, text);
      break;
    default:
      lua_pushlstring(L, text, (size_t)PQgetlength(r->handle, row, column));
  }
}


/* pushes a row, whose field 'n' is the number of columns */
static void push_tuple (lua_State *L, NvResult *r, int row) {
  int i, n = PQnfields(r->handle);
  lua_createtable(L, n, 1);
  for (i = 0; i < n; i++) {
    push_result_field(L, r, row, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
}


/* returns the number of rows written; the server counts rows read too */
static long rows_changed (PGresult *handle) {
  static const char *const writes[] = {"INSERT", "UPDATE", "DELETE", "MERGE"};
  const char *status = PQcmdStatus(handle);
  size_t i;
  for (i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
    if (strncmp(status, writes[i], strlen(writes[i])) == 0)
      return strtol(PQcmdTuples(handle), NULL, 10);
  }
  return 0;
}


static void name_fields (lua_State *L, NvResult *r) {
  int i, n = PQnfields(r->handle);
  if (n == 0)
    return;
  lua_createtable(L, n, 0);
  for (i = 0; i < n; i++) {
    lua_pushstring(L, PQfname(r->handle, i));
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "columns");
}


/* pushes all rows */
void nv_result_push (lua_State *L, NvResult *r) {
  int i, n = PQntuples(r->handle);
  lua_createtable(L, n, 2);
  for (i = 0; i < n; i++) {
    push_tuple(L, r, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, rows_changed(r->handle));
  lua_setfield(L, -2, "changed");
  name_fields(L, r);
}


void nv_result_open (lua_State *L) {
  luaL_newmetatable(L, RESULT_CLASS);
  lua_pushcfunction(L, result_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
