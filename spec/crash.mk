# Batches and runs of workflows that are killed, again and again. Part of the Makefile.
#
#   make crash [KILLS=200] [ROWS=300] [SEED=n] [LUA=5.4]     the seed is printed, and makes a run again

KILLS = 200
ROWS = 300

crash: export NOVITA_CRASH_KILLS = $(KILLS)
crash: export NOVITA_CRASH_ROWS = $(ROWS)
crash: export NOVITA_CRASH_SEED = $(SEED)
crash:
	@$(MAKE) --no-print-directory specs SPECS=spec/crash

.PHONY: crash
