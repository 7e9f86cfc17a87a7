/*
** slowname.c
** Put before the C library (LD_PRELOAD), makes looking up a name take
** NAME_SECONDS, as with a name server that does not answer; then the name is
** unknown.
*/

#include <netdb.h>
#include <stdlib.h>
#include <time.h>


int getaddrinfo (const char *node, const char *service,
                 const struct addrinfo *hints, struct addrinfo **result) {
  const char *seconds = getenv("NAME_SECONDS");
  struct timespec pause = {0, 0};
  (void)node; (void)service; (void)hints; (void)result;
  pause.tv_sec = seconds ? atoi(seconds) : 0;
  nanosleep(&pause, NULL);
  return EAI_NONAME;
}
