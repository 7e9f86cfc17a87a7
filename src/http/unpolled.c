/*
** unpolled.c
** Excludes time in which a pool was not polled from the time-outs on silence.
**
** While a program computes, or its process is stopped, the server may be
** waiting for us, in a handshake for example. So between two polls at most
** 'max_silence', a fraction of the shortest time-out in flight, counts as
** silence of the server. The rest is added to 'unpolled', and the time-outs on
** silence use a clock that excludes it. A waiting pool polls twice in that
** time (nv_unpolled_due) and excludes nothing. Since each poll counts for
** something, a silent server times out even in a program that rarely polls.
*/

#include "http.h"

#define MAX_SILENCE	2.0	/* seconds */
#define MIN_SILENCE	0.01	/* seconds */
#define FRACTION	0.25	/* of a time-out */


/* records that the sockets are polled at p->now */
void nv_unpolled_update (NvPool *p) {
  double elapsed = p->now - p->polled_at;
  if (elapsed > p->max_silence)
    p->unpolled += elapsed - p->max_silence;
  p->polled_at = p->now;
}


/* returns 'silence', or less if a fraction of the time-out is shorter */
static double shorter (double silence, double limit) {
  if (limit <= 0 || limit * FRACTION >= silence)
    return silence;
  return limit * FRACTION > MIN_SILENCE ? limit * FRACTION : MIN_SILENCE;
}


/* adjusts 'max_silence' to the time-outs of a transfer that starts */
void nv_unpolled_start (NvPool *p, const NvOptions *o) {
  double silence = p->in_flight > 0 ? p->max_silence : MAX_SILENCE;
  p->now = nv_now();
  nv_unpolled_update(p);
  silence = shorter(silence, o->connect_timeout);
  silence = shorter(silence, o->first_byte_timeout);
  p->max_silence = shorter(silence, o->idle_timeout);
}


/* returns the clock of the time-outs on silence */
double nv_unpolled_now (const NvPool *p) {
  return nv_now() - p->unpolled;
}


/* returns the moment at which the pool must poll again */
double nv_unpolled_due (const NvPool *p) {
  return p->in_flight > 0 ? p->polled_at + p->max_silence / 2 : NV_NEVER;
}
