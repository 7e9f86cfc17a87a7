/*
** request_query.c
** The query of a request's URL from the option `query`, a table of names and
** values. Sorted by name, so that equal tables make equal URLs.
*/

#include <string.h>

#include "binding.h"

#define UNRESERVED \
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


static int query_problem (lua_State *L, int key, const char *problem) {
  lua_pushfstring(L, "query[%s]", nv_describe(L, key));
  lua_pushstring(L, problem);
  lua_remove(L, -3);
  return -1;
}


/* appends 'mark' and the percent-encoded string (RFC 3986, 2.1) */
static void append_escaped (lua_State *L, NvBuffer *b, const char *mark,
                            int index) {
  static const char hex[] = "0123456789ABCDEF";
  size_t length, i;
  const char *text = lua_tolstring(L, index, &length);
  char *room = nv_buffer_reserve(b, 3 * length + 1), *to = room;
  if (room == NULL)
    luaL_error(L, "not enough memory");
  *to++ = *mark;
  for (i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c != '\0' && strchr(UNRESERVED, c) != NULL)
      *to++ = (char)c;
    else {
      *to++ = '%';
      *to++ = hex[c >> 4];
      *to++ = hex[c & 15];
    }
  }
  b->end += (size_t)(to - room);
}


/*
** Appends the pair with its name at 'key' and its value above it: a string, a
** number or true; false omits the pair. Replaces the value by its string.
*/
static int append_pair (lua_State *L, NvBuffer *b, int key,
                        const char *mark) {
  if (lua_type(L, key) != LUA_TSTRING || lua_rawlen(L, key) == 0)
    return query_problem(L, key, "is not the name of a parameter");
  if (lua_isboolean(L, key + 1)) {
    if (!lua_toboolean(L, key + 1))
      return 0;
    lua_pushliteral(L, "true");
    lua_replace(L, key + 1);
  }
  if (!nv_text_number(L, key + 1))
    return query_problem(L, key, "the value is not a finite number");
  if (!lua_isstring(L, key + 1))
    return query_problem(L, key, "the value is not a string or a number");
  append_escaped(L, b, mark, key);
  append_escaped(L, b, "=", key + 1);
  return 0;
}


/* is the name at 'a' less than the one at 'b'? */
static int precedes (lua_State *L, int a, int b) {
  if (lua_type(L, a) != LUA_TSTRING || lua_type(L, b) != LUA_TSTRING)
    return 0;
  return strcmp(lua_tostring(L, a), lua_tostring(L, b)) < 0;
}


/* pushes the pairs of the table at 'query', sorted; returns the next index */
static int push_pairs (lua_State *L, int query) {
  int i, n = 0, first = lua_gettop(L) + 1, end = first;
  for (lua_pushnil(L); lua_next(L, query); lua_pop(L, 1))
    n++;
  nv_checkstack(L, 2 * n + 10);
  for (lua_pushnil(L); lua_next(L, query); end += 2) {
    for (i = first; i < end && !precedes(L, end, i); i += 2)
      ;
    lua_pushvalue(L, end);  /* for lua_next */
    lua_insert(L, i);
    lua_insert(L, i + 1);
  }
  return end;
}


/*
** Pushes the query of the option `query`, which must be set, to append to the
** path, which may have one already: "?a=b&c=d", "&a=b" or "". Returns 0, or -1
** with the option and the problem pushed.
*/
int nv_query_push (lua_State *L, const NvCall *o, const char *path) {
  NvBuffer *b = nv_newbuffer(L);
  int i, first = lua_gettop(L) + 1;
  int end = push_pairs(L, o->query);
  for (i = first; i < end; i += 2) {
    int more = strchr(path, '?') != NULL || nv_buffer_length(b) > 0;
    if (append_pair(L, b, i, more ? "&" : "?") != 0)
      return -1;
  }
  lua_pushlstring(L, nv_buffer_length(b) > 0 ? nv_buffer_data(b) : "",
                  nv_buffer_length(b));
  lua_replace(L, first);
  lua_settop(L, first);
  nv_buffer_free(b);
  lua_remove(L, first - 1);
  return 0;
}
