/*
** chat_content.c
** Writes the content of a message: a string, or a list of content parts, in
** which a string is short for {"type":"text"}.
*/

#include <string.h>

#include "binding.h"


static int write_part (NvJson *j, int index, NvPath *path) {
  if (lua_type(j->L, index) != LUA_TSTRING)
    return nv_json_value(j, index, path);
  nv_json_literal(j, "{\"text\":");
  if (nv_json_value(j, index, path) != 0)
    return -1;
  nv_json_literal(j, ",\"type\":\"text\"}");
  return 0;
}


int nv_content_write (NvJson *j, int index, NvPath *path) {
  if (!lua_istable(j->L, index) || lua_rawlen(j->L, index) == 0)
    return nv_json_value(j, index, path);
  path->table = lua_topointer(j->L, index);
  nv_json_literal(j, "[");
  if (nv_json_elements(j, index, path, write_part) != 0)
    return -1;
  nv_json_literal(j, "]");
  return 0;
}


/* writes a member of a message */
int nv_content_member (NvJson *j, int index, NvPath *path) {
  if (strcmp(path->key, "content") != 0)
    return nv_json_member(j, index, path);
  return nv_json_name(j, path) == 0 ? nv_content_write(j, index, path) : -1;
}
