/*
** option_check.c
** Checks the values of options, one function for each kind: it returns what is
** wrong with the value, or stores it and returns NULL.
*/

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"

#define NO_LIMIT		1e9	/* seconds that count as no limit */


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


/*
** Is the value the last valid one of its kind? Then it is stored. Most
** programs use one.
*/
static int is_known (lua_State *L, int slot, int index, void *to) {
  int same;
  lua_rawgeti(L, NV_STATE, slot);
  same = lua_rawequal(L, -1, index);
  lua_pop(L, 1);
  if (same)
    *(const char **)to = lua_tostring(L, index);
  return same;
}


/* remembers the value at 'index' as the last valid one; returns NULL */
static const char *remember (lua_State *L, int slot, int index) {
  lua_pushvalue(L, index);
  lua_rawseti(L, NV_STATE, slot);
  return NULL;
}


static const char *check_key (lua_State *L, int index, NvCall *o,
                              void *to) {
  const char *problem, *key;
  if (is_known(L, NV_STATE_KEY, index, to))
    return NULL;
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
    if ((unsigned char)*key >= 0x80)  /* pasted invisible characters */
      return "has a character in it that is not ASCII";
  }
  return remember(L, NV_STATE_KEY, index);
}


static const char *type_problem (const struct stat *info) {
  return S_ISREG(info->st_mode) ? NULL
       : S_ISDIR(info->st_mode) ? "is a directory, not a file"
                                : "is not a regular file";
}


/* returns why a file can't be read, or NULL; only regular files don't block */
const char *nv_file_problem (const char *path, int *empty) {
  struct stat info;
  if (stat(path, &info) != 0 || access(path, R_OK) != 0)
    return "is not a readable file";
  *empty = info.st_size == 0;
  return type_problem(&info);
}


/* returns why a file can't be replaced or created at the path, or NULL */
const char *nv_file_target_problem (const char *path, size_t length) {
  struct stat info;
  if (length == 0)
    return "is empty";
  if (strlen(path) != length)
    return "has a zero byte in it";
  return stat(path, &info) == 0 ? type_problem(&info) : NULL;
}


/* checks that a file is readable; libcurl checks its content on use */
static const char *check_file (lua_State *L, int index, NvCall *o,
                               void *to) {
  const char *problem;
  int empty = 0;
  if (is_known(L, NV_STATE_FILE, index, to))
    return NULL;
  problem = check_text(L, index, o, to);
  if (problem == NULL)
    problem = nv_file_problem(lua_tostring(L, index), &empty);
  return problem ? problem
       : empty ? "is an empty file" : remember(L, NV_STATE_FILE, index);
}


/* checks that a file is readable and has a PEM header */
static const char *check_pem (lua_State *L, int index, NvCall *o, void *to) {
  const char *problem = check_file(L, index, o, to);
  char line[200];
  int found = 0;
  FILE *file = problem == NULL ? fopen(lua_tostring(L, index), "r") : NULL;
  while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL)
    found = strncmp(line, "-----BEGIN", 10) == 0;
  if (file != NULL)
    fclose(file);
  return problem ? problem : found ? NULL : "is not a PEM file";
}


/* checks the URL with libcurl, the most expensive of all checks */
static const char *check_url (lua_State *L, int index, const char *url) {
  if (!nv_url_is_valid(url))
    return "is not a URL";
  return remember(L, NV_STATE_URL, index);
}


/* accepts http(s)://host/path without user name, query and fragment */
static const char *check_base_url (lua_State *L, int index, NvCall *o,
                                   void *to) {
  const char *problem, *host;
  size_t length;
  if (is_known(L, NV_STATE_URL, index, to))
    return NULL;
  problem = check_text(L, index, o, to);
  if (problem != NULL)
    return problem;
  host = o->base_url;
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


/* stores the index that nv_options_read moves the table to */
static const char *check_pairs (lua_State *L, int index, NvCall *o,
                                void *to) {
  (void)o;
  *(int *)to = index - 1;
  return lua_istable(L, index) ? NULL : "is not a table of names and values";
}


/* in the order of the enumeration in binding.h */
const NvKind nv_option_kinds[KIND_COUNT] = {
  {check_seconds, "number|false", "seconds"},
  {check_bytes, "integer", "bytes"},
  {check_boolean, "boolean", NULL},
  {check_text, "string", NULL},
  {check_file, "string", NULL},
  {check_pem, "string", NULL},
  {check_key, "string|false", NULL},
  {check_base_url, "string", NULL},
  {check_pairs, "table<string, string|number|false>", NULL},
  {check_pairs, "table<string, string|number|boolean>", NULL}
};
