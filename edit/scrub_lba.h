/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * LBAs elsewhere: a namespace is cut into chunks of a power of two blocks. Chunks that one command
 * touched, or commands that followed one another, are a run, and runs change places, in an order
 * that follows from the key. So what overlaps or follows still does, alignment up to a chunk stays,
 * and so does which command lies within the namespace. Where there is room a chunk stays free
 * between runs, so that what was apart doesn't come to adjoin. A run that reaches the namespace's
 * last, incomplete chunk, or beyond its end, stays where it is.
 */
#ifndef NVT_EDIT_SCRUB_LBA_H
#define NVT_EDIT_SCRUB_LBA_H

#include <stddef.h>
#include <stdint.h>

#include "edit/scrub_names.h"

#define NVT_LBA_CHUNK_SHIFT_MAX                                                                    \
  11u                        /* chunks have 2048 blocks at most, before runs are too many          \
                              */
#define NVT_LBA_CHUNKS 1024u /* and a namespace so many at least, if it has the blocks */

struct nvt_lba_map; /* one thread at a time */

/* A namespace, as a controller sees it. */
static inline uint64_t nvt_lba_space(uint16_t controller, uint32_t nsid) {
  return (uint64_t)controller << 32 | nsid;
}

/* At most so many namespaces, and runs of each: beyond that chunks double. 0 or -ENOMEM. */
int nvt_lba_create(size_t spaces_max, size_t runs_max, struct nvt_lba_map **out);
void nvt_lba_destroy(struct nvt_lba_map *); /* NULL is fine */

/* First all is told. The size of a namespace in blocks, where it becomes known, and each time that
 * it changes: the least one counts. Bytes of a block, or 0: not known. 0, -ENOMEM or -E2BIG: too
 * many namespaces. */
int nvt_lba_size(struct nvt_lba_map *, uint64_t space, uint64_t blocks, uint32_t block_size);
/* The same in bytes. */
int nvt_lba_resize(struct nvt_lba_map *, uint64_t space, uint64_t bytes);
/* Blocks that a command names; all of a namespace at once joins nothing. 0, -ENOMEM or -E2BIG. */
int nvt_lba_touch(struct nvt_lba_map *, uint64_t space, uint64_t first, uint64_t count);
/* Then the order is drawn. 0 or -ENOMEM. */
int nvt_lba_draw(struct nvt_lba_map *, const struct nvt_names *);

/* Then LBAs are looked up: where a range of blocks that was told begins now. What wasn't told: 0.
 */
uint64_t nvt_lba_look_up(const struct nvt_lba_map *, uint64_t space, uint64_t first,
                         uint64_t count);

struct nvt_lba_totals {
  uint64_t runs;
  uint64_t moved;
  uint64_t chunk; /* blocks of the largest chunk */
};
void nvt_lba_totals(const struct nvt_lba_map *, struct nvt_lba_totals *);

#endif
