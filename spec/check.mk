# How the project is tried: demo, test and check. Part of the Makefile.

export LUA_PATH = $(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;$(CURDIR)/?.lua;;
export LUA_CPATH = $(CURDIR)/$(BUILD)/?.so;;
export NOVITA_LUA = $(INTERPRETER)

DEMO_PACKAGES = gcc pkg-config libcurl4-openssl-dev ca-certificates lua5.4 liblua5.4-dev\
	lua-cjson lua-cqueues lua-luaossl lua-socket
TEST_PACKAGES = $(DEMO_PACKAGES) curl git groff-base luajit libluajit-5.1-dev lua-argparse lua-busted lua-luv\
	luarocks nghttp2-proxy libsqlite3-dev

# On Debian, installs what is missing of a list of packages. Nothing is removed for it: where the
# LuaJIT of nginx's Lua module is in use, that one serves.
packages = @command -v apt-get >/dev/null || exit 0; names="$(strip $(1))"; \
	! dpkg -s libluajit2-5.1-2 >/dev/null 2>&1 || \
	  names=$$(echo $$names | sed 's/\bluajit\b/luajit2/; s/libluajit-5/libluajit2-5/'); \
	! dpkg-query -W -f '$${db:Status-Status}\n' $$names 2>&1 | grep -qvx installed || \
	{ sudo=$$(command -v sudo || true); $$sudo apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -qq -y --no-remove \
	  --no-install-recommends $$names; }

QUESTION = What is the capital of France?

demo:
	$(call packages,$(DEMO_PACKAGES))
	@$(MAKE) --no-print-directory module
	@$(if $(NOVITA_API_KEY),,spec/support/with-simulator) $(INTERPRETER)\
	  examples/hello.lua "$(QUESTION)"

test:
	$(call packages,$(TEST_PACKAGES))
	@status=0; for lua in luajit 5.4; do \
	  $(MAKE) --no-print-directory specs LUA=$$lua || status=1; done; exit $$status

# A hang fails where nobody is there to press Ctrl-C: no run of the specs takes a quarter of this.
BOUND := $(shell [ -t 0 ] || ! command -v timeout >/dev/null || echo timeout -k 10 1200)

# The specs on one Lua; SPECS names some of them. Those in nginx and of
# PostgreSQL have recipes of their own.
SUPPORT = native pty slowname trusted
OTHERS = --exclude-tags=nginx,postgres
specs: module $(SUPPORT:%=$(BUILD)/spec/support/%.so)
	$(BOUND) busted --lua=$(INTERPRETER) $(or $(SPECS),$(OTHERS))

$(BUILD)/spec/support/%.so: spec/support/%.c spec/support/native.h
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) $(SHARED) -o $@ $< $(LDFLAGS)

# Writes what comes from the rows of the options: tables in doc/, :help, LuaCATS classes.
doc-options: module
	@$(INTERPRETER) -e 'require("spec.support.option_pages").write()'

# Writes the man page of the command from its parsers.
man: module
	@$(INTERPRETER) -e 'io.write(require("novita.cli.manual").page())' >doc/novita.1

# All that CI runs; each part can be run alone, and one that fails stops no other. What this make has
# asked pkg-config for may be installed by it: the parts are another make's.
CHECK_PACKAGES = $(TEST_PACKAGES) clang libclang-rt-dev lua5.3 liblua5.3-dev lua5.1\
	liblua5.1-0-dev lua-check valgrind nghttp2-proxy libpq-dev postgresql
CHECKS = test check-style check-builds check-other-luas check-without-epoll check-sanitized\
	check-sanitized-luajit check-valgrind check-memory check-memory-sql vectors nvim-specs\
	nginx-specs postgres-specs fuzz

check: check-packages
	@$(MAKE) --no-print-directory --keep-going $(CHECKS) TIME=10

check-packages:
	$(call packages,$(CHECK_PACKAGES))

