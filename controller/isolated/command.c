/* SPDX-License-Identifier: BSD-2-Clause */
#include <stddef.h>

#include "cli/command.h"
#include "controller/isolated/isolated.h"

/* Not listed: nobody but nvmetap itself starts it. */
NVT_COMMAND(plugin_process, .name = NVT_ISOLATED_COMMAND, .summary = NULL,
            .usage = "usage: none: 'nvmetap record --plugin-isolated FILE' starts this for itself\n"
                     "\nexample: nvmetap record --plugin-isolated ./mine.so --trace x.pcap\n",
            .run = nvt_isolated_child, .order = 1000);
