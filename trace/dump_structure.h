/* SPDX-License-Identifier: BSD-2-Clause */
/* Data structures and features' values, as nvmetap dump -v prints them. */
#ifndef NVT_TRACE_DUMP_STRUCTURE_H
#define NVT_TRACE_DUMP_STRUCTURE_H

#include <stdio.h>

#include "nvme/layouts.h"

/* What the command transferred: `length` bytes from `offset` of the transfer on. False, and nothing
 * printed, where the tables don't know its layout. */
bool nvt_dump_structure(FILE *, enum nvt_opcode_set, const struct nvt_sqe *, enum nvt_direction,
                        const uint8_t *bytes, size_t length, uint64_t offset);
/* The feature's value that Set Features sends in dword 11 and after. */
void nvt_dump_feature(FILE *, enum nvt_opcode_set, const struct nvt_sqe *);
/* And the one that the command's completion returns in dword 0. */
void nvt_dump_feature_result(FILE *, enum nvt_opcode_set, const struct nvt_sqe *, uint32_t dw0);

#endif
