# How the project is tried: demo, test and check. Part of the Makefile.

DEMO_PACKAGES = gcc pkg-config libcurl4-openssl-dev lua5.4 liblua5.4-dev lua-cjson lua-cqueues\
	lua-luaossl
TEST_PACKAGES = $(DEMO_PACKAGES) luajit libluajit-5.1-dev lua-busted lua-socket nghttp2-proxy

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

# The specs on one Lua; SPECS names some of them.
specs: module
	busted --lua=$(INTERPRETER) $(SPECS)

.PHONY: demo test specs
