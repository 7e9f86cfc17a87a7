/*
** compat.h
** Lua's C API from 5.1 and LuaJIT to 5.4, under the names of 5.4. The binding
** uses no function that would need more than this.
*/

#ifndef compat_h
#define compat_h

#include <lua.h>
#include <lauxlib.h>

#if LUA_VERSION_NUM < 502
#define lua_rawlen(L,i)		lua_objlen(L, i)
#define luaL_setfuncs(L,l,n)	luaL_openlib(L, NULL, l, n)
#define lua_absindex(L,i) \
	((i) > 0 || (i) <= LUA_REGISTRYINDEX ? (i) : lua_gettop(L) + (i) + 1)
#define lua_pushglobaltable(L)	lua_pushvalue(L, LUA_GLOBALSINDEX)
/* a 5.1 userdata has one "user value", a table: its environment */
#define lua_getiuservalue(L,i,n)	lua_getfenv(L, i)
#define lua_setiuservalue(L,i,n)	lua_setfenv(L, i)
#elif LUA_VERSION_NUM < 504
#define lua_getiuservalue(L,i,n)	lua_getuservalue(L, i)
#define lua_setiuservalue(L,i,n)	lua_setuservalue(L, i)
#endif

#if LUA_VERSION_NUM < 504
#define lua_newuserdatauv(L,size,n)	lua_newuserdata(L, size)
#endif

#endif
