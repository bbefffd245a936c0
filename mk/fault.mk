# SPDX-License-Identifier: BSD-2-Clause
# The fault plug-in: plugins/fault/, with nvme/'s tables compiled in: a plug-in has plugin.h alone.
FAULT_SO := $(BUILD)/plugins/fault.so
FAULT_SOURCES := $(wildcard plugins/fault/*.c)
FAULT_OBJECTS := $(patsubst %.c,$(BUILD)/plugins/obj/%.o,$(FAULT_SOURCES) nvme/names.c)
# What runs without a controller: for tests.
FAULT_RULES := $(filter-out $(addprefix plugins/fault/,act.c fault.c later.c taps.c),$(FAULT_SOURCES))

plugins: $(FAULT_SO)

$(BUILD)/plugins/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Icontroller $(PKG_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(FAULT_SO): $(FAULT_OBJECTS)
	@mkdir -p $(@D)
	$(CC) -shared $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs json-c)

-include $(FAULT_OBJECTS:.o=.d)

# The program of its own test loads it from there.
$(BUILD)/tests/test_fault_plugin: $(FAULT_SO)

# Its rules are tested without it.
FAULT_TESTS := $(BUILD)/tests/test_fault_rules
$(BUILD)/obj/plugins/%.o $(BUILD)/fuzz/obj/plugins/%.o: PKG_CFLAGS += -Icontroller
$(FAULT_TESTS): $(FAULT_RULES:%.c=$(BUILD)/obj/%.o)
$(FAULT_TESTS): LIBS := $(FAULT_RULES:%.c=$(BUILD)/obj/%.o) $(LIBS)
$(BUILD)/fuzz/fuzz_fault: $(FAULT_RULES:%.c=$(BUILD)/fuzz/obj/%.o)
$(BUILD)/fuzz/fuzz_fault: LIBS := $(FAULT_RULES:%.c=$(BUILD)/fuzz/obj/%.o) $(LIBS)
-include $(FAULT_RULES:%.c=$(BUILD)/obj/%.d) $(FAULT_RULES:%.c=$(BUILD)/fuzz/obj/%.d)
