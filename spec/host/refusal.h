/*
** refusal.h
** Which allocation of a scenario is refused. The programs that include it
** define MOST, the allocations of a scenario; more means no end.
*/

#ifndef refusal_h
#define refusal_h

#include <string.h>

#include "host.h"

enum { LUA, C };
enum { SINGLE, ALL };

static struct {
  int active;
  int whose;
  int lasting;		/* SINGLE, ALL */
  int countdown;	/* allocations still to be had */
  int failed;		/* how many were refused */
} plan;


static inline void make_plan (int whose, int lasting, int countdown) {
  memset(&plan, 0, sizeof(plan));
  plan.whose = whose;
  plan.lasting = lasting;
  plan.countdown = countdown;
}


/* Lua tries twice, so there a single failure is two */
static inline int plan_refuses (int whose) {
  int most = plan.lasting == ALL ? MOST * MOST : whose == LUA ? 2 : 1;
  if (!plan.active || plan.whose != whose)
    return 0;
  if (plan.countdown > 0) {
    plan.countdown--;
    return 0;
  }
  return plan.failed++ < most;
}


/* writes what is refused, of the scenario 'name', for messages */
static inline void describe_plan (char *where, size_t size, const char *name) {
  snprintf(where, size, "%s, %s allocation %d fails%s", name,
           plan.whose == LUA ? "Lua" : "C", plan.countdown + 1,
           plan.lasting == ALL ? " and all after it" : "");
}


/* runs 'prepare' with all the memory it wants, and 'act' by the plan */
static inline int run_plan (lua_State *L, const char *where,
                            const char *prepare, const char *act,
                            int results) {
  int status;
  run(L, where, prepare);
  if (luaL_loadstring(L, act) != 0)
    give_up(where, lua_tostring(L, -1));
  plan.active = 1;
  status = lua_pcall(L, 0, results, 0);
  plan.active = 0;
  return status;
}

#endif
