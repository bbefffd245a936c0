/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of subcommands, sorted by their order. */
#ifndef NVT_CLI_TABLE_H
#define NVT_CLI_TABLE_H

#include <stddef.h>

#include "cli/command.h"

size_t nvt_command_count(void);
/* index < nvt_command_count() */
const struct nvt_command *nvt_command_at(size_t index);

#endif
