/*
** host.h
** What the host programs share: they link Lua and the module's objects, and
** run against the simulator at NOVITA_BASE_URL (spec/support/with-simulator).
*/

#ifndef host_h
#define host_h

#include <stdio.h>
#include <stdlib.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

int luaopen_novita_core (lua_State *L);


/* tells what went wrong, and ends the program */
static inline void give_up (const char *where, const char *what) {
  fprintf(stderr, "%s: %s\n", where, what);
  exit(1);
}


/* runs Lua code that must succeed */
static inline void run (lua_State *L, const char *where, const char *code) {
  if (luaL_loadstring(L, code) != 0 || lua_pcall(L, 0, 0, 0) != 0)
    give_up(where, lua_tostring(L, -1));
}


/* fills a new state with Lua's libraries and the global 'core' */
static inline void furnish (lua_State *L) {
  luaL_openlibs(L);
  lua_pushcfunction(L, luaopen_novita_core);
  lua_call(L, 0, 1);
  lua_setglobal(L, "core");
  run(L, "host",
      "MODEL = 'deepseek/deepseek-v3-0324'\n"
      "function ask(text) return { model = MODEL, message = text } end\n"
      "function finish(pool, transfer)\n"
      "  while pool:poll(10) > 0 do while pool:ready() do end end\n"
      "  return transfer:reply()\n"
      "end\n");
}

#endif
