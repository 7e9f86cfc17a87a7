/*
** options.c
** The options of a call: read, checked, and turned into what the transport
** wants. The headers of the request are headers.c's.
*/

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "binding.h"

#define DEFAULT_BASE_URL	"https://api.novita.ai/openai/v1"
#define NO_LIMIT		1e9	/* seconds: the same as none */


/* checks the value at 'index'; returns what is wrong with it, or NULL */
typedef const char *(*Check) (lua_State *L, int index, NvCall *o, void *to);


static const char *check_seconds (lua_State *L, int index, NvCall *o,
                                  void *to) {
  double seconds = lua_tonumber(L, index);
  (void)o;
  if (lua_type(L, index) == LUA_TBOOLEAN && !lua_toboolean(L, index))
    seconds = NO_LIMIT;
  else if (lua_type(L, index) != LUA_TNUMBER || !(seconds > 0))
    return "is not a time in seconds above 0, or false";
  *(double *)to = seconds < NO_LIMIT ? seconds : NO_LIMIT;
  return NULL;
}


static const char *check_bytes (lua_State *L, int index, NvCall *o,
                                void *to) {
  double bytes = lua_tonumber(L, index);
  (void)o;
  if (lua_type(L, index) != LUA_TNUMBER || !(bytes >= 1) || bytes > 1e15 ||
      floor(bytes) != bytes)
    return "is not a number of bytes of at least 1";
  *(size_t *)to = (size_t)bytes;
  return NULL;
}


static const char *check_boolean (lua_State *L, int index, NvCall *o,
                                  void *to) {
  (void)o;
  if (lua_type(L, index) != LUA_TBOOLEAN)
    return "is not true or false";
  *(int *)to = lua_toboolean(L, index);
  return NULL;
}


/* is there anything that would end a line, or the string, early? */
int nv_has_control (const char *s, size_t length) {
  size_t i;
  for (i = 0; i < length; i++) {
    if ((unsigned char)s[i] < 0x20 || s[i] == 0x7F)
      return 1;
  }
  return 0;
}


static const char *check_text (lua_State *L, int index, NvCall *o,
                               void *to) {
  size_t length;
  const char *text;
  (void)o;
  if (lua_type(L, index) != LUA_TSTRING)
    return "is not a string";
  text = lua_tolstring(L, index, &length);
  if (nv_has_control(text, length))
    return "has a control character in it";
  *(const char **)to = text;
  return NULL;
}


static const char *check_key (lua_State *L, int index, NvCall *o,
                              void *to) {
  const char *problem, *key;
  if (lua_type(L, index) == LUA_TBOOLEAN && !lua_toboolean(L, index)) {
    o->anonymous = 1;
    return NULL;
  }
  problem = check_text(L, index, o, to);
  if (problem != NULL)
    return problem;
  if (o->api_key[0] == '\0')
    return "is empty";
  for (key = o->api_key; *key != '\0'; key++) {
    if (*key == ' ')
      return "has a blank in it";
    if ((unsigned char)*key >= 0x80)  /* pasted along, and seldom seen */
      return "has a character in it that is not ASCII";
  }
  return NULL;
}


static const char *check_file (lua_State *L, int index, NvCall *o,
                               void *to) {
  const char *problem = check_text(L, index, o, to);
  if (problem == NULL && access(lua_tostring(L, index), R_OK) != 0)
    problem = "is not a readable file";
  return problem;
}


/* is it the last one that was good? most programs have but one */
static int is_known_url (lua_State *L, int index) {
  int same;
  lua_rawgeti(L, NV_STATE, NV_STATE_URL);
  same = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  return same;
}


/* asks libcurl, which is the most of what reading the options costs */
static const char *check_url (lua_State *L, int index, const char *url) {
  if (!nv_transfer_reads(url))
    return "is not a URL";
  lua_pushvalue(L, index);
  lua_rawseti(L, NV_STATE, NV_STATE_URL);
  return NULL;
}


/* "http(s)://host..." without user name, query and fragment */
static const char *check_base_url (lua_State *L, int index, NvCall *o,
                                   void *to) {
  const char *problem = check_text(L, index, o, to);
  const char *host = o->base_url;
  size_t length;
  if (problem != NULL || is_known_url(L, index))
    return problem;
  if (strncasecmp(host, "https://", 8) == 0)
    host += 8;
  else if (strncasecmp(host, "http://", 7) == 0)
    host += 7;
  else
    return "is not an http:// or https:// URL";
  length = strcspn(host, "/?#");
  if (memchr(host, '@', length) != NULL)
    return "has a user name or password in it";
  if (length == 0 || strpbrk(host, " \\?#") != NULL)
    return "is not the URL of a host and a path";
  return check_url(L, index, o->base_url);
}


