/*
** request_headers.c
** Writes the header lines of a request: ours, and those of the option
** `headers`. The user's table is copied to the stack first, because other code
** may change it meanwhile.
*/

#include <string.h>
#include <strings.h>

#include "binding.h"

#define EXPECT_BYTES	(512 * 1024)	/* half of libcurl's threshold */


static void add_header (lua_State *L, NvTransfer *t, const char *line) {
  if (nv_transfer_add_header(t, line) != 0)
    luaL_error(L, "not enough memory");
}


/* returns the length of the token (RFC 9110, 5.6.2) at the start of 'name' */
static size_t token_length (const char *name, size_t length) {
  size_t i = 0;
  while (i < length && name[i] > ' ' && name[i] < 0x7F &&
         strchr("\"(),/:;<=>?@[\\]{}", name[i]) == NULL)
    i++;
  return i;
}


/* pushes the problem; the text after the token may be a secret value */
static int name_problem (lua_State *L, int key) {
  lua_pushliteral(L, "headers");
  if (lua_type(L, key) == LUA_TSTRING) {
    size_t length, token;
    const char *name = lua_tolstring(L, key, &length);
    token = token_length(name, length);
    lua_pushlstring(L, name, token < 60 ? token : 60);
    lua_pushfstring(L, "\"%s%s\" is not the name of a header",
                    lua_tostring(L, -1), token < length ? "..." : "");
  }
  else
    lua_pushfstring(L, "%s is not the name of a header",
                    nv_describe(L, key));
  lua_remove(L, -2);
  return -1;
}


static int header_problem (lua_State *L, const char *name,
                           const char *problem) {
  lua_pushfstring(L, "headers[\"%s\"]", name);
  lua_pushstring(L, problem);
  return -1;
}


/*
** Adds a header of the user's, name at 'key', value above it: a string, a
** number, or false, which suppresses libcurl's own header. Returns 0, or -1
** with the option and the problem pushed.
*/
static int add_user_header (lua_State *L, NvTransfer *t, int key) {
  size_t length;
  const char *name, *value;
  if (lua_type(L, key) != LUA_TSTRING)
    return name_problem(L, key);
  name = lua_tolstring(L, key, &length);
  if (length == 0 || token_length(name, length) < length)
    return name_problem(L, key);
  if (strcasecmp(name, "content-length") == 0 ||
      strcasecmp(name, "transfer-encoding") == 0)
    return header_problem(L, name, "can't be set");
  lua_pushvalue(L, key + 1);
  if (!nv_text_number(L, lua_gettop(L)))
    return header_problem(L, name, "the value is not a finite number");
  value = lua_tolstring(L, -1, &length);
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
    lua_pushfstring(L, "%s:", name);
  else if (value == NULL)
    return header_problem(L, name, "the value is not a string");
  else if (nv_has_control(value, length))
    return header_problem(L, name, "the value has a control character in it");
  else  /* libcurl sends an empty value for "Name;" */
    lua_pushfstring(L, length ? "%s: %s" : "%s;", name, value);
  add_header(L, t, lua_tostring(L, -1));
  lua_pop(L, 2);
  return 0;
}


/* the user's headers on the stack, each name followed by its value */
typedef struct UserHeaders {
  int first, end;  /* indices */
} UserHeaders;


/* pushes the members of the table at index 'headers' (0: none) */
static UserHeaders push_user_headers (lua_State *L, int headers) {
  UserHeaders g;
  int n = 0;
  g.first = g.end = lua_gettop(L) + 1;
  if (headers == 0)
    return g;
  for (lua_pushnil(L); lua_next(L, headers); lua_pop(L, 1))
    n++;
  nv_checkstack(L, 2 * n + 10);
  for (lua_pushnil(L); lua_next(L, headers); g.end += 2)
    lua_pushvalue(L, -2);  /* for lua_next */
  return g;
}


/* has the user set this header? */
static int has_header (lua_State *L, UserHeaders g, const char *name) {
  int i;
  for (i = g.first; i < g.end; i += 2) {
    if (lua_type(L, i) == LUA_TSTRING &&
        strcasecmp(lua_tostring(L, i), name) == 0)
      return 1;
  }
  return 0;
}


static int add_authorization (lua_State *L, NvTransfer *t, const NvCall *o,
                              UserHeaders g) {
  static const char bearer[] = "Authorization: Bearer ";
  if (o->anonymous || has_header(L, g, "authorization") ||
      has_header(L, g, "api-key") || has_header(L, g, "x-api-key"))
    return 0;
  if (o->api_key == NULL) {
    lua_pushliteral(L, "api_key");
    lua_pushliteral(L, "is missing: pass it, set NOVITA_API_KEY, or pass "
                       "api_key = false if the server needs none");
    return -1;
  }
  if (o->exposed) {
    lua_pushliteral(L, "api_key");
    lua_pushstring(L, o->exposed);
    return -1;
  }
  nv_text_join(L, NV_STATE_BEARER, bearer, sizeof(bearer) - 1, o->api_key);
  add_header(L, t, lua_tostring(L, -1));
  lua_pop(L, 1);
  return 0;
}


/* may libcurl ask for a 100 before it sends the body? */
static int may_expect (const NvTransfer *t, const NvCall *o) {
  return o->wire.fields != NULL ||
         nv_buffer_length(&t->request) >= EXPECT_BYTES;
}


/* adds our headers that the user has not set, then the user's */
int nv_request_headers_write (lua_State *L, NvTransfer *t, const NvCall *o) {
  UserHeaders g = push_user_headers(L, o->headers);
  int i;
  if (add_authorization(L, t, o, g) != 0)
    return -1;
  if (nv_buffer_length(&t->request) > 0 && !has_header(L, g, "content-type"))
    add_header(L, t, "Content-Type: application/json");
  if (may_expect(t, o) && !has_header(L, g, "expect"))
    add_header(L, t, "Expect:");  /* none: large bodies would wait for a 100 */
  if (!has_header(L, g, "user-agent")) {
    if (o->user_agent)
      lua_pushfstring(L, "User-Agent: %s", o->user_agent);
    else
      lua_rawgeti(L, NV_STATE, NV_STATE_AGENT);
    add_header(L, t, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  for (i = g.first; i < g.end; i += 2) {
    if (add_user_header(L, t, i) != 0)
      return -1;
  }
  return 0;
}
