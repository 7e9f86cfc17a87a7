/*
** fuzz.h
** What the fuzz targets share: a Lua state with novita.core in it, functions
** of their own that work as those of novita.core do, and the key, which no
** error may hold. A target includes it once; there is nothing to link.
*/

#ifndef novita_fuzz_h
#define novita_fuzz_h

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lualib.h>

#include "../../src/lua/binding.h"

#define KEY	"sk_secret/0123+key"

/* Lua: check_error(err) raises if an error has no words or holds the key */
#define CHECK_ERROR \
  "local function look(value)\n" \
  "  if type(value) == 'table' then\n" \
  "    for name, item in pairs(value) do look(name) look(item) end\n" \
  "  elseif type(value) == 'string' then\n" \
  "    assert(not value:find('" KEY "', 1, true), 'the key is in an error')\n" \
  "  end\n" \
  "end\n" \
  "local function check_error(err)\n" \
  "  assert(type(err.kind) == 'string' and err.message ~= '', 'no words')\n" \
  "  look(err)\n" \
  "  look(tostring(err))\n" \
  "end\n"

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);
int luaopen_novita_core (lua_State *L);

static lua_State *L;


/* ends the process with the error on the top */
static void fail (const char *what) {
  fprintf(stderr, "%s: %s\n", what, lua_tostring(L, -1));
  abort();
}


/* pushes 'function' with the upvalue that the functions of novita.core have */
static void push_core_function (lua_CFunction function) {
  lua_getglobal(L, "require");
  lua_pushliteral(L, "novita.core");
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "chat");
  lua_getupvalue(L, -1, 1);
  lua_pushcclosure(L, function, 1);
  lua_replace(L, -3);
  lua_pop(L, 1);
}


/*
** Opens the state and runs a program, which is given 'function' and returns
** 'results' values; these are left on the stack.
*/
static void open_lua (const char *program, lua_CFunction function,
                      int results) {
  L = luaL_newstate();
  luaL_openlibs(L);
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "preload");
  lua_pushcfunction(L, luaopen_novita_core);
  lua_setfield(L, -2, "novita.core");
  lua_settop(L, 0);
  if (luaL_loadstring(L, program) != 0)
    fail("setup");
  push_core_function(function);
  if (lua_pcall(L, 1, results, 0) != 0)
    fail("setup");
}


/* a transfer that has sent the key and got the head of an answer so far */
static NvTransfer *new_transfer (int status, const char *phase,
                                 const char *head, size_t length) {
  static NvPool closed;
  NvTransfer *t = nv_transfer_new(&closed);
  nv_transfer_add_header(t, "Authorization: Bearer " KEY);
  nv_transfer_share_lines(t);
  t->status = status;
  t->headers_complete = 1;
  t->phase = phase;
  nv_buffer_append(&t->head, "HTTP/1.1 200 OK\r\n", 17);
  nv_buffer_append(&t->head, head, length);
  nv_buffer_append(&t->head, "\r\n\r\n", 4);
  return t;
}


/* ends the exchange, whole or by a connection that broke */
static void end_transfer (NvTransfer *t, int breaks) {
  t->state = NV_DONE;
  if (!breaks)
    return;
  t->failure.kind = "connection";
  t->failure.reason = "reset";
  t->failure.phase = t->phase;
  strcpy(t->failure.text, "broken");
}

#endif
