/*
** reply_shape.c
** Tests whether a reply is regular, as nearly all are. A regular reply is
** returned as it is. Any other is converted by the code that assembles streams
** (stream/plain_reply.lua), so that both return the same table. The test is in
** C so that a regular call runs no Lua for it.
*/

#include <string.h>

#include "binding.h"


/*
** {======================================================
** Replies
** =======================================================
*/

/* the result of a test; FILLED: right, and not empty */
enum { WRONG, EMPTY, FILLED };

/*
** A member that an object may have, and the test of its value, which is on the
** top, in the element 'n' of a list; without a test there must be none.
*/
typedef struct Rule {
  int (*test) (lua_State *L, int n);
  const char *name;
} Rule;


/*
** Tests the members of the table on the top; others than those named may have
** any value. Returns -1 if one is wrong; else a set of those that are filled,
** a bit each in the order of the rules.
*/
static int test_members (lua_State *L, const Rule *rules, int n) {
  int table = lua_gettop(L), filled = 0;
  if (!lua_istable(L, table))
    return -1;
  for (lua_pushnil(L); lua_next(L, table); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
                                                      : "";
    int i = 0, result = EMPTY;
    while (rules[i].name != NULL &&
           (*rules[i].name != *name || strcmp(rules[i].name, name) != 0))
      i++;
    if (rules[i].name != NULL)
      result = rules[i].test != NULL ? rules[i].test(L, n) : WRONG;
    if (result == WRONG) {
      lua_settop(L, table);
      return -1;
    }
    if (result == FILLED)
      filled |= 1 << i;
  }
  return filled;
}


/* are all members of 'needed' in the set? */
static int has_all (int filled, int needed) {
  return filled > 0 && (filled & needed) == needed;
}


static int test_any (lua_State *L, int n) {
  (void)L; (void)n;
  return FILLED;
}


static int test_text (lua_State *L, int n) {
  (void)n;
  if (lua_type(L, -1) != LUA_TSTRING)
    return WRONG;
  return lua_rawlen(L, -1) > 0 ? FILLED : EMPTY;
}


/* a string that is not blank */
static int test_word (lua_State *L, int n) {
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  (void)n;
  return text[strspn(text, " \t\r\n")] != '\0' ? FILLED : WRONG;
}


/* the number 'n', the position in the list */
static int test_position (lua_State *L, int n) {
  return lua_type(L, -1) == LUA_TNUMBER && lua_tonumber(L, -1) == n ? FILLED
                                                                    : WRONG;
}


static int test_list (lua_State *L, int n) {
  (void)n;
  if (!lua_istable(L, -1))
    return WRONG;
  return lua_rawlen(L, -1) > 0 ? FILLED : nv_isempty(L) ? EMPTY : WRONG;
}


/* is the value on the top one of these strings? */
static int is_one_text (lua_State *L, const char *const *texts) {
  const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
  while (*texts != NULL && strcmp(*texts, text) != 0)
    texts++;
  return *texts != NULL;
}


static int test_completion (lua_State *L, int n) {
  static const char *const names[] = {"chat.completion", NULL};
  (void)n;
  return is_one_text(L, names) ? FILLED : WRONG;
}


/* a finish_reason that is known, and not a failure */
static int test_reason (lua_State *L, int n) {
  static const char *const reasons[] = {
    "stop", "tool_calls", "length", "content_filter", NULL
  };
  (void)n;
  return is_one_text(L, reasons) ? FILLED : WRONG;
}


/* tests each element of the list on the top */
static int test_elements (lua_State *L, int (*test) (lua_State *L, int n)) {
  int i, count, result = test_list(L, 0);
  count = result == FILLED ? (int)lua_rawlen(L, -1) : 0;
  for (i = 0; i < count && result != WRONG; i++) {
    lua_rawgeti(L, -1, i + 1);
    result = test(L, i);
    lua_pop(L, 1);
  }
  return result;
}


static int test_function_name (lua_State *L, int n) {
  static const char *const names[] = {"function", NULL};
  (void)n;
  return is_one_text(L, names) ? FILLED : WRONG;
}


static int test_function (lua_State *L, int n) {
  enum { NAME = 1, ARGUMENTS = 2 };
  static const Rule rules[] = {
    {test_text, "name"}, {test_word, "arguments"}, {NULL, NULL}
  };
  return has_all(test_members(L, rules, n), NAME | ARGUMENTS) ? FILLED : WRONG;
}


static int test_call (lua_State *L, int n) {
  enum { ID = 1, TYPE = 2, FUNCTION = 4 };
  static const Rule rules[] = {
    {test_word, "id"}, {test_function_name, "type"},
    {test_function, "function"}, {test_position, "index"}, {NULL, NULL}
  };
  return has_all(test_members(L, rules, n), ID | TYPE | FUNCTION) ? FILLED
                                                                  : WRONG;
}


