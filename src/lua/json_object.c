/*
** json_object.c
** Encodes the members of an object sorted by name, so that equal tables have
** equal JSON.
**
** Encoding a member may run the garbage collector, and with it code that
** changes the table or encodes JSON itself. So the names of an object are kept
** on the Lua stack, or in a table if there are many, until it is written.
*/

#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define FEW	16	/* names kept on the stack */

typedef struct Key {
  const char *text;
  size_t length;
  int at;		/* index of the string on the stack or in the table */
} Key;

typedef struct Keys {
  Key few[FEW];
  Key *keys;		/* 'few', or the block of a userdata */
  size_t count;
  int table;		/* index of the table that keeps them, or 0 */
} Keys;


static int compare_keys (const void *a, const void *b) {
  const Key *x = a, *y = b;
  size_t n = x->length < y->length ? x->length : y->length;
  int order = memcmp(x->text, y->text, n);
  return order != 0 ? order
                    : (x->length > y->length) - (x->length < y->length);
}


/* sorts a few names by insertion, which costs less than a call of qsort */
static void sort_keys (Keys *k) {
  size_t i, at;
  if (k->count > FEW) {
    qsort(k->keys, k->count, sizeof(Key), compare_keys);
    return;
  }
  for (i = 1; i < k->count; i++) {
    Key key = k->keys[i];
    for (at = i; at > 0 && compare_keys(&k->keys[at - 1], &key) > 0; at--)
      k->keys[at] = k->keys[at - 1];
    k->keys[at] = key;
  }
}


/* returns the number of members, of any kind */
size_t nv_json_count (lua_State *L, int index) {
  size_t n = 0;
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
    n++;
  return n;
}


/*
** Pushes a userdata and a table with space for all names. The garbage
** collector does not run between the last count and the return.
*/
static void reserve_keys (lua_State *L, int index, Keys *k) {
  int top = lua_gettop(L);
  size_t room;
  do {
    room = nv_json_count(L, index);
    lua_settop(L, top);
    k->keys = lua_newuserdatauv(L, room * sizeof(Key), 0);
    lua_createtable(L, (int)room, 0);
  } while (nv_json_count(L, index) > room);
  k->table = top + 2;
}


/* keeps the name below the top; pops the value, leaves the name */
static void keep_key (lua_State *L, Keys *k) {
  Key *key = &k->keys[k->count++];
  key->text = lua_tolstring(L, -2, &key->length);
  lua_pop(L, 1);
  lua_pushvalue(L, -1);  /* for lua_next */
  key->at = lua_gettop(L) - 1;
  if (k->table != 0) {
    key->at = (int)k->count;
    lua_rawseti(L, k->table, key->at);
  }
}


/*
** Keeps the names of the table at 'index', unsorted. Returns 0, or -1 with
** path and problem pushed.
*/
static int keep_keys (NvJson *j, int index, const NvPath *path, Keys *k) {
  lua_State *L = j->L;
  int top = lua_gettop(L);
  nv_checkstack(L, FEW + 8);
  k->keys = k->few;
  k->count = 0;
  k->table = 0;
  for (lua_pushnil(L); lua_next(L, index); ) {
    if (lua_type(L, -2) != LUA_TSTRING)
      return nv_describe_problem(j, path, "%s can't be a member's name: it is "
                                 "not a string",
                                 nv_describe(L, lua_gettop(L) - 1));
    if (k->count == FEW && k->table == 0) {  /* restart */
      lua_settop(L, top);
      reserve_keys(L, index, k);
      k->count = 0;
      lua_pushnil(L);
    }
    else
      keep_key(L, k);
  }
  return 0;
}


/*
** Calls 'write' for each member of the table at 'index', sorted by name, with
** the index of the value and its path, and returns its first result that is
** not 0. Skips members that are removed meanwhile.
*/
int nv_json_members (NvJson *j, int index, NvPath *up, NvJsonWriter write) {
  lua_State *L = j->L;
  Keys k;
  size_t i;
  int top = lua_gettop(L), result = 0;
  if (keep_keys(j, index, up, &k) != 0)
    return -1;
  sort_keys(&k);
  for (i = 0; i < k.count; i++) {
    NvPath path = {0};
    path.up = up;
    path.key = k.keys[i].text;
    path.key_length = k.keys[i].length;
    if (k.table != 0)
      lua_rawgeti(L, k.table, k.keys[i].at);
    else
      lua_pushvalue(L, k.keys[i].at);
    lua_rawget(L, index);
    if (!lua_isnil(L, -1))
      result = write(j, lua_gettop(L), &path);
    if (result != 0)
      return result;
    lua_pop(L, 1);
  }
  lua_settop(L, top);
  return 0;
}
