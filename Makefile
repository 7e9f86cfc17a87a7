# novita for Lua
#   make [LUA=5.4|5.3|5.2|5.1|luajit]   builds the module, next to the Lua files
#   make demo      one chat, against the bundled simulator when NOVITA_API_KEY is not set
#   make test      the specs, on Lua 5.4 and LuaJIT
#   make check     all that CI runs; see spec/check.mk
#   make install   PREFIX=/usr/local
# On Debian, demo, test and check install the packages that they need.

LUA = 5.4
PREFIX = /usr/local
BUILD = build/$(LUA)
INTERPRETER = $(patsubst 5.%,lua5.%,$(LUA))
VERSION = $(LUA:luajit=5.1)

CFLAGS = -O2 -g
WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
SHARED = $(if $(filter Darwin,$(shell uname)),-bundle -undefined dynamic_lookup,-shared)
LUA_PC := $(firstword $(foreach n,lua$(LUA) lua-$(LUA) lua$(subst .,,$(LUA)) $(LUA) lua,\
	$(shell pkg-config --exists $n 2>/dev/null && echo $n)))
FLAGS = -std=c99 -D_GNU_SOURCE -fPIC -pthread $(WARNINGS) $(shell pkg-config --cflags $(LUA_PC) libcurl)
OBJECTS = $(patsubst src/%.c,$(BUILD)/%.o,$(wildcard src/*.c))

export LUA_PATH = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;
export LUA_CPATH = $(CURDIR)/$(BUILD)/?.so;;
export NOVITA_LUA = $(INTERPRETER)

all: module
	cp $(BUILD)/novita/core.so lua/novita/core.so

module: prerequisites $(BUILD)/novita/core.so

$(BUILD)/novita/core.so: $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SHARED) -o $@ $(OBJECTS) $(shell pkg-config --libs libcurl) -lm -pthread $(LDFLAGS)

$(BUILD)/%.o: src/%.c $(wildcard src/*.h) Makefile
	@mkdir -p $(@D) && echo '*' > build/.gitignore
	$(CC) $(FLAGS) $(CFLAGS) -c -o $@ $<

missing = { echo "novita: missing $(1)" >&2; exit 1; }

prerequisites:
	@command -v pkg-config >/dev/null || $(call missing,pkg-config (everywhere the package\
	  pkg-config; Fedora: pkgconf))
	@pkg-config --exists libcurl || $(call missing,libcurl and its headers (Debian:\
	  libcurl4-openssl-dev; Fedora: libcurl-devel; Arch: curl; Alpine: curl-dev; Homebrew: curl))
	@test -n "$(LUA_PC)" || $(call missing,Lua $(LUA:luajit=JIT) and its headers (Debian:\
	  $(if $(filter luajit,$(LUA)),libluajit-5.1-dev,liblua$(LUA)-dev); Fedora:\
	  $(if $(filter luajit,$(LUA)),luajit-devel,lua-devel); Arch: $(INTERPRETER);\
	  Alpine: $(INTERPRETER)-dev; Homebrew: $(if $(filter luajit,$(LUA)),luajit,lua)))

SHARE = $(abspath $(DESTDIR)$(PREFIX)/share/lua/$(VERSION))
LIB = $(abspath $(DESTDIR)$(PREFIX)/lib/lua/$(VERSION))

install: module
	install -d $(LIB)/novita
	install -m 755 $(BUILD)/novita/core.so $(LIB)/novita
	cd lua && find . -name '*.lua' ! -path '*/meta/*' -exec install -D -m 644 {} $(SHARE)/{} \;

clean:
	rm -rf build lua/novita/core.so

include spec/check.mk spec/nvim.mk spec/nginx.mk spec/fuzz.mk

.PHONY: all module prerequisites install clean
