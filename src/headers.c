/*
** headers.c
** The header lines of a request: ours, and the user's from the options.
*/

#include <string.h>
#include <strings.h>

#include "binding.h"


static void add_header (lua_State *L, NvTransfer *t, const char *line) {
  if (nv_transfer_header(t, line) != 0)
    luaL_error(L, "not enough memory");
}


/* the length of the token (RFC 9110, 5.6.2) that 'name' begins with */
static size_t token_length (const char *name, size_t length) {
  size_t i = 0;
  while (i < length && name[i] > ' ' && name[i] < 0x7F &&
         strchr("\"(),/:;<=>?@[\\]{}", name[i]) == NULL)
    i++;
  return i;
}


/* the name may have swallowed the value: what follows the token is hidden */
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
                    nv_shown_push(L, key));
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
** One of the user's, at 'key' and 'key' + 1: a text or a number; or false
** for none at all, also not the one that libcurl would send.
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
    return header_problem(L, name, "is not for the caller to set");
  lua_pushvalue(L, key + 1);
  value = lua_tolstring(L, -1, &length);
  if (lua_isboolean(L, -1) && !lua_toboolean(L, -1))
    lua_pushfstring(L, "%s:", name);
  else if (value == NULL)
    return header_problem(L, name, "the value is not a string");
  else if (nv_has_control(value, length))
    return header_problem(L, name, "the value has a control character in it");
  else  /* "Name;" is libcurl's way to send an empty one */
    lua_pushfstring(L, length ? "%s: %s" : "%s;", name, value);
  add_header(L, t, lua_tostring(L, -1));
  lua_pop(L, 2);
  return 0;
}


/* do the user's headers, at 'headers' (0: none), name this one? */
static int has_header (lua_State *L, int headers, const char *name) {
  int found = 0;
  if (headers == 0)
    return 0;
  for (lua_pushnil(L); lua_next(L, headers); lua_pop(L, 1)) {
    if (lua_type(L, -2) == LUA_TSTRING &&
        strcasecmp(lua_tostring(L, -2), name) == 0)
      found = 1;
  }
  return found;
}


static int add_authorization (lua_State *L, NvTransfer *t, const NvCall *o,
                              int headers) {
  if (o->anonymous || has_header(L, headers, "authorization") ||
      has_header(L, headers, "api-key") || has_header(L, headers, "x-api-key"))
    return 0;
  if (o->api_key == NULL) {
    lua_pushliteral(L, "api_key");
    lua_pushliteral(L, "is missing: give one, set NOVITA_API_KEY, or say "
                       "api_key = false for a server that wants none");
    return -1;
  }
  lua_pushfstring(L, "Authorization: Bearer %s", o->api_key);
  add_header(L, t, lua_tostring(L, -1));
  lua_pop(L, 1);
  return 0;
}


/* ours, as far as the user has no other wish, then the user's */
int nv_headers_write (lua_State *L, NvTransfer *t, const NvCall *o,
                      int options) {
  int headers = 0;
  if (o->headers) {
    lua_getfield(L, options, "headers");
    headers = lua_gettop(L);
  }
  if (add_authorization(L, t, o, headers) != 0)
    return -1;
  if (nv_buffer_length(&t->request) > 0 &&
      !has_header(L, headers, "content-type"))
    add_header(L, t, "Content-Type: application/json");
  if (!has_header(L, headers, "expect"))
    add_header(L, t, "Expect:");  /* none: a large body would wait for it */
  if (!has_header(L, headers, "user-agent")) {
    if (o->user_agent)
      lua_pushfstring(L, "User-Agent: %s", o->user_agent);
    else
      lua_rawgeti(L, NV_STATE, NV_STATE_AGENT);
    add_header(L, t, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
  if (headers == 0)
    return 0;
  for (lua_pushnil(L); lua_next(L, headers); lua_pop(L, 1)) {
    if (add_user_header(L, t, headers + 1) != 0)
      return -1;
  }
  return 0;
}
