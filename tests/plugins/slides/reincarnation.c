/* SPDX-License-Identifier: BSD-2-Clause */
/* The talk's slide "Reincarnation", as it stands there; only what its scan broke is mended. */
/* --- not on the slide: the frame that the slides before it have --- */
#include "plugin.h"

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

static size_t n_writes = 0;
/* --- the slide --- */

#define MAX_WRITES 5000 /* Fail after 5,000 Write commands */

static int
io_ro_fail(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp, uint32_t sqid)

{

	int rc = 0;

	if (cmd->opc == NVME_OPC_WRITE) {
		if (n_writes >= MAX_WRITES) {
			if (n_writes > (MAX_WRITES + 10)) n_writes = 0;

			NVME_STATUS_SET(cmp->status,
			    NVME_SCT_COMMAND_SPECIFIC,
			    NVME_SC_ATTEMPTED_WRITE_TO_RO_PAGE);

			rc = 1;

		}

		n_writes++;
	} /* lost by the scan */

	return (rc);
} /* lost by the scan */
