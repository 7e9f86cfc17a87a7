/*
** list.c
** Intrusive doubly linked lists. The links are members of the linked structs,
** so adding allocates nothing and removing needs no search.
*/

#include <stddef.h>

#include "bytes.h"


/* makes 'head' an empty list */
void nv_list_init (NvLink *head) {
  head->previous = head->next = head;
}


/* appends 'link', a member of 'owner', to the list; it must be in none */
void nv_list_add (NvLink *head, NvLink *link, void *owner) {
  link->owner = owner;
  link->next = head;
  link->previous = head->previous;
  head->previous->next = link;
  head->previous = link;
}


/* removes 'link' from its list; does nothing if it is in none */
void nv_list_remove (NvLink *link) {
  if (link->next == NULL)
    return;
  link->previous->next = link->next;
  link->next->previous = link->previous;
  link->previous = link->next = NULL;
}
