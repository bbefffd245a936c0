/* SPDX-License-Identifier: BSD-2-Clause */
/* Between ranges.c and failures.c: see ranges.h. */
#ifndef NVT_TRACE_RANGES_INT_H
#define NVT_TRACE_RANGES_INT_H

#include "trace/ranges.h"

/* Failed commands, a ring: the newest takes the oldest's place. */
struct nvt_failures {
  struct nvt_failure *ring; /* NULL until one failed */
  uint32_t *buckets;        /* by opcode and range: place in the ring plus 1, or 0 */
  uint32_t next;
};
void nvt_failures_free(struct nvt_failures *);

struct nvt_ranges {
  struct piece *pieces; /* [0] stands for none */
  size_t used;          /* [0] included; 0: nothing was added yet */
  size_t room;
  size_t limit;
  uint32_t root;
  uint64_t seed;
  uint64_t random;
  bool has_range[256]; /* opcodes of the NVM command set */
  struct nvt_failures failures;
};

#endif
