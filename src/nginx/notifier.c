/*
** notifier.c
** Notifies Lua code in nginx where event.c can't be used: a thread waits until
** the pool's descriptor is readable, then writes one byte to a unix socket,
** whose other end is a cosocket that Lua reads.
**
** The thread uses three descriptors and nothing else: it waits on 'epoll' (a
** set of the pool's descriptor and 'stop') and writes to 'connection'. The
** pool's descriptor is in the set with EPOLLONESHOT. nv_notifier_rearm enables
** it again, and the kernel then reports it if it is already readable. So no
** event is lost, no lock is needed, and any number of events between two
** rearms makes one notification.
**
** The socket has a path in the file system only until the cosocket has
** connected, and only this process can connect.
*/

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nginx.h"

#if NV_EPOLL

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define STACK	(128 * 1024)	/* the thread only makes system calls */
#define ONE_SHOT	(EPOLLIN | EPOLLONESHOT)


static void close_descriptor (int *descriptor) {
  if (*descriptor >= 0)
    close(*descriptor);
  *descriptor = -1;
}


/* writes an unpredictable path to 'address' */
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
** Returns a listening socket, or -1. No one can connect between bind and
** listen, so chmod is in time, and the umask, which all threads share, stays
** unchanged.
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
** Opens a notifier for 'descriptor', with a listening socket in 'directory'
** at 'path'. On failure closes it and returns -1.
*/
int nv_notifier_open (NvNotifier *n, int descriptor, const char *directory) {
  struct sockaddr_un address;
  n->open = 1;
  n->pid = getpid();
  n->descriptor = descriptor;
  n->connection = n->listener = -1;
  n->epoll = epoll_create1(EPOLL_CLOEXEC);
  n->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  name_socket(&address, directory);
  if (strlen(directory) < NV_NOTIFIER_PATH / 2)
    n->listener = listen_at(&address);
  if (n->listener >= 0)
    memcpy(n->path, address.sun_path, sizeof(n->path));
  if (n->epoll >= 0 && n->stop >= 0 && n->listener >= 0 &&
      nv_poller_control(n->epoll, EPOLL_CTL_ADD, n->stop, EPOLLIN) == 0 &&
      nv_poller_control(n->epoll, EPOLL_CTL_ADD, descriptor, ONE_SHOT) == 0)
    return 0;
  nv_notifier_close(n);
  return -1;
}


/* closes the listening socket and unlinks its path */
static void close_listener (NvNotifier *n) {
  if (n->path[0] != '\0')
    unlink(n->path);
  n->path[0] = '\0';
  close_descriptor(&n->listener);
}


/* accepts a connection of this process; returns it, or -1 */
static int accept_own (int listener) {
  struct ucred peer;
  socklen_t size = sizeof(peer);
  int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0)
    return -1;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
      peer.pid == getpid())
    return connection;
  close(connection);
  return -1;
}


/* the thread: writes a byte whenever the descriptor becomes readable */
static void *run_thread (void *data) {
  const NvNotifier *n = data;
  struct epoll_event event;
  for (;;) {
    int count = epoll_wait(n->epoll, &event, 1, -1);
    if (count < 0 && errno != EINTR)
      return NULL;
    if (count > 0 && event.data.fd == n->stop)
      return NULL;
    if (count > 0)  /* a full socket holds notifications enough */
      send(n->connection, "!", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
}


/* starts the thread with all signals blocked: the host handles them */
static int start_thread (NvNotifier *n) {
  pthread_attr_t attributes;
  sigset_t all, before;
  int failed;
  if (pthread_attr_init(&attributes) != 0)
    return -1;
  pthread_attr_setstacksize(&attributes, STACK);
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  failed = pthread_create(&n->thread, &attributes, run_thread, n);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  pthread_attr_destroy(&attributes);
  return failed ? -1 : 0;
}


/*
** Starts the thread, once a client has connected to 'path'. On failure closes
** the notifier and returns -1.
*/
int nv_notifier_start (NvNotifier *n) {
  n->connection = accept_own(n->listener);
  close_listener(n);
  if (n->connection >= 0 && start_thread(n) == 0) {
    n->running = 1;
    return 0;
  }
  nv_notifier_close(n);
  return -1;
}


/* sends one more notification, at once if the descriptor is readable */
void nv_notifier_rearm (NvNotifier *n) {
  n->fired = 1;
  nv_poller_control(n->epoll, EPOLL_CTL_MOD, n->descriptor, ONE_SHOT);
}


/*
** Stops the thread and closes all. Idempotent. In a child process it does
** nothing: the thread and the path belong to its parent.
*/
void nv_notifier_close (NvNotifier *n) {
  static const unsigned long long one = 1;
  if (!n->open || n->pid != getpid()) {
    n->open = 0;
    return;
  }
  n->open = 0;
  if (n->running && write(n->stop, &one, sizeof(one)) == sizeof(one))
    pthread_join(n->thread, NULL);
  n->running = 0;
  close_listener(n);
  close_descriptor(&n->connection);
  close_descriptor(&n->epoll);
  close_descriptor(&n->stop);
}

#else	/* no epoll: pools have no descriptor */

int nv_notifier_open (NvNotifier *n, int descriptor, const char *directory) {
  (void)n; (void)descriptor; (void)directory;
  return -1;
}


int nv_notifier_start (NvNotifier *n) {
  (void)n;
  return -1;
}


void nv_notifier_rearm (NvNotifier *n) {
  (void)n;
}


void nv_notifier_close (NvNotifier *n) {
  n->open = 0;
}

#endif
