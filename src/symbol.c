/*
** symbol.c
** What the program that runs offers by name: functions and variables of
** nginx, of which we know at run time only whether they are there.
*/

#include <dlfcn.h>
#include <string.h>

#include "novita.h"


/* NULL where there is none */
void *nv_symbol (const char *name) {
  return dlsym(RTLD_DEFAULT, name);
}


/* the same for functions, for which ISO C knows no cast */
NvFunction nv_function (const char *name) {
  void *symbol = nv_symbol(name);
  NvFunction function;
  memcpy(&function, &symbol, sizeof(function));
  return function;
}
