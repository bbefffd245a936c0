/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A histogram of nanoseconds in constant memory: 32 buckets to each power of two,
 * so that a percentile is at most 1/32 too high. Count, mean, least and greatest are exact.
 */
#ifndef NVT_TRACE_HISTOGRAM_H
#define NVT_TRACE_HISTOGRAM_H

#include <stdint.h>

#define NVT_HISTOGRAM_BUCKETS (60 * 32)
struct nvt_histogram { /* all zero: empty */
  uint64_t count;
  uint64_t least;
  uint64_t greatest;
  double sum;
  uint64_t buckets[NVT_HISTOGRAM_BUCKETS];
};
void nvt_histogram_add(struct nvt_histogram *, uint64_t value);
double nvt_histogram_mean(const struct nvt_histogram *); /* 0 when empty */
/* The least value that at least `share` (0 to 1) of the values don't exceed; 0 when empty. */
uint64_t nvt_histogram_quantile(const struct nvt_histogram *, double share);

#endif
