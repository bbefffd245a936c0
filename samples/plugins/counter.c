/* SPDX-License-Identifier: BSD-2-Clause */
/* Counter: how many commands were decoded and how many completed, told at the end. */
#include <inttypes.h>

#include "plugin.h"

static DECL_NPLUGIN_ADMIN_DECODE(decoded);
static DECL_NPLUGIN_ADMIN_WRITEBACK(completed);

struct counts {
  uint64_t decoded, completed, failed;
};
static struct counts admin, io;

int setup(void) {
  if (plugin_tap_attach("nvme:admin:decode", decoded) != 0 ||
      plugin_tap_attach("nvme:io:decode", decoded) != 0 ||
      plugin_tap_attach("nvme:admin:writeback", completed) != 0 ||
      plugin_tap_attach("nvme:io:writeback", completed) != 0)
    return 1;
  return 0;
}

int teardown(void) {
  fprintf(
      stderr,
      "counter: admin: %" PRIu64 " commands, %" PRIu64 " completions, %" PRIu64 " of them errors\n"
      "counter: I/O:   %" PRIu64 " commands, %" PRIu64 " completions, %" PRIu64 " of them errors\n",
      admin.decoded, admin.completed, admin.failed, io.decoded, io.completed, io.failed);
  return 0;
}

static int decoded(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
                   uint32_t sqid) {
  (void)bdf;
  (void)cmd;
  (void)cmp;
  (sqid == 0 ? &admin : &io)->decoded++;
  return 0;
}

static int completed(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  (void)bdf;
  bool failed = NVME_STATUS_GET_SCT(cmp->status) != 0 || NVME_STATUS_GET_SC(cmp->status) != 0;
  (sqid == 0 ? &admin : &io)->completed++;
  if (failed)
    (sqid == 0 ? &admin : &io)->failed++;
  return 0;
}
