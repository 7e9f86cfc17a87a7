# Fuzzing, and the event-stream vectors under sanitizers. Part of the Makefile.
#   make fuzz TIME=60   each target so many seconds; build/fuzz keeps what it finds
#   make vectors        spec/sse by gcc and by clang

TIME = 60
FUZZ = build/fuzz
FUZZ_TARGETS = sse chunk
FUZZ_PACKAGES = $(DEMO_PACKAGES) clang libclang-rt-14-dev
SANITIZE = -std=c99 -D_GNU_SOURCE -O1 -g -fno-sanitize-recover=undefined

# Lua's memory looks like a leak after each input; at the end it is looked for anyway.
FUZZ_chunk = -detect_leaks=0

fuzz: $(FUZZ_TARGETS:%=fuzz-%)

fuzz-%: $(FUZZ)/%
	@mkdir -p $(FUZZ)/corpus/$* && echo "fuzzing $* for $(TIME) s"
	@ASAN_OPTIONS=quarantine_size_mb=16 LUA_PATH='$(CURDIR)/lua/?.lua;;' nice $< \
	  -max_total_time=$(TIME) -max_len=1024 -timeout=10 -verbosity=0 -print_final_stats=1 \
	  -dict=spec/fuzz/$*.dict -artifact_prefix=$(FUZZ)/ $(FUZZ_$*) \
	  $(FUZZ)/corpus/$* spec/fuzz/corpus/$*

$(FUZZ)/sse: spec/fuzz/sse.c src/sse.c src/sse.h | fuzz-packages
	@mkdir -p $(@D) && echo '*' > build/.gitignore
	clang $(SANITIZE) -fsanitize=fuzzer,address,undefined -o $@ spec/fuzz/sse.c src/sse.c

$(FUZZ)/chunk: spec/fuzz/chunk.c $(wildcard src/*.[ch]) | fuzz-packages
	@mkdir -p $(@D) && echo '*' > build/.gitignore
	clang $(SANITIZE) -fsanitize=fuzzer,address,undefined -o $@ spec/fuzz/chunk.c \
	  $(wildcard src/*.c) $(shell pkg-config --cflags --libs lua5.4 libcurl) -lm -pthread

vectors: fuzz-packages
	@mkdir -p build/vectors && echo '*' > build/.gitignore
	for cc in gcc clang; do \
	  $$cc $(SANITIZE) -fsanitize=address,undefined -o build/vectors/$$cc spec/sse/vectors.c && \
	  build/vectors/$$cc spec/sse/*.txt || exit 1; \
	done

fuzz-packages:
	$(call packages,$(FUZZ_PACKAGES))

.PHONY: fuzz vectors fuzz-packages
