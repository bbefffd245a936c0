/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What trace/checks/ finds, as expert information. */
#include "dissector/dissector_int.h"

void nvt_findings_register(int proto _U_) {
}

void nvt_add_findings(const struct nvt_context *c _U_) {
}
