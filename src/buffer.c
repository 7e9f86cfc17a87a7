/*
** buffer.c
** A queue of bytes in one block: appended at the end, consumed from the
** start. Room freed at the start is used again before the block grows, so
** a queue that is emptied as fast as it fills stays small. A ceiling keeps
** a hostile server from filling the memory.
*/

#include <stdlib.h>
#include <string.h>

#include "novita.h"

#define SMALLEST	512
#define KEPT		(64 * 1024)	/* a larger block goes when empty */
#define SHORT_SECRET	8	/* shorter ones occur by chance */


void nv_buffer_init (NvBuffer *b, size_t ceiling) {
  memset(b, 0, sizeof(*b));
  b->ceiling = ceiling;
}


void nv_buffer_free (NvBuffer *b) {
  free(b->bytes);
  nv_buffer_init(b, b->ceiling);
}


/*
** Makes room for 'length' more bytes and returns where they go, or NULL
** when there is no memory. The caller fills them and moves 'end'.
*/
char *nv_buffer_reserve (NvBuffer *b, size_t length) {
  size_t used = nv_buffer_length(b);
  size_t capacity = b->capacity ? b->capacity : SMALLEST;
  char *bytes;
  if (length <= b->capacity - b->end)
    return b->bytes + b->end;
  if (length > (size_t)-1 / 2 - used)
    return NULL;
  if (b->start > 0 && used <= b->start && length <= b->capacity - used) {
    memcpy(b->bytes, nv_buffer_data(b), used);
    b->start = 0;
    b->end = used;
    return b->bytes + used;
  }
  while (capacity < used + length)
    capacity *= 2;
  bytes = malloc(capacity);
  if (bytes == NULL)
    return NULL;
  if (used > 0)
    memcpy(bytes, nv_buffer_data(b), used);
  free(b->bytes);
  b->bytes = bytes;
  b->capacity = capacity;
  b->start = 0;
  b->end = used;
  return bytes + used;
}


/*
** All of the bytes or none: 0, NV_TOOBIG above the ceiling, or NV_NOMEM.
*/
int nv_buffer_append (NvBuffer *b, const char *bytes, size_t length) {
  char *room;
  if (length == 0)
    return 0;
  if (b->ceiling > 0 && length > b->ceiling - nv_buffer_length(b))
    return NV_TOOBIG;
  room = nv_buffer_reserve(b, length);
  if (room == NULL)
    return NV_NOMEM;
  memcpy(room, bytes, length);
  b->end += length;
  return 0;
}


void nv_buffer_consume (NvBuffer *b, size_t length) {
  b->start += length;
  if (b->start < b->end)
    return;
  b->start = b->end = 0;
  if (b->capacity > KEPT)
    nv_buffer_free(b);
}


/*
** Overwrites every occurrence of 'secret' with stars, so that an answer
** which echoes the request cannot carry the key into an error or a log.
*/
void nv_buffer_mask (NvBuffer *b, const char *secret) {
  size_t length = secret ? strlen(secret) : 0;
  size_t i = b->start;
  if (length < SHORT_SECRET)
    return;
  while (i + length <= b->end) {
    if (memcmp(b->bytes + i, secret, length) == 0) {
      memset(b->bytes + i, '*', length);
      i += length;
    }
    else
      i++;
  }
}
