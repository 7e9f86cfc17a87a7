# Fuzzing, and the event-stream vectors under sanitizers. Part of the Makefile.
#   make fuzz TIME=60   each target so many seconds; build/fuzz keeps what it finds
#   make vectors        spec/sse by gcc and by clang

TIME = 60
FUZZ = build/fuzz
FUZZ_TARGETS = sse chunk answer request base64
FUZZ_PACKAGES = $(DEMO_PACKAGES) clang libclang-rt-dev
SANITIZE = -std=c99 -D_GNU_SOURCE -O1 -g -fno-sanitize-recover=undefined

# Lua's memory looks like a leak after each input; at the end it is looked for anyway.
FUZZ_chunk = -detect_leaks=0
FUZZ_answer = -detect_leaks=0
FUZZ_request = -detect_leaks=0

fuzz: $(FUZZ_TARGETS:%=fuzz-%)

fuzz-%: $(FUZZ)/%
	@mkdir -p $(FUZZ)/corpus/$* && echo "fuzzing $* for $(TIME) s"
	@ASAN_OPTIONS=quarantine_size_mb=16 LUA_PATH='$(CURDIR)/lua/?.lua;;' nice $< \
	  -max_total_time=$(TIME) -max_len=1024 -timeout=10 -verbosity=0 -print_final_stats=1 \
	  -dict=spec/fuzz/$*.dict -artifact_prefix=$(FUZZ)/ $(FUZZ_$*) \
	  $(FUZZ)/corpus/$* spec/fuzz/corpus/$*

FUZZ_CC = clang $(SANITIZE) -fsanitize=fuzzer,address,undefined -o $@ $<

$(FUZZ)/sse $(FUZZ)/base64: $(FUZZ)/%: spec/fuzz/%.c src/bytes/%.c src/bytes/bytes.h | fuzz-packages
	@mkdir -p $(@D)
	$(FUZZ_CC) src/bytes/$*.c

$(FUZZ)/chunk $(FUZZ)/answer $(FUZZ)/request: $(FUZZ)/%: spec/fuzz/%.c spec/fuzz/fuzz.h $(SOURCES)\
		$(wildcard src/*/*.h) | fuzz-packages
	@mkdir -p $(@D)
	$(FUZZ_CC) $(SOURCES) $(shell pkg-config --cflags --libs lua5.4 libcurl) -lm -pthread

vectors: fuzz-packages
	@mkdir -p build/vectors
	for cc in gcc clang; do \
	  $$cc $(SANITIZE) -fsanitize=address,undefined -o build/vectors/$$cc spec/bytes/sse/vectors.c && \
	  build/vectors/$$cc spec/bytes/sse/*.txt || exit 1; \
	done

fuzz-packages:
	$(call packages,$(FUZZ_PACKAGES))

.PHONY: fuzz vectors fuzz-packages
