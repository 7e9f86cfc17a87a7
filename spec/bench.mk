# The benchmarks. Part of the Makefile.
#
#   make bench                     runs all, prints the aims in one table, keeps them in
#                                  bench/results.json; half an hour on a quiet machine
#   make bench BENCHES="call map"  runs some; with BENCH_OPTIONS=--quick, for a look
#   make bench-readme              writes those figures into README.md and doc/benchmarks.svg

BENCHES = call map batch stream neovim nginx runs
BENCH_OPTIONS =

# A bench that can't run says why, and the others run.
bench:
	@$(MAKE) --no-print-directory module LUA=5.4
	@$(MAKE) --no-print-directory module LUA=luajit
	@for bench in $(BENCHES); do bench/$$bench $(BENCH_OPTIONS) && ran="$$ran $$bench" || failed=1; echo;\
	  done; test -z "$$ran" || bench/table $$ran || exit 1; exit $$failed

bench-readme:
	bench/table --readme
	bench/chart doc/benchmarks.svg

# What they need beside the specs; bench/* says so when it is missing. OpenSSL is for the server that
# they measure against. Neovim's LuaJIT and the one of an installed nginx exclude each other.
BENCH_PACKAGES = $(TEST_PACKAGES) libssl-dev openssl lua-sec lua-http valgrind\
	$(shell dpkg -s libluajit2-5.1-2 >/dev/null 2>&1 || echo neovim)

bench-packages:
	$(call packages,$(BENCH_PACKAGES))

.PHONY: bench bench-readme bench-packages
