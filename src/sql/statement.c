/*
** statement.c
** Statements of novita.sqlite: prepares each text once, binds parameters, runs
** the statement and reads its rows.
**
** A finalizer may run while a result is converted to Lua values, and may query
** or close the same database. So a busy statement is used and released only by
** its owner.
*/

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"

#define CLASS		"novita.sqlite.statement"
#define MOST_CACHED	64	/* statements of a database */
#define FIRST		3	/* index of a query's first parameter */

typedef struct Statement {
  sqlite3_stmt *handle;		/* NULL: it is finalized */
  pid_t pid;
  int busy;
  int cached;
  int in_order;			/* are its parameters $1, $2 and so on? */
  NvSqlFault *fault;		/* of the query that runs it */
} Statement;


/*
** {======================================================
** Creation and release
** =======================================================
*/

static void finalize (Statement *s) {
  if (s->pid == getpid())
    sqlite3_finalize(s->handle);
  s->handle = NULL;
}


static int statement_gc (lua_State *L) {
  finalize(luaL_checkudata(L, 1, CLASS));
  return 0;
}


/* finalizes the statements of the database at 1, except busy ones */
void nv_sqlite_forget (lua_State *L, NvSqlite *db) {
  lua_getiuservalue(L, 1, 1);
  lua_pushnil(L);
  while (lua_next(L, -2)) {
    Statement *s = lua_touserdata(L, -1);
    s->cached = 0;
    if (!s->busy)
      finalize(s);
    lua_pop(L, 1);
    lua_pushvalue(L, -1);
    lua_pushnil(L);
    lua_rawset(L, -4);
  }
  lua_pop(L, 1);
  db->cached = 0;
}


/* returns the number of the parameter at a position (?, ?1, $1, :1), or 0 */
static int parameter_number (sqlite3_stmt *handle, int position) {
  const char *name = sqlite3_bind_parameter_name(handle, position);
  char *end;
  long number;
  if (name == NULL)
    return position;
  number = strtol(name + 1, &end, 10);
  return *end == '\0' && isdigit((unsigned char)name[1]) && number < 1000000
         ? (int)number : 0;
}


/* are all parameters at the positions that their numbers say? */
static int is_in_order (sqlite3_stmt *handle) {
  int i, count = sqlite3_bind_parameter_count(handle);
  for (i = 1; i <= count; i++) {
    if (parameter_number(handle, i) != i)
      return 0;
  }
  return 1;
}


/* is there more SQL than one statement? */
static int has_more (sqlite3 *handle, const char *rest) {
  sqlite3_stmt *second = NULL;
  int status;
  while (isspace((unsigned char)*rest) || *rest == ';')
    rest++;
  if (*rest == '\0')
    return 0;
  status = sqlite3_prepare_v2(handle, rest, -1, &second, NULL);
  sqlite3_finalize(second);
  return second != NULL || status != SQLITE_OK;
}


/* prepares the SQL; 0, or -1 with the fault */
static int prepare (Statement *s, sqlite3 *handle, const char *sql,
                    size_t length) {
  const char *rest = "";
  if (length > 0x7fffffff)
    nv_sql_fault(s->fault, "data", "the statement is too long");
  else if (sqlite3_prepare_v3(handle, sql, (int)length + 1,
           SQLITE_PREPARE_PERSISTENT, &s->handle, &rest) != SQLITE_OK)
    nv_sqlite_fault(s->fault, handle);
  else if (s->handle == NULL)
    nv_sql_fault(s->fault, "sql", "the statement is empty");
  else if (has_more(handle, rest))
    nv_sql_fault(s->fault, "sql", "one statement at a time expected");
  else
    return 0;
  finalize(s);
  return -1;
}


/* puts the statement on the top into the table below it */
static void keep (lua_State *L, NvSqlite *db, Statement *s) {
  if (db->cached >= MOST_CACHED)
    nv_sqlite_forget(L, db);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, -2);
  s->cached = 1;
  db->cached++;
  lua_rawset(L, -4);
}


