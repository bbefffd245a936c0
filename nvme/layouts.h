/* SPDX-License-Identifier: BSD-2-Clause */
/* Which structure a command's data is, and its feature's value: nvme/layouts.def. Pure. */
#ifndef NVT_NVME_LAYOUTS_H
#define NVT_NVME_LAYOUTS_H

#include "nvme/names.h"
#include "nvme/structures.h"

struct nvt_layout {
  enum nvt_structure_id structure; /* or NVT_STRUCTURE_NONE */
  uint64_t offset;                 /* in it, of the data's first byte */
};

/* What the command transfers in that direction (OUT or IN). NONE: the tables don't tell. */
struct nvt_layout nvt_structure_of(enum nvt_opcode_set, const struct nvt_sqe *, enum nvt_direction);

/* The layout of the command's dwords from 11 on: of Set Features, and of a Get Features that says
 * something there; NONE for all other commands. */
enum nvt_structure_id nvt_feature_set(enum nvt_opcode_set, const struct nvt_sqe *);
/* Of dword 0 of the completion of such a command; NONE where it says nothing. */
enum nvt_structure_id nvt_feature_result(enum nvt_opcode_set, const struct nvt_sqe *);

#endif
