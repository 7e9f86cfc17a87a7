/*
** envelope.c
** What the body of an answer says went wrong, in every shape in which
** servers say it:
**   {"code":403,"reason":"NOT_ENOUGH_BALANCE","message":...}   Novita
**   {"message":"... trace_id: <hex>","type":"server_overload"}  its relay
**   {"error":{"message","type","code","param"}}                 OpenAI
**   {"error":"text"}  [{"error":{...}}]  {"detail":...}         others
**   plain text, HTML, nothing, and any of these cut short
** The status is always the server's own; a body can't change it.
*/

#include <string.h>
#include <strings.h>

#include "binding.h"

#define SHORT_TEXT	200	/* of a plain body, inside a message */


/* sets error[name] to from[name] if that is a number or a text */
static void copy_field (lua_State *L, int from, int error, const char *name) {
  lua_getfield(L, from, name);
  if (lua_type(L, -1) == LUA_TNUMBER ||
      (lua_type(L, -1) == LUA_TSTRING && lua_rawlen(L, -1) > 0))
    lua_setfield(L, error, name);
  else
    lua_pop(L, 1);
}


/*
** The length of the message without the " trace_id: <hex>" at its end, whose
** id then is '*id'; all of it when there is none.
*/
static size_t without_trace_id (const char *text, size_t length,
                                const char **id, size_t *id_length) {
  static const char mark[] = "trace_id: ";
  const char *at, *found = NULL;
  for (at = text; (at = strstr(at, mark)) != NULL; at++)
    found = at;
  *id = found ? found + sizeof(mark) - 1 : "";
  *id_length = strspn(*id, "0123456789abcdefABCDEF-");
  if (*id_length < 8 || *id + *id_length != text + length)
    *id_length = 0;
  if (*id_length == 0 || found == text)
    return length;
  length = (size_t)(found - text);
  while (length > 0 && text[length - 1] == ' ')
    length--;
  return length;
}


