/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A histogram of nanoseconds in constant memory: 32 buckets to each power of two,
 * so that a percentile is at most 1/32 too high. Count, mean, least and greatest are exact, and
 * none of them depends on the order in which values came.
 */
#ifndef NVT_TRACE_HISTOGRAM_H
#define NVT_TRACE_HISTOGRAM_H

#include <stdint.h>

#define NVT_HISTOGRAM_BUCKETS (60 * 32)
struct nvt_histogram { /* all zero: empty */
  uint64_t count;
  uint64_t least;
  uint64_t greatest;
  uint64_t greatest_record; /* the first record, by number, that has it */
  uint64_t sum;             /* modulo 2^64, and how often it went over that */
  uint64_t sum_overflows;
  uint64_t buckets[NVT_HISTOGRAM_BUCKETS];
};
/* `record`: number of the record that has the value. */
void nvt_histogram_add(struct nvt_histogram *, uint64_t value, uint64_t record);
double nvt_histogram_mean(const struct nvt_histogram *); /* 0 when empty */
/* The least value that at least `share` (0 to 1) of the values don't exceed; 0 when empty. */
uint64_t nvt_histogram_quantile(const struct nvt_histogram *, double share);

/* The same quantile after each added value, without a walk over all buckets. All zero but for
 * the share: nothing was added yet. */
struct nvt_quantile {
  double share;    /* over 0, at most 1 */
  unsigned bucket; /* that it is in */
  uint64_t seen;   /* values in the buckets up to and with it */
};
/* To be called after each nvt_histogram_add(), with the value added. */
uint64_t nvt_quantile_added(struct nvt_quantile *, const struct nvt_histogram *, uint64_t value);

#endif
