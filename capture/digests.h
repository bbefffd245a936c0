/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Data told without carrying it: CRCs alone (mode crc), or what repeats only once (dedup). Of the
 * data of Read, Write and Compare, that is; what other commands move are parameters and answers,
 * which a reader of the trace needs, and they are small: they are recorded whole. One thread's,
 * the ring's producer.
 */
#ifndef NVT_CAPTURE_DIGESTS_H
#define NVT_CAPTURE_DIGESTS_H

#include "capture/emit_records.h"
#include "nvme/nvme.h"

struct nvt_digests;

/* By the options' mode and dedup_pages. 0, -EINVAL (pages out of range, or neither is asked for),
 * -ENOMEM. */
int nvt_digests_create(const struct nvt_emit_data_options *, struct nvt_digests **out);
void nvt_digests_destroy(struct nvt_digests *); /* NULL is fine */

/* Before each meta-record of a controller: nothing before it is referred to any more. `block`: the
 * size of its smallest block, a power of two, or 0 where it has none. 0 or -ENOMEM: its data is
 * recorded whole. */
int nvt_digests_begin(struct nvt_digests *, uint16_t controller, uint32_t block);
/* A command was fetched: its data isn't here yet. */
void nvt_digests_command(struct nvt_digests *, uint16_t controller, uint16_t sqid,
                         const struct nvt_sqe *);
/* As nvt_emit_data(), with the same options as at creation. */
int nvt_digests_data(struct nvt_digests *, struct nvt_emit *, struct nvt_emit_who,
                     const struct nvt_rec_data *data, const uint8_t *bytes);

#endif