/* takes the value on the top for the message, if it is a text that says any */
static void take_message (lua_State *L, int error) {
  const char *text, *id;
  size_t length, id_length;
  if (!lua_isstring(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  text = lua_tolstring(L, -1, &length);
  while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
    length--;
  for (; length > 0 && strchr(" \t\r\n", *text) != NULL; length--)
    text++;
  lua_pushlstring(L, text, length);
  text = lua_tostring(L, -1);
  length = without_trace_id(text, length, &id, &id_length);
  if (id_length > 0) {
    lua_pushlstring(L, id, id_length);
    lua_setfield(L, error, "trace_id");
  }
  if (length > 0) {
    lua_pushlstring(L, text, length);
    lua_setfield(L, error, "message");
  }
  lua_pop(L, 2);
}


static void copy_members (lua_State *L, int from, int error) {
  static const char *const names[] = {"type", "code", "param", "reason"};
  size_t i;
  lua_getfield(L, from, "message");
  take_message(L, error);
  for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    copy_field(L, from, error, names[i]);
}


/* pushes the first element of a list, and of that if it is one, and so on */
static void push_first (lua_State *L, int index) {
  lua_pushvalue(L, index);
  while (lua_istable(L, -1) && lua_rawlen(L, -1) > 0) {
    lua_rawgeti(L, -1, 1);
    lua_remove(L, -2);
  }
}


/*
** FastAPI: "detail" is a text, an object, or a list of
** {"msg":...,"loc":["body","the field"]}.
*/
static void read_detail (lua_State *L, int body, int error) {
  int detail, top = lua_gettop(L);
  lua_getfield(L, body, "detail");
  push_first(L, top + 1);
  detail = lua_gettop(L);
  if (lua_istable(L, detail)) {
    copy_members(L, detail, error);
    lua_getfield(L, detail, "msg");
    take_message(L, error);
    lua_getfield(L, detail, "loc");
    if (lua_istable(L, -1)) {
      lua_rawgeti(L, -1, (int)lua_rawlen(L, -1));
      if (lua_type(L, -1) == LUA_TSTRING)
        lua_setfield(L, error, "param");
    }
  }
  else
    take_message(L, error);
  lua_settop(L, top);
}


static void read_shape (lua_State *L, int index, int error) {
  int body, top = lua_gettop(L);
  push_first(L, index);
  body = lua_gettop(L);
  if (lua_istable(L, body)) {
    read_detail(L, body, error);
    lua_getfield(L, body, "error");
    if (lua_istable(L, -1))
      copy_members(L, lua_gettop(L), error);
    else {
      take_message(L, error);
      copy_members(L, body, error);
    }
    lua_getfield(L, body, "metadata");
    if (lua_istable(L, -1))
      copy_field(L, lua_gettop(L), error, "trace_id");
  }
  else if (lua_type(L, body) == LUA_TSTRING)
    take_message(L, error);
  lua_settop(L, top);
}


/*
** Novita's relay, when it can't decode an upstream error, hides it behind
** its own complaint: 'failed to decode error response: ..., raw: {...}'.
*/
static void unwrap_raw (lua_State *L, int error) {
  static const char mark[] = "failed to decode error response: ";
  const char *message, *raw = NULL, *end;
  int top = lua_gettop(L);
  lua_getfield(L, error, "message");
  message = lua_tostring(L, -1);
  if (message != NULL && strncmp(message, mark, sizeof(mark) - 1) == 0)
    raw = strstr(message, "raw: {");
  end = raw ? strrchr(raw, '}') : NULL;
  if (end != NULL) {
    raw += 5;
    if (nv_json_decode(L, raw, (size_t)(end - raw) + 1) == 0)
      read_shape(L, lua_gettop(L), error);
  }
  lua_settop(L, top);
}


/* copies what the value at 'body' says into the error */
void nv_envelope_read (lua_State *L, int body, int error) {
  read_shape(L, body, error);
  unwrap_raw(L, error);
}


/* what stands between <title> and </title>; '*length' is 0 without it */
static const char *title_of (const char *html, size_t *length) {
  const char *end = html + *length, *stop;
  for (; end - html > 6; html++) {
    if (strncasecmp(html, "<title", 6) != 0)
      continue;
    html = memchr(html, '>', (size_t)(end - html));
    stop = html ? memchr(html, '<', (size_t)(end - html)) : NULL;
    *length = stop ? (size_t)(stop - html - 1) : 0;
    return stop ? html + 1 : "";
  }
  *length = 0;
  return "";
}


/* for a body that is none of the shapes: "HTTP 502: Bad Gateway" */
void nv_envelope_plain (lua_State *L, int error, const NvTransfer *t) {
  size_t length = nv_buffer_length(&t->body);
  const char *text = length > 0 ? nv_buffer_data(&t->body) : "";
  while (length > 0 && strchr(" \t\r\n", *text) != NULL) {
    text++;
    length--;
  }
  if (length > 0 && *text == '<')
    text = title_of(text, &length);
  nv_text_pushline(L, text, length, SHORT_TEXT);
  lua_pushfstring(L, lua_rawlen(L, -1) > 0 ? "HTTP %d: " : "HTTP %d",
                  t->status);
  lua_insert(L, -2);
  lua_concat(L, 2);
  lua_setfield(L, error, "message");
}


/* pushes the host of a URL without user name and password, or nil */
static void push_host (lua_State *L, const char *url) {
  size_t scheme = strcspn(url, ":/?#"), length, i, host = 0;
  if (strncmp(url + scheme, "://", 3) == 0)
    url += scheme + 3;
  else if (strncmp(url, "//", 2) == 0)
    url += 2;
  else
    url = "";  /* a path */
  length = strcspn(url, "/?#\\");
  for (i = 0; i < length; i++) {
    if (url[i] == '@')
      host = i + 1;
  }
  if (length > host)
    lua_pushlstring(L, url + host, length - host);
  else
    lua_pushnil(L);
}


/* a redirect is refused: says where to, but not the path and the query */
void nv_envelope_redirect (lua_State *L, int error, int status) {
  const char *location, *host;
  lua_getfield(L, error, "headers");
  lua_getfield(L, -1, "location");
  location = lua_tostring(L, -1);
  push_host(L, location ? location : "");
  host = lua_tostring(L, -1);
  lua_pushfstring(L, "HTTP %d: a redirect%s%s, which is not followed", status,
                  host ? " to " : "", host ? host : "");
  lua_setfield(L, error, "message");
  lua_setfield(L, error, "host");
}


/* is it a text that says anything? */
static int says_text (lua_State *L, int index) {
  return lua_type(L, index) == LUA_TSTRING && lua_rawlen(L, index) > 0;
}


/* Novita's flat shapes: object = "error", or a message with what it is about */
static int is_flat (lua_State *L, int table) {
  int top = lua_gettop(L);
  lua_getfield(L, table, "object");
  lua_getfield(L, table, "message");
  lua_getfield(L, table, "code");
  lua_getfield(L, table, "reason");
  lua_getfield(L, table, "type");
  return (lua_type(L, top + 1) == LUA_TSTRING &&
          strcmp(lua_tostring(L, top + 1), "error") == 0) ||
         (lua_type(L, top + 2) == LUA_TSTRING &&
          (!lua_isnil(L, top + 3) || !lua_isnil(L, top + 4) ||
           !lua_isnil(L, top + 5)));
}


/*
** Does the table on the top say that something went wrong, whatever the
** status? What has choices does so by an error member only.
*/
int nv_envelope_says (lua_State *L) {
  int said, top = lua_gettop(L);
  lua_getfield(L, top, "error");
  lua_getfield(L, top, "choices");
  said = lua_istable(L, top + 1) || says_text(L, top + 1) ||
         (lua_isnil(L, top + 2) && is_flat(L, top));
  lua_settop(L, top);
  return said;
}