# Rules that a script can check: who may know whom, how long things are, which names are taken, what
# nobody may call or keep.
check-style:
	luacheck -q bench examples lua spec lazy.lua *.rockspec src/sql/*.rockspec .luacheckrc
	! grep -rnE ' in (pairs|next)\b' lua/novita
	! grep -nE '\b(sprintf|strcpy|strcat|strtok|gets|atoi|alloca) \(' src/*/*.c
	$(MAKE) --no-print-directory module LUA=5.4
	lua5.4 spec/style/check.lua
	! objdump -t build/5.4/*/*.o | grep -E 'O (\.data|\.bss|\*COM\*)[[:space:]]' |\
	  grep -vE ' (interrupts|lock_files)$$'  # signals and locks are the process's

WERROR = -O2 -g -Werror
check-builds:
	for lua in 5.4 5.3 5.1 luajit; do for cc in gcc clang; do \
	  $(MAKE) --no-print-directory module LUA=$$lua CC=$$cc CFLAGS="$(WERROR)"\
	    BUILD=build/$$lua-$$cc >/dev/null || exit 1; done; done

# 5.4 and LuaJIT run everything; the others what depends on the version of Lua.
check-other-luas:
	@$(MAKE) --no-print-directory specs LUA=5.3 SPECS="$(OTHERS) $(WIRE_SPECS) $(LUA_SPECS)"
	@$(MAKE) --no-print-directory specs LUA=5.1 SPECS="$(OTHERS) $(WIRE_SPECS) $(LUA_SPECS)"

# spec/NAME_spec.lua of each name
named = $(patsubst %,spec/%_spec.lua,$(1))

LUA_SPECS = spec/cli spec/run spec/sql spec/store spec/workflow $(call named,client\
	compat init json loader misuse retry retry_after retry_if sqlite bytes/base64 bytes/decimal\
	bytes/json_scan bytes/sse batch/csv batch/fetch batch/input batch/jsonl batch/lines batch/output\
	batch/parts batch/prices batch/remote batch/results batch/server batch/slice batch/submit\
	call/json_schema call/settings limit/init loop/resuming loop/scheduler loop/task loop/tasks\
	loop/timers lua/base64 lua/cjson lua/chat_request_refused lua/describe lua/json lua/json_decode\
	lua/json_encode lua/sse lua/writer stream/accumulator stream/answers stream/choice stream/fields\
	stream/reasoning stream/tool_calls template/init)
WIRE_SPECS = $(call named,http/easy_connection http/easy_incomplete http/easy_limits\
	http/response_head http/transfer_end http/transfer_timeout loop/poll_calls loop/transfers\
	loop/turns lua/chat_request lua/error_body lua/reply lua/request_start lua/chat_chunk\
	bytes/json_repeat call/callbacks stream/end stream/init stream/reading)

check-without-epoll:
	$(MAKE) --no-print-directory specs BUILD=build/5.4-poll CFLAGS="$(WERROR) -DNV_NO_EPOLL"\
	  SPECS="$(WIRE_SPECS)"

# The interpreter is not built for it, so the runtime is loaded before it.
ASAN = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
define sanitized
	$(MAKE) --no-print-directory module $(SUPPORT:%=build/$(1)-asan/spec/support/%.so)\
	  LUA=$(1) BUILD=build/$(1)-asan CFLAGS="$(ASAN)" >/dev/null
	LUA_CPATH="$(CURDIR)/build/$(1)-asan/?.so;;" NOVITA_SPEC_SLOWNESS=4 NOVITA_LUA=$(2) $(3)\
	  LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)"\
	  busted --lua=$(2) $(4)
endef

check-sanitized:
	$(call sanitized,5.4,lua5.4,LSAN_OPTIONS=suppressions=$(CURDIR)/spec/host/leaks.supp,\
	  $(SANITIZED_SPECS))

# Finalizers and hooks inside calls, on LuaJIT too, whose own memory looks like a leak.
check-sanitized-luajit:
	$(call sanitized,luajit,luajit,ASAN_OPTIONS=detect_leaks=0,\
	  $(call named,bytes/lookahead lua/json_object lua/reentrant lua/reentrant_all sql/sql))

# Those that run C code of ours, but for forks (a child leaks on purpose) and other preloads.
SANITIZED_SPECS = $(filter-out $(call named,%_fork %_name %_loops %/options_key %/pool_scale\
	%/pool_descriptors),$(wildcard $(call named,api/* bytes/* http/*load* http/client_cert\
	http/curl_error http/drive http/easy* http/interrupts http/request_lines http/response_head\
	http/pool* http/poller* http/process* http/transfer* loop/poll_calls loop/transfers loop/turns\
	lua/* run/map sql/* stream/* call/settings client reply sqlite)))

VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
check-valgrind: module
	$(MAKE) --no-print-directory specs SPECS=spec/compat_spec.lua >/dev/null
	NOVITA_SPEC_SLOWNESS=20 $(VALGRIND) lua5.4 /usr/bin/busted $(VALGRIND_SPECS)

VALGRIND_SPECS = $(call named,loop/poll_calls loop/transfers loop/turns lua/chat_request\
	lua/error_body lua/request_start stream/accumulator stream/choice stream/end stream/fields\
	stream/reasoning)

# Out of memory at every allocation; several states in one process. Our own malloc is wrapped.
HOST = gcc -std=c99 -D_GNU_SOURCE $(ASAN) $(WARNINGS) $(SOURCES) spec/host/$(1).c\
	$(shell pkg-config --cflags --libs lua5.4 libcurl) -o build/host/$(1) -lm -pthread -Wl,-E
WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=strdup
check-memory: prerequisites
	@mkdir -p build/host
	$(call HOST,oom) $(WRAP)
	$(call HOST,states)
	for host in oom states; do LSAN_OPTIONS=suppressions=spec/host/leaks.supp\
	  spec/support/with-simulator build/host/$$host || exit 1; done

.PHONY: demo test specs doc-options man check check-packages check-style check-builds check-other-luas\
	check-without-epoll check-sanitized check-sanitized-luajit check-valgrind check-memory
