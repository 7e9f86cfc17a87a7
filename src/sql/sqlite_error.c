/*
** sqlite_error.c
** Maps SQLite's errors to those of all databases, and checks that a database
** can be used.
*/

#include <string.h>

#include "sqlite.h"


/* extended codes first; the low byte of one is its primary code */
static const char *sqlite_reason (int code) {
  switch (code) {
    case SQLITE_BUSY_SNAPSHOT: return "serialization";
    default: break;
  }
  switch (code & 0xff) {
    case SQLITE_BUSY: case SQLITE_LOCKED: return "busy";
    case SQLITE_CONSTRAINT: return "constraint";
    case SQLITE_TOOBIG: case SQLITE_MISMATCH: return "data";
    case SQLITE_FULL: return "full";
    case SQLITE_PERM: case SQLITE_READONLY: case SQLITE_AUTH: return "denied";
    case SQLITE_CANTOPEN: return "open";
    case SQLITE_IOERR: return "io";
    case SQLITE_CORRUPT: case SQLITE_NOTADB: return "corrupt";
    default: return "sql";
  }
}


/* copies the last error of the database */
void nv_sqlite_fault (NvSqlFault *f, sqlite3 *handle) {
  int code = handle ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
  const char *text = handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code);
  const char *subject = strstr(text, " constraint failed: ");
  nv_sql_fault(f, sqlite_reason(code), "%s", text);
  f->number = code;
  if (subject != NULL && strcmp(f->reason, "constraint") == 0)
    strncat(f->constraint, strchr(subject, ':') + 2,
            sizeof(f->constraint) - 1);
}


/* pushes nil and the error; raises for lack of memory, as Lua does */
int nv_sqlite_fail (lua_State *L, const NvSqlFault *f) {
  if ((f->number & 0xff) == SQLITE_NOMEM)
    return luaL_error(L, "not enough memory");
  return nv_sql_fail(L, f);
}


NvSqlite *nv_sqlite_check (lua_State *L) {
  NvSqlite *db = luaL_checkudata(L, 1, NV_SQLITE);
  nv_sql_checkusable(L, db->handle, db->pid);
  return db;
}
