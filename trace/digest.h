/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The digests of a digest record, part by part, and of blocks put together from them. Pure
 * functions, any thread.
 */
#ifndef NVT_TRACE_DIGEST_H
#define NVT_TRACE_DIGEST_H

#include "trace/record.h"

#define NVT_DIGEST_UNIT_MIN 512u

/* A part: bytes [offset, offset + length) of the transfer. */
struct nvt_digest_part {
  uint64_t offset;
  uint32_t length;
  uint32_t crc;
};

/* Start at a zeroed walk. */
struct nvt_digest_walk {
  uint32_t index; /* of the next part */
  uint32_t done;  /* bytes of the record's data before it */
};
/* The next part of a digest record with CRCs; false: no more, or none that can be understood. */
bool nvt_digest_part(const struct nvt_record *, struct nvt_digest_walk *, struct nvt_digest_part *);

/* CRCs of whole blocks of a transfer, out of its parts as they come: pieces and records may end
 * anywhere. */
struct nvt_digest_blocks {
  uint32_t block; /* bytes of one */
  uint64_t next;  /* where the block being put together goes on; UINT64_MAX: there is none */
  uint32_t crc;   /* of it, so far */
};
void nvt_digest_blocks_start(struct nvt_digest_blocks *, uint32_t block);
/* True: a block is whole, *first is its offset and *crc its CRC. A part that doesn't go on where
 * the one before ended begins anew; one that crosses a block's end gives nothing. */
bool nvt_digest_blocks_add(struct nvt_digest_blocks *, const struct nvt_digest_part *,
                           uint64_t *first, uint32_t *crc);

#endif
