/*
** pool_request.c
** pool:request(): a request to any endpoint, with a body or a multipart form;
** the response body as JSON, as text or in a file.
*/

#include <errno.h>
#include <string.h>

#include "binding.h"


/* pushes and returns a string field, or returns 'otherwise' if it is nil */
static const char *text_field (lua_State *L, int index, const char *name,
                               const char *otherwise) {
  lua_getfield(L, index, name);
  if (lua_isnil(L, -1) && otherwise != NULL)
    return otherwise;
  if (lua_type(L, -1) != LUA_TSTRING)
    luaL_error(L, "field '%s' must be a string", name);
  return lua_tostring(L, -1);
}


/* pushes and returns a string field, or returns NULL if nil or empty */
static const char *optional_field (lua_State *L, int index,
                                   const char *name) {
  const char *text = text_field(L, index, name, "");
  return *text != '\0' ? text : NULL;
}


/* pushes and returns the string field of a path, or returns NULL if nil */
static const char *path_field (lua_State *L, int index, const char *name) {
  const char *path = text_field(L, index, name, "");
  return lua_isnil(L, -1) ? NULL : path;
}


static int read_answer (lua_State *L) {
  static const char *const names[] = {"json", "type", "text", "chat", NULL};
  static const int answers[] = {NV_JSON, NV_BY_TYPE, NV_TEXT, NV_CHAT};
  const char *name = text_field(L, 2, "answer", "json");
  int i = 0;
  while (names[i] != NULL && strcmp(names[i], name) != 0)
    i++;
  luaL_argcheck(L, names[i] != NULL, 2,
                "answer must be json, type, text or chat");
  return answers[i];
}


/* pushes `save_to` and what is wrong with the path on the top; returns -1 */
static int save_to_problem (lua_State *L, const char *mark,
                            const char *problem) {
  int path = lua_gettop(L);
  lua_pushliteral(L, "save_to");
  lua_pushfstring(L, "%s%s %s", nv_describe(L, path), mark, problem);
  lua_remove(L, -2);
  return -1;
}


/*
** Opens the file of `save_to`. A name that is not a regular file's is not
** taken: the rename would replace a device. Returns 0, or -1 with the option
** and the problem pushed.
*/
static int read_save_to (lua_State *L, NvTransfer *t) {
  const char *path = path_field(L, 2, "save_to"), *problem;
  NvFiles *files;
  int failed;
  if (path == NULL)
    return 0;
  problem = nv_file_target_problem(path, lua_rawlen(L, -1));
  if (problem != NULL)
    return save_to_problem(L, "", problem);
  files = nv_transfer_files(t);
  failed = files == NULL ? ENOMEM : nv_download_open(&files->download, path);
  if (failed == ENOMEM)
    return luaL_error(L, "not enough memory");
  return failed == 0 ? 0 : save_to_problem(L, ":", strerror(failed));
}


/* returns what is wrong with a field whose strings begin at 'first' */
static const char *field_problem (lua_State *L, const NvField *f,
                                  int first) {
  static const char control[] = "has a control character in it";
  int i, empty;
  for (i = first; i < first + 4; i++) {
    if (lua_type(L, i) == LUA_TSTRING &&
        nv_has_control(lua_tostring(L, i), lua_rawlen(L, i)))
      return control;
  }
  return f->path ? nv_file_problem(f->path, &empty) : NULL;
}


/*
** Reads a form field from the table on the top; its strings stay on the stack.
** Returns 0, or -1 with the field and the problem pushed.
*/
static int read_field (lua_State *L, NvField *f) {
  int table = lua_gettop(L);
  const char *problem;
  luaL_checktype(L, table, LUA_TTABLE);
  f->name = text_field(L, table, "name", NULL);
  f->filename = optional_field(L, table, "filename");
  f->type = optional_field(L, table, "type");
  f->path = path_field(L, table, "path");
  f->bytes = text_field(L, table, "bytes", "");
  f->length = lua_isnil(L, -1) ? 0 : lua_rawlen(L, -1);
  problem = field_problem(L, f, table + 1);
  if (problem == NULL)
    return 0;
  lua_pushfstring(L, "files.%s", f->name);
  if (f->path != NULL)
    lua_pushfstring(L, "\"%s\" %s", f->path, problem);
  else
    lua_pushstring(L, problem);
  return -1;
}


/* reads `form` of the request at 2; 0, or -1 with field and problem pushed */
static int read_form (lua_State *L, NvOptions *o) {
  NvField *fields;
  int i, n;
  lua_getfield(L, 2, "form");
  n = lua_istable(L, -1) ? (int)lua_rawlen(L, -1) : 0;
  if (n == 0)
    return 0;
  nv_checkstack(L, 6 * n + 10);
  fields = lua_newuserdatauv(L, (size_t)n * sizeof(*fields), 0);
  memset(fields, 0, (size_t)n * sizeof(*fields));
  for (i = 0; i < n; i++) {
    lua_rawgeti(L, 5, i + 1);
    if (read_field(L, &fields[i]) != 0)
      return -1;
  }
  o->fields = fields;
  o->field_count = (size_t)n;
  return 0;
}


/* reads body, method and path; their strings stay on the stack */
static void read_request (lua_State *L, NvTransfer *t, const char **method,
                          const char **path) {
  const char *body;
  *method = text_field(L, 2, "method", "GET");
  *path = text_field(L, 2, "path", NULL);
  body = text_field(L, 2, "body", "");
  luaL_argcheck(L, **path == '/' && !nv_has_control(*path, strlen(*path)) &&
                   strchr(*path, ' ') == NULL, 2, "path must begin with /");
  luaL_argcheck(L, strspn(*method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") ==
                   strlen(*method), 2, "method must be in capitals");
  if (nv_buffer_append(&t->request, body,
                       lua_isnil(L, -1) ? 0 : lua_rawlen(L, -1)) != 0)
    luaL_error(L, "not enough memory");
  t->answer = read_answer(L);
}


/*
** pool:request({ method, path, body, form, stream, answer, save_to, public },
** options) -> transfer, slot | nil, error. 'path' is appended to the base URL;
** 'form' is a list of { name, bytes | path, filename, type } instead of
** 'body'; 'answer' is "json", "text", "chat" (JSON of a completion) or "type"
** (JSON if its Content-Type is JSON). A 'public' request needs no key.
*/
int nv_pool_request (lua_State *L) {
  NvPool *p = nv_checkpool(L);
  NvTransfer *t;
  NvCall o;
  NvOptions form;
  const char *method, *path;
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 3);
  t = nv_newtransfer(L, 1, 1);  /* 4 */
  memset(&form, 0, sizeof(form));
  if (read_form(L, &form) != 0)  /* 5 */
    return nv_error_config(L);
  read_request(L, t, &method, &path);
  if (nv_options_read(L, 3, &o) != 0)
    return nv_error_config(L);
  o.wire.fields = form.fields;
  o.wire.field_count = form.field_count;
  if (form.fields != NULL && nv_transfer_files(t) == NULL)
    return luaL_error(L, "not enough memory");
  lua_getfield(L, 2, "stream");
  o.wire.stream |= lua_toboolean(L, -1);
  lua_getfield(L, 2, "public");
  if (lua_toboolean(L, -1) && o.api_key == NULL)
    o.anonymous = 1;
  if (read_save_to(L, t) != 0 ||
      nv_start_request(L, p, t, &o, method, path) != 0)
    return nv_error_config(L);
  lua_settop(L, 4);
  lua_pushinteger(L, t->id);
  return 2;
}
