# The specs of PostgreSQL, which start a server of their own. Part of the Makefile.

POSTGRES_PACKAGES = $(TEST_PACKAGES) libpq-dev postgresql

postgres-specs:
	$(call packages,$(POSTGRES_PACKAGES))
	@status=0; for lua in 5.4 luajit; do \
	  $(MAKE) --no-print-directory specs LUA=$$lua SPECS=--tags=postgres || status=1;\
	  done; exit $$status

# Out of memory at every allocation in the modules of databases.
SQL_HOST = gcc -std=c99 -D_GNU_SOURCE $(ASAN) $(WARNINGS) src/sql/*.c src/bytes/decimal.c\
	$(shell pkg-config --cflags lua5.4 sqlite3 libpq) -o build/host/oom_sql spec/host/oom_sql.c\
	$(shell pkg-config --libs lua5.4 sqlite3 libpq) -lm
check-memory-sql:
	$(call packages,$(POSTGRES_PACKAGES))
	@mkdir -p build/host
	$(SQL_HOST)
	spec/support/with-postgres build/host/oom_sql

.PHONY: postgres-specs check-memory-sql
