/*
** oom_sql.c
** Out of memory in the modules of databases, at every allocation in turn, as
** oom.c does it for novita.core: "Lua" fails what Lua allocates, "C" all else
** that asks malloc: SQLite, libpq, and the C library below them. The program's
** own malloc stands before that of the sanitizer, and calls it.
**
** Whatever fails: no crash, no leak, no wrong row, the database that was used
** works afterwards with nothing left locked, and the error is one of memory;
** or it is one whose message says so, where libpq makes that of it.
*/

#include <string.h>

#define MOST	3000

#include "refusal.h"

int luaopen_novita_sqlite_core (lua_State *L);
int luaopen_novita_postgres_core (lua_State *L);


/*
** {======================================================
** Allocators that fail
** =======================================================
*/

/* the names that the sanitizer gives to its own; it finds leaks at the end */
void *__interceptor_malloc (size_t size);
void *__interceptor_calloc (size_t count, size_t size);
void *__interceptor_realloc (void *block, size_t size);


void *malloc (size_t size) {
  return plan_refuses(C) ? NULL : __interceptor_malloc(size);
}


void *calloc (size_t count, size_t size) {
  return plan_refuses(C) ? NULL : __interceptor_calloc(count, size);
}


void *realloc (void *block, size_t size) {
  return plan_refuses(C) ? NULL : __interceptor_realloc(block, size);
}


static void *lua_memory (void *data, void *block, size_t had, size_t size) {
  (void)data;
  if (size == 0) {
    free(block);
    return NULL;
  }
  if ((block == NULL || size > had) && plan_refuses(LUA))
    return NULL;
  return __interceptor_realloc(block, size);
}

/* }====================================================== */


/*
** {======================================================
** Scenarios
** =======================================================
*/

/* 'prepare' has all the memory it wants, 'act' has not; for both databases */
static const struct Scenario {
  const char *name, *prepare, *act;
} scenarios[] = {
  {"load", "", "load()"},
  {"open", "db:close()", "db = check(open())"},
  {"first statement", "",
   "check(db:query('insert into t values ($1, $2, $3, $4)', 3, 'c', 0.5,\n"
   "  driver.blob('\\0c')))"},
  {"second statement", "db:query('select * from t') db:query(LATER, 3)",
   "check(db:query(LATER, 4))"},
  {"rows", "",
   "local rows = check(db:query('select id, name, x, bytes from t order by id'))\n"
   "if rows then assert(same(rows)) end"},
  {"large row", "large = ('x'):rep(100000)",
   "local rows = check(db:query('select $1 || name, bytes from t', large))\n"
   "if rows then assert(#rows[2][1] == 100001 and rows[2][2] == '\\0b') end"},
  {"transaction", "",
   "local done = check(db:begin()) and check(db:query(LATER, 5)) and\n"
   "  check(db:commit())\n"
   "if not done then return db:rollback() end"},
  {"refused row", "",
   "local rows, err = db:query('insert into t (id) values (1)')\n"
   "assert(not rows and err.reason == 'constraint', err)"},
  {"wrong statement", "",
   "local rows, err = db:query('selec')\n"
   "assert(not rows and err.reason == 'sql', err)"},
  {"wrong address", "",
   "local db, err = driver.open('')\n"
   "assert(not db and err.kind == 'config')"},
  {"close", "db:query('select 1')", "db:close()"},
  {"collect", "db:query('select 1') db = nil",
   "collectgarbage() collectgarbage()"},
  {"lock", "",
   "if driver.lock then\n"
   "  local one, two = driver.lock(LOCKS, 7), driver.lock(LOCKS, 2 ^ 47)\n"
   "  assert(not driver.lock(LOCKS, 7) and driver.locked(LOCKS, 7))\n"
   "  one:release() two:release()\n"
   "end"},
  {NULL, NULL, NULL}
};


