/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preferences. */
#include "dissector/dissector_int.h"

struct nvt_preferences nvt_preferences = {
    .link_type = NVT_LINKTYPE_USER, .clock_offset = "", .vendor_table = ""};

void nvt_preferences_register(int proto _U_, void (*changed)(void) _U_) {
}
