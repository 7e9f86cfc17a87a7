/*
** sqlite.c
** novita.sqlite: databases in a file. Their statements are in statement.c,
** locks between processes in lock.c.
*/

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sqlite.h"

/* a Lua state runs in one thread at a time, so its connections need no lock */
#define OPEN_FLAGS	(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | \
			 SQLITE_OPEN_NOMUTEX)

int luaopen_novita_sqlite_core (lua_State *L);

/* the loader finds this in the file when a wrong Lua can't load it */
#if LUA_VERSION_NUM < 502
static const char sqlite_built_for[] =
  "novita.sqlite.core built for Lua 5.1 or LuaJIT";
#else
static const char sqlite_built_for[] =
  "novita.sqlite.core built for " LUA_VERSION;
#endif


/*
** {======================================================
** Databases
** =======================================================
*/


/*
** Creates a file that only its owner can read; SQLite gives its journals the
** same mode. An existing file is not opened, since closing it would release
** the locks of this process.
*/
static void make_private (const char *path) {
  int descriptor = strcmp(path, ":memory:") == 0 ? -1 :
    open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor >= 0)
    close(descriptor);
}


/* sqlite.open(path) -> db | nil, error */
static int sqlite_open (lua_State *L) {
  size_t length;
  const char *path;
  NvSqlite *db;
  luaL_checktype(L, 1, LUA_TSTRING);
  path = lua_tolstring(L, 1, &length);
  if (length == 0 || strlen(path) != length || strncmp(path, "file:", 5) == 0)
    return nv_sql_misaddressed(L, "the path of a file or :memory: expected");
  db = lua_newuserdatauv(L, sizeof(*db), 1);
  memset(db, 0, sizeof(*db));
  luaL_getmetatable(L, NV_SQLITE);
  lua_setmetatable(L, -2);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  db->pid = getpid();
  make_private(path);
  if (sqlite3_open_v2(path, &db->handle, OPEN_FLAGS, NULL) != SQLITE_OK) {
    NvSqlFault f;
    nv_sqlite_fault(&f, db->handle);
    sqlite3_close_v2(db->handle);
    db->handle = NULL;
    return nv_sqlite_fail(L, &f);
  }
  sqlite3_extended_result_codes(db->handle, 1);
  return 1;
}


/*
** db:close(), also for __gc and __close: rolls back what is not committed. A
** statement that runs below on the stack keeps the file open until it ends.
*/
static int sqlite_close (lua_State *L) {
  NvSqlite *db = luaL_checkudata(L, 1, NV_SQLITE);
  sqlite3 *handle = db->handle;
  if (handle == NULL || db->pid != getpid())
    return 0;
  lua_settop(L, 1);
  db->handle = NULL;
  nv_sqlite_forget(L, db);
  sqlite3_close_v2(handle);
  return 0;
}


/* db:moved(): has its file been deleted, renamed or replaced meanwhile? */
static int sqlite_moved (lua_State *L) {
  int moved = 0;
  sqlite3_file_control(nv_sqlite_check(L)->handle, NULL,
                       SQLITE_FCNTL_HAS_MOVED, &moved);
  lua_pushboolean(L, moved);
  return 1;
}


static int sqlite_tostring (lua_State *L) {
  const NvSqlite *db = luaL_checkudata(L, 1, NV_SQLITE);
  lua_pushfstring(L, "novita.sqlite (%s)", db->handle ? "open" : "closed");
  return 1;
}

/* }====================================================== */


/*
** {======================================================
** Transactions
** =======================================================
*/

/* db:begin(): acquires the write lock now, not at the first write */
static int sqlite_begin (lua_State *L) {
  nv_sqlite_check(L);
  return nv_sql_command(L, nv_sqlite_query, "begin immediate");
}


/* db:commit() */
static int sqlite_commit (lua_State *L) {
  nv_sqlite_check(L);
  return nv_sql_command(L, nv_sqlite_query, "commit");
}


/* db:rollback(): an error may have rolled back already */
static int sqlite_rollback (lua_State *L) {
  if (!sqlite3_get_autocommit(nv_sqlite_check(L)->handle))
    return nv_sql_command(L, nv_sqlite_query, "rollback");
  lua_pushboolean(L, 1);
  return 1;
}

/* }====================================================== */


static const luaL_Reg sqlite_methods[] = {
  {"query", nv_sqlite_query},
  {"begin", sqlite_begin},
  {"commit", sqlite_commit},
  {"rollback", sqlite_rollback},
  {"moved", sqlite_moved},
  {"close", sqlite_close},
  {NULL, NULL}
};

static const luaL_Reg sqlite_metamethods[] = {
  {"__gc", sqlite_close},
  {"__close", sqlite_close},
  {"__tostring", sqlite_tostring},
  {NULL, NULL}
};

static const luaL_Reg sqlite_functions[] = {
  {"open", sqlite_open},
  {"blob", nv_sql_blob},
  {"lock", nv_sqlite_lock},
  {"locked", nv_sqlite_locked},
  {NULL, NULL}
};


int luaopen_novita_sqlite_core (lua_State *L) {
  nv_sql_class(L, NV_SQLITE, sqlite_methods, sqlite_metamethods);
  nv_sqlite_open_statements(L);
  nv_sqlite_open_locks(L);
  lua_newtable(L);
  luaL_setfuncs(L, sqlite_functions, 0);
  lua_pushstring(L, sqlite3_libversion());
  lua_setfield(L, -2, "version");
  lua_pushstring(L, sqlite_built_for +
                    strlen("novita.sqlite.core built for "));
  lua_setfield(L, -2, "built_for");
  return 1;
}
