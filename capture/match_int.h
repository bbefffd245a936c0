/* SPDX-License-Identifier: BSD-2-Clause */
/* Which triggers' conditions a record meets, looked at in the order of the trace. */
#ifndef NVT_CAPTURE_MATCH_INT_H
#define NVT_CAPTURE_MATCH_INT_H

#include "capture/trigger.h"

struct nvt_match; /* opaque; one thread's */

/* The triggers, at most NVT_TRIGGERS_MAX, are borrowed. 0, -ENOMEM. */
int nvt_match_create(const struct nvt_trigger *, unsigned count, struct nvt_match **out);
void nvt_match_destroy(struct nvt_match *); /* NULL is fine */
/* Bit i: trigger i. `bytes` is a record without its frame, whatever it holds; ns its time, number
 * its place, from 1. */
uint32_t nvt_match(struct nvt_match *, const uint8_t *bytes, size_t captured, uint64_t ns,
                   uint64_t number);

#endif
