/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plug-in to begin with: a drive with one bad block. Reads of it fail as a drive's do that
 * can't read a block any more.
 *
 *     nvmetap record --plugin ./my_plugin.so,LBA …
 */
#include <inttypes.h>

#include "plugin.h"

static DECL_NPLUGIN_IO_DECODE(decode);

static uint64_t bad_block;
static unsigned long reads, failed;

int setup(void) {
  const char *args = plugin_args();
  char *rest = NULL;
  bad_block = strtoull(args, &rest, 0);
  if (*args < '0' || *args > '9' || *rest != '\0') {
    fprintf(stderr, "my_plugin: '%s': the number of the bad block is wanted\n", args);
    return 1; /* refused: nvmetap ends */
  }
  return plugin_tap_attach("nvme:io:decode", decode);
}

int teardown(void) {
  fprintf(stderr, "my_plugin: %lu reads, %lu of them failed\n", reads, failed);
  return 0;
}

/* Called for every I/O command, before it is executed. */
static int decode(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                  uint32_t sqid) {
  (void)bdf;
  (void)sqid;
  if (cmd->opc != NVME_OPC_READ)
    return NPLUGIN_CONTINUE;
  reads++;
  uint64_t first = (uint64_t)cmd->cdw11 << 32 | cmd->cdw10;
  uint32_t blocks = (cmd->cdw12 & 0xffff) + 1;
  if (bad_block < first || bad_block - first >= blocks)
    return NPLUGIN_CONTINUE;
  failed++;
  NVME_STATUS_SET(cmp->status, NVME_SCT_MEDIA_ERROR, NVME_SC_UNRECOVERED_READ_ERROR);
  return NPLUGIN_FINISH; /* not executed: this is the completion */
}
