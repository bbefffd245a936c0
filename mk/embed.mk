# SPDX-License-Identifier: BSD-2-Clause
# libnvmetap-capture: embed/, with the parts of capture/ and trace/ that write a trace compiled in. It
# depends on libc and libpcap alone, and exports what embed/nvmetap/capture.h declares: nothing else, of the
# static library either, where hidden names are made local.
EMBED_ABI := 1
EMBED_SOURCES := $(wildcard embed/*.c) capture/clock.c capture/dedup.c capture/digests.c capture/emit.c \
                 capture/emit_records.c capture/refuse.c \
                 $(wildcard capture/ring*.c) capture/stream.c $(wildcard capture/writer*.c) \
                 $(filter-out capture/output_zstd.c,$(wildcard capture/output*.c)) \
                 controller/log.c controller/thread.c trace/crc32c.c trace/meta_build.c trace/record.c trace/writer.c
EMBED_OBJECTS := $(EMBED_SOURCES:%.c=$(BUILD)/embed/obj/%.o)
EMBED_A := $(BUILD)/embed/libnvmetap-capture.a
EMBED_SO := $(BUILD)/embed/libnvmetap-capture.so.$(EMBED_ABI)
OBJCOPY ?= objcopy

.PHONY: embed install-embed
all: embed
embed: $(EMBED_A) $(EMBED_SO)

$(BUILD)/embed/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(shell $(PKG_CONFIG) --cflags libpcap) -fPIC -fvisibility=hidden -MMD -MP -c -o $@ $<

$(EMBED_SO): $(EMBED_OBJECTS)
	@mkdir -p $(@D)
	$(CC) -shared -Wl,-z,defs -Wl,-soname,$(notdir $@) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS) \
	  -o $@ $^ $(shell $(PKG_CONFIG) --libs libpcap) -lpthread

$(EMBED_A): $(EMBED_OBJECTS)
	@mkdir -p $(@D)
	$(LD) -r -o $(@:.a=.o) $^
	$(OBJCOPY) --localize-hidden $(@:.a=.o)
	@rm -f $@
	$(AR) rcsD $@ $(@:.a=.o)

-include $(EMBED_OBJECTS:.o=.d)

install-embed: embed
	$(INSTALL) -D -m 644 embed/nvmetap/capture.h $(DESTDIR)$(PREFIX)/include/nvmetap/capture.h
	$(INSTALL) -D -m 644 $(EMBED_A) $(DESTDIR)$(PREFIX)/lib/libnvmetap-capture.a
	$(INSTALL) -D -m 755 $(EMBED_SO) $(DESTDIR)$(PREFIX)/lib/$(notdir $(EMBED_SO))
	ln -sf $(notdir $(EMBED_SO)) $(DESTDIR)$(PREFIX)/lib/libnvmetap-capture.so
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/lib/pkgconfig
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|'"$$(sed -n 's/^#define VERSION "\(.*\)"/\1/p' cli/help.c)"'|' \
	  mk/nvmetap-capture.pc.in > $(DESTDIR)$(PREFIX)/lib/pkgconfig/nvmetap-capture.pc
	chmod 644 $(DESTDIR)$(PREFIX)/lib/pkgconfig/nvmetap-capture.pc
	for file in $(wildcard samples/embed/*); do \
	  $(INSTALL) -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/nvmetap/embed/$$(basename $$file) || exit 1; done
install: install-embed

# Tests of it are linked with its sources as they are in the other objects, by the public header.
EMBED_TESTS := $(BUILD)/tests/test_embed
EMBED_OWN := $(patsubst %.c,$(BUILD)/obj/%.o,$(wildcard embed/*.c))
$(EMBED_TESTS): $(EMBED_OWN)
$(EMBED_TESTS): LIBS := $(EMBED_OWN) $(LIBS)
-include $(EMBED_OWN:.o=.d)
