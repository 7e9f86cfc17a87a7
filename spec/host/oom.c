/*
** oom.c
** Out of memory, at every allocation in turn.
**
** Each scenario below is run again and again, each time in a new Lua state;
** the first time its first allocation fails, then its second, until one run
** gets by without reaching that many. "Lua" fails what Lua allocates, "C"
** what our own code and libcurl do (the linker's --wrap and
** curl_global_init_mem). A failure is a single one, or the first of all that
** follow; Lua tries twice, so there a single one is two.
**
** libcurl may look a name up in a thread that outlives the transfer: for want
** of memory it does so even with an address in digits. That thread is never
** refused, so that what fails is the same each time, and it is waited for.
**
** Whatever fails: no crash, no leak, no wrong answer, the pool that was used
** works afterwards, and the error is one of memory, or one that libcurl makes
** of it.
*/

#include <dirent.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#define MOST	5000

#include "refusal.h"


/*
** {======================================================
** Allocators that fail
** =======================================================
*/

static pthread_t tried;	/* the thread that has the plan */

static long in_use;	/* blocks of our own code and libcurl, in all threads */


static int refuses (int whose) {
  return pthread_equal(pthread_self(), tried) && plan_refuses(whose);
}


/* 'change' more blocks are in use; returns how many */
static long tally (int change) {
  return __atomic_add_fetch(&in_use, change, __ATOMIC_SEQ_CST);
}


/* the names that --wrap gives: ours, and the real ones */
void *__real_malloc (size_t size);
void *__real_calloc (size_t count, size_t size);
void *__real_realloc (void *block, size_t size);
void __real_free (void *block);
void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t count, size_t size);
void *__wrap_realloc (void *block, size_t size);
void __wrap_free (void *block);
char *__wrap_strdup (const char *text);


void *__wrap_malloc (size_t size) {
  void *block = refuses(C) ? NULL : __real_malloc(size);
  tally(block != NULL);
  return block;
}


void *__wrap_calloc (size_t count, size_t size) {
  void *block = refuses(C) ? NULL : __real_calloc(count, size);
  tally(block != NULL);
  return block;
}


void *__wrap_realloc (void *block, size_t size) {
  void *new_block = refuses(C) ? NULL : __real_realloc(block, size);
  tally(block == NULL && new_block != NULL);
  return new_block;
}


void __wrap_free (void *block) {
  tally(-(block != NULL));
  __real_free(block);
}


static void *lua_memory (void *data, void *block, size_t had, size_t size) {
  (void)data;
  if (size == 0) {
    __real_free(block);
    return NULL;
  }
  if ((block == NULL || size > had) && refuses(LUA))
    return NULL;
  return __real_realloc(block, size);
}


char *__wrap_strdup (const char *text) {
  size_t size = strlen(text) + 1;
  char *copy = __wrap_malloc(size);
  return copy ? memcpy(copy, text, size) : NULL;
}

/* }====================================================== */


/*
** {======================================================
** Threads of libcurl
** A pool that closes does not wait for a look-up (CURLOPT_QUICK_EXIT): the
** thread frees what it has when it is done. Only then can blocks be counted.
** =======================================================
*/

#define PATIENCE	10000	/* milliseconds; then a thread has no end */


static int threads (void) {
  DIR *tasks = opendir("/proc/self/task");
  struct dirent *task;
  int n = 0;
  if (tasks == NULL)
    give_up("oom", "cannot see the threads in /proc");
  while ((task = readdir(tasks)) != NULL)
    n += task->d_name[0] != '.';
  closedir(tasks);
  return n;
}


/* returns once this thread is the only one */
static void outlast_threads (const char *where) {
  int i;
  for (i = 0; threads() > 1; i++) {
    if (i == PATIENCE)
      give_up(where, "a thread does not end");
    usleep(1000);
  }
}

/* }====================================================== */


/*
** {======================================================
** Scenarios
** =======================================================
*/

