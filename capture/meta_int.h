/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the trace tap: what a meta-record says of a controller. */
#ifndef NVT_CAPTURE_META_INT_H
#define NVT_CAPTURE_META_INT_H

#include "trace/meta.h"

struct nvt_controller;

/* All of the controller; nothing of the recording, which is nvt_emit_meta()'s. 0, -ENOMEM. *meta is
 * to be cleared with nvt_meta_clear(). */
int nvt_capture_meta(const struct nvt_controller *, const char *filter, struct nvt_meta *meta);

#endif
