/*
** error_text.c
** Finds the message of an error in any kind of value that servers put it into:
** a string, a list of strings, an object, an HTML page.
*/

#include <string.h>
#include <strings.h>

#include "binding.h"

#define LONG_TEXT	1000	/* of a title */
#define MAX_MESSAGES	8	/* elements of a list that are read */


/*
** Returns the length of the message without " trace_id: <hex>" at its end, and
** sets '*id' to that id; the whole length if there is none.
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


/* returns the text between <title> and </title>; '*length' is 0 without it */
const char *nv_error_text_title (const char *html, size_t *length) {
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


/* sets the message to a non-empty text; for an HTML page, to its title */
static void set_message_text (lua_State *L, int error, const char *text,
                       size_t length) {
  const char *id, *title;
  size_t id_length, titled;
  while (length > 0 && nv_is_blank(text[length - 1]))
    length--;
  for (; length > 0 && nv_is_blank(*text); length--)
    text++;
  titled = length;
  title = length > 0 && *text == '<' ? nv_error_text_title(text, &titled) : "";
  if (*title != '\0' && titled > 0)
    nv_text_pushline(L, title, titled, LONG_TEXT);
  else
    nv_text_push(L, text, length);
  text = lua_tolstring(L, -1, &length);
  length = without_trace_id(text, length, &id, &id_length);
  if (id_length > 0) {
    lua_pushlstring(L, id, id_length);
    lua_setfield(L, error, "trace_id");
  }
  if (length > 0) {
    lua_pushlstring(L, text, length);
    lua_setfield(L, error, "message");
  }
  lua_pop(L, 1);
}


static void push_message (lua_State *L, int index, int depth);

/* pushes the joined messages of the list at 'index', or nil */
static void push_list (lua_State *L, int index, int depth) {
  int i, n = (int)lua_rawlen(L, index), top = lua_gettop(L);
  lua_pushnil(L);
  for (i = 1; i <= n && i <= MAX_MESSAGES; i++) {
    lua_rawgeti(L, index, i);
    push_message(L, top + 2, depth);
    if (lua_isstring(L, -1) && lua_isstring(L, top + 1)) {
      lua_pushvalue(L, top + 1);
      lua_pushliteral(L, "; ");
      lua_pushvalue(L, top + 3);
      lua_concat(L, 3);
    }
    if (lua_isstring(L, -1))
      lua_replace(L, top + 1);
    lua_settop(L, top + 1);
  }
}


/*
** Pushes the message in the value at 'index', or nil: a string, the strings of
** a list, or the member of an object that servers use for it.
*/
static void push_message (lua_State *L, int index, int depth) {
  static const char *const names[] = {
    "message", "msg", "detail", "error", "errors", "status_msg"
  };
  size_t i;
  luaL_checkstack(L, 8, "error nested too deep");
  if (lua_isstring(L, index))
    lua_pushvalue(L, index);
  else if (!lua_istable(L, index) || depth == 0)
    lua_pushnil(L);
  else if (lua_rawlen(L, index) > 0)
    push_list(L, index, depth - 1);
  else {
    lua_pushnil(L);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
      if (lua_isstring(L, -1) && lua_rawlen(L, -1) > 0)
        return;
      lua_pop(L, 1);
      lua_getfield(L, index, names[i]);
      push_message(L, lua_gettop(L), depth - 1);
      lua_remove(L, -2);
    }
  }
}


/* pops a value and sets the message of the error from it */
void nv_error_text_set (lua_State *L, int error) {
  size_t length;
  const char *text;
  push_message(L, lua_gettop(L), NV_MAX_NESTING);
  text = lua_tolstring(L, -1, &length);
  if (text != NULL)
    set_message_text(L, error, text, length);
  lua_pop(L, 2);
}
