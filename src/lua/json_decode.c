/*
** json_decode.c
** Decodes JSON: lua-cjson decodes (cjson.c), json_restore.c restores what it
** loses.
*/

#include "binding.h"


/*
** Pushes the value of a JSON text and returns 0, or pushes what is wrong
** with it (without quoting it) and returns -1. Skips a leading BOM.
*/
int nv_json_decode (lua_State *L, const char *text, size_t length) {
  int lossy, result = nv_cjson_read(L, text, length, &lossy);
  if (result == 0 && lossy) {
    text = lua_tolstring(L, -2, &length);
    nv_json_restore(L, text, length);
  }
  lua_remove(L, -2);
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
