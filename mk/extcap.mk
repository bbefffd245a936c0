# SPDX-License-Identifier: BSD-2-Clause
# nvmetap-extcap: running recorders in Wireshark's list of interfaces. One small program, which needs
# neither Wireshark's libraries nor the command.
EXTCAP := $(BUILD)/nvmetap-extcap
EXTCAP_SOURCES := $(wildcard extcap/*.c) control/client.c control/filter.c control/live.c \
                  control/runtime.c control/text.c $(wildcard nvme/*.c)
EXTCAP_OBJECTS := $(EXTCAP_SOURCES:%.c=$(BUILD)/obj/%.o)
# Wireshark 4.0 doesn't say where: beside its plug-ins.
WIRESHARK_EXTCAP := $(or $(shell $(PKG_CONFIG) --variable=extcapdir wireshark 2>/dev/null),$(shell \
                      $(PKG_CONFIG) --variable=libdir wireshark 2>/dev/null)/wireshark/extcap)

.PHONY: extcap install-extcap
all: extcap
extcap: $(EXTCAP)
$(EXTCAP): $(EXTCAP_OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ $(shell $(PKG_CONFIG) --libs json-c)

-include $(EXTCAP_OBJECTS:.o=.d)

install-extcap: extcap
	$(INSTALL) -D -m 755 $(EXTCAP) $(DESTDIR)$(WIRESHARK_EXTCAP)/nvmetap-extcap
install: install-extcap
