/*
** folder.c
** Folders for the files of a user: core.mkdir.
*/

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "binding.h"

#define MAX_PATH	4096


/* makes a folder and those above it; 0 or an errno */
static int make_folders (const char *path, size_t length) {
  char part[MAX_PATH];
  size_t i;
  struct stat info;
  if (length >= sizeof(part))
    return ENAMETOOLONG;
  memcpy(part, path, length);
  part[length] = '\0';
  for (i = 1; i <= length; i++) {
    if (i < length && path[i] != '/')
      continue;
    part[i] = '\0';
    if (mkdir(part, 0700) != 0 && errno != EEXIST && stat(part, &info) != 0)
      return errno;
    part[i] = path[i];
  }
  if (stat(part, &info) != 0)
    return errno;
  return S_ISDIR(info.st_mode) ? 0 : ENOTDIR;
}


/* core.mkdir(path) -> true | nil, problem; for its owner only */
int nv_folder_new (lua_State *L) {
  size_t length;
  const char *path = luaL_checklstring(L, 1, &length);
  int failed = make_folders(path, length);
  if (failed != 0) {
    lua_pushnil(L);
    lua_pushstring(L, strerror(failed));
    return 2;
  }
  lua_pushboolean(L, 1);
  return 1;
}
