/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of `nvmetap ctl`. */
#ifndef NVT_CONTROL_CTL_INT_H
#define NVT_CONTROL_CTL_INT_H

#include <stdbool.h>

struct nvt_client;

/* NULL: it said why. */
struct nvt_client *nvt_ctl_connect(const char *path);
/* `trace open`, with the words after it: the exit status. */
int nvt_ctl_trace_open(const char *path, int argc, char **argv, bool as_json);

#endif
