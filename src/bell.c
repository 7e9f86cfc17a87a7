/*
** bell.c
** Wakes nginx, whose event loop takes no descriptors of others: a thread
** waits for the pool's descriptor and rings, that is, writes one byte to a
** unix socket. The other end is a cosocket, which Lua reads like any other.
**
** The thread touches nothing but three descriptors: it waits for 'watch' (an
** epoll set of the pool's descriptor and 'stop') and writes to 'line'. The
** pool's descriptor is in the set for one shot; nv_bell_rearm loads the next
** one, and the kernel looks then whether it is readable already. So nothing
** that happens between two shots is missed, no lock is needed, and however
** much happens between two, it is one ring.
**
** The socket has a name in the file system only while the cosocket connects,
** and nobody but this process is accepted.
*/

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "novita.h"

#if NV_EPOLL

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define STACK	(128 * 1024)	/* of a thread that makes system calls only */
#define ONE_SHOT	(EPOLLIN | EPOLLONESHOT)


static void close_descriptor (int *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
  *descriptor = -1;
}


/* 'address' is a name that nobody can have made before us */
static void name_socket (struct sockaddr_un *address, const char *directory) {
  unsigned long long number = 0;
  if (getrandom(&number, sizeof(number), GRND_NONBLOCK) < 0)
    number = (unsigned long long)(nv_now() * 1e9);
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  snprintf(address->sun_path, sizeof(address->sun_path),
           "%s/novita-%ld-%llx", directory, (long)getpid(), number);
}


/*
** Between bind and listen nobody can connect: so the mode is right in time,
** and the umask, which all threads share, stays what it is.
*/
static int listen_at (const struct sockaddr_un *address) {
  int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (s < 0)
    return -1;
  if (bind(s, (const struct sockaddr *)address, sizeof(*address)) != 0) {
    close(s);
    return -1;
  }
  if (chmod(address->sun_path, S_IRUSR | S_IWUSR) == 0 && listen(s, 1) == 0)
    return s;
  unlink(address->sun_path);
  close(s);
  return -1;
}


/*
** Opens a bell for 'descriptor', on a socket in 'directory', named by
** 'path' until nv_bell_start. 'b' is zeroed. Returns 0, or -1: then it is
** closed again.
*/
int nv_bell_open (NvBell *b, int descriptor, const char *directory) {
  struct sockaddr_un address;
  b->open = 1;
  b->pid = getpid();
  b->descriptor = descriptor;
  b->line = b->listener = -1;
  b->watch = epoll_create1(EPOLL_CLOEXEC);
  b->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  name_socket(&address, directory);
  if (strlen(directory) < NV_BELL_PATH / 2)
    b->listener = listen_at(&address);
  if (b->listener >= 0)
    memcpy(b->path, address.sun_path, sizeof(b->path));
  if (b->watch >= 0 && b->stop >= 0 && b->listener >= 0 &&
      nv_wait_control(b->watch, EPOLL_CTL_ADD, b->stop, EPOLLIN) == 0 &&
      nv_wait_control(b->watch, EPOLL_CTL_ADD, descriptor, ONE_SHOT) == 0)
    return 0;
  nv_bell_close(b);
  return -1;
}


/* the name has served */
static void close_listener (NvBell *b) {
  if (b->path[0] != '\0')
    unlink(b->path);
  b->path[0] = '\0';
  close_descriptor(&b->listener);
}


/* takes the connection, if it is our own */
static int accept_own (int listener) {
  struct ucred peer;
  socklen_t size = sizeof(peer);
  int line = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (line < 0)
    return -1;
  if (getsockopt(line, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
      peer.pid == getpid())
    return line;
  close(line);
  return -1;
}


/* the thread */
static void *watch (void *data) {
  const NvBell *b = data;
  struct epoll_event event;
  for (;;) {
    int n = epoll_wait(b->watch, &event, 1, -1);
    if (n < 0 && errno != EINTR)
      return NULL;
    if (n > 0 && event.data.fd == b->stop)
      return NULL;
    if (n > 0)  /* a full line has rings enough */
      send(b->line, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}


/* signals are for the host's threads */
static int start_thread (NvBell *b) {
  pthread_attr_t attributes;
  sigset_t all, before;
  int failed;
  if (pthread_attr_init(&attributes) != 0)
    return -1;
  pthread_attr_setstacksize(&attributes, STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  failed = pthread_create(&b->thread, &attributes, watch, b);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return failed ? -1 : 0;
}


/*
** Begins to ring, now that somebody has connected to 'path'. Returns 0, or
** -1: then the bell is closed.
*/
int nv_bell_start (NvBell *b) {
  b->line = accept_own(b->listener);
  close_listener(b);
  if (b->line >= 0 && start_thread(b) == 0) {
    b->running = 1;
    return 0;
  }
  nv_bell_close(b);
  return -1;
}


/* rings once more, as soon as there is a reason; at once if there is one */
void nv_bell_rearm (NvBell *b) {
  b->rang = 1;
  nv_wait_control(b->watch, EPOLL_CTL_MOD, b->descriptor, ONE_SHOT);
}


/*
** Idempotent. A child process has the descriptors, but not the thread, and
** the name is its parent's.
*/
void nv_bell_close (NvBell *b) {
  static const unsigned long long one = 1;
  if (!b->open || b->pid != getpid()) {
    b->open = 0;
    return;
  }
  b->open = 0;
  if (b->running && write(b->stop, &one, sizeof(one)) == sizeof(one))
    pthread_join(b->thread, NULL);
  b->running = 0;
  close_listener(b);
  close_descriptor(&b->line);
  close_descriptor(&b->watch);
  close_descriptor(&b->stop);
}

#else	/* no epoll: no descriptor to wait for */

int nv_bell_open (NvBell *b, int descriptor, const char *directory) {
  (void)b; (void)descriptor; (void)directory;
  return -1;
}


int nv_bell_start (NvBell *b) {
  (void)b;
  return -1;
}


void nv_bell_rearm (NvBell *b) {
  (void)b;
}


void nv_bell_close (NvBell *b) {
  b->open = 0;
}

#endif
