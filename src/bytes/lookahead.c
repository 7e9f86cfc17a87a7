/*
** lookahead.c
** The next event of a stream, not yet consumed.
**
** Creating a Lua value for an event may run the garbage collector, and with it
** code that reads, feeds or ends the same stream. So an event stays where it
** is until it is consumed: nested code gets the same event, and the outer
** caller sees from the changed generation that its event is gone.
*/

#include "bytes.h"


/* updates the pointer to the data after the queue may have moved */
void nv_lookahead_refresh (NvLookahead *k, const NvBuffer *queue) {
  if (k->queued)
    k->event.data = nv_buffer_data(queue) + k->offset;
}


/*
** Finds the next event, unless one is found already. Returns 1 with k->event
** filled, whose fields are valid until the queue or the parser changes; 0 if
** there is none yet; or the error of nv_sse_next.
*/
int nv_lookahead_find (NvLookahead *k, NvSse *events, NvBuffer *queue) {
  size_t had = nv_buffer_length(queue), left = had;
  const char *start = had > 0 ? nv_buffer_data(queue) : "", *bytes = start;
  int found;
  if (k->found) {
    nv_lookahead_refresh(k, queue);
    return 1;
  }
  found = nv_sse_next(events, &bytes, &left, &k->event);
  if (found != 1) {
    nv_buffer_consume(queue, had - left);
    return found;
  }
  k->found = 1;
  k->length = had - left;
  k->queued = events->input != NULL;
  k->offset = k->queued ? (size_t)(events->input - start) : 0;
  return 1;
}


/* consumes the event and its bytes in the queue */
void nv_lookahead_consume (NvLookahead *k, NvBuffer *queue) {
  nv_lookahead_discard(k);
  nv_buffer_consume(queue, k->length);
}


/* discards the event; the caller empties the queue */
void nv_lookahead_discard (NvLookahead *k) {
  k->found = 0;
  k->generation++;
}
