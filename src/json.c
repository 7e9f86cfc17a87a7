/*
** json.c
** The seam to lua-cjson, which reads JSON for us: its decoder, set to strict
** numbers, between two passes of ours. Before it, the text is looked over
** (text.c). After it, a null member is absent from its object, a null in an
** array is novita.null, and an integer is a Lua integer where Lua has them
** (lua-cjson 2.1.0 gives floats: 60.0).
**
** Neovim has a lua-cjson inside, vim.json, which serves where there is no
** other. Its null is vim.NIL and its {} is marked; neither leaves this file.
*/

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "binding.h"

#define EXACT	9007199254740992.0	/* 2^53 */

/* texts that get blanks, see push_text: longer ones are no chunks */
#define SHORT_STRING	16
#define LONG_CHUNK	2048
#define BLANKS		4
#define MIX		UINT64_C(0x9E3779B97F4A7C15)	/* 2^64 / golden
						   ratio: Knuth 6.4 */


static void normalise (lua_State *L, int table);


/*
** Makes of the float on the top an integer, if it is one that Lua has and
** that the float holds exactly; returns whether.
*/
static int to_integer (lua_State *L) {
#if LUA_VERSION_NUM >= 503
  lua_Number x = lua_tonumber(L, -1);
  if (lua_isinteger(L, -1) || floor(x) != x || fabs(x) > EXACT)
    return 0;
  lua_pop(L, 1);
  lua_pushinteger(L, (lua_Integer)x);
  return 1;
#else
  (void)L;
  return 0;
#endif
}


/* is the value at 'index' novita.null (and cjson.null), or vim.NIL? */
int nv_json_isnull (lua_State *L, int index) {
  int same;
  if (lua_type(L, index) == LUA_TLIGHTUSERDATA)
    return lua_touserdata(L, index) == NULL;
  if (lua_type(L, index) != LUA_TUSERDATA)
    return 0;
  lua_pushvalue(L, index);
  lua_rawgeti(L, NV_STATE, NV_STATE_NIL);
  same = lua_rawequal(L, -1, -2);
  lua_pop(L, 2);
  return same;
}


/* the value on the top stands at the key below it; both stay there */
static void normalise_member (lua_State *L, int table) {
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
      normalise(L, lua_gettop(L));
      break;
    case LUA_TLIGHTUSERDATA: case LUA_TUSERDATA:
      if (!nv_json_isnull(L, -1))
        break;
      lua_pushvalue(L, -2);
      if (lua_type(L, -1) == LUA_TSTRING)
        lua_pushnil(L);
      else
        lua_pushlightuserdata(L, NULL);  /* novita.null */
      lua_rawset(L, table);
      break;
    case LUA_TNUMBER:
      if (to_integer(L)) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, table);
      }
      break;
  }
}


static void normalise (lua_State *L, int table) {
  luaL_checkstack(L, 6, "response nested too deep");
  if (lua_getmetatable(L, table)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    lua_setmetatable(L, table);
  }
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1))
    normalise_member(L, table);
}


/* is there anything to normalise in what was decoded? */
static int is_foreign (lua_State *L, const NvFindings *found) {
  int foreign = found->nulls || LUA_VERSION_NUM >= 503;
  lua_rawgeti(L, NV_STATE, NV_STATE_NIL);
  foreign |= !lua_isnil(L, -1);  /* it may be Neovim's {} */
  lua_pop(L, 1);
  return foreign;
}


/*
** Pushes a decoder: an instance of our own, so that nobody's settings are
** changed. 'cjson' is the index of the module. (Neovims that make no
** instances of vim.json read numbers like 0x10 too: so be it.)
*/
static void push_decoder (lua_State *L, int cjson) {
  lua_getfield(L, cjson, "new");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getfield(L, cjson, "decode");
    return;
  }
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "decode_invalid_numbers");
  lua_pushboolean(L, 0);
  lua_call(L, 1, 0);
  lua_getfield(L, -1, "decode");
  lua_remove(L, -2);
}


/* pushes the value of the text on the top, or what is wrong with it */
static int decode_top (lua_State *L) {
  int status;
  lua_rawgeti(L, NV_STATE, NV_STATE_DECODE);
  lua_pushvalue(L, -2);
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  return status == 0 ? 0 : -1;
}