/* pushes a new, busy statement of the text at 2; NULL with the fault */
static Statement *new_statement (lua_State *L, NvSqlite *db, NvSqlFault *f) {
  size_t length;
  const char *sql = lua_tolstring(L, 2, &length);
  Statement *s = lua_newuserdatauv(L, sizeof(*s), 0);
  memset(s, 0, sizeof(*s));
  luaL_getmetatable(L, CLASS);
  lua_setmetatable(L, -2);
  nv_sqlite_check(L);  /* a finalizer may have closed it */
  s->pid = db->pid;
  s->busy = 1;
  s->fault = f;
  if (prepare(s, db->handle, sql, length) != 0)
    return NULL;
  s->in_order = is_in_order(s->handle);
  return s;
}


/* the same; reuses a cached statement that is not busy */
static Statement *push_statement (lua_State *L, NvSqlite *db, NvSqlFault *f) {
  Statement *s, *cached;
  lua_getiuservalue(L, 1, 1);
  lua_pushvalue(L, 2);
  lua_rawget(L, -2);
  cached = lua_touserdata(L, -1);
  if (cached != NULL && !cached->busy) {
    cached->busy = 1;
    cached->fault = f;
    return cached;
  }
  lua_pop(L, 1);
  s = new_statement(L, db, f);
  if (s != NULL && cached == NULL)
    keep(L, db, s);
  return s;
}


/* releases a statement after use */
static void let_go (Statement *s, const NvSqlite *db) {
  sqlite3_reset(s->handle);
  sqlite3_clear_bindings(s->handle);
  s->busy = 0;
  s->fault = NULL;
  if (!s->cached || db->handle == NULL)
    finalize(s);
}

/* }====================================================== */


/*
** {======================================================
** Parameters
** =======================================================
*/

/* texts are not copied: the stack keeps them as long as the binding */
static int bind_value (sqlite3_stmt *handle, int position, NvSqlValue v) {
  switch (v.type) {
    case NV_SQL_BOOLEAN: case NV_SQL_INTEGER:
      return sqlite3_bind_int64(handle, position, v.integer);
    case NV_SQL_FLOAT:
      return sqlite3_bind_double(handle, position, v.number);
    case NV_SQL_TEXT:
      return sqlite3_bind_text64(handle, position, v.bytes, v.length,
                                 SQLITE_STATIC, SQLITE_UTF8);
    case NV_SQL_BLOB:
      return sqlite3_bind_blob64(handle, position, v.length ? v.bytes : "",
                                 v.length, SQLITE_TRANSIENT);
    default:
      return sqlite3_bind_null(handle, position);
  }
}


/* binds all parameters, each of which must occur; 0, or -1 */
static int bind_values (lua_State *L, Statement *s, int given) {
  int i, largest = 0, count = sqlite3_bind_parameter_count(s->handle);
  for (i = 1; i <= count; i++) {
    int number = s->in_order ? i : parameter_number(s->handle, i);
    if (number == 0) {
      nv_sql_fault(s->fault, "sql", "a parameter is written $1 or ?, not %s",
                   sqlite3_bind_parameter_name(s->handle, i));
      return -1;
    }
    largest = number > largest ? number : largest;
    if (number <= given &&
        bind_value(s->handle, i, nv_sql_value(L, FIRST + number - 1))) {
      nv_sqlite_fault(s->fault, sqlite3_db_handle(s->handle));
      return -1;
    }
  }
  if (largest == given)
    return 0;
  nv_sql_fault(s->fault, "sql", "the statement has %d parameter%s, not %d",
               largest, largest == 1 ? "" : "s", given);
  s->fault->number = SQLITE_RANGE;
  return -1;
}

/* }====================================================== */


/*
** {======================================================
** Rows
** =======================================================
*/

