/* SPDX-License-Identifier: BSD-2-Clause */
/* The talk's slide "Sum Command", as it stands there; only what its scan broke is mended. */
/* --- not on the slide --- */
#include "plugin.h"

static DECL_NPLUGIN_ADMIN_WRITEBACK(sum);

int setup(void)
{
/* --- the slide --- */
	plugin_tap_attach("nvme:admin:writeback", sum);
/* --- not on the slide --- */
	return (0);
}
int teardown(void)
{
	return (0);
}
/* --- the slide --- */

static int sum(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid)
{
	struct nvme_command *cmd = find_cmd(sqid, cmp->cid);
	if (cmd == NULL) {
		printf("%s: cache miss for CID=%04x\r\n", __func__, cmp->cid);
		return (0);
	}
	if (cmd->opc == 0x80) {
		uint32_t sum;
		sum = cmd->cdw10 + cmd->cdw11;
		cmp->cdw0 = sum;
		NVME_STATUS_SET(cmp->status, NVME_SCT_GENERIC, NVME_SC_SUCCESS);
		return (1);
	}
	return (0);
}
