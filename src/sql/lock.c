/*
** lock.c
** Locks between processes, of novita.sqlite: byte n of a file beside the
** database, by fcntl. The kernel names the process that holds one, and frees
** it when that process ends.
**
** A process loses all its locks on a file with the first descriptor of it
** that it closes. So a Lua state has one descriptor for a file, which is open
** as long as the state holds a lock there.
*/

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

#define LOCK		"novita.sqlite.lock"	/* metatables */
#define LOCK_FILE	"novita.sqlite.lock_file"
#define OPEN_FILES	"novita.sqlite.lock_files"	/* key -> file */
#define LARGEST_BYTE	9007199254740991.0	/* 2^53 - 1 */

/* its user value is a table: byte -> true, of the locks held */
typedef struct LockFile {
  int descriptor;		/* -1: it is closed */
  pid_t pid;			/* the only process that may close it */
  int locks;			/* that refer to it */
  char key[48];			/* in the table of open files */
} LockFile;

/* its user value is a table: { file } */
typedef struct Lock {
  LockFile *file;		/* NULL: it is released */
  lua_Number byte;
  int held;			/* else another of this state holds the byte */
} Lock;


/*
** {======================================================
** Files
** =======================================================
*/

static void write_key (char key[48], const struct stat *s) {
  snprintf(key, 48, "%llu:%llu", (unsigned long long)s->st_dev,
           (unsigned long long)s->st_ino);
}


/* is it open, and by this process? A child of fork opens files of its own. */
static int is_ours (const LockFile *file) {
  return file != NULL && file->descriptor >= 0 && file->pid == getpid();
}


/* pushes the open file of this path, or nil and returns NULL */
static LockFile *push_open_file (lua_State *L, const char *path) {
  struct stat s;
  char key[48] = "";
  LockFile *file;
  if (stat(path, &s) == 0)
    write_key(key, &s);
  lua_getfield(L, LUA_REGISTRYINDEX, OPEN_FILES);
  lua_getfield(L, -1, key);
  lua_remove(L, -2);
  file = lua_touserdata(L, -1);
  return is_ours(file) ? file : NULL;
}


/* enters the file on the top of the stack under its key, or takes it out */
static void set_open_file (lua_State *L, const LockFile *file, int open) {
  lua_getfield(L, LUA_REGISTRYINDEX, OPEN_FILES);
  if (open)
    lua_pushvalue(L, -2);
  else
    lua_pushnil(L);
  lua_setfield(L, -2, file->key);
  lua_pop(L, 1);
}


static void close_file (LockFile *file) {
  if (is_ours(file))
    close(file->descriptor);
  file->descriptor = -1;
}


/* pushes a file of this path, made where there is none; NULL and errno */
static LockFile *push_new_file (lua_State *L, const char *path) {
  struct stat s;
  LockFile *file = lua_newuserdatauv(L, sizeof(*file), 1);
  memset(file, 0, sizeof(*file));
  file->descriptor = -1;
  file->pid = getpid();
  luaL_getmetatable(L, LOCK_FILE);
  lua_setmetatable(L, -2);
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  file->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC,
                          S_IRUSR | S_IWUSR);
  if (file->descriptor < 0 || fstat(file->descriptor, &s) != 0)
    return NULL;
  write_key(file->key, &s);
  set_open_file(L, file, 1);
  return file;
}


static int lock_file_gc (lua_State *L) {
  close_file(luaL_checkudata(L, 1, LOCK_FILE));
  return 0;
}


/* marks a byte of the file at 'index' as held, or not */
static void set_held (lua_State *L, int index, lua_Number byte, int held) {
  lua_getiuservalue(L, index, 1);
  lua_pushnumber(L, byte);
  if (held)
    lua_pushboolean(L, 1);
  else
    lua_pushnil(L);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}


static int is_held (lua_State *L, int index, lua_Number byte) {
  int held;
  lua_getiuservalue(L, index, 1);
  lua_pushnumber(L, byte);
  lua_rawget(L, -2);
  held = lua_toboolean(L, -1);
  lua_pop(L, 2);
  return held;
}

/* }====================================================== */


/*
** {======================================================
** Bytes
** =======================================================
*/

/* fcntl on a byte; 0, or -1 and errno */
static int control (int descriptor, int command, struct flock *f, short type,
                    lua_Number byte) {
  memset(f, 0, sizeof(*f));
  f->l_type = type;
  f->l_whence = SEEK_SET;
  f->l_start = (off_t)byte;
  f->l_len = 1;
  return fcntl(descriptor, command, f);
}


/* the process that holds the byte; 0: none */
static pid_t holder_of (int descriptor, lua_Number byte) {
  struct flock f;
  return control(descriptor, F_GETLK, &f, F_WRLCK, byte) == 0 &&
         f.l_type != F_UNLCK ? f.l_pid : 0;
}


/* locks the byte; 0, or -1 with the holder, or 0 if that is an error */
static int lock_byte (int descriptor, lua_Number byte, pid_t *holder) {
  struct flock f;
  do {
    *holder = 0;
    if (control(descriptor, F_SETLK, &f, F_WRLCK, byte) == 0)
      return 0;
    if (errno != EACCES && errno != EAGAIN)
      return -1;
    *holder = holder_of(descriptor, byte);
  } while (*holder == 0);  /* freed meanwhile */
  return -1;
}

