/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sum: admin command 80h adds. Its completion's dword 0 is cdw10 + cdw11, its status success:
 *
 *     nvme admin-passthru /dev/nvme0 --opcode=0x80 --cdw10=10 --cdw11=5
 *
 * The plug-in works at writeback, as in the talk, so the controller has executed the command by
 * then, and 80h is Format NVM: a controller that has it formats before this plug-in answers. Leave
 * the namespace identifier 0, as above: such a Format fails ("Invalid Namespace or Format") and
 * changes nothing, and the sum takes the place of that answer. So it does of the answer to
 * any other Format, good or bad.
 */
#include "plugin.h"

static DECL_NPLUGIN_ADMIN_WRITEBACK(sum);

int setup(void) {
  return plugin_tap_attach("nvme:admin:writeback", sum);
}

int teardown(void) {
  return 0;
}

static int sum(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid) {
  (void)bdf;
  const struct nvme_command *cmd = find_cmd(sqid, cmp->cid);
  if (cmd == NULL) {
    fprintf(stderr, "sum: cache miss for CID=%04x\n", cmp->cid);
    return 0;
  }
  if (cmd->opc == 0x80) {
    cmp->cdw0 = cmd->cdw10 + cmd->cdw11;
    NVME_STATUS_SET(cmp->status, NVME_SCT_GENERIC, NVME_SC_SUCCESS);
    return 1;
  }
  return 0;
}