/*
** lua-cjson learns the locale's decimal point when an instance is made. If
** the program has changed it since, every fraction is an error to it: then
** it has to learn again. (In a locale whose point is more than one byte it
** would abort.)
*/
static int learn_point (lua_State *L) {
  if (strlen(localeconv()->decimal_point) != 1)
    return -1;
  lua_rawgeti(L, NV_STATE, NV_STATE_CJSON);
  push_decoder(L, lua_gettop(L));
  lua_rawseti(L, NV_STATE, NV_STATE_DECODE);
  lua_pop(L, 1);
  return 0;
}


/*
** Pushes the text for lua-cjson. Up to 5.1 a long string is kept once, and
** found by a hash of some of its bytes, in LuaJIT the first and the last four
** and eight more: the chunks of a stream, which differ elsewhere, would all
** be in one slot, and searching it took a fifth of the time of a chunk. So
** blanks follow that depend on the whole text.
*/
static void push_text (lua_State *L, const char *text, size_t length) {
#if LUA_VERSION_NUM < 502
  static const char blanks[] = " \t\n\r";
  char padded[LONG_CHUNK + BLANKS];
  uint64_t hash = length, word;
  size_t i;
  if (length > SHORT_STRING && length <= LONG_CHUNK) {
    memcpy(padded, text, length);
    for (i = 0; i + sizeof(word) <= length; i += sizeof(word)) {
      memcpy(&word, text + i, sizeof(word));
      hash = (hash ^ word) * MIX;
    }
    hash >>= 56;  /* the bits that depend on all */
    for (i = length; i < length + BLANKS; i++, hash >>= 2)
      padded[i] = blanks[hash & 3];
    lua_pushlstring(L, padded, length + BLANKS);
    return;
  }
#endif
  lua_pushlstring(L, text, length);
}


/*
** Pushes the value of a JSON text and returns 0, or pushes what is wrong
** with it (never a part of it) and returns -1. A leading BOM is skipped.
*/
int nv_json_decode (lua_State *L, const char *text, size_t length) {
  NvFindings found;
  int result;
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3;
    length -= 3;
  }
  found = nv_text_inspect(text, length);
  if (found.problem != NULL) {
    lua_pushstring(L, found.problem);
    return -1;
  }
  if (found.broken)
    nv_text_mend(L, text, length, 1);
  else
    push_text(L, text, length);
  result = decode_top(L);
  if (result != 0 && found.fractions && learn_point(L) == 0) {
    lua_pop(L, 1);
    result = decode_top(L);
  }
  lua_remove(L, -2);
  if (result == 0 && lua_istable(L, -1) && is_foreign(L, &found))
    normalise(L, lua_gettop(L));
  else if (result == 0 && lua_type(L, -1) == LUA_TNUMBER)
    to_integer(L);
  return result;
}


/* core.decode(text) -> value | nil, error */
int nv_json_parse (lua_State *L) {
  size_t length;
  const char *text = luaL_checklstring(L, 1, &length);
  if (nv_json_decode(L, text, length) == 0)
    return 1;
  lua_pushnil(L);
  nv_error_push(L, "invalid_response");
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "message");
  return 2;
}


/* pushes field 'name' of the table on the top, or nil if it is none */
static void push_field (lua_State *L, const char *name) {
  if (lua_istable(L, -1))
    lua_getfield(L, -1, name);
  else
    lua_pushnil(L);
}


/*
** Leaves what belongs to Neovim in the state table, which is on the top:
** how it writes null and {} in Lua. Pushes its vim.json, or nil.
*/
static void open_editor (lua_State *L) {
  int vim = lua_gettop(L) + 1;
  lua_getglobal(L, "vim");
  push_field(L, "NIL");
  lua_rawseti(L, vim - 1, NV_STATE_NIL);
  push_field(L, "_empty_dict_mt");
  lua_rawseti(L, vim - 1, NV_STATE_DICT);
  push_field(L, "json");
  lua_remove(L, vim);
}


/* leaves lua-cjson and its decoder in the state table, which is on the top */
void nv_json_open (lua_State *L) {
  int cjson = lua_gettop(L) + 1, status;
  open_editor(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  if (status == 0)
    lua_replace(L, cjson);
  else if (lua_istable(L, cjson))
    lua_pop(L, 1);  /* then vim.json does */
  else
    luaL_error(L, "novita needs lua-cjson (Debian: apt-get install lua-cjson;"
                  " LuaRocks: luarocks install lua-cjson)");
  push_decoder(L, cjson);
  lua_rawseti(L, cjson - 1, NV_STATE_DECODE);
  lua_rawseti(L, cjson - 1, NV_STATE_CJSON);
}