/* }====================================================== */


/* the byte's number at 2 */
static lua_Number check_byte (lua_State *L) {
  lua_Number byte = luaL_checknumber(L, 2);
  luaL_argcheck(L, byte >= 0 && byte <= LARGEST_BYTE &&
                byte == (lua_Number)(off_t)byte, 2,
                "not the number of a byte");
  return byte;
}


/* pushes nil and an error that names the holder, or what the system says */
static int refuse_lock (lua_State *L, pid_t holder, int code) {
  NvSqlFault f;
  if (holder == 0) {
    nv_sql_fault(&f, "open", "the file of locks: %s", strerror(code));
    return nv_sql_fail(L, &f);
  }
  nv_sql_fault(&f, "locked", "locked by process %ld", (long)holder);
  nv_sql_fail(L, &f);
  lua_pushinteger(L, (lua_Integer)holder);
  lua_setfield(L, -2, "holder");
  return 2;
}


/*
** Releases the lock, whose file is at 'index'. 'locks' counts those that
** are being made, too: a finalizer may release the others meanwhile.
*/
static void drop (lua_State *L, Lock *lock, int index) {
  LockFile *file = lock->file;
  struct flock f;
  lock->file = NULL;
  if (lock->held) {
    set_held(L, index, lock->byte, 0);
    control(file->descriptor, F_SETLK, &f, F_UNLCK, lock->byte);
  }
  file->locks--;
  if (file->locks > 0)
    return;
  lua_pushvalue(L, index);
  set_open_file(L, file, 0);
  lua_pop(L, 1);
  close_file(file);
}


/* lock:release(), also for __gc and __close. Idempotent. */
static int lock_release (lua_State *L) {
  Lock *lock = luaL_checkudata(L, 1, LOCK);
  if (lock->file == NULL || !is_ours(lock->file))
    return 0;
  lua_settop(L, 1);
  lua_getiuservalue(L, 1, 1);
  lua_rawgeti(L, 2, 1);
  drop(L, lock, 3);
  return 0;
}


/* pushes a lock, and then its file; NULL and errno */
static Lock *push_lock (lua_State *L, const char *path, lua_Number byte) {
  LockFile *file;
  Lock *lock = lua_newuserdatauv(L, sizeof(*lock), 1);
  memset(lock, 0, sizeof(*lock));
  lock->byte = byte;
  lua_createtable(L, 1, 0);
  lua_pushvalue(L, -1);
  lua_setiuservalue(L, -3, 1);
  luaL_getmetatable(L, LOCK);
  lua_setmetatable(L, -3);
  file = push_open_file(L, path);
  if (file == NULL) {
    lua_pop(L, 1);
    file = push_new_file(L, path);
    if (file == NULL)
      return NULL;
  }
  lock->file = file;
  file->locks++;
  lua_pushvalue(L, -1);
  lua_rawseti(L, -3, 1);
  lua_remove(L, -2);
  return lock;
}


/* sqlite.lock(path, byte) -> lock | nil, error that names the holder */
int nv_sqlite_lock (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_Number byte = check_byte(L);
  pid_t holder = getpid();
  Lock *lock;
  int code;
  lua_settop(L, 2);
  lock = push_lock(L, path, byte);  /* 3, and 4: its file */
  if (lock == NULL)
    return refuse_lock(L, 0, errno);
  if (!is_held(L, 4, byte)) {
    set_held(L, 4, byte, 1);
    lock->held = 1;
    if (lock_byte(lock->file->descriptor, byte, &holder) == 0) {
      lua_settop(L, 3);
      return 1;
    }
  }
  code = errno;
  drop(L, lock, 4);
  return refuse_lock(L, holder, code);
}


/* sqlite.locked(path, byte) -> the process that holds it | nil */
int nv_sqlite_locked (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_Number byte = check_byte(L);
  pid_t holder;
  LockFile *file = push_open_file(L, path);
  if (file != NULL)
    holder = is_held(L, -1, byte) ? getpid()
             : holder_of(file->descriptor, byte);
  else {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      return 0;
    holder = holder_of(descriptor, byte);
    close(descriptor);  /* no lock of ours is in the file */
  }
  if (holder == 0)
    return 0;
  lua_pushinteger(L, (lua_Integer)holder);
  return 1;
}


static const luaL_Reg lock_methods[] = {
  {"release", lock_release},
  {NULL, NULL}
};

static const luaL_Reg lock_metamethods[] = {
  {"__gc", lock_release},
  {"__close", lock_release},
  {NULL, NULL}
};

static const luaL_Reg lock_file_methods[] = {
  {NULL, NULL}
};

static const luaL_Reg lock_file_metamethods[] = {
  {"__gc", lock_file_gc},
  {NULL, NULL}
};


/* makes the classes, and the table of open files */
void nv_sqlite_open_locks (lua_State *L) {
  nv_sql_class(L, LOCK, lock_methods, lock_metamethods);
  nv_sql_class(L, LOCK_FILE, lock_file_methods, lock_file_metamethods);
  lua_newtable(L);
  lua_setfield(L, LUA_REGISTRYINDEX, OPEN_FILES);
}
