/*
** ring.c
** Rings of transfers: doubly linked lists whose links stand in the transfers
** themselves, so that nothing is allocated and leaving needs no search.
*/

#include <stddef.h>

#include "novita.h"


void nv_ring_init (NvLink *ring) {
  ring->previous = ring->next = ring;
}


void nv_ring_add (NvLink *ring, NvLink *link, NvTransfer *owner) {
  link->owner = owner;
  link->next = ring;
  link->previous = ring->previous;
  ring->previous->next = link;
  ring->previous = link;
}


void nv_ring_remove (NvLink *link) {
  if (link->next == NULL)
    return;  /* in no ring */
  link->previous->next = link->next;
  link->next->previous = link->previous;
  link->previous = link->next = NULL;
}
