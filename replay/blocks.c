/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/blocks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* A petabyte of 4 KiB blocks; its directory is 64 MiB of address space. */
#define BLOCKS_MAX (UINT64_C(1) << 38)
#define CHUNK_BLOCKS 32768u

struct chunk {
  uint8_t bits[CHUNK_BLOCKS / 8];
};

/* A trim of the whole disk must cost as much as its chunks, not its blocks: a chunk
 * that is known as a whole points here, one that isn't at all is NULL. */
static struct chunk all_known;

struct nvt_blocks {
  uint64_t count;
  size_t chunks;
  struct chunk **directory;
};

struct nvt_blocks *nvt_blocks_create(uint64_t count) {
  if (count == 0 || count > BLOCKS_MAX)
    return NULL;
  struct nvt_blocks *blocks = calloc(1, sizeof(*blocks));
  if (blocks == NULL)
    return NULL;
  blocks->count = count;
  blocks->chunks = (size_t)((count + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS);
  void *directory = mmap(NULL, blocks->chunks * sizeof(*blocks->directory), PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (directory == MAP_FAILED) {
    free(blocks);
    return NULL;
  }
  blocks->directory = directory;
  return blocks;
}

static void drop(struct nvt_blocks *blocks, size_t chunk) {
  if (blocks->directory[chunk] != &all_known)
    free(blocks->directory[chunk]);
}

void nvt_blocks_destroy(struct nvt_blocks *blocks) {
  if (blocks == NULL)
    return;
  for (size_t i = 0; i < blocks->chunks; i++)
    if (blocks->directory[i] != NULL)
      drop(blocks, i);
  munmap(blocks->directory, blocks->chunks * sizeof(*blocks->directory));
  free(blocks);
}

/* Part of one chunk. */
static void set_part(struct nvt_blocks *blocks, size_t index, unsigned first, unsigned count,
                     bool known) {
  struct chunk *chunk = blocks->directory[index];
  if (chunk == (known ? &all_known : NULL))
    return;
  if (chunk == NULL || chunk == &all_known) {
    struct chunk *fresh = malloc(sizeof(*fresh));
    if (fresh != NULL)
      memset(fresh, chunk != NULL ? 0xff : 0, sizeof(*fresh));
    /* Without memory nothing of it is known: less is compared, nothing wrongly. */
    blocks->directory[index] = chunk = fresh;
    if (chunk == NULL)
      return;
  }
  for (unsigned at = first; at < first + count;) {
    if (at % 8 == 0 && first + count - at >= 8) {
      unsigned whole = (first + count - at) / 8;
      memset(chunk->bits + at / 8, known ? 0xff : 0, whole);
      at += whole * 8;
      continue;
    }
    uint8_t bit = (uint8_t)(1u << (at % 8));
    if (known)
      chunk->bits[at / 8] |= bit;
    else
      chunk->bits[at / 8] &= (uint8_t)~bit;
    at++;
  }
}

void nvt_blocks_set(struct nvt_blocks *blocks, uint64_t first, uint64_t count, bool known) {
  if (blocks == NULL || first >= blocks->count)
    return;
  if (count > blocks->count - first)
    count = blocks->count - first;
  while (count > 0) {
    size_t index = (size_t)(first / CHUNK_BLOCKS);
    unsigned in = (unsigned)(first % CHUNK_BLOCKS);
    unsigned here = CHUNK_BLOCKS - in < count ? CHUNK_BLOCKS - in : (unsigned)count;
    if (here == CHUNK_BLOCKS) {
      struct chunk *now = known ? &all_known : NULL;
      if (blocks->directory[index] != now) {
        if (blocks->directory[index] != NULL)
          drop(blocks, index);
        blocks->directory[index] = now;
      }
    } else {
      set_part(blocks, index, in, here, known);
    }
    first += here;
    count -= here;
  }
}

struct nvt_blocks *nvt_blocks_resize(struct nvt_blocks *old, uint64_t count) {
  struct nvt_blocks *blocks = old != NULL ? nvt_blocks_create(count) : NULL;
  if (blocks != NULL) {
    if (count < old->count)
      nvt_blocks_set(old, count, old->count - count, false);
    size_t both = blocks->chunks < old->chunks ? blocks->chunks : old->chunks;
    for (size_t i = 0; i < both; i++) {
      blocks->directory[i] = old->directory[i];
      old->directory[i] = NULL;
    }
  }
  nvt_blocks_destroy(old);
  return blocks;
}

bool nvt_blocks_known(const struct nvt_blocks *blocks, uint64_t block) {
  if (blocks == NULL || block >= blocks->count)
    return false;
  const struct chunk *chunk = blocks->directory[block / CHUNK_BLOCKS];
  unsigned in = (unsigned)(block % CHUNK_BLOCKS);
  return chunk == &all_known || (chunk != NULL && (chunk->bits[in / 8] >> (in % 8) & 1) != 0);
}

uint64_t nvt_blocks_run(const struct nvt_blocks *blocks, uint64_t first, uint64_t count,
                        bool *known) {
  *known = nvt_blocks_known(blocks, first);
  uint64_t run = 1;
  while (run < count && nvt_blocks_known(blocks, first + run) == *known)
    run++;
  return run;
}
