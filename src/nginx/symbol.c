/*
** symbol.c
** Looks up functions and variables of nginx in the running program. Novita is
** not compiled against nginx, so each may be missing.
*/

#include <dlfcn.h>
#include <string.h>

#include "nginx.h"


/* returns the address of a symbol, or NULL if there is none */
void *nv_symbol (const char *name) {
  return dlsym(RTLD_DEFAULT, name);
}


/* the same for a function; ISO C has no cast from void * */
NvFunction nv_function (const char *name) {
  void *symbol = nv_symbol(name);
  NvFunction function;
  memcpy(&function, &symbol, sizeof(function));
  return function;
}
