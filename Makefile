# SPDX-License-Identifier: BSD-2-Clause
# nvmetap: see README.md. Targets: demo check deps all install bench fuzz lint guest format clean
BUILD ?= build
PREFIX ?= /usr/local
CC ?= gcc
PKG_CONFIG ?= pkg-config
SANITIZE ?=
OPT ?= -O2

include mk/deps.mk

.DEFAULT_GOAL := all

PACKAGES := libpcap json-c liburing libnvme libzstd nettle
SOURCES := $(wildcard nvme/*.c trace/*.c trace/checks/*.c controller/*.c controller/*/*.c \
             capture/*.c control/*.c replay/*.c reduce/*.c edit/*.c cli/*.c)
OBJECTS := $(SOURCES:%.c=$(BUILD)/obj/%.o)
LIBRARY_OBJECTS := $(filter-out $(BUILD)/obj/cli/main.o,$(OBJECTS))
UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(BUILD)/tests/%)
BENCH_SOURCES := $(wildcard tests/bench/*.c)
BENCH_PROGRAMS := $(BENCH_SOURCES:tests/bench/%.c=$(BUILD)/bench/%)

WARNINGS := -Wall -Wextra -Wconversion -Wvla -Wundef -Werror
CFLAGS_ALL = -std=gnu17 -D_GNU_SOURCE $(OPT) $(if $(SANITIZE),-g1,-g) -fno-strict-aliasing -I. $(WARNINGS) \
             $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer) \
             $(if $(filter thread,$(SANITIZE)),-Wno-error=tsan) $(CFLAGS)
LDFLAGS_ALL = $(if $(SANITIZE),-fsanitize=$(SANITIZE)) -rdynamic $(LDFLAGS)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null)
LIBS := $(PKG_LIBS) -ldl -lpthread -lm

.PHONY: all
all: $(BUILD)/nvmetap dissector plugins

$(BUILD)/nvmetap: $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/%: tests/unit/%.c $(LIBRARY_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(LIBRARY_OBJECTS) $(LIBS) -lcmocka

$(BUILD)/bench/%: tests/bench/%.c $(LIBRARY_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(LIBRARY_OBJECTS) $(LIBS)

-include $(OBJECTS:.o=.d) $(UNIT_PROGRAMS:=.d) $(BENCH_PROGRAMS:=.d)

# Each part adds its own rules there: dissector, plug-ins, tests, benchmarks, guest, fuzzing.
.PHONY: dissector plugins
include $(filter-out mk/deps.mk,$(sort $(wildcard mk/*.mk)))

.PHONY: unit
unit: $(UNIT_PROGRAMS)
	@tests/run $(UNIT_PROGRAMS)

FORMATTED = $(shell git ls-files -c -o --exclude-standard '*.c' '*.h')
.PHONY: format
format:
	clang-format -i $(FORMATTED)

.PHONY: clean
clean:
	rm -rf $(BUILD)/obj $(BUILD)/tests $(BUILD)/bench $(BUILD)/nvmetap $(BUILD)/dissector $(BUILD)/plugins \
	  $(BUILD)/embed $(BUILD)/tap-off
