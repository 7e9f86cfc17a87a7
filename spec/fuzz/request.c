/*
** request.c
** Fuzz target of the request path: an input is JSON, a list of a request
** and options. The request is checked and written, also as the JSON of any
** value; what was written must be read back and written the same again. The
** options and headers are read, but for the call itself.
*/

#include "fuzz.h"

static int check_ref;

static const char program[] =
  "local options = ...\n"
  "local core = require('novita.core')\n"
  "local function again(write, value)\n"
  "  local text, err = write(value)\n"
  "  if not text then assert(err.kind == 'config' and err.message) return end\n"
  "  local value2 = assert(core.decode(text))\n"
  "  local text2 = assert(write(value2))\n"
  "  assert(text == text2, text .. '\\n' .. text2)\n"
  "end\n"
  "local numbers = { 'temperature', 'top_p', 'stream_options' }\n"
  "return function(input)\n"
  "  local value = core.decode(input)\n"
  "  if type(value) ~= 'table' then return end\n"
  "  again(core.encode, value)\n"
  "  local request = value[1]\n"
  "  if type(request) ~= 'table' then return end\n"
  "  for _, name in ipairs(numbers) do\n"
  "    if type(request[name]) ~= 'number' then request[name] = nil end\n"
  "  end\n"
  "  again(core.body, request)\n"
  "  if type(value[2]) == 'table' then\n"
  "    local ok, err = pcall(options, value[2])\n"
  "    assert(ok or tostring(err):find('option'), err)\n"
  "  end\n"
  "end\n";


/* reads the options; writes headers and query of a transfer that never starts */
static int read_options (lua_State *S) {
  static NvPool closed;
  NvTransfer *t;
  NvCall o;
  lua_settop(S, 1);
  if (nv_options_read(S, 1, &o) != 0)
    return 0;
  t = nv_transfer_new(&closed);
  if (nv_request_headers_write(S, t, &o) == 0 && o.query != 0)
    nv_query_push(S, &o, "/path");
  nv_pool_drop(t);
  return 0;
}


static void setup (void) {
  open_lua(program, read_options, 1);
  check_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  if (L == NULL)
    setup();
  lua_rawgeti(L, LUA_REGISTRYINDEX, check_ref);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != 0)
    fail("request");
  lua_settop(L, 0);
  return 0;
}