/* what scenarios use; afterwards another connection must find no lock */
static const char common[] =
  "LATER = 'update t set x = $1'\n"
  "LOCKS = 'build/host/oom.lock'\n"
  "function check(result, err)\n"
  "  if not result then\n"
  "    assert(err.message:find('[Mm]emory'), err.message)\n"
  "  end\n"
  "  return result\n"
  "end\n"
  "function same(rows)\n"
  "  local a, b = rows[1], rows[2]\n"
  "  return #rows == 2 and a[1] == 1 and a[2] == 'a' and a[3] == nil and\n"
  "    a.n == 4 and b[3] == 0.25 and b[4] == '\\0b' and rows.columns[4] == 'bytes'\n"
  "end\n"
  "function fill()\n"
  "  db = assert(open())\n"
  "  assert(db:query('drop table if exists t'))\n"
  "  assert(db:query('create table t (id bigint primary key, name text, '\n"
  "    .. 'x float8, bytes ' .. BYTES .. ')'))\n"
  "  assert(db:query('insert into t values (1, $1, null, null), (2, $2, $3, $4)',\n"
  "    'a', 'b', 0.25, driver.blob('\\0b')))\n"
  "end\n";

static const char still_usable[] =
  "if db and tostring(db):find('open') then\n"
  "  assert(db:rollback())\n"
  "  assert(#assert(db:query('select * from t where id < 3')) == 2)\n"
  "  assert(db:query(LATER, 7))\n"
  "end\n"
  "local other = assert(open())\n"
  "assert(other:query(LATER, 1))\n"
  "assert(#assert(other:query('select * from t where id < 3')) == 2)\n"
  "other:close()\n"
  "collectgarbage() collectgarbage()\n"
  "if driver.lock then assert(driver.lock(LOCKS, 7)):release() end\n";

static const struct Engine {
  const char *name;
  lua_CFunction load;
  const char *setup;
} engines[] = {
  {"sqlite", luaopen_novita_sqlite_core,
   "BYTES = 'blob'\n"
   "function open()\n"
   "  local db, err = driver.open('build/host/oom.db')\n"
   "  if not db then return nil, err end\n"
   "  local done, failure = db:query('pragma synchronous = off')\n"
   "  return done and db, failure\n"
   "end\n"},
  {"postgres", luaopen_novita_postgres_core,
   "BYTES = 'bytea'\n"
   "function open()\n"
   "  return driver.open(os.getenv('NOVITA_SPEC_POSTGRES'))\n"
   "end\n"},
  {NULL, NULL, NULL}
};


static int load_again (lua_State *L) {
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_call(L, 0, 0);
  return 0;
}


static lua_State *new_state (const struct Engine *e) {
  lua_State *L = lua_newstate(lua_memory, NULL);
  luaL_openlibs(L);
  lua_pushcfunction(L, e->load);
  lua_call(L, 0, 1);
  lua_setglobal(L, "driver");
  lua_pushcfunction(L, e->load);
  lua_pushcclosure(L, load_again, 1);
  lua_setglobal(L, "load");
  run(L, "host", e->setup);
  run(L, "host", common);
  run(L, "host", "fill()");
  return L;
}


/* runs a scenario once; was the plan carried out? */
static int try (const struct Engine *e, const struct Scenario *s) {
  lua_State *L = new_state(e);
  char name[50], where[100];
  int status;
  snprintf(name, sizeof(name), "%s, %s", e->name, s->name);
  describe_plan(where, sizeof(where), name);
  status = run_plan(L, where, s->prepare, s->act, 0);
  if (status != 0 && (lua_tostring(L, -1) == NULL ||
                      strstr(lua_tostring(L, -1), "memory") == NULL))
    give_up(where, lua_tostring(L, -1) ? lua_tostring(L, -1) : "an error");
  lua_settop(L, 0);
  run(L, where, still_usable);
  lua_close(L);
  return plan.failed > 0;
}


/* every allocation of a scenario in turn; returns how many there are */
static int torture (const struct Engine *e, const struct Scenario *s,
                    int whose, int lasting) {
  int n;
  for (n = 0; n < MOST; n++) {
    make_plan(whose, lasting, n);
    if (!try(e, s))
      return n;
  }
  give_up(s->name, "no end");
  return 0;
}

/* }====================================================== */


int main (void) {
  const struct Engine *e;
  const struct Scenario *s;
  long total = 0;
  for (e = engines; e->name != NULL; e++) {
    for (s = scenarios; s->name != NULL; s++) {
      int lua = torture(e, s, LUA, SINGLE);
      int c = torture(e, s, C, SINGLE);
      torture(e, s, LUA, ALL);
      torture(e, s, C, ALL);
      printf("%-8s %-18s %4d allocations of Lua, %4d of C\n", e->name,
             s->name, lua, c);
      fflush(stdout);
      total += 2L * (lua + c);
    }
  }
  printf("%ld failures survived\n", total);
  return 0;
}
