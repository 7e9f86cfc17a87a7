/*
** lock.c
** Locks between processes, of novita.sqlite: byte n of a file beside the
** database, by fcntl. The kernel names the process that holds one, and frees
** it when that process ends.
**
** To the kernel all Lua states of a process are one, and a process loses all
** its locks on a file with the first descriptor of it that it closes. So the
** states share one list of files, each with one descriptor that is open as
** long as a lock of the process is in it. A mutex of SQLite's protects the
** list; no function of Lua's is called under it, since that may raise.
*/

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

#define LOCK		"novita.sqlite.lock"	/* metatable */
#define LARGEST_BYTE	9007199254740991.0	/* 2^53 - 1 */

typedef struct Lock {
  struct LockFile *file;	/* NULL: it is released */
  struct Lock *next;		/* of the same file */
  lua_Number byte;
} Lock;

typedef struct LockFile {
  struct LockFile *next;
  dev_t device;
  ino_t inode;
  int descriptor;
  pid_t pid;			/* whose locks they are; not a child's */
  Lock *locks;
} LockFile;

static LockFile *lock_files;	/* of all Lua states */


/*
** {======================================================
** Files
** =======================================================
*/

/* this SQLite may be built without threads: then it is NULL, and no mutex */
static sqlite3_mutex *enter (void) {
  sqlite3_mutex *mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
  sqlite3_mutex_enter(mutex);
  return mutex;
}


static int is_ours (const LockFile *file) {
  return file->pid == getpid();
}


/* the file with this status, if a lock of this process is in it */
static LockFile *find_file (const struct stat *s) {
  LockFile *file = lock_files;
  while (file != NULL && !(is_ours(file) && file->device == s->st_dev &&
                           file->inode == s->st_ino))
    file = file->next;
  return file;
}


/* opens the file, and makes it where there is none; NULL and errno */
static LockFile *open_file (const char *path) {
  struct stat s;
  LockFile *file = stat(path, &s) == 0 ? find_file(&s) : NULL;
  if (file != NULL)
    return file;
  file = calloc(1, sizeof(*file));
  if (file == NULL) {
    errno = ENOMEM;
    return NULL;
  }
  file->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC,
                          S_IRUSR | S_IWUSR);
  if (file->descriptor < 0 || fstat(file->descriptor, &s) != 0) {
    int code = errno;
    if (file->descriptor >= 0)
      close(file->descriptor);
    free(file);
    errno = code;
    return NULL;
  }
  file->device = s.st_dev;
  file->inode = s.st_ino;
  file->pid = getpid();
  file->next = lock_files;
  lock_files = file;
  return file;
}


/* closes the file if no lock is in it */
static void leave_file (LockFile *file) {
  LockFile **link = &lock_files;
  if (file->locks != NULL)
    return;
  while (*link != file)
    link = &(*link)->next;
  *link = file->next;
  close(file->descriptor);
  free(file);
}


static int is_held (const LockFile *file, lua_Number byte) {
  const Lock *lock = file->locks;
  while (lock != NULL && lock->byte != byte)
    lock = lock->next;
  return lock != NULL;
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
  if (holder == 0 && code == ENOMEM)
    return luaL_error(L, "not enough memory");
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


/* lock:release(), also for __gc and __close. Idempotent. */
static int lock_release (lua_State *L) {
  Lock *lock = luaL_checkudata(L, 1, LOCK), **link;
  LockFile *file = lock->file;
  struct flock f;
  sqlite3_mutex *mutex;
  if (file == NULL || !is_ours(file))
    return 0;
  mutex = enter();
  lock->file = NULL;
  link = &file->locks;
  while (*link != lock)
    link = &(*link)->next;
  *link = lock->next;
  control(file->descriptor, F_SETLK, &f, F_UNLCK, lock->byte);
  leave_file(file);
  sqlite3_mutex_leave(mutex);
  return 0;
}


/* lock:lost(): was its file deleted, so that others lock another one? */
static int lock_lost (lua_State *L) {
  Lock *lock = luaL_checkudata(L, 1, LOCK);
  struct stat s;
  sqlite3_mutex *mutex = enter();
  int lost = lock->file != NULL && is_ours(lock->file) &&
             fstat(lock->file->descriptor, &s) == 0 && s.st_nlink == 0;
  sqlite3_mutex_leave(mutex);
  lua_pushboolean(L, lost);
  return 1;
}


/* takes the lock's byte of a file; 0, or -1 with the holder or errno */
static int take (Lock *lock, const char *path, pid_t *holder) {
  LockFile *file = open_file(path);
  int code;
  *holder = 0;
  if (file == NULL)
    return -1;
  if (is_held(file, lock->byte))
    *holder = getpid();
  else if (lock_byte(file->descriptor, lock->byte, holder) == 0) {
    lock->file = file;
    lock->next = file->locks;
    file->locks = lock;
    return 0;
  }
  code = errno;
  leave_file(file);
  errno = code;
  return -1;
}


/* sqlite.lock(path, byte) -> lock | nil, error that names the holder */
int nv_sqlite_lock (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_Number byte = check_byte(L);
  Lock *lock = lua_newuserdatauv(L, sizeof(*lock), 0);
  sqlite3_mutex *mutex;
  pid_t holder;
  int failed, code;
  memset(lock, 0, sizeof(*lock));
  lock->byte = byte;
  luaL_getmetatable(L, LOCK);
  lua_setmetatable(L, -2);
  mutex = enter();
  failed = take(lock, path, &holder);
  code = errno;
  sqlite3_mutex_leave(mutex);
  return failed ? refuse_lock(L, holder, code) : 1;
}


/* the process that holds the byte of a file; 0: none */
static pid_t holder_in (const char *path, lua_Number byte) {
  struct stat s;
  LockFile *file = stat(path, &s) == 0 ? find_file(&s) : NULL;
  int descriptor;
  pid_t holder;
  if (file != NULL)
    return is_held(file, byte) ? getpid() : holder_of(file->descriptor, byte);
  descriptor = open(path, O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return 0;
  holder = holder_of(descriptor, byte);
  close(descriptor);  /* no lock of this process is in the file */
  return holder;
}


/* sqlite.locked(path, byte) -> the process that holds it | nil */
int nv_sqlite_locked (lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  lua_Number byte = check_byte(L);
  sqlite3_mutex *mutex = enter();
  pid_t holder = holder_in(path, byte);
  sqlite3_mutex_leave(mutex);
  if (holder == 0)
    return 0;
  lua_pushinteger(L, (lua_Integer)holder);
  return 1;
}


static const luaL_Reg lock_methods[] = {
  {"release", lock_release},
  {"lost", lock_lost},
  {NULL, NULL}
};

static const luaL_Reg lock_metamethods[] = {
  {"__gc", lock_release},
  {"__close", lock_release},
  {NULL, NULL}
};

/* makes the class */
void nv_sqlite_open_locks (lua_State *L) {
  nv_sql_class(L, LOCK, lock_methods, lock_metamethods);
}
