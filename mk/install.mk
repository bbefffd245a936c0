# SPDX-License-Identifier: BSD-2-Clause
# `make install` (PREFIX, DESTDIR). The Wireshark pieces go where this machine's Wireshark looks.
INSTALL ?= install
WIRESHARK_PLUGINS := $(shell $(PKG_CONFIG) --variable=plugindir wireshark 2>/dev/null)
MAN_PAGES := $(wildcard docs/man/*.1 docs/man/*.5 docs/man/*.7)

.PHONY: install
install: all
	$(INSTALL) -D -m 755 $(BUILD)/nvmetap $(DESTDIR)$(PREFIX)/bin/nvmetap
	$(INSTALL) -D -m 644 controller/plugin.h $(DESTDIR)$(PREFIX)/include/nvmetap/plugin.h
	$(INSTALL) -D -m 644 $(BUILD)/dissector/nvmetap.so $(DESTDIR)$(WIRESHARK_PLUGINS)/epan/nvmetap.so
	for page in $(MAN_PAGES); do \
	  $(INSTALL) -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$(basename $$page) || exit 1; done
	for plugin in $(wildcard $(BUILD)/plugins/*.so); do \
	  $(INSTALL) -D -m 755 $$plugin $(DESTDIR)$(PREFIX)/lib/nvmetap/plugins/$$(basename $$plugin) || exit 1; done
