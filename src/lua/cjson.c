/*
** cjson.c
** Decodes JSON with lua-cjson, between two passes of ours. json_scan.c checks
** the text before. Afterwards null members are removed from objects, nulls in
** arrays become novita.null, and integers become Lua integers where Lua has
** them (lua-cjson 2.1.0 returns floats: 60.0). json_restore.c restores empty
** lists and long integers.
**
** Without lua-cjson, Neovim's vim.json is used, which contains it. Its vim.NIL
** and the metatable of its {} are replaced here.
*/

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "binding.h"

#define EXACT	9007199254740992.0	/* 2^53 */

/* lengths of texts that are padded, see push_text */
#define SHORT_STRING	16
#define LONG_CHUNK	2048
#define PADDING		4
#define MIX		UINT64_C(0x9E3779B97F4A7C15)	/* 2^64 / golden
						   ratio: Knuth 6.4 */


static void normalise (lua_State *L, int table);


/*
** Sets '*n' to the float on the top and returns 1, if Lua has integers and the
** float is an exact one; else returns 0.
*/
static int get_integer (lua_State *L, lua_Integer *n) {
#if LUA_VERSION_NUM >= 503
  lua_Number x = lua_tonumber(L, -1);
  if (!(fabs(x) <= EXACT) || lua_isinteger(L, -1))
    return 0;
  *n = (lua_Integer)x;
  return (lua_Number)*n == x;
#else
  (void)L; (void)n;
  return 0;
#endif
}