/* 'prepare' has all the memory it wants, 'act' has not */
static const struct Scenario {
  const char *name, *prepare, *act;
} scenarios[] = {
  {"open", "", "open()"},
  {"first chat", "", "return check(core.chat(ask('Hi')))"},
  {"chat on a kept connection", "core.chat(ask('x'))",
   "return check(core.chat(ask('Hi')))"},
  {"refused chat", "",
   "local reply, err = core.chat(ask('Hi'), { api_key = 'sk_wrong' })\n"
   "assert(not reply)\n"
   "return err.kind == 'authentication' or err"},
  {"bad request", "",
   "local reply, err = core.chat({ model = 'm', message = { core } })\n"
   "assert(not reply and err.kind == 'config')"},
  {"create", "", "return start()"},
  {"create and descriptor", "", "local p = core.pool() p:fd() p:close()"},
  {"whole life", "", "return start() or check(finish(pool, transfer))"},
  {"models", "",
   "pool = core.pool()\n"
   "local answer, err = finish(pool, pool:request{ path = '/models' })\n"
   "return err and not answer and err or #answer.data > 0"},
  {"upload", "",
   "pool = core.pool()\n"
   "local answer, err = finish(pool, pool:request({ path = '/models', method =\n"
   "  'POST', form = { { name = 'a', bytes = 'b' }, { name = 'file', path =\n"
   "  'Makefile', type = 'text/plain' } } }, { query = { a = 1, key = 'x' } }))\n"
   "assert(not answer)\n"
   "return err.status == 404 or err"},
  {"download", "",
   "pool = core.pool()\n"
   "local path, err = finish(pool, pool:request{ path = '/models',\n"
   "  save_to = 'build/host/models' })\n"
   "return path or err"},
  {"writer", "",
   "local writer, problem = core.writer('build/host/written')\n"
   "assert(writer, problem)\n"
   "assert(writer:write('x') and writer:sync() and writer:finish())\n"
   "core.writer('build/host/written'):close()"},
  {"base64", "text = core.base64(('\\0\\0\\0\\64'):rep(30))",
   "assert(core.base64(('\\0\\0\\0\\64'):rep(30)) == text)\n"
   "assert(core.floats(text)[30] == 2)"},
  {"cancel", "start() pool:poll(0)",
   "transfer:cancel()\n"
   "local reply, err = transfer:reply()\n"
   "assert(not reply and err.kind == 'cancelled')"},
  {"close", "start() pool:poll(0)", "transfer:close() pool:close()"},
  {"collect", "start() pool:poll(0) transfer = nil",
   "collectgarbage() collectgarbage()"},
  {"collect all", "start() pool:poll(0) transfer, pool = nil, nil",
   "collectgarbage() collectgarbage()"},
  {"reply", "start() while pool:poll(1) > 0 do end",
   "return check(transfer:reply())"},
  {"headers", "start() while pool:poll(1) > 0 do end\n"
              "_, info = transfer:reply()",
   "assert(info.headers['content-type'])\n"
   "for name, value in info.headers() do assert(name, value) end"},
  {"stream", "",
   "pool = core.pool()\n"
   "local request = ask('Hi') request.stream, request.max_tokens = true, 4\n"
   "transfer = assert(pool:chat(request))\n"
   "local text, chunk, err = ''\n"
   "repeat\n"
   "  chunk, err = transfer:next()\n"
   "  if chunk == nil then pool:poll(1) while pool:ready() do end end\n"
   "  local choice = chunk and chunk.choices[1]\n"
   "  if choice then text = text .. (choice.delta.content or '') end\n"
   "until chunk == false\n"
   "assert(err or text ~= '' and EXPECTED:sub(1, #text) == text)\n"
   "return err"},
  {"text of a stream", "",
   "pool = core.pool()\n"
   "local request = ask('Hi') request.stream, request.max_tokens = true, 4\n"
   "transfer = assert(pool:chat(request))\n"
   "local text, chunk, err, more = ''\n"
   "repeat\n"
   "  chunk, err, more = transfer:next(true)\n"
   "  if chunk == nil then pool:poll(1) while pool:ready() do end end\n"
   "  if chunk and type(more) == 'string' then text = text .. more end\n"
   "until chunk == false\n"
   "assert(err or text ~= '' and EXPECTED:sub(1, #text) == text)\n"
   "return err"},
  {NULL, NULL, NULL}
};


/* what scenarios use; 'check' returns true, an error of libcurl's, or raises */
static const char common[] =
  "function check(reply, err)\n"
  "  if not reply then return err end\n"
  "  assert(reply:text() == EXPECTED, 'a wrong answer')\n"
  "  return true\n"
  "end\n"
  "function start()\n"
  "  pool = core.pool()\n"
  "  transfer = assert(pool:chat(ask('Hi')))\n"
  "end\n";

