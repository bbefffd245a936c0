# SPDX-License-Identifier: BSD-2-Clause
# What a plug-in that is built elsewhere needs: nvmetap-plugin.pc, and a template to begin with.
TEMPLATE := $(wildcard samples/plugin-template/*)
PC_FILE = $(DESTDIR)$(PREFIX)/share/pkgconfig/nvmetap-plugin.pc

.PHONY: install-template
install-template:
	$(INSTALL) -d $(dir $(PC_FILE))
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|'"$$(sed -n 's/^#define VERSION "\(.*\)"/\1/p' cli/help.c)"'|' \
	  mk/nvmetap-plugin.pc.in > $(PC_FILE)
	chmod 644 $(PC_FILE)
	for file in $(TEMPLATE); do \
	  $(INSTALL) -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/nvmetap/plugin-template/$$(basename $$file) || exit 1; done
install: install-template
