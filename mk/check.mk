# SPDX-License-Identifier: BSD-2-Clause
# `make check`: every test, in one run that ends with 'N passed, N failed'. Unit tests run
# once as built and once under ASan and UBSan; script tests too where they say so.
SCRIPT_TESTS := $(sort $(wildcard tests/lint/*.test tests/cli/*.test tests/golden/*.test \
                  tests/replay/*.test tests/dissector/*.test tests/fuzz/*.test tests/install/*.test \
                  tests/capture/*.test tests/scale/*.test tests/guest/*.test))
# Scripts that run again on the sanitized command.
SANITIZED_SCRIPTS := $(sort $(wildcard tests/cli/*.test tests/replay/*.test))

ASAN_BUILD := $(BUILD)/asan
TSAN_BUILD := $(BUILD)/tsan
ASAN_UNIT := $(UNIT_SOURCES:tests/unit/%.c=$(ASAN_BUILD)/tests/%)
# The threaded parts: what has two threads in its test. (Two processes prove nothing there.)
TSAN_NAMES := $(notdir $(basename $(shell grep -lE 'pthread_create|vfio_client' $(UNIT_SOURCES) 2>/dev/null | \
                xargs grep -L 'fork()')))
TSAN_UNIT := $(addprefix $(TSAN_BUILD)/tests/,$(TSAN_NAMES))

export ASAN_OPTIONS ?= detect_leaks=1:abort_on_error=0:allocator_may_return_null=1
export UBSAN_OPTIONS ?= print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS ?= halt_on_error=1

# Compilers and tests at once, unless make was told (-j).
JOBS ?= $(shell nproc)
PARALLEL_MAKE = $(MAKE) -s $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS))

.PHONY: sanitized check check-quick
sanitized:
	@$(PARALLEL_MAKE) SANITIZE=address,undefined BUILD=$(ASAN_BUILD) OPT=-O1 $(ASAN_BUILD)/nvmetap plugins $(ASAN_UNIT)
	@$(if $(TSAN_UNIT),$(PARALLEL_MAKE) SANITIZE=thread BUILD=$(TSAN_BUILD) OPT=-O1 $(TSAN_UNIT))

# What the guests run on is fetched while compilers run; the first guest test waits for it, or does it again and says why.
check: check-deps
	@mkdir -p $(BUILD) && { BUILD=$(abspath $(BUILD)) tests/guest/provision >$(BUILD)/provision.log 2>&1 & }
	@$(PARALLEL_MAKE) all $(UNIT_PROGRAMS) $(TEST_PROGRAMS) $(CAPTURE_PROGRAMS)
	@$(MAKE) -s sanitized
	@$(PARALLEL_MAKE) fuzzers
	@BUILD=$(abspath $(BUILD)) tests/run --jobs $(JOBS) $(UNIT_PROGRAMS) $(ASAN_UNIT) $(TSAN_UNIT) $(SCRIPT_TESTS) \
	  $(addprefix sanitized:,$(SANITIZED_SCRIPTS))

# Minutes, through pipes: no disk is needed. SCALE="10000000 100000000": what a trace has of records.
.PHONY: check-replay-scale
check-replay-scale: check-deps all
	@BUILD=$(abspath $(BUILD)) tests/scale/replay $(or $(SCALE),1000000 10000000)

# Without guests, fuzzing and sanitizers: for the minute between two edits.
check-quick: all $(UNIT_PROGRAMS) $(TEST_PROGRAMS)
	@$(PARALLEL_MAKE) $(CAPTURE_PROGRAMS)
	@BUILD=$(abspath $(BUILD)) tests/run $(UNIT_PROGRAMS) \
	  $(filter-out tests/guest/% tests/fuzz/% tests/lint/%,$(SCRIPT_TESTS))
