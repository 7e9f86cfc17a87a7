/*
** options.c
** Reads the options of a call from a table, the environment and the defaults
** into an NvCall. Values are checked in option_check.c.
*/

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binding.h"

#define DEFAULT_BASE_URL	"https://api.novita.ai/openai/v1"

enum { SHOWN, SECRET };  /* may an error show the value? */

/* see http/options.h */
static const struct Row {
  const char *name;
  int kind;
  size_t at;
  int secret;
  double number;  /* the default */
  const char *words;  /* the same of a string */
  const char *topic;
  const char *help;
} rows[] = {
  {"api_key", KIND_KEY, offsetof(NvCall, api_key), SECRET, 0,
   "`NOVITA_API_KEY`", "server", "sent as `Authorization: Bearer ...`; "
   "`false` sends none"},
  {"base_url", KIND_URL, offsetof(NvCall, base_url), SHOWN, 0,
   "`NOVITA_BASE_URL`, else `" DEFAULT_BASE_URL "`", "server",
   "any OpenAI-compatible server, with or without `/chat/completions` at its "
   "end; no user name, query or fragment"},
  {"headers", KIND_HEADERS, offsetof(NvCall, headers), SECRET, 0,
   "none", "server", "additional headers; `false` removes one of the library; "
   "those of a call are added to the client's; `Authorization`, `api-key` or "
   "`x-api-key` replaces the key"},
  {"query", KIND_QUERY, offsetof(NvCall, query), SECRET, 0,
   "none", "server", "parameters added to every URL, sorted by name; `false` "
   "removes one; those of a call are added to the client's"},
  {"user_agent", KIND_TEXT, offsetof(NvCall, user_agent), SHOWN, 0,
   "`novita-lua/<version>`", "server", "the header `User-Agent`"},
#define ROW(name, kind, curl, secret, initial, topic, help) \
  {#name, KIND_##kind, offsetof(NvCall, wire.name), secret, \
   NV_PICK_##kind(initial, 0), NV_PICK_##kind(NULL, initial), topic, help},
  NV_OPTIONS(ROW)
  {NULL, 0, 0, 0, 0, NULL, NULL, NULL}
};

static const NvCall defaults = {
#define DEFAULT(name, kind, curl, secret, initial, topic, help) \
  .wire.name = NV_PICK_##kind(initial, NULL),
  NV_OPTIONS(DEFAULT)
};

#define ROWS	(int)(sizeof(rows) / sizeof(rows[0]))


/* core.options() -> a list of the options: name, type, default, ... */
int nv_options_list (lua_State *L) {
  const struct Row *row;
  lua_createtable(L, ROWS, 0);
  for (row = rows; row->name != NULL; row++) {
    lua_createtable(L, 0, 6);
    nv_settext(L, "name", row->name);
    nv_settext(L, "type", nv_option_kinds[row->kind].type);
    nv_settext(L, "unit", nv_option_kinds[row->kind].unit);
    nv_settext(L, "default", row->words);
    nv_settext(L, "topic", row->topic);
    nv_settext(L, "help", row->help);
    if (row->number > 0) {
      lua_pushnumber(L, row->number);
      lua_setfield(L, -2, "default");
    }
    lua_rawseti(L, -2, (int)(row - rows) + 1);
  }
  return 1;
}


/* may the text hold a password, a query or a misplaced key? */
static int may_be_secret (const char *shown) {
  return strpbrk(shown, "@?") != NULL || strncmp(shown, "\"sk_", 4) == 0 ||
         strncmp(shown, "\"sk-", 4) == 0;
}


/* pushes the name and the problem of an option; returns -1 */
static int option_problem (lua_State *L, const struct Row *row, int value,
                           const char *problem) {
  const char *shown = "the value";
  lua_pushstring(L, row->name);
  if (row->secret == SHOWN) {
    shown = nv_describe(L, value);
    if (may_be_secret(shown))
      shown = "the value";
  }
  lua_pushfstring(L, "%s %s", shown, problem);
  if (row->secret == SHOWN)
    lua_remove(L, -2);
  return -1;
}


static int read_option (lua_State *L, int value, NvCall *o,
                        const char *name) {
  const struct Row *row = rows;
  const char *problem;
  while (row->name != NULL && strcmp(row->name, name) != 0)
    row++;
  if (row->name == NULL)
    return luaL_error(L, "unknown option '%s'", name);
  problem = nv_option_kinds[row->kind].check(L, value, o, (char *)o + row->at);
  return problem ? option_problem(L, row, value, problem) : 0;
}


/*
** Reads an option from an environment variable's value, if it is not NULL. A
** problem names the variable.
*/
static int read_environment (lua_State *L, NvCall *o, const char *variable,
                             const char *value, const char *name) {
  if (value == NULL)
    return 0;
  lua_pushstring(L, value);
  if (read_option(L, lua_gettop(L), o, name) == 0)
    return 0;
  lua_pushfstring(L, " (from %s)", variable);
  lua_concat(L, 2);
  return -1;
}


/*
** Reads the certificates to trust from the environment, as curl does:
** CURL_CA_BUNDLE, or SSL_CERT_FILE and SSL_CERT_DIR. The file does not apply
** to a proxy, and is not checked without TLS.
*/
static int read_trust (lua_State *L, NvCall *o) {
  NvOptions *wire = &o->wire;
  const char *bundle = nv_getenv("CURL_CA_BUNDLE");
  const char *file = bundle ? bundle : nv_getenv("SSL_CERT_FILE");
  const char *folder = bundle ? NULL : nv_getenv("SSL_CERT_DIR");
  const char *from = bundle ? "CURL_CA_BUNDLE" : "SSL_CERT_FILE";
  if (folder != NULL) {
    lua_pushstring(L, folder);
    folder = lua_tostring(L, -1);
    wire->ca_path = wire->ca_file ? NULL : folder;
    wire->proxy_ca_path = wire->proxy_ca_file ? NULL : folder;
  }
  if (wire->ca_file != NULL || strncasecmp(o->base_url, "https:", 6) != 0)
    return 0;
  wire->ca_file_from = file ? from : NULL;
  return read_environment(L, o, from, file, "ca_file");
}


/* sets what the table lacks from the environment or the defaults */
static int read_defaults (lua_State *L, NvCall *o) {
  if (o->base_url == NULL &&
      read_environment(L, o, "NOVITA_BASE_URL",
                       nv_getenv("NOVITA_BASE_URL"), "base_url") != 0)
    return -1;
  if (o->base_url == NULL)
    o->base_url = DEFAULT_BASE_URL;
  if (read_trust(L, o) != 0)
    return -1;
  if (o->api_key != NULL || o->anonymous)
    return 0;
  o->exposed = nv_request_url_exposed(o->base_url, o->wire.proxy);
  return read_environment(L, o, "NOVITA_API_KEY",
                          nv_getenv("NOVITA_API_KEY"), "api_key");
}


/*
** Reads the table at 'index', which may be nil, and returns 0; or pushes the
** option and the problem and returns -1. Raises for an unknown option. Leaves
** the strings and tables that 'o' points to on the stack, because other code
** may change the table; they are valid until the caller pops them.
*/
int nv_options_read (lua_State *L, int index, NvCall *o) {
  *o = defaults;
  if (lua_isnoneornil(L, index))
    return read_defaults(L, o);
  luaL_checktype(L, index, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, index); ) {
    nv_checkstack(L, LUA_MINSTACK);
    if (lua_type(L, -2) != LUA_TSTRING)
      return luaL_error(L, "a %s is not the name of an option",
                        luaL_typename(L, -2));
    if (read_option(L, lua_gettop(L), o, lua_tostring(L, -2)) != 0)
      return -1;
    if (lua_type(L, -1) == LUA_TSTRING || lua_istable(L, -1))
      lua_insert(L, -2);
    else
      lua_pop(L, 1);
  }
  return read_defaults(L, o);
}
