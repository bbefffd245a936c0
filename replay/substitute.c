/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * With --data crc a trace tells of each block which one it is, not what is in it. Replay makes a
 * block for each CRC: always the same for the same CRC, and another for another one; zeroes for
 * that of zeroes. Written, read and compared, these show all that the blocks themselves would:
 * whether a read returns what was written before, in the recording and in the target.
 */
#include <string.h>

#include "replay/engine_int.h"
#include "trace/crc32c.h"
#include "trace/digest.h"

#define BLOCK_MIN 512u
#define BLOCK_MAX (64u * 1024u)
#define MARK UINT64_C(0x4e56546d00000000) /* in the first eight bytes, with the CRC */

static uint64_t next(uint64_t *state) { /* splitmix64 */
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static uint32_t crc_of_zeroes(uint32_t length) {
  static const uint8_t zeroes[BLOCK_MIN];
  uint32_t crc = 0;
  for (uint32_t at = 0; at < length; at += BLOCK_MIN)
    crc = nvt_crc32c(crc, zeroes, BLOCK_MIN);
  return crc;
}

static void make(uint32_t crc, uint32_t zero, uint8_t *out, uint32_t block) {
  memset(out, 0, block);
  if (crc == zero)
    return;
  uint64_t word = MARK | crc, state = crc;
  for (uint32_t at = 0; at < block; at += sizeof(word)) {
    memcpy(out + at, &word, sizeof(word));
    word = next(&state);
  }
}

uint32_t nvt_substitute_crc(const uint8_t *bytes, uint32_t block) {
  uint64_t word;
  memcpy(&word, bytes, sizeof(word));
  return (word & 0xffffffff00000000u) == MARK ? (uint32_t)word : nvt_crc32c(0, bytes, block);
}

static bool is_ours(const struct nvt_chunk *chunk, unsigned direction) {
  return chunk->digest != NULL && chunk->data.direction == direction;
}

/* Between a block and the chunks that it lies in, from this one on. */
static void copy(struct nvt_chunk *chunk, uint64_t first, uint8_t *bytes, uint32_t block,
                 bool to_chunks) {
  for (unsigned direction = chunk->data.direction;
       chunk != NULL && (!is_ours(chunk, direction) || chunk->data.offset < first + block);
       chunk = chunk->next) {
    uint64_t from = chunk->data.offset > first ? chunk->data.offset : first;
    uint64_t end = chunk->data.offset + chunk->data.true_length;
    if (end > first + block)
      end = first + block;
    if (!is_ours(chunk, direction) || from >= end)
      continue;
    uint8_t *in_chunk = chunk->bytes + (from - chunk->data.offset);
    if (to_chunks)
      memcpy(in_chunk, bytes + (from - first), end - from);
    else
      memcpy(bytes + (from - first), in_chunk, end - from);
  }
}

/* Those beyond, and what of the last one is. */
static void keep_upto(struct nvt_replay_command *command, uint64_t upto) {
  for (struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next) {
    if (chunk->digest == NULL)
      continue;
    uint64_t offset = chunk->data.offset;
    uint64_t room = upto > offset ? upto - offset : 0;
    if (room < chunk->data.true_length) {
      chunk->data.captured_length = (uint32_t)room;
      command->incomplete = true;
    }
  }
  if (command->captured_upto < upto)
    command->captured_upto = upto;
}

static struct nvt_chunk *first_of(const struct nvt_replay_command *command) {
  struct nvt_chunk *chunk = command->chunks;
  while (chunk != NULL && chunk->digest == NULL)
    chunk = chunk->next;
  return chunk;
}

void nvt_substitute(struct nvt_replay_command *command, uint32_t block) {
  struct nvt_chunk *chunk = first_of(command);
  if (chunk == NULL)
    return;
  unsigned direction = chunk->data.direction;
  uint64_t upto = 0;
  bool whole = block >= BLOCK_MIN && block <= BLOCK_MAX && (block & (block - 1)) == 0;
  uint32_t zero = whole ? crc_of_zeroes(block) : 0;
  struct nvt_digest_blocks blocks;
  nvt_digest_blocks_start(&blocks, block);
  /* The chunk in which the block lies that comes next. */
  struct nvt_chunk *begins = chunk;
  for (; whole && chunk != NULL; chunk = chunk->next) {
    struct nvt_digest_walk walk = {0};
    struct nvt_digest_part part;
    while (is_ours(chunk, direction) && nvt_digest_part(chunk->digest, &walk, &part)) {
      uint64_t first;
      uint32_t crc;
      uint8_t bytes[BLOCK_MAX];
      if (!nvt_digest_blocks_add(&blocks, &part, &first, &crc) || first != upto)
        continue;
      make(crc, zero, bytes, block);
      copy(begins, first, bytes, block, true);
      upto += block;
      begins = chunk;
    }
  }
  keep_upto(command, upto);
}

uint32_t nvt_substitute_expected(const struct nvt_replay_command *command, uint64_t at,
                                 uint32_t block) {
  uint8_t bytes[BLOCK_MAX] = {0};
  struct nvt_chunk *chunk = first_of(command);
  if (block > BLOCK_MAX || chunk == NULL)
    return 0;
  copy(chunk, at, bytes, block, false);
  return nvt_substitute_crc(bytes, block);
}
