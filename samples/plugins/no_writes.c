/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * No writes: 5,000 writes pass; every later one is answered with success, and its data is
 * dropped. The host sees no error: it finds out when it reads back, if it does.
 * --plugin no_writes.so,N lets N writes pass.
 */
#include "plugin.h"

static DECL_NPLUGIN_IO_DECODE(io_ro_fail);

static size_t n_writes = 5000; /* "Fail" after 5,000 Write commands */

int setup(void) {
  const char *args = plugin_args();
  if (*args != '\0') {
    char *end = NULL;
    n_writes = strtoul(args, &end, 10);
    if (*args == '-' || *end != '\0') {
      fprintf(stderr, "no_writes: '%s' is no number of writes\n", args);
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
  if (cmd->opc == NVME_OPC_WRITE) {
    if (n_writes)
      n_writes--;
    else {
      NVME_STATUS_SET(cmp->status, NVME_SCT_GENERIC, NVME_SC_SUCCESS);
      return 1;
    }
  }
  return 0;
}
