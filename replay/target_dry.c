/* SPDX-License-Identifier: BSD-2-Clause */
/* Target: none. A replay tells what it would do. */
#include <stdio.h>

#include "replay/target_int.h"

/* Who comes here has a use for answers. */
static bool dry_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                     size_t whylen) {
  (void)setup, (void)out;
  snprintf(why, whylen, "the target dry executes nothing: it is for nvmetap replay alone");
  return false;
}

const struct nvt_target_ops nvt_target_dry = {
    .name = "dry",
    .summary = "none: tells what a replay would do",
    .plans = true,
    .open = dry_open,
};
