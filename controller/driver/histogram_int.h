/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Latencies by a log-linear histogram: 32 steps to each power of two, so a
 * percentile is at most 1/32 too high. Fixed memory, no unit of its own.
 */
#ifndef NVT_CONTROLLER_DRIVER_HISTOGRAM_INT_H
#define NVT_CONTROLLER_DRIVER_HISTOGRAM_INT_H

#include <stdint.h>

#define NVT_HISTOGRAM_BITS 5
#define NVT_HISTOGRAM_STEPS (1u << NVT_HISTOGRAM_BITS)

struct nvt_histogram {
  uint64_t buckets[(64 - NVT_HISTOGRAM_BITS + 1) * NVT_HISTOGRAM_STEPS];
  uint64_t count, max;
};

static inline void nvt_histogram_add(struct nvt_histogram *h, uint64_t value) {
  unsigned index = (unsigned)(value & (NVT_HISTOGRAM_STEPS - 1));
  if (value >= NVT_HISTOGRAM_STEPS) {
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - NVT_HISTOGRAM_BITS;
    index = ((shift + 1) << NVT_HISTOGRAM_BITS) |
            (unsigned)((value >> shift) & (NVT_HISTOGRAM_STEPS - 1));
  }
  h->buckets[index]++;
  h->count++;
  if (value > h->max)
    h->max = value;
}

/* The smallest bucket limit that at least `permille` of the values don't exceed;
 * never over the maximum. 0 without values. */
uint64_t nvt_histogram_percentile(const struct nvt_histogram *, unsigned permille);

#endif
