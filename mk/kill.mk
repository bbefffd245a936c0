# SPDX-License-Identifier: BSD-2-Clause
# The kill test: a host, a judge, and a slow disk. `make check-kill` is the long run; make check has a
# bounded one (tests/capture/kill.test).
CAPTURE_PROGRAMS += $(BUILD)/capture/kill $(BUILD)/capture/slow.so
KILLS ?= 1000

$(BUILD)/capture/kill: $(wildcard tests/capture/kill*.c) tests/capture/kill.h $(LIBRARY_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) $(LDFLAGS_ALL) -o $@ $(filter %.c %.o,$^) $(LIBS)

$(BUILD)/capture/slow.so: tests/capture/slow.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -O2 -shared -fPIC $(WARNINGS) -o $@ $< -ldl

.PHONY: check-kill
check-kill: all $(CAPTURE_PROGRAMS)
	@STOP_SECONDS=60 BUILD=$(abspath $(BUILD)) tests/capture/recover.test
	@KILLS=$(KILLS) BUILD=$(abspath $(BUILD)) tests/capture/kill.test
