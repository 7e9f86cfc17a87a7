/*
** postgres.h
** The connections and results of novita.postgres.
*/

#ifndef postgres_h
#define postgres_h

#include <sys/types.h>

#include <libpq-fe.h>

#include "sql.h"

typedef struct NvPostgres {
  PGconn *handle;		/* NULL: it is closed */
  pid_t pid;			/* of the process that opened it */
} NvPostgres;

/* the result of a statement; collected if reading it raises */
typedef struct NvResult {
  PGresult *handle;
  unsigned char *bytes;		/* of the bytea that is being read */
} NvResult;

NV_FUNC NvPostgres *nv_postgres_check (lua_State *L);
NV_FUNC void nv_postgres_fault (NvSqlFault *f, PGconn *handle,
                                const PGresult *result);
NV_FUNC int nv_postgres_refusal (NvSqlFault *f, PGconn *handle);
NV_FUNC void nv_postgres_join_lines (char *text);
NV_FUNC int nv_postgres_query (lua_State *L);

NV_FUNC NvResult *nv_result_new (lua_State *L);
NV_FUNC void nv_result_free (NvResult *r);
NV_FUNC void nv_result_push (lua_State *L, NvResult *r);
NV_FUNC void nv_result_open (lua_State *L);

#endif
