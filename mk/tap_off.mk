# SPDX-License-Identifier: BSD-2-Clause
# What taps cost that nobody uses: the command with no taps at all, and one that counts how often the
# controller asks whether somebody listens. tests/bench/tap_off.py runs them beside the real one.
TAP_OFF := $(BUILD)/tap-off
TAP_OFF_SOURCES := $(shell grep -lw tap_on $(wildcard controller/*.c))
TAP_OFF_none := \1 ((void)(c), (void)sizeof(id), false)
TAP_OFF_counted := extern uint64_t nvt_taps_asked;\n\1 (nvt_taps_asked++, \2)

define TAP_OFF_RULES
$(TAP_OFF)/$(1)/controller/controller_int.h: controller/controller_int.h
	@mkdir -p $$(@D)
	sed 's/^\(#define tap_on(c, id)\) \(.*\)/$$(TAP_OFF_$(1))/' $$< >$$@
	! cmp -s $$@ $$< || { rm $$@; exit 1; }
$(TAP_OFF)/$(1)/obj/%.o: %.c $(TAP_OFF)/$(1)/controller/controller_int.h
	@mkdir -p $$(@D)
	$$(CC) -I$(TAP_OFF)/$(1) $$(CFLAGS_ALL) $$(PKG_CFLAGS) -MMD -MP -c -o $$@ $$<
$(TAP_OFF)/$(1)/nvmetap: $(TAP_OFF_SOURCES:%.c=$(TAP_OFF)/$(1)/obj/%.o) \
    $(filter-out $(TAP_OFF_SOURCES:%.c=$(BUILD)/obj/%.o),$(OBJECTS)) $(TAP_OFF_$(1)_MORE)
	$$(CC) $$(LDFLAGS_ALL) -o $$@ $$^ $$(LIBS)
endef
TAP_OFF_counted_MORE := $(TAP_OFF)/counted/obj/tests/bench/asked/asked.o
$(foreach variant,none counted,$(eval $(call TAP_OFF_RULES,$(variant))))

.PHONY: tap-off
tap-off: $(BUILD)/nvmetap $(TAP_OFF)/none/nvmetap $(TAP_OFF)/counted/nvmetap
