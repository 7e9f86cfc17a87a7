/*
** postgres.c
** novita.postgres: connections to a PostgreSQL server. Their statements are in
** parameters.c and result.c.
*/

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "postgres.h"

int luaopen_novita_postgres_core (lua_State *L);

/* the loader finds this in the file when a wrong Lua can't load it */
#if LUA_VERSION_NUM < 502
static const char postgres_built_for[] =
  "novita.postgres.core built for Lua 5.1 or LuaJIT";
#else
static const char postgres_built_for[] =
  "novita.postgres.core built for " LUA_VERSION;
#endif


/*
** {======================================================
** Addresses
** =======================================================
*/

/*
** Are there characters of a name or password that must be written as %40 or
** %2F? libpq would take the rest for a host or a port, and show it in its
** message.
*/
static int is_ambiguous (const char *address) {
  const char *authority = strstr(address, "://");
  const char *stop = authority ? strpbrk(authority + 3, "@/") : NULL;
  return stop != NULL && strchr(stop + 1, '@') != NULL;
}


/* can libpq parse the address? Its message may show a password. */
static int is_readable (lua_State *L, const char *address) {
  char *problem = NULL;
  PQconninfoOption *options = PQconninfoParse(address, &problem);
  int readable = options != NULL;
  int starved = !readable && (problem == NULL ||
                              strncmp(problem, "out of memory", 13) == 0);
  PQconninfoFree(options);
  PQfreemem(problem);
  if (starved)
    luaL_error(L, "not enough memory");
  return readable;
}


/* returns the problem of an address, or NULL; a bare name is a database */
static const char *address_problem (lua_State *L, const char *address) {
  if (is_ambiguous(address))
    return "write @ and / in a name or password as %40 and %2F";
  if ((strchr(address, '=') != NULL || strstr(address, "://") != NULL) &&
      !is_readable(L, address))
    return "neither a URL like postgresql://user@host/database nor a list "
           "like host=... dbname=...";
  return NULL;
}

/* }====================================================== */


/*
** {======================================================
** Connections
** =======================================================
*/


/* libpq prints notices otherwise */
static void ignore_notice (void *data, const char *message) {
  (void)data;
  (void)message;
}


/*
** Connects. The address overrides our defaults, by which a connection without
** a response fails within a minute and names this process, except for the
** encoding.
*/
static PGconn *connect_to (const char *address) {
  char name[32];
  static const char *const names[] = {
    "connect_timeout", "keepalives_idle", "keepalives_interval",
    "keepalives_count", "tcp_user_timeout", "fallback_application_name",
    "dbname", "client_encoding", NULL
  };
  const char *values[] = {
    "10", "30", "10", "3", "60000", NULL, NULL, "UTF8", NULL
  };
  snprintf(name, sizeof(name), "novita %ld", (long)getpid());
  values[5] = name;
  values[6] = address;
  return PQconnectdbParams(names, values, 1);
}


/* sets the formats in which this module reads values; 0, or -1 */
static int prepare_session (NvPostgres *db) {
  PGresult *result;
  int done;
  if (PQstatus(db->handle) != CONNECTION_OK)
    return -1;
  PQsetNoticeProcessor(db->handle, ignore_notice, NULL);
  result = PQexec(db->handle, "set extra_float_digits = 3");
  done = PQresultStatus(result) == PGRES_COMMAND_OK;
  PQclear(result);
  return done ? 0 : -1;
}


/* postgres.open(address) -> db | nil, error */
static int postgres_open (lua_State *L) {
  size_t length;
  const char *address, *problem;
  NvSqlFault f;
  NvPostgres *db;
  luaL_checktype(L, 1, LUA_TSTRING);
  address = lua_tolstring(L, 1, &length);
  problem = length == 0 || strlen(address) != length
            ? "a URL expected" : address_problem(L, address);
  if (problem != NULL)
    return nv_sql_misaddressed(L, problem);
  db = lua_newuserdatauv(L, sizeof(*db), 0);
  memset(db, 0, sizeof(*db));
  luaL_getmetatable(L, NV_POSTGRES);
  lua_setmetatable(L, -2);
  db->pid = getpid();
  db->handle = connect_to(address);
  if (db->handle == NULL)
    return luaL_error(L, "not enough memory");
  if (prepare_session(db) != 0 &&
      (nv_postgres_refusal(&f, db->handle) != 0 || prepare_session(db) != 0)) {
    PQfinish(db->handle);
    db->handle = NULL;
    return nv_sql_fail(L, &f);
  }
  return 1;
}


