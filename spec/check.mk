# How the project is tried: demo, test and check. Part of the Makefile.

DEMO_PACKAGES = gcc pkg-config libcurl4-openssl-dev ca-certificates lua5.4 liblua5.4-dev\
	lua-cjson lua-cqueues lua-luaossl
TEST_PACKAGES = $(DEMO_PACKAGES) luajit libluajit-5.1-dev lua-busted lua-luv lua-socket luarocks\
	nghttp2-proxy

# On Debian, installs what is missing of a list of packages.
packages = @command -v apt-get >/dev/null || exit 0; \
	dpkg -s $(1) >/dev/null 2>&1 || { sudo=$$(command -v sudo || true); \
	$$sudo apt-get update -qq && \
	DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -qq -y --no-install-recommends $(1); }

QUESTION = What is the capital of France?

demo:
	$(call packages,$(DEMO_PACKAGES))
	@$(MAKE) --no-print-directory module
	@$(if $(NOVITA_API_KEY),,spec/support/with-simulator) $(INTERPRETER) examples/hello.lua "$(QUESTION)"

test:
	$(call packages,$(TEST_PACKAGES))
	@$(MAKE) --no-print-directory specs LUA=luajit
	@$(MAKE) --no-print-directory specs LUA=5.4

# The specs on one Lua; SPECS names some of them. Those in nginx have a recipe of their own.
specs: module $(BUILD)/spec/support/native.so $(BUILD)/spec/support/slowname.so
	busted --lua=$(INTERPRETER) $(or $(SPECS),--exclude-tags=nginx)

$(BUILD)/spec/support/%.so: spec/support/%.c
	@mkdir -p $(@D)
	$(CC) $(FLAGS) $(CFLAGS) $(SHARED) -o $@ $< $(LDFLAGS)

# All that CI runs. Each part can be run alone.
CHECK_PACKAGES = $(TEST_PACKAGES) clang libclang-rt-14-dev lua5.3 liblua5.3-dev lua5.1\
	liblua5.1-0-dev lua-check valgrind nghttp2-proxy

check: check-packages test check-style check-builds check-other-luas check-without-epoll\
	check-sanitized check-valgrind check-memory vectors nvim-specs nginx-specs
	$(MAKE) fuzz TIME=20

check-packages:
	$(call packages,$(CHECK_PACKAGES))

# Rules that a script can check: who may include whom, what nobody may call or keep.
TRANSPORT = src/easy.c src/pool.c src/transfer.c src/wait.c
BELOW = $(TRANSPORT) $(addprefix src/,buffer.c sse.c ring.c process.c symbol.c waiter.c watch.c bell.c tie.c novita.h sse.h)
check-style:
	luacheck -q .
	! grep -nE '#include.*(lua|compat\.h|binding\.h)' $(BELOW)
	! grep -nE '#include.*curl' $(filter-out $(TRANSPORT),$(wildcard src/*))
	! grep -nE '\b(sprintf|strcpy|strcat|strtok|gets|atoi|alloca) \(' src/*.c
	$(MAKE) --no-print-directory module LUA=5.4
	! objdump -t build/5.4/*.o | grep -E 'O (\.data|\.bss|\*COM\*)[[:space:]]'

WERROR = -O2 -g -Werror
check-builds:
	for lua in 5.4 5.3 5.1 luajit; do for cc in gcc clang; do \
	  $(MAKE) --no-print-directory module LUA=$$lua CC=$$cc CFLAGS="$(WERROR)"\
	    BUILD=build/$$lua-$$cc >/dev/null || exit 1; done; done

# 5.4 and LuaJIT run everything; the others what depends on the version of Lua.
check-other-luas:
	@$(MAKE) --no-print-directory specs LUA=5.3 SPECS="$(WIRE_SPECS) $(LUA_SPECS)"
	@$(MAKE) --no-print-directory specs LUA=5.1 SPECS="$(WIRE_SPECS) $(LUA_SPECS)"

LUA_SPECS = spec/compat_spec.lua spec/json_spec.lua spec/chat_refused_spec.lua spec/client_spec.lua\
	spec/template_spec.lua spec/retry_spec.lua spec/limit_spec.lua spec/poll_spec.lua\
	spec/map_spec.lua spec/assemble_spec.lua spec/sse_spec.lua spec/loader_spec.lua
WIRE_SPECS = spec/chat_spec.lua spec/chat_reply_spec.lua spec/error_spec.lua spec/stream_spec.lua\
	spec/stream_end_spec.lua spec/transfer spec/poll_calls_spec.lua

check-without-epoll:
	$(MAKE) --no-print-directory specs BUILD=build/5.4-poll CFLAGS="$(WERROR) -DNV_NO_EPOLL"\
	  SPECS="$(WIRE_SPECS)"

# The interpreter is not built for it, so the runtime is loaded before it.
ASAN = -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
check-sanitized:
	$(MAKE) --no-print-directory module build/5.4-asan/spec/support/native.so\
	  build/5.4-asan/spec/support/slowname.so BUILD=build/5.4-asan CFLAGS="$(ASAN)" >/dev/null
	LUA_CPATH="$(CURDIR)/build/5.4-asan/?.so;;" NOVITA_SPEC_SLOWNESS=4\
	  LSAN_OPTIONS=suppressions=$(CURDIR)/spec/host/leaks.supp\
	  LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libubsan.so)"\
	  busted --lua=lua5.4 $(SANITIZED_SPECS)

# Those that run C code of ours, but for forks (a child leaks on purpose) and other preloads.
SANITIZED_SPECS = $(filter-out %/fork_spec.lua %/name_spec.lua,$(wildcard spec/chat*_spec.lua\
	spec/error*_spec.lua spec/stream*_spec.lua spec/assemble*_spec.lua spec/pool/*_spec.lua\
	spec/transfer/*_spec.lua)) spec/json_spec.lua spec/options_spec.lua spec/client_spec.lua\
	spec/sse_spec.lua spec/map_spec.lua spec/poll_calls_spec.lua spec/reply_spec.lua

VALGRIND = valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite
check-valgrind: module
	$(MAKE) --no-print-directory specs SPECS=spec/compat_spec.lua >/dev/null
	NOVITA_SPEC_SLOWNESS=20 $(VALGRIND) lua5.4 /usr/bin/busted $(VALGRIND_SPECS)

VALGRIND_SPECS = spec/chat_spec.lua spec/error_spec.lua spec/stream_end_spec.lua\
	spec/assemble_spec.lua spec/poll_calls_spec.lua

# Out of memory at every allocation; several states in one process. Our own malloc is wrapped.
HOST = gcc -std=c99 -D_GNU_SOURCE $(ASAN) $(WARNINGS) -Isrc src/*.c $(shell pkg-config --cflags lua5.4\
	libcurl) -o build/host/$(1) spec/host/$(1).c $(shell pkg-config --libs lua5.4 libcurl)\
	-lm -pthread -Wl,-E
WRAP = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=strdup
check-memory: prerequisites
	@mkdir -p build/host
	$(call HOST,oom) $(WRAP)
	$(call HOST,states)
	for host in oom states; do LSAN_OPTIONS=suppressions=spec/host/leaks.supp\
	  spec/support/with-simulator build/host/$$host || exit 1; done

.PHONY: demo test specs nginx-specs check check-packages check-style check-builds check-other-luas\
	check-without-epoll check-sanitized check-valgrind check-memory
