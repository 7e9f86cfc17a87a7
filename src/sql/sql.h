/*
** sql.h
** The common part of the database modules: the values of parameters and
** results, errors, and the methods that are the same for all.
**
** A driver keeps its handles in userdata that are zeroed before anything can
** fail. The error of a library is copied into an NvSqlFault before Lua
** allocates, since a finalizer may use the same database.
*/

#ifndef sql_h
#define sql_h

#include <sys/types.h>

#include "../bytes/bytes.h"
#include "../lua/compat.h"

#define NV_BLOB		"novita.blob"	/* metatables */
#define NV_SQLITE	"novita.sql.sqlite"
#define NV_POSTGRES	"novita.sql.postgres"

/* ensures stack space for 'n' values; raises without memory */
#define nv_checkstack(L,n) \
  ((void)(lua_checkstack(L, n) || luaL_error(L, "not enough memory")))

typedef enum NvSqlType {
  NV_SQL_NULL, NV_SQL_BOOLEAN, NV_SQL_INTEGER, NV_SQL_FLOAT, NV_SQL_TEXT,
  NV_SQL_BLOB
} NvSqlType;

/* a parameter; its bytes live as long as its Lua value */
typedef struct NvSqlValue {
  NvSqlType type;
  long long integer;		/* of a boolean too */
  double number;
  const char *bytes;		/* of a text or a blob */
  size_t length;
} NvSqlValue;

/* why a statement failed */
typedef struct NvSqlFault {
  const char *reason;		/* a word of a closed list; NULL: it did not */
  int number;			/* SQLite's extended code, or 0 */
  char state[6];		/* SQLSTATE, or "" */
  char constraint[256];		/* its name or columns, or "" */
  char text[1024];
} NvSqlFault;

/* the parts of a method of a database */
typedef int (*NvSqlQuery) (lua_State *L);

NV_FUNC void nv_sql_fault (NvSqlFault *f, const char *reason,
                           const char *format, ...);
NV_FUNC int nv_sql_fail (lua_State *L, const NvSqlFault *f);
NV_FUNC int nv_sql_misaddressed (lua_State *L, const char *problem);
NV_FUNC const char *nv_sql_statement (lua_State *L, int index,
                                      size_t *length);
NV_FUNC NvSqlValue nv_sql_value (lua_State *L, int index);
NV_FUNC void nv_sql_integer (lua_State *L, long long n);
NV_FUNC int nv_sql_command (lua_State *L, NvSqlQuery query,
                            const char *sql);
NV_FUNC int nv_sql_blob (lua_State *L);
NV_FUNC void nv_sql_checkusable (lua_State *L, const void *handle,
                                 pid_t pid);
NV_FUNC void nv_sql_class (lua_State *L, const char *name,
                           const luaL_Reg *methods,
                           const luaL_Reg *metamethods);

#endif
