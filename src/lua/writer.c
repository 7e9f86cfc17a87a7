/*
** writer.c
** A file written by Lua that is complete, or not there: core.writer(path)
** writes beside it, finish() has the disk hold all of it and renames.
*/

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binding.h"


typedef struct Writer {
  NvDownload file;		/* its descriptor is 0 once it is closed */
  pid_t pid;			/* of the process that may write it */
} Writer;


/* pushes nil and the text of an errno; memory raises */
static int push_errno (lua_State *L, int number) {
  if (number == ENOMEM)
    return luaL_error(L, "not enough memory");
  lua_pushnil(L);
  lua_pushstring(L, strerror(number));
  return 2;
}


/* drops what is not finished; idempotent */
static int writer_close (lua_State *L) {
  Writer *w = nv_checkself(L, NV_WRITER);
  if (w->pid == getpid())
    nv_download_free(&w->file);
  memset(&w->file, 0, sizeof(w->file));
  return 0;
}


static Writer *check_open (lua_State *L) {
  Writer *w = nv_checkself(L, NV_WRITER);
  if (w->file.descriptor == 0 || w->pid != getpid())
    luaL_error(L, "the writer is closed");
  return w;
}


/* reports the failure of a function of download.c; drops the file */
static int drop_failed (lua_State *L, Writer *w) {
  int number = w->file.error;
  nv_download_drop(&w->file);
  return push_errno(L, number);
}


/* writer:write(bytes) -> true | nil, problem */
static int writer_write (lua_State *L) {
  Writer *w = check_open(L);
  size_t length;
  const char *bytes = luaL_checklstring(L, 2, &length);
  if (nv_download_write(&w->file, bytes, length) != 0)
    return drop_failed(L, w);
  lua_pushboolean(L, 1);
  return 1;
}


/* writer:sync() -> true | nil, problem: the disk holds what was written */
static int writer_sync (lua_State *L) {
  Writer *w = check_open(L);
  if (nv_download_sync(&w->file) != 0)
    return drop_failed(L, w);
  lua_pushboolean(L, 1);
  return 1;
}


/* writer:finish() -> true | nil, problem */
static int writer_finish (lua_State *L) {
  Writer *w = check_open(L);
  if (nv_download_finish(&w->file, 1) != 0)
    return drop_failed(L, w);
  lua_pushboolean(L, 1);
  return 1;
}


/* core.writer(path, private?) -> writer | nil, problem */
int nv_writer_new (lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  const char *problem = nv_file_target_problem(path, length);
  int is_private = lua_toboolean(L, 2);
  Writer *w;
  int failed;
  if (problem != NULL) {
    lua_pushnil(L);
    lua_pushstring(L, problem);
    return 2;
  }
  w = nv_newobject(L, NV_WRITER, sizeof(*w), 0);
  w->pid = getpid();
  w->file.is_private = is_private;
  failed = nv_download_open(&w->file, path);
  return failed == 0 ? 1 : push_errno(L, failed);
}


/* core.same_file(path, other) -> boolean: do both lead to one file? */
int nv_writer_same (lua_State *L) {
  struct stat a, b;
  int found = stat(luaL_checkstring(L, 1), &a) == 0
              && stat(luaL_checkstring(L, 2), &b) == 0;
  lua_pushboolean(L, found && a.st_dev == b.st_dev && a.st_ino == b.st_ino);
  return 1;
}


void nv_writer_open (lua_State *L, int state) {
  static const luaL_Reg methods[] = {
    {"write", writer_write},
    {"sync", writer_sync},
    {"finish", writer_finish},
    {"close", writer_close},
    {NULL, NULL}
  };
  static const luaL_Reg metamethods[] = {
    {"__gc", writer_close},
    {"__close", writer_close},
    {NULL, NULL}
  };
  nv_newclass(L, NV_WRITER, state, methods, metamethods);
}
