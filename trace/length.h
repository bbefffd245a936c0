/* SPDX-License-Identifier: BSD-2-Clause */
/* How many bytes a command transfers, by its fields. Pure. */
#ifndef NVT_TRACE_LENGTH_H
#define NVT_TRACE_LENGTH_H

#include "nvme/names.h"

/* Logical blocks that the command moves between host and namespace; 0: none, or it isn't one that
 * counts in blocks (Verify, say, moves nothing). */
uint64_t nvt_command_blocks(enum nvt_opcode_set, const struct nvt_sqe *);
/* Bytes of data that it moves, without metadata. block: bytes of a logical block of its namespace,
 * 0 where that isn't known. False: it moves nothing, or its fields don't tell. */
bool nvt_command_length(enum nvt_opcode_set, const struct nvt_sqe *, uint32_t block,
                        uint64_t *bytes);

#endif
