# SPDX-License-Identifier: BSD-2-Clause
# The Wireshark plug-in: dissector/, with the parts of nvme/ and trace/ that it needs compiled in.
DISSECTOR_SO := $(BUILD)/dissector/nvmetap.so
DISSECTOR_SOURCES := $(wildcard dissector/*.c nvme/*.c trace/record.c trace/fields.c trace/session*.c \
                       trace/summary*.c trace/text*.c trace/histogram.c trace/access*.c trace/config_space.c trace/transfer*.c trace/msix.c \
                       trace/registers.c trace/state.c trace/series.c trace/history*.c \
                       trace/vendor*.c trace/checks*.c trace/checks/*.c trace/ranges*.c trace/length.c \
                       trace/meta_numbers.c trace/links_of.c trace/pages.c trace/digest.c trace/crc32c.c)
DISSECTOR_OBJECTS := $(DISSECTOR_SOURCES:%.c=$(BUILD)/dissector/obj/%.o)
# Wireshark's headers aren't clean under our warnings: as system headers they are left alone.
DISSECTOR_CFLAGS := $(patsubst -I%,-isystem %,$(shell $(PKG_CONFIG) --cflags wireshark json-c 2>/dev/null))
DISSECTOR_LIBS := $(shell $(PKG_CONFIG) --libs wireshark json-c 2>/dev/null)

dissector: $(DISSECTOR_SO)

$(BUILD)/dissector/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(DISSECTOR_CFLAGS) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(DISSECTOR_SO): $(DISSECTOR_OBJECTS)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,defs $(LDFLAGS) -o $@ $^ $(DISSECTOR_LIBS)

-include $(DISSECTOR_OBJECTS:.o=.d)

# Profiles for everybody stand in Wireshark's data directory.
WIRESHARK_PROFILES := $(shell $(PKG_CONFIG) --variable=prefix wireshark 2>/dev/null)/share/wireshark/profiles

# The part of `make install` that is Wireshark's alone.
.PHONY: install-dissector
install-dissector: dissector
	$(INSTALL) -D -m 644 $(DISSECTOR_SO) $(DESTDIR)$(WIRESHARK_PLUGINS)/epan/nvmetap.so
	for file in $(wildcard dissector/profile/nvmetap/*); do \
	  $(INSTALL) -D -m 644 $$file $(DESTDIR)$(WIRESHARK_PROFILES)/nvmetap/$$(basename $$file) || exit 1; done
install: install-dissector
