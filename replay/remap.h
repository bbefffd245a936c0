/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands as a target is to have them that has namespaces and blocks elsewhere than the trace. */
#ifndef NVT_REPLAY_REMAP_H
#define NVT_REPLAY_REMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/target.h"

/* The command for the target; the ranges of a Dataset Management are changed in `data`. */
struct nvt_sqe nvt_remap_command(const struct nvt_remap *, bool admin, const struct nvt_sqe *,
                                 void *data, uint32_t length);
typedef int nvt_pass_fn(struct nvt_target *, bool admin, const struct nvt_sqe *, void *data,
                        uint32_t length, nvt_status *status, uint32_t *dw0);
/* A target's preload() by Writes: whole blocks, and what is no block isn't written, nor read as one
 * later. 0 or -errno. */
int nvt_preload_by_writes(struct nvt_target *t, nvt_pass_fn *pass, uint32_t nsid, uint32_t size,
                          uint64_t offset, const void *bytes, size_t len);
/* Bytes of a block, by the trace's description; 0: there is no such namespace. */
uint32_t nvt_block_size(const struct nvt_meta *, uint32_t nsid);

#endif
