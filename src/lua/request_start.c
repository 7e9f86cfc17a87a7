/*
** request_start.c
** Starts requests: writes their headers, URL and body from the options.
*/

#include "binding.h"


/*
** Starts a transfer whose body is already written. Returns 0, or -1 with the
** option and the problem pushed.
*/
int nv_start_request (lua_State *L, NvPool *p, NvTransfer *t, NvCall *o,
                      const char *method, const char *path) {
  if (nv_request_headers_write(L, t, o) != 0)
    return -1;
  nv_request_url_push(L, o, path);
  if (o->query != 0) {
    if (nv_query_push(L, o, path) != 0)
      return -1;
    lua_concat(L, 2);
  }
  o->wire.url = lua_tostring(L, -1);
  o->wire.method = method;
  if (nv_pool_start(p, t, &o->wire) != 0)
    return luaL_error(L, "not enough memory");
  lua_pop(L, 1);
  return 0;
}


/*
** Starts a chat; 'request' is the index of a table or of its JSON. Results as
** of nv_chat_request_write.
*/
int nv_start_chat (lua_State *L, NvPool *p, NvTransfer *t, int request,
                   int options, int known) {
  NvCall o;
  int stream = 0, result = 0;
  if (nv_options_read(L, options, &o) != 0)
    return -1;
  if (lua_type(L, request) == LUA_TSTRING) {
    size_t length;
    const char *body = lua_tolstring(L, request, &length);
    if (nv_buffer_append(&t->request, body, length) != 0)
      return luaL_error(L, "not enough memory");
  }
  else
    result = nv_chat_request_write(L, request, known, &t->request, &stream);
  if (result != 0)
    return result;
  o.wire.stream |= stream;
  t->answer = NV_CHAT;
  return nv_start_request(L, p, t, &o, "POST", "/chat/completions");
}
