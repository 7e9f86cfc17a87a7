/*
** states.c
** Several Lua states in one process: interleaved in one thread, closed in
** either order with calls in flight, and one in each of several threads.
** The module keeps nothing outside a state but the count of interrupts, so
** they meet only there.
*/

#include <pthread.h>
#include <signal.h>

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


/*
** Watches of two states: the last one closed gives the handler back. A shell
** has background jobs ignore SIGINT, so it is set first.
*/
static void interrupt (int first) {
  static const char open[] = "watch = core.interrupts()";
  lua_State *states[2];
  void (*before) (int) = signal(SIGTERM, SIG_DFL);
  void (*before_int) (int) = signal(SIGINT, SIG_DFL);
  states[0] = named_state("one");
  states[1] = named_state("two");
  run(states[0], "watch", open);
  raise(SIGTERM);
  run(states[1], "watch", open);
  raise(SIGINT);
  run(states[0], "both", "assert(watch:count() == 2)");
  run(states[1], "one", "assert(watch:count() == 1)");
  lua_close(states[first]);
  raise(SIGTERM);
  run(states[1 - first], "more", "assert(watch:count() == 3 or\n"
      "  NAME == 'two' and watch:count() == 2)");
  lua_close(states[1 - first]);
  if (signal(SIGTERM, before) != SIG_DFL ||
      signal(SIGINT, before_int) != SIG_DFL)
    give_up("states", "a handler is left");
}


int main (void) {
  work_in_threads();  /* first: they load and set up libcurl together */
  interleave();
  close_in_flight(0);
  close_in_flight(1);
  interrupt(0);
  interrupt(1);
  puts("states passed");
  return 0;
}