/* normalises the value on the top, whose key is below it; pops neither */
static void normalise_member (lua_State *L, int table) {
  lua_Integer n;
  switch (lua_type(L, -1)) {
    case LUA_TTABLE:
      normalise(L, lua_gettop(L));
      break;
    case LUA_TLIGHTUSERDATA: case LUA_TUSERDATA:
      if (!nv_isnull(L, -1))
        break;
      lua_pushvalue(L, -2);
      if (lua_type(L, -1) == LUA_TSTRING)
        lua_pushnil(L);
      else
        lua_pushlightuserdata(L, NULL);  /* novita.null */
      lua_rawset(L, table);
      break;
    case LUA_TNUMBER:
      if (get_integer(L, &n)) {
        lua_pushvalue(L, -2);
        lua_pushinteger(L, n);
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


/* may the decoded value need to be normalised? */
static int needs_normalising (lua_State *L, const NvJsonScan *found) {
  int foreign = found->nulls || LUA_VERSION_NUM >= 503;
  lua_rawgeti(L, NV_STATE, NV_STATE_NIL);
  foreign |= !lua_isnil(L, -1);  /* Neovim marks its {} */
  lua_pop(L, 1);
  return foreign;
}


/*
** Pushes the decoder of a new instance of the module at index 'cjson', so that
** settings are not shared; or the module's own if it has no instances.
*/
static void push_decoder (lua_State *L, int cjson) {
  lua_getfield(L, cjson, "new");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    lua_getfield(L, cjson, "decode");
    return;
  }
  lua_call(L, 0, 1);
  lua_getfield(L, -1, "decode");
  lua_remove(L, -2);
}


/* pushes the value of the text at 'index', or the error; returns its status */
static int call_decoder (lua_State *L, int index) {
  lua_rawgeti(L, NV_STATE, NV_STATE_DECODE);
  lua_pushvalue(L, index);
  return lua_pcall(L, 1, 1, 0);
}


/*
** Pushes the value of the text on the top and returns 0, or pushes what is
** wrong with it and returns -1. An error may also come from a hook (Ctrl-C) or
** a finalizer: if it does not recur without hooks it is raised again.
*/
static int decode_top (lua_State *L) {
  int text = lua_gettop(L), mask = lua_gethookmask(L), status;
  int count = lua_gethookcount(L);
  lua_Hook hook = lua_gethook(L);
  status = call_decoder(L, text);
  if (status == 0)
    return 0;
  if (status != LUA_ERRMEM) {
    lua_sethook(L, NULL, 0, 0);
    status = call_decoder(L, text);
    lua_sethook(L, hook, mask, count);
    if (status == LUA_ERRRUN && lua_rawequal(L, -1, -2)) {
      lua_pop(L, 1);
      return -1;
    }
  }
  if (status != LUA_ERRMEM)
    lua_settop(L, text + 1);  /* the first error */
  return lua_error(L);
}


/*
** Creates a new instance of lua-cjson after a change of locale: an instance
** reads the decimal point once, and otherwise rejects every fraction. Returns
** -1 if the point is not a single byte, for which lua-cjson aborts.
*/
static int renew_decoder (lua_State *L) {
  if (strlen(localeconv()->decimal_point) != 1)
    return -1;
  lua_rawgeti(L, NV_STATE, NV_STATE_CJSON);
  push_decoder(L, lua_gettop(L));
  lua_rawseti(L, NV_STATE, NV_STATE_DECODE);
  lua_pop(L, 1);
  return 0;
}


/*
** Pushes the text for lua-cjson. Lua 5.1 and LuaJIT intern all strings by a
** hash of some bytes, in LuaJIT the first and last four and eight more. The
** chunks of a stream differ elsewhere, so they would collide, and the search
** took a fifth of the time of a chunk. So white space is appended that depends
** on the whole text.
*/
static void push_text (lua_State *L, const char *text, size_t length) {
#if LUA_VERSION_NUM < 502
  static const char blanks[] = " \t\n\r";
  char padded[LONG_CHUNK + PADDING];
  uint64_t hash = length, word;
  size_t i;
  if (length > SHORT_STRING && length <= LONG_CHUNK) {
    memcpy(padded, text, length);
    for (i = 0; i + sizeof(word) <= length; i += sizeof(word)) {
      memcpy(&word, text + i, sizeof(word));
      hash = (hash ^ word) * MIX;
    }
    hash >>= 56;  /* the top bits depend on all bytes */
    for (i = length; i < length + PADDING; i++, hash >>= 2)
      padded[i] = blanks[hash & 3];
    lua_pushlstring(L, padded, length + PADDING);
    return;
  }
#endif
  lua_pushlstring(L, text, length);
}


/*
** Pushes the text as decoded, then its value and returns 0; or then what is
** wrong with it (without quoting it) and returns -1. Skips a leading BOM.
** '*lossy': is json_restore.c needed?
*/
int nv_cjson_read (lua_State *L, const char *text, size_t length,
                   int *lossy) {
  NvJsonScan found;
  lua_Integer n;
  int result;
  if (length >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
    text += 3;
    length -= 3;
  }
  found = nv_json_scan(text, length);
  *lossy = found.exact;
  if (found.problem != NULL) {
    lua_pushliteral(L, "");
    lua_pushstring(L, found.problem);
    return -1;
  }
  if (found.broken)
    nv_text_sanitize(L, text, length, 1);
  else
    push_text(L, text, length);
  result = decode_top(L);
  if (result != 0 && found.fractions && renew_decoder(L) == 0) {
    lua_pop(L, 1);
    result = decode_top(L);
  }
  if (result == 0 && lua_istable(L, -1) && needs_normalising(L, &found))
    normalise(L, lua_gettop(L));
  else if (result == 0 && lua_type(L, -1) == LUA_TNUMBER &&
           get_integer(L, &n)) {
    lua_pop(L, 1);
    lua_pushinteger(L, n);
  }
  return result;
}


/* pushes a field of the value on the top, or nil if that is no table */
static void push_field (lua_State *L, const char *name) {
  if (lua_istable(L, -1))
    lua_getfield(L, -1, name);
  else
    lua_pushnil(L);
}


/*
** Stores Neovim's null and the metatable of its {} in the state table on the
** top, and pushes vim.json or nil. The access is raw because programs may
** forbid reading undefined globals.
*/
static void open_neovim (lua_State *L) {
  int vim = lua_gettop(L) + 1;
  lua_pushglobaltable(L);
  lua_pushliteral(L, "vim");
  lua_rawget(L, vim);
  lua_replace(L, vim);
  push_field(L, "NIL");
  lua_rawseti(L, vim - 1, NV_STATE_NIL);
  push_field(L, "_empty_dict_mt");
  lua_rawseti(L, vim - 1, NV_STATE_DICT);
  push_field(L, "json");
  lua_remove(L, vim);
}


/* stores lua-cjson and its decoder in the state table on the top */
void nv_cjson_open (lua_State *L) {
  int cjson = lua_gettop(L) + 1, status;
  open_neovim(L);
  lua_getglobal(L, "require");
  lua_pushliteral(L, "cjson");
  status = lua_pcall(L, 1, 1, 0);
  if (status == LUA_ERRMEM)
    lua_error(L);
  if (status == 0)
    lua_replace(L, cjson);
  else if (lua_istable(L, cjson))
    lua_pop(L, 1);  /* use vim.json */
  else {
    lua_pushliteral(L, "novita needs lua-cjson (Debian: apt-get install lua-"
                       "cjson; LuaRocks: luarocks install lua-cjson)");
    lua_error(L);
  }
  push_decoder(L, cjson);
  lua_rawseti(L, cjson - 1, NV_STATE_DECODE);
  lua_rawseti(L, cjson - 1, NV_STATE_CJSON);
}
