/* SPDX-License-Identifier: BSD-2-Clause */
/* The talk's slide "No Writes", as it stands there; only what its scan broke is mended. */
#include "plugin.h" /* from the slide "Plug-in API" */

static DECL_NPLUGIN_IO_DECODE(io_ro_fail);

int setup(void)
{
	plugin_tap_attach("nvme:io:decode", io_ro_fail);
	return (0);
}
int teardown(void)
{
	return (0);
}

static size_t n_writes = 5000; /* “Fail” after 5,000 Write commands */

static int io_ro_fail(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
    uint32_t sqid)
{

	if (cmd->opc == NVME_OPC_WRITE) {
		if (n_writes) n_writes--;
		else {
			NVME_STATUS_SET(cmp->status,
			    NVME_SCT_GENERIC, NVME_SC_SUCCESS);
			return (1);
		}
	}

	return (0);
}
