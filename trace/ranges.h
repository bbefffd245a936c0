/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which commands met the same logical blocks before: of each block the first command and the
 * last one, kept as ranges in one balanced tree for all controllers and namespaces; and which
 * commands failed and may be tried again. O(log n) for a command whatever the ranges, about 160
 * bytes for one at most. Beyond a limit, what was used longest ago is forgotten.
 */
#ifndef NVT_TRACE_RANGES_H
#define NVT_TRACE_RANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"

#define NVT_RANGES_MIN 16u          /* of which half, and three, leave room for two more */
#define NVT_RANGES_MAX (1u << 20)   /* pieces, the blocks between ranges included */
#define NVT_FAILURES_MAX (1u << 14) /* failed commands that nothing repeated yet */

/* What a command reads, writes or checks. Its last block never wraps beyond 2^64 - 1. */
struct nvt_range {
  uint16_t controller;
  uint32_t nsid;
  uint64_t first; /* LBA */
  uint32_t count; /* blocks, 1 to 65536 */
};

struct nvt_ranges; /* one thread at a time */

/* limit: pieces, NVT_RANGES_MIN to NVT_RANGES_MAX. `seed` shapes the tree: one that a file's author
 * can't know. NULL: no memory. */
struct nvt_ranges *nvt_ranges_new(size_t limit, uint64_t seed);
void nvt_ranges_free(struct nvt_ranges *);

/* The range of a command by the tables: it has the fields SLBA and NLB. False: it has none. */
bool nvt_ranges_of(const struct nvt_ranges *, uint16_t controller, enum nvt_opcode_set,
                   const struct nvt_sqe *, struct nvt_range *out);
/* A command comes to the range: *first and *last are the numbers of the records of the first and
 * the last command before that met one of its blocks; 0: none is remembered. Numbers grow from
 * call to call. False: no memory; the command isn't remembered. */
bool nvt_ranges_add(struct nvt_ranges *, const struct nvt_range *, uint64_t record, uint64_t *first,
                    uint64_t *last);
size_t nvt_ranges_count(const struct nvt_ranges *); /* pieces */

/* --- failures --- */

/* A command that ended without success; `user` is handed back. Without memory it isn't
 * remembered. */
void nvt_ranges_failed(struct nvt_ranges *, const struct nvt_range *, uint8_t opcode,
                       uint64_t record, void *user);
/* The command's opcode and range are those of one that failed and that no command has repeated
 * since: its record, and it is forgotten; 0: there is none. */
uint64_t nvt_ranges_retry(struct nvt_ranges *, const struct nvt_range *, uint8_t opcode,
                          void **user);

#endif