static const char *check_headers (lua_State *L, int index, NvCall *o,
                                  void *to) {
  (void)to;
  o->headers = 1;
  return lua_istable(L, index) ? NULL : "is not a table of names and values";
}


enum { SHOWN, SECRET };  /* may an error show the value? */

static const struct Row {
  const char *name;
  Check check;
  size_t at;
  int secret;
} rows[] = {
  {"api_key", check_key, offsetof(NvCall, api_key), SECRET},
  {"attempt_timeout", check_seconds,
   offsetof(NvCall, wire.attempt_timeout), SHOWN},
  {"base_url", check_base_url, offsetof(NvCall, base_url), SHOWN},
  {"ca_file", check_file, offsetof(NvCall, wire.ca_file), SHOWN},
  {"connect_timeout", check_seconds,
   offsetof(NvCall, wire.connect_timeout), SHOWN},
  {"deadline", check_seconds, offsetof(NvCall, wire.deadline), SHOWN},
  {"first_byte_timeout", check_seconds,
   offsetof(NvCall, wire.first_byte_timeout), SHOWN},
  {"headers", check_headers, 0, SECRET},
  {"idle_timeout", check_seconds,
   offsetof(NvCall, wire.idle_timeout), SHOWN},
  {"max_event_bytes", check_bytes,
   offsetof(NvCall, wire.max_event_bytes), SHOWN},
  {"max_header_bytes", check_bytes,
   offsetof(NvCall, wire.max_header_bytes), SHOWN},
  {"max_response_bytes", check_bytes,
   offsetof(NvCall, wire.max_response_bytes), SHOWN},
  {"proxy", check_text, offsetof(NvCall, wire.proxy), SECRET},
  {"stream", check_boolean, offsetof(NvCall, wire.stream), SHOWN},
  {"user_agent", check_text, offsetof(NvCall, user_agent), SHOWN},
  {NULL, NULL, 0, SHOWN}
};


/* pushes the place and the problem of an option */
static int option_problem (lua_State *L, const struct Row *row, int value,
                           const char *problem) {
  const char *shown = "the value";
  lua_pushstring(L, row->name);
  if (row->secret == SHOWN) {
    shown = nv_shown_push(L, value);
    if (strpbrk(shown, "@?") != NULL)  /* a password, or a query */
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
  problem = row->check(L, value, o, (char *)o + row->at);
  return problem ? option_problem(L, row, value, problem) : 0;
}


/*
** A value of the environment, checked like one of the table; a problem says
** where it comes from.
*/
static int read_environment (lua_State *L, NvCall *o, const char *variable,
                             const char *name) {
  const char *value = getenv(variable);
  if (value == NULL || *value == '\0')
    return 0;
  lua_pushstring(L, value);
  if (read_option(L, lua_gettop(L), o, name) == 0)
    return 0;
  lua_pushfstring(L, " (from %s)", variable);
  lua_concat(L, 2);
  return -1;
}


/* what no table has said: the environment's wish, or the default */
static int read_defaults (lua_State *L, NvCall *o) {
  if (o->api_key == NULL && !o->anonymous &&
      read_environment(L, o, "NOVITA_API_KEY", "api_key") != 0)
    return -1;
  if (o->base_url == NULL &&
      read_environment(L, o, "NOVITA_BASE_URL", "base_url") != 0)
    return -1;
  if (o->base_url == NULL)
    o->base_url = DEFAULT_BASE_URL;
  return 0;
}


/*
** Reads the table at 'index' (or nothing at all) over the defaults and
** returns 0; or pushes the place and the problem and returns -1. An option
** that does not exist is the programmer's mistake: it raises. What the
** options point to lives as long as the stack is left alone.
*/
int nv_options_read (lua_State *L, int index, NvCall *o) {
  memset(o, 0, sizeof(*o));
  o->wire.connect_timeout = 10;
  o->wire.first_byte_timeout = 600;
  o->wire.idle_timeout = 120;
  o->wire.max_response_bytes = 64 * 1024 * 1024;
  o->wire.max_header_bytes = 256 * 1024;
  if (lua_isnoneornil(L, index))
    return read_defaults(L, o);
  luaL_checktype(L, index, LUA_TTABLE);
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING)
      return luaL_error(L, "a %s is not the name of an option",
                        luaL_typename(L, -2));
    if (read_option(L, lua_gettop(L), o, lua_tostring(L, -2)) != 0)
      return -1;
  }
  return read_defaults(L, o);
}
