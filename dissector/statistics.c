/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of the Statistics menu and of tshark -z. */
#include "dissector/dissector_int.h"

void nvt_statistics_register(int proto _U_) {
}

void nvt_tap_frame(const struct nvt_context *c _U_) {
}