/* db:close(), also for __gc and __close; the server rolls back */
static int postgres_close (lua_State *L) {
  NvPostgres *db = luaL_checkudata(L, 1, NV_POSTGRES);
  if (db->handle == NULL || db->pid != getpid())
    return 0;
  PQfinish(db->handle);
  db->handle = NULL;
  return 0;
}


static int postgres_tostring (lua_State *L) {
  const NvPostgres *db = luaL_checkudata(L, 1, NV_POSTGRES);
  lua_pushfstring(L, "novita.postgres (%s)",
                  db->handle == NULL ? "closed"
                  : PQstatus(db->handle) == CONNECTION_OK ? "open" : "lost");
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Transactions
** =======================================================
*/

/* an error as in SQLite, where the server only warns */
static int refuse_command (lua_State *L, const char *state,
                           const char *problem) {
  NvSqlFault f;
  nv_sql_fault(&f, "sql", "%s", problem);
  snprintf(f.state, sizeof(f.state), "%s", state);
  return nv_sql_fail(L, &f);
}


/* db:begin() */
static int postgres_begin (lua_State *L) {
  switch (PQtransactionStatus(nv_postgres_check(L)->handle)) {
    case PQTRANS_INTRANS: case PQTRANS_INERROR:
      return refuse_command(L, "25001", "a transaction is active already");
    default:
      return nv_sql_command(L, nv_postgres_query, "begin");
  }
}


/* db:commit(): rolls back after a statement of the transaction has failed */
static int postgres_commit (lua_State *L) {
  switch (PQtransactionStatus(nv_postgres_check(L)->handle)) {
    case PQTRANS_IDLE:
      return refuse_command(L, "25P01", "no transaction is active");
    case PQTRANS_INERROR:
      if (nv_sql_command(L, nv_postgres_query, "rollback") == 2)
        return 2;
      return refuse_command(L, "25P02", "nothing is committed: a statement of "
                            "the transaction has failed");
    default:
      return nv_sql_command(L, nv_postgres_query, "commit");
  }
}


/* db:rollback(): there may be nothing to roll back */
static int postgres_rollback (lua_State *L) {
  if (PQtransactionStatus(nv_postgres_check(L)->handle) != PQTRANS_IDLE)
    return nv_sql_command(L, nv_postgres_query, "rollback");
  lua_pushboolean(L, 1);
  return 1;
}

/* }====================================================== */


static const luaL_Reg postgres_methods[] = {
  {"query", nv_postgres_query},
  {"begin", postgres_begin},
  {"commit", postgres_commit},
  {"rollback", postgres_rollback},
  {"close", postgres_close},
  {NULL, NULL}
};

static const luaL_Reg postgres_metamethods[] = {
  {"__gc", postgres_close},
  {"__close", postgres_close},
  {"__tostring", postgres_tostring},
  {NULL, NULL}
};

static const luaL_Reg postgres_functions[] = {
  {"open", postgres_open},
  {"blob", nv_sql_blob},
  {NULL, NULL}
};


int luaopen_novita_postgres_core (lua_State *L) {
  nv_sql_class(L, NV_POSTGRES, postgres_methods, postgres_metamethods);
  nv_result_open(L);
  lua_newtable(L);
  luaL_setfuncs(L, postgres_functions, 0);
  lua_pushfstring(L, "%d.%d", PQlibVersion() / 10000, PQlibVersion() % 10000);
  lua_setfield(L, -2, "version");
  lua_pushstring(L, postgres_built_for
                 + strlen("novita.postgres.core built for "));
  lua_setfield(L, -2, "built_for");
  return 1;
}
