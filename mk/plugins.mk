# SPDX-License-Identifier: BSD-2-Clause
# Sample plug-ins: one source, one shared library, nothing but plugin.h.
PLUGINS := $(patsubst samples/plugins/%.c,$(BUILD)/plugins/%.so,$(wildcard samples/plugins/*.c))
plugins: $(PLUGINS)

$(BUILD)/plugins/%.so: samples/plugins/%.c controller/plugin.h
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -O2 -g -Wall -Wextra -Wconversion -Werror -fPIC -shared -Icontroller $(CFLAGS) -o $@ $<
