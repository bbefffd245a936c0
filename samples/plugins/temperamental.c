/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Temperamental: after each write that passes, the drive may turn read-only for ever, with 57
 * chances in 100; from then on every write fails with "Attempted Write to Read Only Range"
 * (1/82h). The first write always passes.
 * --plugin temperamental.so,SEED draws the same each time; without a seed the time is taken.
 */
#include <limits.h>

#include "plugin.h"

static DECL_NPLUGIN_IO_DECODE(io_ro_fail);

static bool is_readonly = false;

int setup(void) {
  const char *args = plugin_args();
  unsigned long seed = (unsigned long)time(NULL) & UINT_MAX;
  if (*args != '\0') {
    char *end = NULL;
    seed = strtoul(args, &end, 10);
    if (*args == '-' || *end != '\0' || seed > UINT_MAX) {
      fprintf(stderr, "temperamental: '%s' is no seed, which is 0 to %u\n", args, UINT_MAX);
      return 1;
    }
  }
  srandom((unsigned)seed);
  return plugin_tap_attach("nvme:io:decode", io_ro_fail);
}

int teardown(void) {
  return 0;
}

static int io_ro_fail(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                      uint32_t sqid) {
  (void)bdf;
  (void)sqid;
  if (cmd->opc == NVME_OPC_WRITE) {
    if (is_readonly) {
      NVME_STATUS_SET(cmp->status, NVME_SCT_COMMAND_SPECIFIC, NVME_SC_ATTEMPTED_WRITE_TO_RO_PAGE);
      return 1;
    }
    is_readonly = (random() % 100) > 42;
  }
  return 0;
}
