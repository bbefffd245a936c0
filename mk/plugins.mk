# SPDX-License-Identifier: BSD-2-Clause
# Sample plug-ins: one source, one shared library, nothing but plugin.h.
PLUGINS := $(patsubst samples/plugins/%.c,$(BUILD)/plugins/%.so,$(wildcard samples/plugins/*.c))
plugins: $(PLUGINS)

$(BUILD)/plugins/%.so: samples/plugins/%.c controller/plugin.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O2 -g -Wall -Wextra -Wconversion -Werror -fPIC -shared -Icontroller $(CFLAGS) -o $@ $<

# Plug-ins that only tests load.
TEST_PLUGINS := $(patsubst tests/plugins/%.c,$(BUILD)/tests/plugins/%.so,$(wildcard tests/plugins/*.c))
plugins: $(TEST_PLUGINS)

$(BUILD)/tests/plugins/%.so: tests/plugins/%.c controller/plugin.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O2 -g -Wall -Wextra -Wconversion -Werror -fPIC -shared -Icontroller $(CFLAGS) -o $@ $<
