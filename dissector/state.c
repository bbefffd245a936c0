/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The controller and its queues as of this packet. */
#include "dissector/dissector_int.h"

void nvt_state_register(int proto _U_) {
}

void nvt_add_state(const struct nvt_context *c _U_) {
}
