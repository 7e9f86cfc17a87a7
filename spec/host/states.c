/*
** states.c
** Several Lua states in one process: interleaved in one thread, closed in
** either order with calls in flight, and one in each of several threads.
** The module keeps nothing outside a state, so they never meet.
*/

#include <pthread.h>

#include "host.h"

#define THREADS		4
#define ROUNDS		5	/* states a thread makes, one after the other */


static lua_State *new_state (void) {
  lua_State *L = luaL_newstate();
  furnish(L);
  return L;
}


static const char start[] =
  "pool = core.pool()\n"
  "transfer = assert(pool:chat(ask('of ' .. NAME)))\n"
  "pool:poll(0)\n";

static const char look[] = "pool:poll(0.001)\n";

static const char end[] =
  "local reply = assert(finish(pool, transfer))\n"
  "assert(reply:text():find('of ' .. NAME, 1, true))\n";

static const char block[] =
  "for _ = 1, 5 do\n"
  "  local reply = assert(core.chat(ask('of ' .. NAME)))\n"
  "  assert(reply:text():find('of ' .. NAME, 1, true))\n"
  "end\n";


static lua_State *named_state (const char *name) {
  lua_State *L = new_state();
  lua_pushstring(L, name);
  lua_setglobal(L, "NAME");
  return L;
}


/* both have a call under way; the one that is closed first has it cut off */
static void close_in_flight (int first) {
  lua_State *states[2];
  int i;
  states[0] = named_state("one");
  states[1] = named_state("two");
  for (i = 0; i < 2; i++)
    run(states[i], "start", start);
  lua_close(states[first]);
  run(states[1 - first], "the other one", end);
  run(states[1 - first], "the other one blocks", block);
  lua_close(states[1 - first]);
}


static void interleave (void) {
  lua_State *states[2];
  int i, round;
  states[0] = named_state("one");
  states[1] = named_state("two");
  for (i = 0; i < 2; i++)
    run(states[i], "start", start);
  for (round = 0; round < 6; round++)
    run(states[round % 2], "look", look);
  run(states[0], "block", block);
  run(states[1], "block", block);
  for (i = 1; i >= 0; i--)
    run(states[i], "end", end);
  for (i = 0; i < 2; i++)
    lua_close(states[i]);
}


/* in a thread of its own: new states, each with calls of every kind */
static void *work (void *name) {
  int round;
  for (round = 0; round < ROUNDS; round++) {
    lua_State *L = named_state(name);
    run(L, "thread", start);
    run(L, "thread", block);
    run(L, "thread", end);
    run(L, "thread", start);
    lua_close(L);  /* with a call in flight */
  }
  return NULL;
}


static void work_in_threads (void) {
  static char *const names[THREADS] = {"one", "two", "three", "four"};
  pthread_t threads[THREADS];
  int i;
  for (i = 0; i < THREADS; i++) {
    if (pthread_create(&threads[i], NULL, work, names[i]) != 0)
      give_up("states", "no thread");
  }
  for (i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
}


int main (void) {
  work_in_threads();  /* first: they load and set up libcurl together */
  interleave();
  close_in_flight(0);
  close_in_flight(1);
  puts("states passed");
  return 0;
}
