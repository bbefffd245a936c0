/* SPDX-License-Identifier: BSD-2-Clause */
/* The report of nvmetap scrub. */
#ifndef NVT_EDIT_SCRUB_PRINT_INT_H
#define NVT_EDIT_SCRUB_PRINT_INT_H

#include <stdio.h>

#include "edit/scrub.h"

/* For people. */
void nvt_scrub_print(FILE *, const struct nvt_scrub_options *, const struct nvt_scrub_report *,
                     bool dry_run);
/* One object; error: why the trace wasn't read to its end, or NULL. */
void nvt_scrub_print_json(FILE *, const struct nvt_scrub_options *, const struct nvt_scrub_report *,
                          const char *error, bool dry_run);

#endif