static int test_calls (lua_State *L, int n) {
  (void)n;
  return test_elements(L, test_call);
}


/* without content it must be neither a refusal nor tool calls alone */
static int test_message (lua_State *L, int n) {
  enum { ROLE = 1, CONTENT = 2, REFUSAL = 4, CALLS = 8 };
  static const Rule rules[] = {
    {test_text, "role"}, {test_text, "content"}, {test_text, "refusal"},
    {test_calls, "tool_calls"}, {test_text, "reasoning_content"},
    {test_list, "reasoning_details"}, {NULL, "reasoning"},
    {NULL, "function_call"}, {NULL, "audio"}, {NULL, NULL}
  };
  int filled = test_members(L, rules, n);
  return has_all(filled, ROLE) &&
         ((filled & CONTENT) != 0 || (filled & (REFUSAL | CALLS)) == 0)
         ? FILLED : WRONG;
}


static int test_choice (lua_State *L, int n) {
  enum { INDEX = 1, MESSAGE = 2 };
  static const Rule rules[] = {
    {test_position, "index"}, {test_message, "message"},
    {test_reason, "finish_reason"}, {NULL, "error"}, {NULL, "delta"},
    {NULL, NULL}
  };
  return has_all(test_members(L, rules, n), INDEX | MESSAGE) ? FILLED : WRONG;
}


static int test_choices (lua_State *L, int n) {
  (void)n;
  return test_elements(L, test_choice);
}


/*
** Returns the shape of the reply on the top: NV_IRREGULAR; NV_REGULAR; or
** NV_SUSPECT, regular but for a member by which it may be an error. A regular
** one has no members named like the methods of replies.
*/
int nv_reply_shape (lua_State *L) {
  enum { CHOICES = 1, ERROR = 2, BASE = 4 };
  static const Rule rules[] = {
    {test_choices, "choices"}, {test_any, "error"}, {test_any, "base_resp"},
    {test_completion, "object"}, {NULL, "text"}, {NULL, "json"},
    {NULL, "tool_calls"}, {NULL, NULL}
  };
  int filled;
  luaL_checkstack(L, 24, "reply");
  filled = test_members(L, rules, 0);
  if (!has_all(filled, CHOICES))
    return NV_IRREGULAR;
  return (filled & (ERROR | BASE)) != 0 ? NV_SUSPECT : NV_REGULAR;
}

/* }====================================================== */


/*
** {======================================================
** Chunks
** =======================================================
*/

/* pushes a field of the table at 'index' and returns its type */
static int field (lua_State *L, int index, const char *name) {
  lua_getfield(L, index, name);
  return lua_type(L, -1);
}


/* has the table at 'index' only members of these names? */
static int has_only (lua_State *L, int index, const char *const *names) {
  for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
    const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2)
                                                      : "";
    int i = 0;
    while (names[i] != NULL &&
           (*names[i] != *name || strcmp(names[i], name) != 0))
      i++;
    if (names[i] == NULL) {
      lua_pop(L, 2);
      return 0;
    }
  }
  return 1;
}


/* pushes the only choice of the chunk, with index 0; or returns 0 */
static int push_choice (lua_State *L, int index) {
  static const char *const names[] = {"delta", "index", NULL};
  int top = lua_gettop(L) + 1;
  if (field(L, index, "choices") == LUA_TTABLE && lua_rawlen(L, top) == 1) {
    lua_rawgeti(L, top, 1);
    if (lua_istable(L, -1) && has_only(L, top + 1, names)) {
      int first = field(L, top + 1, "index") == LUA_TNUMBER &&
                  lua_tonumber(L, -1) == 0;
      lua_pop(L, 1);
      return first;
    }
  }
  return 0;
}


/* is the role in the delta at 'index' absent or "assistant"? */
static int is_assistant (lua_State *L, int index) {
  static const char *const roles[] = {"assistant", NULL};
  int good = field(L, index, "role") == LUA_TNIL || is_one_text(L, roles);
  lua_pop(L, 1);
  return good;
}


/*
** Pushes the content of the chunk at 'index' if that is all it adds, as in
** nearly all chunks: one choice, nothing else in its delta. Else pushes nil.
*/
void nv_chat_chunk_text (lua_State *L, int index) {
  static const char *const names[] = {
    "choices", "id", "object", "created", "model", "system_fingerprint", NULL
  };
  static const char *const text[] = {"content", "role", NULL};
  int top = lua_gettop(L);
  luaL_checkstack(L, 10, "chunk");
  if (has_only(L, index, names) && push_choice(L, index) &&
      field(L, top + 2, "delta") == LUA_TTABLE &&
      has_only(L, top + 3, text) &&
      is_assistant(L, top + 3) &&
      field(L, top + 3, "content") == LUA_TSTRING)
    lua_replace(L, top + 1);
  else {
    lua_settop(L, top);
    lua_pushnil(L);
  }
  lua_settop(L, top + 1);
}

/* }====================================================== */
