/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the trace tap: what a meta-record says of a controller. */
#ifndef NVT_CAPTURE_META_INT_H
#define NVT_CAPTURE_META_INT_H

#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

struct nvt_controller;

/* Complete *body, whose data_mode, clock and left_out_flags are set; *json is to be freed.
 * `ns`: now. */
int nvt_capture_meta(const struct nvt_controller *, uint32_t data_head, const char *filter,
                     uint64_t ns, struct nvt_rec_meta *body, char **json, size_t *length);

#endif
