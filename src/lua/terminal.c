/*
** terminal.c
** The terminal of a command: its width, and input of a line.
*/

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "binding.h"

#define USUAL_COLUMNS	80	/* if the width is unknown */
#define MAX_LINE	4096	/* a terminal gives no longer ones */

#if LUA_VERSION_NUM < 502
#define is_closed(u)	(*(FILE **)(u) == NULL)
#else
#define is_closed(u)	(((luaL_Stream *)(u))->closef == NULL)
#endif


/* core.columns(file) -> the width of a terminal; nil if it is none */
int nv_terminal_columns (lua_State *L) {
  struct winsize size;
  void *file = luaL_checkudata(L, 1, "FILE*");  /* begins with a FILE * */
  int fd = is_closed(file) ? -1 : fileno(*(FILE **)file);
  if (!isatty(fd))
    return 0;
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    size.ws_col = USUAL_COLUMNS;
  lua_pushinteger(L, size.ws_col);
  return 1;
}


/*
** Prompts and reads a line. The terminal takes Ctrl-C for the end of a line,
** not for a signal: a signal could end the process while echo is off.
*/
static ssize_t get_line (int fd, const struct termios *usual,
                         const char *prompt, int hidden, char *line) {
  struct termios own = *usual;
  ssize_t n = -1;
  int problem;
  own.c_lflag &= ~(tcflag_t)(hidden ? ISIG | ECHO : ISIG);
  own.c_cc[VEOL] = usual->c_cc[VINTR];
  if (tcsetattr(fd, hidden ? TCSAFLUSH : TCSADRAIN, &own) != 0)
    return -1;
  if (nv_write_all(fd, prompt, strlen(prompt)) == 0)
    n = read(fd, line, MAX_LINE);
  problem = errno;
  tcsetattr(fd, TCSADRAIN, usual);
  errno = problem;
  return n;
}


/* the line's length after "prompt", 0 at its end; -1 with errno */
static ssize_t ask (const char *prompt, int hidden, char *line) {
  struct termios usual;
  ssize_t n = -1;
  int problem, fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (fd < 0)
    return -1;
  if (tcgetattr(fd, &usual) == 0)
    n = get_line(fd, &usual, prompt, hidden, line);
  if (n > 0 && line[n - 1] == (char)usual.c_cc[VINTR]) {
    errno = EINTR;
    n = -1;
  }
  problem = errno;
  if (hidden || n <= 0)  /* the cursor is behind the prompt */
    nv_write_all(fd, "\n", 1);
  close(fd);
  errno = problem;
  return n;
}


/*
** core.read_line(prompt, hidden?) -> line of the controlling terminal |
** nil at its end (Ctrl-D) | nil, "interrupted" or what failed
*/
int nv_terminal_read_line (lua_State *L) {
  char line[MAX_LINE];
  const char *prompt = luaL_checkstring(L, 1);
  ssize_t n = ask(prompt, lua_toboolean(L, 2), line);
  if (n < 0) {
    const char *problem = errno == EINTR ? "interrupted" : strerror(errno);
    lua_pushnil(L);
    lua_pushstring(L, problem);
    return 2;
  }
  if (n == 0)
    return 0;
  lua_pushlstring(L, line, (size_t)n - (line[n - 1] == '\n'));
  return 1;
}
