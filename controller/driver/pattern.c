/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What verify writes: each block says which block it is and when it was written,
 * so that a wrong one tells where it came from.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "controller/driver/driver_int.h"

#define MAGIC UINT64_C(0x6b637070617465d6) /* in the first word of each block */
#define HEADER 4u /* words: magic, LBA, block size << 32 | generation, seed */

static uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static uint64_t word(uint64_t base, uint32_t i) {
  return base + i * UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t base_of(uint64_t lba, uint64_t generation, uint64_t seed) {
  return mix(lba + mix(generation + mix(seed)));
}

void nvt_pattern_fill(void *data, uint32_t blocks, uint32_t block_size, uint64_t lba,
                      uint32_t generation, uint64_t seed) {
  uint32_t words = block_size / 8;
  uint64_t *at = data;
  for (uint32_t b = 0; b < blocks; b++, at += words) {
    uint64_t base = base_of(lba + b, generation, seed);
    at[0] = MAGIC;
    at[1] = lba + b;
    at[2] = (uint64_t)block_size << 32 | generation;
    at[3] = seed;
    for (uint32_t i = HEADER; i < words; i++)
      at[i] = word(base, i);
  }
}

static bool all_zero(const uint64_t *at, uint32_t words) {
  for (uint32_t i = 0; i < words; i++)
    if (at[i] != 0)
      return false;
  return true;
}

static bool check_block(const uint64_t *at, uint32_t words, uint64_t lba, uint32_t generation,
                        uint64_t seed, char *why, size_t whylen) {
  if (generation == 0) { /* judge it by what it says itself */
    if (at[0] != MAGIC || at[2] >> 32 != words * 8)
      return true; /* not ours, or from when the blocks had another size */
    seed = at[3];
  }
  uint64_t size = (uint64_t)words * 8 << 32;
  uint64_t expected = generation == 0 ? (uint32_t)at[2] : generation;
  if (at[0] == MAGIC && at[1] != lba) {
    snprintf(why, whylen, "block %" PRIu64 " holds the data of block %" PRIu64, lba, at[1]);
    return false;
  }
  if (at[0] == MAGIC && at[3] == seed && at[2] != (size | expected)) {
    snprintf(why, whylen,
             "block %" PRIu64 " holds data of write number %" PRIu64
             ", not of write number %" PRIu64,
             lba, at[2] & UINT32_MAX, expected);
    return false;
  }
  if (all_zero(at, words)) {
    snprintf(why, whylen, "block %" PRIu64 " holds zeroes, not what was written", lba);
    return false;
  }
  uint64_t base = base_of(lba, expected, seed);
  uint64_t header[HEADER] = {MAGIC, lba, size | expected, seed};
  for (uint32_t i = 0; i < words; i++) {
    uint64_t want = i < HEADER ? header[i] : word(base, i);
    if (at[i] == want)
      continue;
    unsigned byte = (unsigned)__builtin_ctzll(at[i] ^ want) / 8;
    snprintf(why, whylen, "block %" PRIu64 ", byte %u is %02xh, not %02xh as written", lba,
             i * 8 + byte, (unsigned)(at[i] >> (8 * byte) & 0xff),
             (unsigned)(want >> (8 * byte) & 0xff));
    return false;
  }
  return true;
}

bool nvt_pattern_check(const void *data, uint32_t blocks, uint32_t block_size, uint64_t lba,
                       uint32_t generation, uint64_t seed, char *why, size_t whylen) {
  uint32_t words = block_size / 8;
  const uint64_t *at = data;
  for (uint32_t b = 0; b < blocks; b++, at += words)
    if (!check_block(at, words, lba + b, generation, seed, why, whylen))
      return false;
  return true;
}
