# novita for Lua.   make [LUA=5.4|5.3|5.2|5.1|luajit]   builds the module;
# make demo         runs it    make test    runs the specs    make install PREFIX=/usr/local
# make check        all that CI runs: every Lua, both compilers, sanitizers, valgrind
LUA = 5.4
PREFIX = /usr/local
BUILD = build/$(LUA)

CFLAGS = -O2 -g
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
PKG = pkg-config
LUA_PC := $(shell for n in $(patsubst %,lua%,$(LUA)) lua-$(LUA) lua$(subst .,,$(LUA)) $(LUA) lua; do \
	$(PKG) --exists $$n 2>/dev/null && echo $$n && break; done)
LUA_CFLAGS = $(shell $(PKG) --cflags $(LUA_PC))
CURL_CFLAGS = $(shell $(PKG) --cflags libcurl)
CURL_LIBS = $(shell $(PKG) --libs libcurl)
ifeq ($(shell uname),Darwin)
SHARED = -bundle -undefined dynamic_lookup
else
SHARED = -shared
endif

SOURCES = $(wildcard src/*.c)
OBJECTS = $(SOURCES:src/%.c=$(BUILD)/%.o)
MODULE = $(BUILD)/novita/core.so

all: lua/novita/core.so

# next to the Lua files, where the loader finds it whatever the cpath is
lua/novita/core.so: $(MODULE)
	cp $(MODULE) $@

module: $(MODULE)

$(MODULE): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHARED) -o $@ $(OBJECTS) $(CURL_LIBS) -lm $(LDFLAGS)

$(BUILD)/%.o: src/%.c src/novita.h src/binding.h src/compat.h Makefile 
	@mkdir -p $(@D)
	@echo '*' > build/.gitignore
	$(CC) -std=c99 -D_GNU_SOURCE -fPIC $(CFLAGS) $(WARN) $(LUA_CFLAGS) $(CURL_CFLAGS) -c -o $@ $<

.PHONY: all module clean
