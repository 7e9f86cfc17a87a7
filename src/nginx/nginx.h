/*
** nginx.h
** The additions to http.h for nginx. Nothing here knows Lua.
**
**   symbol.c     looks up functions and variables of nginx at run time
**   wakeup.c     NvWakeup: wakes a light thread when its transfer has news
**   event.c      NvNginxEvent: polls a pool from nginx's event loop
**   notifier.c   NvNotifier: writes to a socket when a pool has work; for
**                where nginx's event loop can't be used
**   cleanup.c    NvCleanup: cancels transfers when their request ends
**
** A transfer is linked to its NvWakeup by its 'listener' link, to its
** NvCleanup by its 'scope' link. All structs are zeroed before they are
** opened, and stay at their address until they are closed. Functions that can
** fail return 0 or -1.
*/

#ifndef nginx_h
#define nginx_h

#include <pthread.h>
#include <sys/types.h>

#include "../http/http.h"


/* symbol.c */

typedef void (*NvFunction) (void);

NV_FUNC void *nv_symbol (const char *name);
NV_FUNC NvFunction nv_function (const char *name);


/* wakeup.c */

typedef int (*NvPost) (void *semaphore, int count);

typedef struct NvWakeup {
  void *semaphore;		/* of lua-nginx-module; the caller keeps it */
  NvPost post;			/* posts it */
  int posted;			/* posted since the last reset? */
  NvLink listening;		/* list: the transfer it waits for, if any */
} NvWakeup;

NV_FUNC int nv_wakeup_open (NvWakeup *w, void *semaphore, const char *post);
NV_FUNC void nv_wakeup_listen (NvWakeup *w, NvTransfer *t);
NV_FUNC void nv_wakeup_post (NvWakeup *w);
NV_FUNC int nv_wakeup_reset (NvWakeup *w);
NV_FUNC int nv_wakeup_dispatch (NvPool *p);


/* event.c */

typedef struct NvConnection NvConnection;

typedef struct NvNginxEvent {
  NvConnection *connection;	/* owned by nginx; NULL: closed */
  pid_t pid;			/* process that opened it */
  NvPool *pool;
  int fired;			/* has it fired since this was cleared? */
} NvNginxEvent;

NV_FUNC int nv_nginx_event_open (NvNginxEvent *w, NvPool *p);
NV_FUNC void nv_nginx_event_close (NvNginxEvent *w);


/* notifier.c */

#define NV_NOTIFIER_PATH	108	/* size of a unix socket's path */

typedef struct NvNotifier {
  int open;
  int running;			/* has its thread been started? */
  pid_t pid;			/* process that opened it */
  pthread_t thread;
  int descriptor;		/* the pool's; not owned */
  int epoll, stop, connection;	/* the only descriptors the thread uses */
  int fired;			/* rearmed since this was cleared? */
  int listener;			/* listening socket, or -1 */
  char path[NV_NOTIFIER_PATH];	/* of that socket; "": unlinked */
} NvNotifier;

NV_FUNC int nv_notifier_open (NvNotifier *n, int descriptor,
                              const char *directory);
NV_FUNC int nv_notifier_start (NvNotifier *n);
NV_FUNC void nv_notifier_rearm (NvNotifier *n);
NV_FUNC void nv_notifier_close (NvNotifier *n);


/* cleanup.c */

typedef struct NvNginxCleanup NvNginxCleanup;

typedef struct NvCleanup {
  NvNginxCleanup *nginx;	/* owned by nginx; NULL: the request ended */
  NvLink transfers;		/* list: those cancelled at its end */
} NvCleanup;

NV_FUNC int nv_cleanup_open (NvCleanup *c, void *request);
NV_FUNC void nv_cleanup_add (NvCleanup *c, NvTransfer *t);
NV_FUNC void nv_cleanup_close (NvCleanup *c);

#endif
