/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data structures, by nvme/'s tables. */
#include "dissector/dissector_int.h"

void nvt_structures_register(int proto _U_) {
}

bool nvt_add_structure(const struct nvt_context *c _U_, proto_tree *tree _U_, tvbuff_t *data _U_,
                       const struct nvt_exchange *exchange _U_, enum nvt_direction direction _U_) {
  return false;
}
