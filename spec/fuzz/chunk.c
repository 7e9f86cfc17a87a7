/*
** chunk.c
** Fuzz target of the whole chunk path: bytes to events to tables, and the
** reply that these make. An input says how to cut, then what to take:
**
**   1 byte    bit 0: the connection breaks at the end; the next two bits
**             choose max_event_bytes
**   1 byte    how many piece lengths follow, in its low three bits
**   n bytes   lengths of the pieces, used in turn
**   the rest  the body of a streamed response
**
** It must give the same chunks, the same end and the same reply when it
** comes whole, byte by byte and in those pieces, and when chunks that repeat
** the one before are not decoded; and no error may hold the key that was
** sent. There is no libcurl in it: the bytes are put where a
** transfer's callback would put them.
*/

#include "fuzz.h"

typedef struct Input {
  const char *bytes;
  size_t size, ceiling;
  int breaks;
} Input;

/*
** What is kept in Lua: next(transfer) with our own upvalue, and log(list,
** assembler, ...), which writes down what next returned.
*/
static int next_ref, begin_ref, log_ref, end_ref;

static int brief;  /* are repeated chunks not to be decoded? */

static const char program[] =
  CHECK_ERROR
  "local next_chunk = ...\n"
  "local core = require('novita.core')\n"
  "local assemble = require('novita.stream.accumulator')\n"
  "local methods = require('novita.reply')\n"
  "local function shown(value)\n"
  "  local text, err = core.encode(value)\n"
  "  return text or err.message\n"
  "end\n"
  "local function begin() return {}, assemble.new() end\n"
  "local function log(list, assembler, chunk, err, text)\n"
  "  if chunk == true then\n"
  "    chunk = list.last\n"
  "    chunk.choices[1].delta.content = text\n"
  "  end\n"
  "  list.last = chunk\n"
  "  if chunk then\n"
  "    list[#list + 1] = shown(chunk)\n"
  "    list[#list + 1] = assembler:add(chunk)\n"
  "  elseif err then\n"
  "    check_error(err)\n"
  "    list[#list + 1] = ('%s: %s: %s'):format(err.kind, err.message,\n"
  "      tostring(err.body))\n"
  "  end\n"
  "end\n"
  "local function finish(list, assembler)\n"
  "  local reply = assembler:build()\n"
  "  list[#list + 1] = shown(reply) .. tostring(assembler:complete())\n"
  "  if reply.choices[1] then\n"
  "    methods.json(reply)\n"
  "    list[#list + 1] = shown((methods.tool_calls(reply)) or {})\n"
  "  end\n"
  "  return table.concat(list, '\\n')\n"
  "end\n"
  "return next_chunk, begin, log, finish\n";


static int call_next (lua_State *S) {
  NvTransfer *t = lua_touserdata(S, 1);
  lua_settop(S, 0);
  return nv_chat_chunk_next(S, t, brief);
}


static void setup (void) {
  open_lua(program, call_next, 4);
  end_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  log_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  begin_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  next_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}


static NvTransfer *new_stream (const Input *in) {
  static const char head[] = "x-request-id: 1";
  NvTransfer *t = new_transfer(200, "stream", head, sizeof(head) - 1);
  nv_sse_init(&t->sse, in->ceiling);
  t->sse.errors = 1;
  t->options.stream = 1;
  t->state = NV_RUNNING;
  return t;
}


/*
** Takes chunks until there is nothing more for now (0) or at all (1); the
** list and the assembler are on the top.
*/
static int take (NvTransfer *t) {
  int top = lua_gettop(L);
  for (;;) {
    int results, ended;
    lua_rawgeti(L, LUA_REGISTRYINDEX, log_ref);
    lua_pushvalue(L, top - 1);
    lua_pushvalue(L, top);
    lua_rawgeti(L, LUA_REGISTRYINDEX, next_ref);
    lua_pushlightuserdata(L, t);
    if (lua_pcall(L, 1, LUA_MULTRET, 0) != 0)
      fail("next");
    results = lua_gettop(L) - top - 3;
    ended = lua_isboolean(L, top + 4) && !lua_toboolean(L, top + 4);
    if (!ended && lua_isnil(L, top + 4)) {
      lua_settop(L, top);
      return 0;
    }
    if (lua_pcall(L, 2 + results, 0, 0) != 0)
      fail("assembler");
    if (ended)
      return 1;
  }
}


/* feeds the body in pieces; leaves what came of it on the top */
static void run (const Input *in, const uint8_t *lengths, size_t count) {
  NvTransfer *t = new_stream(in);
  size_t offset = 0, turn = 0;
  int ended = 0;
  lua_rawgeti(L, LUA_REGISTRYINDEX, begin_ref);
  lua_call(L, 0, 2);
  while (offset < in->size && !ended) {
    size_t piece = count > 0 ? lengths[turn++ % count] : in->size;
    if (piece == 0 || piece > in->size - offset)
      piece = in->size - offset;
    nv_buffer_append(&t->body, in->bytes + offset, piece);
    offset += piece;
    ended = take(t);
  }
  end_transfer(t, in->breaks);
  if (!ended && !take(t))
    fail("a transfer that is done goes on");
  nv_pool_drop(t);
  lua_rawgeti(L, LUA_REGISTRYINDEX, end_ref);
  lua_insert(L, -3);
  if (lua_pcall(L, 2, 1, 0) != 0)
    fail("reply");
}


static void compare (const char *how) {
  if (!lua_rawequal(L, -1, -2)) {
    fprintf(stderr, "whole:\n%s\n\n%s:\n%s\n", lua_tostring(L, -2), how,
            lua_tostring(L, -1));
    abort();
  }
  lua_pop(L, 1);
}


int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static const size_t ceilings[] = {0, 30, 200, 2000};
  static const uint8_t one = 1;
  Input in;
  size_t count;
  if (L == NULL)
    setup();
  if (size < 2 || size - 2 < (size_t)(data[1] & 7))
    return 0;
  count = data[1] & 7;
  in.breaks = data[0] & 1;
  in.ceiling = ceilings[data[0] >> 1 & 3];
  in.bytes = (const char *)data + 2 + count;
  in.size = size - 2 - count;
  run(&in, NULL, 0);
  run(&in, &one, 1);
  compare("byte by byte");
  run(&in, data + 2, count);
  compare("in pieces");
  brief = 1;
  run(&in, NULL, 0);
  brief = 0;
  compare("without decoding repeats");
  lua_settop(L, 0);
  return 0;
}
