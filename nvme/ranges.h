/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which logical blocks a command of the NVM and Zoned Namespace Command Sets works on, by the
 * fields that nvme/commands.def has of it. Pure, any thread.
 */
#ifndef NVT_NVME_RANGES_H
#define NVT_NVME_RANGES_H

#include "nvme/nvme.h"

enum nvt_command_range {
  NVT_RANGE_NONE,      /* of no blocks, or of a whole namespace's: Flush */
  NVT_RANGE_ENTRY,     /* its entry has the first one and their number */
  NVT_RANGE_ELSEWHERE, /* its data has them, or its completion, or the zone: Dataset Management,
                          Copy, Zone Append, Zone Management */
};
#define NVT_DSM_RANGE_SIZE 16u /* bytes, of Dataset Management: NVM Command Set 1.1, figure 44 */
enum nvt_command_range nvt_command_range_of(enum nvt_opcode_set, uint8_t opcode);

/* With ENTRY, which: 1 to 65536 of them; first + count may go beyond 2^64. */
static inline void nvt_command_range(const struct nvt_sqe *sqe, uint64_t *first, uint64_t *count) {
  *first = sqe->cdw10 | (uint64_t)sqe->cdw11 << 32;
  *count = (sqe->cdw12 & 0xffffu) + 1u;
}

#endif