/* afterwards all must work, with the pool that was used and without */
static const char still_usable[] =
  "if transfer then transfer:close() end\n"
  "if pool and pool:usable() then\n"
  "  assert(check(finish(pool, assert(pool:chat(ask('Hi'))))) == true)\n"
  "end\n"
  "assert(check(core.chat(ask('Hi'))) == true)\n";


static int open_again (lua_State *L) {
  lua_pushcfunction(L, luaopen_novita_core);
  lua_call(L, 0, 0);
  return 0;
}


/*
** Is that what one may get for want of memory? Lua raises it; libcurl makes
** of it what it likes, but an error of the transport it must be.
*/
static int is_fair (lua_State *L, int status) {
  const char *text;
  if (status == 0 && !lua_istable(L, -1))
    return lua_isnil(L, -1) || lua_toboolean(L, -1);
  if (status == 0) {
    lua_getfield(L, -1, "kind");
    text = lua_tostring(L, -1);
    lua_pop(L, 1);
    return text != NULL && (strcmp(text, "connection") == 0 ||
                            strcmp(text, "response_too_large") == 0);
  }
  text = lua_tostring(L, -1);
  return text != NULL && strstr(text, "memory") != NULL;
}


/* what is on the top, as text */
static const char *show (lua_State *L) {
  lua_getglobal(L, "tostring");
  lua_insert(L, -2);
  lua_call(L, 1, 1);
  return lua_tostring(L, -1);
}


/* a state for scenarios, which know the right answer */
static lua_State *new_state (const char *expected) {
  lua_State *L = lua_newstate(lua_memory, NULL);
  furnish(L);
  lua_pushcfunction(L, open_again);
  lua_setglobal(L, "open");
  lua_pushstring(L, expected);
  lua_setglobal(L, "EXPECTED");
  run(L, "host", common);
  return L;
}


/* runs a scenario once; was the plan carried out? */
static int try (const struct Scenario *s, const char *expected) {
  lua_State *L = new_state(expected);
  char where[100];
  int status;
  describe_plan(where, sizeof(where), s->name);
  status = run_plan(L, where, s->prepare, s->act, 1);
  if (!is_fair(L, status))
    give_up(where, show(L));
  lua_settop(L, 0);
  run(L, where, still_usable);
  lua_close(L);
  outlast_threads(where);
  return plan.failed > 0;
}


/* every allocation of a scenario in turn; returns how many there are */
static int torture (const struct Scenario *s, const char *expected, int whose,
                    int lasting) {
  int n;
  for (n = 0; n < MOST; n++) {
    long left, before = tally(0);
    int failed;
    make_plan(whose, lasting, n);
    failed = try(s, expected);
    left = tally(0) - before;
    if (n > 0 && left != 0) {
      char text[100];
      snprintf(text, sizeof(text), "%ld blocks left after allocation %d",
               left, n + 1);
      give_up(s->name, text);
    }
    if (!failed)
      return n;
  }
  give_up(s->name, "no end");
  return 0;
}

/* }====================================================== */


static lua_State *volatile keeper;  /* LeakSanitizer must see it */


/* asks once in a state that stays, and with it the libraries that it loaded */
static const char *right_answer (void) {
  lua_State *L = keeper = new_state(NULL);
  run(L, "host", "EXPECTED = core.chat(ask('Hi')):text()");
  lua_getglobal(L, "EXPECTED");
  return lua_tostring(L, -1);
}


int main (void) {
  const struct Scenario *s;
  const char *expected;
  long total = 0;
  tried = pthread_self();
  if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, __wrap_malloc, __wrap_free,
                           __wrap_realloc, __wrap_strdup, __wrap_calloc))
    give_up("oom", "libcurl");
  expected = right_answer();
  for (s = scenarios; s->name != NULL; s++) {
    int lua = torture(s, expected, LUA, SINGLE);
    int c = torture(s, expected, C, SINGLE);
    torture(s, expected, LUA, ALL);
    torture(s, expected, C, ALL);
    printf("%-28s %4d allocations of Lua, %4d of C\n", s->name, lua, c);
    fflush(stdout);
    total += 2L * (lua + c);
  }
  printf("%ld failures survived\n", total);
  return 0;
}
