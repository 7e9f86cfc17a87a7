# nginx in the specs. It is fetched and unpacked below build/, not installed: its LuaJIT and Neovim's
# exclude each other. The browser is for the page of examples/openresty. Part of the Makefile.

NGINX_PACKAGES = $(TEST_PACKAGES) chromium chromium-driver

nginx-specs:
	$(call packages,$(NGINX_PACKAGES))
	@$(MAKE) --no-print-directory specs LUA=luajit SPECS=spec/nginx

.PHONY: nginx-specs
