/*
** native.c
** What specs need of the system and plain Lua does not have: processes,
** signals, the descriptors that are open, waiting for one of them.
** Failures raise; nothing here is meant to be gentle.
*/

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "native.h"

#define STATE		"spec.native.state"

int luaopen_spec_support_native (lua_State *L);


/* fork() -> pid, which is 0 in the child */
static int native_fork (lua_State *L) {
  pid_t pid;
  fflush(NULL);  /* what is buffered must not be written twice */
  pid = fork();
  if (pid < 0)
    return fail(L, "fork");
  if (pid == 0)
    alarm(LONGEST);
  lua_pushinteger(L, (lua_Integer)pid);
  return 1;
}


/* in the child of a spawn: becomes the program, which reads nothing */
static void become (char *const *words, const char *output) {
  int fd = open(output, O_WRONLY | O_TRUNC), in = open("/dev/null", O_RDONLY);
  if (in >= 0 && dup2(in, 0) == 0 && fd >= 0 && dup2(fd, 1) == 1 &&
      dup2(fd, 2) == 2) {
    close(fd);
    close(in);
    alarm(LONGEST);  /* outlives exec */
    execvp(words[0], words);
  }
  _exit(127);
}


/* spawn(words, file) -> pid of a program that writes into the file */
static int native_spawn (lua_State *L) {
  char *words[MAX_WORDS + 1];
  const char *output = luaL_checkstring(L, 2);
  pid_t pid;
  take_words(L, words);
  fflush(NULL);
  pid = fork();
  if (pid == 0)
    become(words, output);
  if (pid < 0)
    return fail(L, "fork");
  lua_pushinteger(L, (lua_Integer)pid);
  return 1;
}


/* quit(status): at once, without any finalizer */
static int native_quit (lua_State *L) {
  fflush(NULL);
  _exit((int)luaL_checkinteger(L, 1));
}


/* wait(pid) -> "exit" | "signal", number */
static int native_wait (lua_State *L) {
  int status;
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR)
      return fail(L, "waitpid");
  }
  lua_pushstring(L, WIFSIGNALED(status) ? "signal" : "exit");
  lua_pushinteger(L, WIFSIGNALED(status) ? WTERMSIG(status)
                                         : WEXITSTATUS(status));
  return 2;
}


static int native_pid (lua_State *L) {
  lua_pushinteger(L, (lua_Integer)getpid());
  return 1;
}


static int signal_number (lua_State *L, int index) {
  static const char *const names[] = {"INT", "PIPE", "TERM", "HUP", "KILL",
    "STOP", "CONT", NULL};
  static const int numbers[] = {SIGINT, SIGPIPE, SIGTERM, SIGHUP, SIGKILL,
    SIGSTOP, SIGCONT};
  return numbers[luaL_checkoption(L, index, NULL, names)];
}


/* kill(pid, signal): "INT", "PIPE", ... */
static int native_kill (lua_State *L) {
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  if (kill(pid, signal_number(L, 2)) != 0)
    return fail(L, "kill");
  return 0;
}


/* default(signal): the disposition that a fresh process has */
static int native_default (lua_State *L) {
  signal(signal_number(L, 1), SIG_DFL);
  return 0;
}


static int native_ignore (lua_State *L) {
  signal(signal_number(L, 1), SIG_IGN);
  return 0;
}


/* disposition(signal) -> "default" | "ignored" | "handled" */
static int native_disposition (lua_State *L) {
  struct sigaction action;
  sigaction(signal_number(L, 1), NULL, &action);
  lua_pushstring(L, action.sa_handler == SIG_DFL ? "default"
                  : action.sa_handler == SIG_IGN ? "ignored" : "handled");
  return 1;
}


/* readable(fd, seconds): is there something to read within that time? */
static int native_readable (lua_State *L) {
  struct pollfd p;
  int n;
  p.fd = (int)luaL_checkinteger(L, 1);
  p.events = POLLIN;
  n = poll(&p, 1, (int)ceil(luaL_optnumber(L, 2, 0) * 1000));
  if (n < 0 && errno != EINTR)
    return fail(L, "poll");
  lua_pushboolean(L, n > 0);
  return 1;
}


/*
** descriptors() -> { [number] = "socket:[123]", ... }: those that are open,
** with what the kernel calls them; nil where there is no /proc.
*/
static int native_descriptors (lua_State *L) {
  DIR *directory = opendir("/proc/self/fd");
  struct dirent *entry;
  if (directory == NULL)
    return 0;
  lua_newtable(L);
  while ((entry = readdir(directory)) != NULL) {
    char path[64], target[128];
    ssize_t length;
    int fd = atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == dirfd(directory))
      continue;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    length = readlink(path, target, sizeof(target));
    lua_pushlstring(L, target, length > 0 ? (size_t)length : 0);
    lua_rawseti(L, -2, fd);
  }
  closedir(directory);
  return 1;
}


/* setenv(name, value | nil) */
static int native_setenv (lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *value = luaL_optstring(L, 2, NULL);
  if (value != NULL)
    setenv(name, value, 1);
  else
    unsetenv(name);
  return 0;
}


/* upvalue(f, n): also of a C function, which debug.getupvalue can't on 5.1 */
static int native_upvalue (lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  return lua_getupvalue(L, 1, (int)luaL_checkinteger(L, 2)) != NULL;
}


/* state() -> another Lua state in this process, with the same paths */
static int native_state (lua_State *L) {
  lua_State **box = lua_newuserdata(L, sizeof(*box));
  *box = luaL_newstate();
  luaL_openlibs(*box);
  luaL_getmetatable(L, STATE);
  lua_setmetatable(L, -2);
  return 1;
}


/* state:run(code) -> what the code returns, a string or nil */
static int state_run (lua_State *L) {
  lua_State **box = luaL_checkudata(L, 1, STATE);
  if (luaL_dostring(*box, luaL_checkstring(L, 2)) != 0)
    return luaL_error(L, "%s", lua_tostring(*box, -1));
  lua_pushstring(L, lua_gettop(*box) > 0 ? lua_tostring(*box, -1) : NULL);
  lua_settop(*box, 0);
  return 1;
}


/* state:close() */
static int state_close (lua_State *L) {
  lua_State **box = luaL_checkudata(L, 1, STATE);
  if (*box != NULL)
    lua_close(*box);
  *box = NULL;
  return 0;
}


static const luaL_Reg functions[] = {
  {"fork", native_fork},
  {"spawn", native_spawn},
  {"quit", native_quit},
  {"wait", native_wait},
  {"pid", native_pid},
  {"kill", native_kill},
  {"default", native_default},
  {"ignore", native_ignore},
  {"disposition", native_disposition},
  {"readable", native_readable},
  {"descriptors", native_descriptors},
  {"setenv", native_setenv},
  {"upvalue", native_upvalue},
  {"state", native_state},
  {NULL, NULL}
};


int luaopen_spec_support_native (lua_State *L) {
  luaL_newmetatable(L, STATE);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, state_run);
  lua_setfield(L, -2, "run");
  lua_pushcfunction(L, state_close);
  lua_setfield(L, -2, "close");
  luaL_newlib(L, functions);
  return 1;
}
