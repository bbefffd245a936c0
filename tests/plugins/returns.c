/* SPDX-License-Identifier: BSD-2-Clause */
/* Attached to nvme:io:decode, and returns at once: what a plug-in costs that does nothing. */
#include "plugin.h"

static DECL_NPLUGIN_IO_DECODE(decoded);

int setup(void) {
  return plugin_tap_attach("nvme:io:decode", decoded);
}

int teardown(void) {
  return 0;
}

static int decoded(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                   uint32_t sqid) {
  (void)bdf;
  (void)cmd;
  (void)cmp;
  (void)sqid;
  return NPLUGIN_CONTINUE;
}
