/*
** sqlite.h
** The databases, statements and locks of novita.sqlite.
*/

#ifndef sqlite_h
#define sqlite_h

#include <sys/types.h>

#include <sqlite3.h>

#include "sql.h"

/* its user value is a table: SQL text -> statement */
typedef struct NvSqlite {
  sqlite3 *handle;		/* NULL: it is closed */
  pid_t pid;			/* of the process that opened it */
  int cached;			/* statements in the table */
} NvSqlite;

NV_FUNC NvSqlite *nv_sqlite_check (lua_State *L);
NV_FUNC void nv_sqlite_fault (NvSqlFault *f, sqlite3 *handle);
NV_FUNC int nv_sqlite_fail (lua_State *L, const NvSqlFault *f);
NV_FUNC void nv_sqlite_forget (lua_State *L, NvSqlite *db);
NV_FUNC int nv_sqlite_query (lua_State *L);
NV_FUNC void nv_sqlite_open_statements (lua_State *L);
NV_FUNC int nv_sqlite_lock (lua_State *L);
NV_FUNC int nv_sqlite_locked (lua_State *L);
NV_FUNC void nv_sqlite_open_locks (lua_State *L);

#endif
