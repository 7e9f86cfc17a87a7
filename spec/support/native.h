/*
** native.h
** What the C modules of the specs share: the end of a call that failed, and
** the command line of a child.
*/

#ifndef SPEC_SUPPORT_NATIVE_H
#define SPEC_SUPPORT_NATIVE_H

#include <errno.h>
#include <string.h>

#include <lauxlib.h>
#include <lua.h>

#ifndef luaL_newlib	/* PUC 5.1 */
#define luaL_newlib(L,l)	(lua_newtable(L), luaL_openlib(L, NULL, l, 0))
#endif

#define LONGEST		60	/* seconds a child may live */
#define MAX_WORDS	32	/* of a command line */


static int fail (lua_State *L, const char *what) {
  return luaL_error(L, "%s: %s", what, strerror(errno));
}


/* the list of strings at the index 1, which keeps them alive, for execvp */
static void take_words (lua_State *L, char *words[MAX_WORDS + 1]) {
  int i;
  luaL_checktype(L, 1, LUA_TTABLE);
  for (i = 0; i < MAX_WORDS; i++) {
    lua_rawgeti(L, 1, i + 1);
    words[i] = (char *)lua_tostring(L, -1);
    lua_pop(L, 1);
    if (words[i] == NULL)
      break;
  }
  words[i] = NULL;
}

#endif
