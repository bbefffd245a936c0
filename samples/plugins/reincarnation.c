/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reincarnation: writes pass, a dozen fail with "Attempted Write to Read Only Range" (1/82h),
 * and the drive lives again, for ever. Exactly: 5,000 pass, 12 fail; then 4,999 pass and 12 fail
 * in each later life. Failed writes are counted too: those that find the counter at 5,000 to
 * 5,011 fail, and the last of them sets it to 0 before it is counted itself, so that the next
 * life begins with 1.
 * --plugin reincarnation.so,N: N pass, 12 fail, then N - 1 pass, 12 fail, and so on.
 */
#include "plugin.h"

static DECL_NPLUGIN_IO_DECODE(io_ro_fail);

static size_t max_writes = 5000; /* Fail after 5,000 Write commands */
static size_t n_writes;

int setup(void) {
  const char *args = plugin_args();
  if (*args != '\0') {
    char *end = NULL;
    max_writes = strtoul(args, &end, 10);
    if (*args == '-' || *end != '\0') {
      fprintf(stderr, "reincarnation: '%s' is no number of writes\n", args);
      return 1;
    }
  }
  return plugin_tap_attach("nvme:io:decode", io_ro_fail);
}

int teardown(void) {
  return 0;
}

static int io_ro_fail(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                      uint32_t sqid) {
  (void)bdf;
  (void)sqid;
  int rc = 0;
  if (cmd->opc == NVME_OPC_WRITE) {
    if (n_writes >= max_writes) {
      if (n_writes > max_writes + 10)
        n_writes = 0;
      NVME_STATUS_SET(cmp->status, NVME_SCT_COMMAND_SPECIFIC, NVME_SC_ATTEMPTED_WRITE_TO_RO_PAGE);
      rc = 1;
    }
    n_writes++;
  }
  return rc;
}
