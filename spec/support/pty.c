/*
** pty.c
** A pseudo-terminal for specs: a program runs in it as at a person's terminal.
** Failures raise.
*/

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <lauxlib.h>
#include <lua.h>

#include "native.h"

int luaopen_spec_support_pty (lua_State *L);


static struct winsize check_size (lua_State *L, int columns) {
  struct winsize size;
  memset(&size, 0, sizeof(size));
  size.ws_col = (unsigned short)luaL_checkinteger(L, columns);
  size.ws_row = 24;
  return size;
}


/* start(words, columns) -> pid, descriptor */
static int pty_start (lua_State *L) {
  char *words[MAX_WORDS + 1];
  struct winsize size = check_size(L, 2);
  int fd;
  pid_t pid;
  take_words(L, words);
  pid = forkpty(&fd, NULL, NULL, &size);
  if (pid == 0) {
    alarm(LONGEST);  /* outlives exec */
    execvp(words[0], words);
    _exit(127);
  }
  if (pid < 0)
    return fail(L, "forkpty");
  lua_pushinteger(L, (lua_Integer)pid);
  lua_pushinteger(L, fd);
  return 2;
}


/* read(descriptor, seconds) -> bytes | "" so far none | nil at the end */
static int pty_read (lua_State *L) {
  char bytes[4096];
  struct pollfd p;
  ssize_t n;
  p.fd = (int)luaL_checkinteger(L, 1);
  p.events = POLLIN;
  if (poll(&p, 1, (int)(luaL_checknumber(L, 2) * 1000)) == 0) {
    lua_pushliteral(L, "");
    return 1;
  }
  n = read(p.fd, bytes, sizeof(bytes));
  if (n <= 0)  /* EIO: nobody has the other side open any more */
    return 0;
  lua_pushlstring(L, bytes, (size_t)n);
  return 1;
}


/* write(descriptor, bytes) */
static int pty_write (lua_State *L) {
  size_t length;
  int fd = (int)luaL_checkinteger(L, 1);
  const char *bytes = luaL_checklstring(L, 2, &length);
  if (write(fd, bytes, length) != (ssize_t)length)
    return fail(L, "write");
  return 0;
}


/* resize(descriptor, columns) */
static int pty_resize (lua_State *L) {
  struct winsize size = check_size(L, 2);
  if (ioctl((int)luaL_checkinteger(L, 1), TIOCSWINSZ, &size) != 0)
    return fail(L, "TIOCSWINSZ");
  return 0;
}


/* echoes(descriptor) -> does the terminal show what is typed? */
static int pty_echoes (lua_State *L) {
  struct termios t;
  if (tcgetattr((int)luaL_checkinteger(L, 1), &t) != 0)
    return fail(L, "tcgetattr");
  lua_pushboolean(L, (t.c_lflag & ECHO) != 0);
  return 1;
}


static int pty_close (lua_State *L) {
  close((int)luaL_checkinteger(L, 1));
  return 0;
}


static const luaL_Reg functions[] = {
  {"start", pty_start},
  {"read", pty_read},
  {"write", pty_write},
  {"resize", pty_resize},
  {"echoes", pty_echoes},
  {"close", pty_close},
  {NULL, NULL}
};


int luaopen_spec_support_pty (lua_State *L) {
  luaL_newlib(L, functions);
  return 1;
}
