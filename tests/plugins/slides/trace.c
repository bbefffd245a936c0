/* SPDX-License-Identifier: BSD-2-Clause */
/* The talk's slide "The Trace Plug-in", as it stands there; only what its scan broke is mended. */
/*
 * The slide shows what setup() calls, and nothing of the callbacks: those here count, and keep
 * the first MAX_E of what they see in the buffer that the slide allocates.
 */
/* --- not on the slide --- */
#include "plugin.h"

static DECL_NPLUGIN_PCI_REGREAD(cfgrd);
static DECL_NPLUGIN_PCI_REGWRITE(cfgwr);
static DECL_NPLUGIN_PCI_MSIX(msix);
static DECL_NPLUGIN_REGREAD(regrd);
static DECL_NPLUGIN_REGWRITE(regwr);
static DECL_NPLUGIN_MSIXREAD(msixrd);
static DECL_NPLUGIN_MSIXWRITE(msixwr);
static DECL_NPLUGIN_ADMIN_DECODE(admin_cmd);
static DECL_NPLUGIN_IO_DECODE(io_cmd);
static DECL_NPLUGIN_ADMIN_WRITEBACK(cpl);

#define MAX_E 65536
struct trc_ent {
	const char *what;
	uint64_t a, b;
};
static struct trc_ent *tbuf;
static size_t n_ent, n_lost;
static FILE *out;

int setup(void)
{
/* --- the slide --- */
	tbuf = calloc(MAX_E, sizeof(struct trc_ent));

	out = fopen("/tmp/ptrace", "a");

	plugin_tap_attach("pci:regread:writeback", cfgrd);
	plugin_tap_attach("pci:regwrite:decode", cfgwr);
	plugin_tap_attach("pci:msix:writeback", msix);
	plugin_tap_attach("nvme:regread:writeback", regrd);
	plugin_tap_attach("nvme:regwrite:decode", regwr);
	plugin_tap_attach("nvme:msixread:writeback", msixrd);
	plugin_tap_attach("nvme:msixwrite:decode", msixwr);
	plugin_tap_attach("nvme:admin:decode", admin_cmd);
	plugin_tap_attach("nvme:admin:writeback", cpl);
	plugin_tap_attach("nvme:io:decode", io_cmd);
	plugin_tap_attach("nvme:io:writeback", cpl);
/* --- not on the slide --- */
	return (tbuf == NULL || out == NULL);
}

int teardown(void)
{
	for (size_t i = 0; i < n_ent; i++)
		fprintf(out, "%s %llx %llx\n", tbuf[i].what, (unsigned long long)tbuf[i].a,
		    (unsigned long long)tbuf[i].b);
	fprintf(out, "lost %zu\n", n_lost);
	free(tbuf);
	return (fclose(out));
}

static int keep(const char *what, uint64_t a, uint64_t b)
{
	if (n_ent < MAX_E)
		tbuf[n_ent++] = (struct trc_ent){what, a, b};
	else
		n_lost++;
	return (0);
}
static int cfgrd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
{
	return (keep("cfgrd", offset, value));
}
static int cfgwr(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
{
	return (keep("cfgwr", offset, value));
}
static int msix(uint32_t bdf, uint32_t vector, uint64_t address, uint32_t data)
{
	return (keep("msix", address, data));
}
static int regrd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
{
	return (keep("regrd", offset, value));
}
static int regwr(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
{
	return (keep("regwr", offset, value));
}
static int msixrd(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
{
	return (keep("msixrd", offset, value));
}
static int msixwr(uint32_t bdf, uint64_t offset, uint32_t size, uint64_t value)
{
	return (keep("msixwr", offset, value));
}
static int admin_cmd(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
    uint32_t sqid)
{
	return (keep("admin_cmd", sqid, cmd->cid));
}
static int io_cmd(uint32_t bdf, struct nvme_command *cmd, struct nvme_completion *cmp,
    uint32_t sqid)
{
	return (keep("io_cmd", sqid, cmd->cid));
}
static int cpl(uint32_t bdf, struct nvme_completion *cmp, uint32_t sqid)
{
	return (keep("cpl", sqid, cmp->cid));
}
