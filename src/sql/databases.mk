# The modules for databases, each built where pkg-config finds its library. Part of the Makefile.

DATABASES := $(shell pkg-config --exists sqlite3 2>/dev/null && echo sqlite)\
	$(shell pkg-config --exists libpq 2>/dev/null && echo postgres)
DATABASE_FLAGS := $(foreach pc,sqlite3 libpq,$(shell pkg-config --cflags $(pc) 2>/dev/null))

sqlite_OBJECTS = $(patsubst %,$(BUILD)/sql/%.o,lock sql sqlite sqlite_error statement)
sqlite_LIBS = $(shell pkg-config --libs sqlite3) -lm
postgres_OBJECTS = $(patsubst %,$(BUILD)/sql/%.o,sql postgres postgres_error parameters result) $(BUILD)/bytes/decimal.o
postgres_LIBS = $(shell pkg-config --libs libpq) -lm

all: databases
module: $(DATABASES:%=$(BUILD)/novita/%/core.so)

databases: $(DATABASES:%=lua/novita/%-$(LUA).so)
	@$(if $(filter sqlite,$(DATABASES)),,echo "novita.sqlite is left out: apt-get install libsqlite3-dev")
	@$(if $(filter postgres,$(DATABASES)),,echo "novita.postgres is left out: apt-get install libpq-dev")

lua/novita/%-$(LUA).so: $(BUILD)/novita/%/core.so
	$(Q)install -m 755 $< $@

$(BUILD)/novita/sqlite/core.so: $(sqlite_OBJECTS)
$(BUILD)/novita/postgres/core.so: $(postgres_OBJECTS)
$(DATABASES:%=$(BUILD)/novita/%/core.so): $(BUILD)/novita/%/core.so:
	$(call say,LD $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SHARED) -o $@ $^ $($*_LIBS) $(LDFLAGS)

$(BUILD)/sql/%.o: FLAGS += $(DATABASE_FLAGS)

install: install-databases
install-databases: module
	@for name in $(DATABASES); do mkdir -p $(call quote,$(LIB)/novita)/$$name && install -m 755\
	  $(BUILD)/novita/$$name/core.so $(call quote,$(LIB)/novita)/$$name || exit 1; done

.PHONY: databases install-databases
