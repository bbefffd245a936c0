/* SPDX-License-Identifier: BSD-2-Clause */
/* The talk's slide "Temperamental", as it stands there; only what its scan broke is mended. */
#include "plugin.h" /* from the slide "Plug-in API" */

static DECL_NPLUGIN_IO_DECODE(io_ro_fail);

int setup(void)
{
	plugin_tap_attach("nvme:io:decode", io_ro_fail);
	srandom(time(NULL));
	return (0);
}
int teardown(void)
{
	return (0);
}

static bool is_readonly = false;

static int io_ro_fail(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
    uint32_t sqid)
{

	if (cmd->opc == NVME_OPC_WRITE) {

		if (is_readonly) {

			NVME_STATUS_SET(cmp->status,
			    NVME_SCT_COMMAND_SPECIFIC, NVME_SC_ATTEMPTED_WRITE_TO_RO_PAGE);

			return (1);

		}

		else
			is_readonly = (random() % 100) > 42;

	}

	return (0);
}
