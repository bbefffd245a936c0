/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which blocks of a namespace have a content that the replay knows: written or
 * zeroed in the trace, or taken from the first read of it. Reads of other blocks
 * can't be compared: what was on the medium before the recording isn't in a trace.
 */
#ifndef NVT_REPLAY_BLOCKS_H
#define NVT_REPLAY_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

struct nvt_blocks; /* one thread at a time */

/* NULL when that many can't be followed: then none is ever known. */
struct nvt_blocks *nvt_blocks_create(uint64_t blocks);
void nvt_blocks_destroy(struct nvt_blocks *);
/* The same, of another number of blocks: those in both keep their answer, others aren't known.
 * Takes the old one; NULL
 * stays NULL. */
struct nvt_blocks *nvt_blocks_resize(struct nvt_blocks *, uint64_t blocks);
/* NULL is taken everywhere below. A range beyond the end is cut. */
void nvt_blocks_set(struct nvt_blocks *, uint64_t first, uint64_t count, bool known);
bool nvt_blocks_known(const struct nvt_blocks *, uint64_t block);
/* Length of the run from `first`, at most `count`, with the same answer as its
 * first block; *known is that answer. count at least 1. */
uint64_t nvt_blocks_run(const struct nvt_blocks *, uint64_t first, uint64_t count, bool *known);

#endif
