# SPDX-License-Identifier: BSD-2-Clause
# Programs of tests/capture. `make check-writer`: ten million records from four threads.
TEST_PROGRAMS += $(addprefix $(BUILD)/tests/,writer_load judge_load faulty_writes.so)

$(BUILD)/tests/writer_load: tests/capture/writer_load.c $(LIBRARY_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -MF $@.d $(LDFLAGS_ALL) -o $@ $< $(LIBRARY_OBJECTS) $(LIBS)

# These have nothing of ours in them.
$(BUILD)/tests/judge_load: tests/capture/judge_load.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -o $@ $<

$(BUILD)/tests/faulty_writes.so: tests/capture/faulty_writes.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -fPIC -shared -o $@ $< -ldl

-include $(BUILD)/tests/writer_load.d

.PHONY: check-writer
check-writer: check-deps
	@$(MAKE) -s $(TEST_PROGRAMS)
	@BUILD=$(abspath $(BUILD)) RECORDS=10000000 tests/run tests/capture/threads.test
