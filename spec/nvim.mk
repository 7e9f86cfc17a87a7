# The specs in Neovim, headless and in a terminal. Part of the Makefile.

NVIM_PACKAGES = $(TEST_PACKAGES) neovim tmux

nvim-specs:
	$(call packages,$(NVIM_PACKAGES))
	@$(MAKE) --no-print-directory module LUA=luajit
	@$(MAKE) --no-print-directory specs LUA=5.4 SPECS="--pattern=_nvim $(or $(SPECS),spec/nvim)"

.PHONY: nvim-specs
