# novita for Lua
#
#   make [LUA=5.4|5.3|5.2|5.1|luajit]   builds the module for that Lua, next to the Lua files
#   make env          prints what a shell must export to use this checkout: eval "$(make env)"
#   make demo         one chat, against the bundled simulator when NOVITA_API_KEY is not set
#   make install      into PREFIX=/usr/local, below DESTDIR if that is set
#   make uninstall    removes what install has put there
#   make rock         packs a source rock of this version
#   make test         the specs, on Lua 5.4 and LuaJIT
#   make check        all that CI runs on one machine; see spec/check.mk
#   make doc-options  writes the tables of options into doc/; see doc/internals.md
#   make man          writes the man page of the command, doc/novita.1, from its parsers
#   make crash        batches that are killed at 200 random moments; see spec/crash.mk
#   make bench        the comparisons with other clients; see spec/bench.mk
#   make fresh        demo, test, build and install on fresh Debian 12 and 13; see spec/fresh.mk
#   make clean        removes what was built
#
# V=1 shows each command. On Debian, demo, test, check and fresh install the packages they need.

LUAS = 5.4 5.3 5.2 5.1 luajit
LUA = 5.4
ifneq ($(words $(LUA)) $(filter $(LUAS),$(LUA)),1 $(LUA))
$(error novita: LUA=$(LUA) is unknown; it is one of: $(LUAS))
endif

PREFIX = /usr/local
BUILD = build/$(LUA)
INTERPRETER = $(patsubst 5.%,lua5.%,$(LUA))
VERSION = $(LUA:luajit=5.1)
MODULE = lua/novita/core-$(LUA).so

# The names that systems give to a Lua's .pc file; a bare lua.pc may be that of any.
LUA_PC := $(shell for name in $(if $(filter luajit,$(LUA)),luajit,\
	lua$(LUA) lua-$(LUA) lua$(subst .,,$(LUA)) lua); do\
	case $$(pkg-config --modversion $$name 2>/dev/null) in\
	($(LUA:luajit=2).*) echo $$name; break;; esac; done)

CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
SHARED := $(if $(filter Darwin,$(shell uname)),-bundle -undefined dynamic_lookup,-shared)
FLAGS := -std=c99 -D_GNU_SOURCE -fPIC -pthread $(WARNINGS)\
	$(shell pkg-config --cflags $(LUA_PC) libcurl 2>/dev/null)
LIBS := $(shell pkg-config --libs libcurl 2>/dev/null) -lm -pthread
LAYERS = bytes http nginx lua
SOURCES = $(wildcard $(LAYERS:%=src/%/*.c))
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/%.o)

# The words of a shell's command line; a short line for a command, or with V=1 the command.
quote = '$(subst ','\'',$(1))'
ifdef V
say = @:
else
Q = @
say = @echo "  $(1)"
endif

all: prerequisites $(MODULE)

module: prerequisites $(BUILD)/novita/core.so

# A running program may have the old file mapped: install puts a new one in its place.
$(MODULE): $(BUILD)/novita/core.so
	$(Q)install -m 755 $< $@

$(BUILD)/novita/core.so: $(OBJECTS)
	$(call say,LD $@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SHARED) -o $@ $(OBJECTS) $(LIBS) $(LDFLAGS)

$(BUILD)/%.o: src/%.c $(wildcard src/*/*.h) $(BUILD)/command
	$(call say,CC $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

# How it is compiled and against what; newer than the objects when that has changed.
COMMAND = $(CC) $(FLAGS) $(CFLAGS) $(LIBS) $(LDFLAGS)\
	$(shell pkg-config --modversion $(LUA_PC) libcurl 2>/dev/null)
$(BUILD)/command: prerequisites
	@mkdir -p $(@D)
	@printf '%s\n' $(call quote,$(COMMAND)) >$@.now
	@if cmp -s $@.now $@; then rm $@.now; else mv $@.now $@; fi

prerequisites:
	@sh src/missing.sh "$(LUA)" "$(LUA_PC)" "$(CC)"

SHARE = $(DESTDIR)$(PREFIX)/share/lua/$(VERSION)
LIB = $(DESTDIR)$(PREFIX)/lib/lua/$(VERSION)
BIN = $(DESTDIR)$(PREFIX)/bin
MAN = $(DESTDIR)$(PREFIX)/share/man/man1
FILES = $(filter-out novita/meta/%,$(patsubst lua/%,%,$(shell find lua -name '*.lua')))

# The command runs on the Lua that it is installed for, unless NOVITA_LUA says another.
install: module
	@mkdir -p $(call quote,$(LIB)/novita) $(call quote,$(BIN)) $(call quote,$(MAN))
	@sed 's/$${NOVITA_LUA:-[^}]*}/$${NOVITA_LUA:-$(INTERPRETER) lua}/' bin/novita\
	  >$(call quote,$(BIN)/novita) && chmod 755 $(call quote,$(BIN)/novita)
	@install -m 644 doc/novita.1 $(call quote,$(MAN))
	@install -m 755 $(BUILD)/novita/core.so $(call quote,$(LIB)/novita)
	@for file in $(FILES); do to=$(call quote,$(SHARE))/$$file;\
	  mkdir -p "$${to%/*}" && install -m 644 lua/$$file "$$to" || exit 1; done
	@echo "novita is in $(SHARE)/novita and $(LIB)/novita"

uninstall:
	rm -rf $(call quote,$(SHARE)/novita) $(call quote,$(LIB)/novita)\
	  $(call quote,$(BIN)/novita) $(call quote,$(MAN)/novita.1)

# The rockspecs of the checkout, with the version and an archive of what is committed.
RELEASE = $(shell sed -n 's/^\#define NV_VERSION[^"]*"\(.*\)"/\1/p' src/lua/binding.h)
ARCHIVE = novita-$(RELEASE).tar.gz

rockspec:
	@mkdir -p build/rock && rm -f build/rock/*
	@for spec in *.rockspec src/sql/*.rockspec; do name=$${spec##*/};\
	  sed 's/^version = .*/version = "$(RELEASE)-1"/; s|^source = .*|source = { url = "file://$(ARCHIVE)" }|'\
	  $$spec >build/rock/$${name%scm-1.rockspec}$(RELEASE)-1.rockspec; done

rock: rockspec
	@command -v zip >/dev/null || { echo "novita: missing: zip (package zip)" >&2; exit 1; }
	git archive --format=tar.gz --prefix=novita-$(RELEASE)/ -o build/rock/$(ARCHIVE) HEAD\
	  bin src lua doc examples LICENSE README.md CHANGELOG.md
	@cd build/rock && for spec in *.rockspec; do rock=$${spec%.rockspec}.src.rock;\
	  zip -q $$rock $$spec $(ARCHIVE) && echo "packed build/rock/$$rock" || exit 1; done

env:
	@printf 'export LUA_PATH="%s/lua/?.lua;%s/lua/?/init.lua;$${LUA_PATH:-;;}"\n'\
	  $(call quote,$(CURDIR)) $(call quote,$(CURDIR))
	@printf 'export PATH="%s/bin:$$PATH"\n' $(call quote,$(CURDIR))

help:
	@sed -n '/^$$/q; s/^# \{0,1\}//p' Makefile

clean:
	rm -rf build lua/novita/*.so

include $(wildcard src/sql/*.mk spec/*.mk)

.PHONY: all module prerequisites install uninstall rockspec rock env help clean