static void push_cell (lua_State *L, sqlite3_stmt *handle, int column) {
  const char *bytes;
  switch (sqlite3_column_type(handle, column)) {
    case SQLITE_INTEGER:
      nv_sql_integer(L, sqlite3_column_int64(handle, column));
      return;
    case SQLITE_FLOAT:
      lua_pushnumber(L, sqlite3_column_double(handle, column));
      return;
    case SQLITE_TEXT:
      bytes = (const char *)sqlite3_column_text(handle, column);
      break;
    case SQLITE_BLOB:
      bytes = sqlite3_column_blob(handle, column);
      break;
    default:
      lua_pushnil(L);
      return;
  }
  if (bytes == NULL && sqlite3_column_bytes(handle, column) > 0)
    luaL_error(L, "not enough memory");
  lua_pushlstring(L, bytes ? bytes : "",
                  (size_t)sqlite3_column_bytes(handle, column));
}


/* pushes a row, whose field 'n' is the number of columns */
static void push_row (lua_State *L, sqlite3_stmt *handle) {
  int i, n = sqlite3_data_count(handle);
  lua_createtable(L, n, 1);
  for (i = 0; i < n; i++) {
    push_cell(L, handle, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushinteger(L, n);
  lua_setfield(L, -2, "n");
}


/* sets the names of the columns, if there are any, in the rows on the top */
static void name_columns (lua_State *L, sqlite3_stmt *handle) {
  int i, n = sqlite3_column_count(handle);
  if (n == 0)
    return;
  lua_createtable(L, n, 0);
  for (i = 0; i < n; i++) {
    const char *name = sqlite3_column_name(handle, i);
    if (name == NULL)
      luaL_error(L, "not enough memory");
    lua_pushstring(L, name);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "columns");
}


/* runs the statement at 1, protected: -> rows | nothing, and the fault */
static int fetch (lua_State *L) {
  Statement *s = lua_touserdata(L, 1);
  sqlite3 *handle = sqlite3_db_handle(s->handle);
  int status, before, n = 0;
  lua_newtable(L);
  before = sqlite3_total_changes(handle);
  while ((status = sqlite3_step(s->handle)) == SQLITE_ROW) {
    push_row(L, s->handle);
    lua_rawseti(L, 2, ++n);
  }
  if (status != SQLITE_DONE) {
    nv_sqlite_fault(s->fault, handle);
    return 0;
  }
  lua_pushinteger(L, sqlite3_total_changes(handle) == before ? 0
                     : sqlite3_changes(handle));
  lua_setfield(L, 2, "changed");
  name_columns(L, s->handle);
  return 1;
}

/* }====================================================== */


/* checks the arguments of a statement; returns the number of parameters */
static int check_values (lua_State *L) {
  int i, top = lua_gettop(L);
  for (i = FIRST; i <= top; i++) {
    if (lua_type(L, i) == LUA_TNUMBER)
      luaL_argcheck(L, !isnan(lua_tonumber(L, i)), i, "SQLite has no NaN");
    else if (lua_type(L, i) != LUA_TSTRING)
      nv_sql_value(L, i);
  }
  return top - FIRST + 1;
}


/* db:query(sql, ...) -> rows | nil, error */
int nv_sqlite_query (lua_State *L) {
  NvSqlite *db = nv_sqlite_check(L);
  NvSqlFault f;
  Statement *s;
  size_t length;
  int run, given, status = 0;
  nv_sql_statement(L, 2, &length);
  given = check_values(L);
  nv_checkstack(L, 10);
  lua_pushcfunction(L, fetch);
  run = lua_gettop(L);
  s = push_statement(L, db, &f);
  if (s == NULL)
    return nv_sqlite_fail(L, &f);
  f.reason = NULL;
  if (bind_values(L, s, given) == 0) {
    lua_pushvalue(L, run);
    lua_pushvalue(L, -2);
    status = lua_pcall(L, 1, 1, 0);
  }
  let_go(s, db);
  if (status != 0)
    return lua_error(L);
  return f.reason == NULL ? 1 : nv_sqlite_fail(L, &f);
}


void nv_sqlite_open_statements (lua_State *L) {
  luaL_newmetatable(L, CLASS);
  lua_pushcfunction(L, statement_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
