/*
** buffer.c
** A byte queue in one block: bytes are appended at the end and consumed from
** the start. Space freed at the start is reused before the block grows, so a
** queue that is emptied as fast as it fills stays small. The ceiling limits
** how much memory a server can fill.
*/

#include <stdlib.h>
#include <string.h>

#include "bytes.h"

#define MIN_CAPACITY	256
#define KEPT		(64 * 1024)	/* larger empty blocks are freed */


void nv_buffer_init (NvBuffer *b, size_t ceiling) {
  memset(b, 0, sizeof(*b));
  b->ceiling = ceiling;
}


void nv_buffer_free (NvBuffer *b) {
  free(b->bytes);
  nv_buffer_init(b, b->ceiling);
}


/*
** Reserves 'length' bytes at the end and returns a pointer to them, or NULL
** without memory. The caller writes the bytes and advances 'end'.
*/
char *nv_buffer_reserve (NvBuffer *b, size_t length) {
  size_t used = nv_buffer_length(b);
  size_t capacity = b->capacity ? b->capacity : MIN_CAPACITY;
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
** Appends all of the bytes and returns 0; or appends none and returns
** NV_TOOBIG if they exceed the ceiling, or NV_NOMEM.
*/
int nv_buffer_append (NvBuffer *b, const char *bytes, size_t length) {
  char *room;
  if (length == 0)
    return 0;
  if (b->ceiling > 0 && length > b->ceiling - nv_buffer_length(b))
    return NV_TOOBIG;
  room = length <= b->capacity - b->end ? b->bytes + b->end
                                        : nv_buffer_reserve(b, length);
  if (room == NULL)
    return NV_NOMEM;
  memcpy(room, bytes, length);
  b->end += length;
  return 0;
}


/* removes 'length' bytes from the start; frees a large block once empty */
void nv_buffer_consume (NvBuffer *b, size_t length) {
  b->start += length;
  if (b->start < b->end)
    return;
  b->start = b->end = 0;
  if (b->capacity > KEPT)
    nv_buffer_free(b);
}


/* returns 'b' emptied, with its block unless that is large, for reuse */
NvBuffer nv_buffer_reused (NvBuffer *b) {
  nv_buffer_consume(b, nv_buffer_length(b));
  b->ceiling = 0;
  return *b;
}
