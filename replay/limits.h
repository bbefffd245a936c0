/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Does a target that somebody else set up have room for what the trace needs? Asked of what the
 * target itself says: CAP before the first step; Identify and Number of Queues where the trace
 * asks for them, which hosts do before they do anything else.
 */
#ifndef NVT_REPLAY_LIMITS_H
#define NVT_REPLAY_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"
#include "replay/plan.h"
#include "trace/record.h"

/* Each is false with a message for a person in why: both values, and the way out. */

/* The target's CAP (Base 2.1, 3.1.4.1); needs->details has the recorded one. */
bool nvt_limits_cap(const struct nvt_plan_controller *needs, uint64_t cap, char *why,
                    size_t whylen);
/* Entries of the target's MSI-X table; 0: it has none. */
bool nvt_limits_vectors(const struct nvt_plan_controller *needs, uint32_t entries, char *why,
                        size_t whylen);
/* Bytes that the target answered an Identify with (Base 2.1, 5.1.13), any piece of them. */
bool nvt_limits_identify(const struct nvt_plan_controller *needs, uint64_t cap,
                         const struct nvt_sqe *, const struct nvt_rec_data *, const uint8_t *bytes,
                         char *why, size_t whylen);
/* Dword 0 of the target's answer to a Set Features, Number of Queues (Base 2.1, 5.1.25.1.5). */
bool nvt_limits_queues(const struct nvt_plan_controller *needs, uint32_t dw0, char *why,
                       size_t whylen);

#endif
