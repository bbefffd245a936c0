# SPDX-License-Identifier: BSD-2-Clause
# libFuzzer harnesses: `make fuzz` runs each for FUZZ_SECONDS; `make check` runs a bounded part.
FUZZ_SECONDS ?= 600
FUZZ_CC ?= clang
FUZZ_SOURCES := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS := $(FUZZ_SOURCES:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_OBJECTS := $(patsubst %.c,$(BUILD)/fuzz/obj/%.o,$(filter-out cli/main.c,$(SOURCES)))
FUZZ_FLAGS := -std=gnu17 -D_GNU_SOURCE -O1 -gline-tables-only -fno-strict-aliasing -I. $(WARNINGS) \
              -fsanitize=address,undefined -fno-sanitize-recover=undefined

.PHONY: fuzz fuzzers
fuzzers: $(FUZZERS)

$(BUILD)/fuzz/obj/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(FUZZ_OBJECTS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer -rdynamic $(PKG_CFLAGS) -MMD -MP -MF $@.d -o $@ $< $(FUZZ_OBJECTS) $(LIBS)

# The plug-in in libwireshark: its files with sanitizers, Wireshark's libraries as they are.
FUZZ_DISSECTOR_OBJECTS := $(DISSECTOR_SOURCES:%.c=$(BUILD)/fuzz/dissector/%.o)
$(BUILD)/fuzz/dissector/%.o: %.c
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link $(DISSECTOR_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/fuzz/fuzz_dissector: tests/fuzz/fuzz_dissector.c $(FUZZ_DISSECTOR_OBJECTS)
	@mkdir -p $(@D)
	$(FUZZ_CC) $(FUZZ_FLAGS) -fsanitize=fuzzer $(DISSECTOR_CFLAGS) -MMD -MP -MF $@.d -o $@ $< \
	  $(FUZZ_DISSECTOR_OBJECTS) $(DISSECTOR_LIBS) -lwiretap

-include $(FUZZ_DISSECTOR_OBJECTS:.o=.d) $(FUZZ_OBJECTS:.o=.d) $(FUZZERS:=.d)

fuzz: check-deps
	@$(MAKE) -s all fuzzers
	@BUILD=$(abspath $(BUILD)) FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_KEEP=1 tests/fuzz/fuzz.test
	@BUILD=$(abspath $(BUILD)) NOISE_SECONDS=$(FUZZ_SECONDS) NOISE_SEED=$$(date +%s) tests/fuzz/noise.test

# nvmetap mutate, sanitized: a campaign of each sample, a new one each time, for MUTATE_SECONDS; what finds
# something is saved. `make check` runs bounded ones (tests/replay/mutate.test).
MUTATE_SECONDS ?= 120
.PHONY: mutate
mutate:
	@$(MAKE) -s SANITIZE=address,undefined BUILD=$(ASAN_BUILD) OPT=-O1 $(ASAN_BUILD)/nvmetap
	@status=0; for trace in samples/*.pcap; do \
	  $(ASAN_BUILD)/nvmetap mutate $$trace --for $(MUTATE_SECONDS) --seed $$(date +%s) --save $(BUILD)/mutate-found || status=1; \
	done; exit $$status
