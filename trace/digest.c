/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/digest.h"

#include <string.h>

#include "trace/crc32c.h"

bool nvt_digest_part(const struct nvt_record *record, struct nvt_digest_walk *walk,
                     struct nvt_digest_part *part) {
  const struct nvt_rec_digest *digest = &record->digest;
  uint32_t unit = digest->unit;
  if (record->header.type != NVT_REC_DIGEST || digest->algorithm != NVT_V_digest_algorithm_CRC32C ||
      unit < NVT_DIGEST_UNIT_MIN || (unit & (unit - 1)) != 0 ||
      digest->offset > UINT64_MAX - digest->true_length || walk->done >= digest->true_length ||
      walk->index >= record->tail_length / sizeof(part->crc))
    return false;
  part->offset = digest->offset + walk->done;
  uint32_t left = digest->true_length - walk->done;
  uint64_t to_end = unit - (part->offset & (unit - 1));
  part->length = to_end < left ? (uint32_t)to_end : left;
  memcpy(&part->crc, record->tail + walk->index * sizeof(part->crc), sizeof(part->crc));
  walk->index++;
  walk->done += part->length;
  return true;
}

void nvt_digest_blocks_start(struct nvt_digest_blocks *blocks, uint32_t block) {
  *blocks = (struct nvt_digest_blocks){.block = block, .next = UINT64_MAX};
}

bool nvt_digest_blocks_add(struct nvt_digest_blocks *blocks, const struct nvt_digest_part *part,
                           uint64_t *first, uint32_t *crc) {
  uint64_t in = part->offset % blocks->block;
  if (in + part->length > blocks->block || part->offset > UINT64_MAX - part->length) {
    blocks->next = UINT64_MAX;
    return false;
  }
  if (in == 0)
    blocks->crc = part->crc;
  else if (blocks->next == part->offset)
    blocks->crc = nvt_crc32c_join(blocks->crc, part->crc, part->length);
  else
    return false; /* its beginning is missing */
  blocks->next = part->offset + part->length;
  if (in + part->length < blocks->block)
    return false;
  *first = part->offset - in;
  *crc = blocks->crc;
  return true;
}
