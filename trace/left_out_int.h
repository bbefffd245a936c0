/* SPDX-License-Identifier: BSD-2-Clause */
/* What a filter left out of a trace, for what prints it. */
#ifndef NVT_TRACE_LEFT_OUT_INT_H
#define NVT_TRACE_LEFT_OUT_INT_H

#include <json-c/json.h>
#include <stdint.h>

#include "trace/text.h"

/* "doorbells, interrupts": what a meta-record's left_out_flags say; nothing where they are 0. */
void nvt_left_out_text(struct nvt_text *, uint8_t flags);
/* ["doorbells","interrupts"]: the caller's. */
json_object *nvt_left_out_json(uint8_t flags);

#endif
