/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/histogram.h"

static unsigned bucket_of(uint64_t value) {
  if (value < 32)
    return (unsigned)value;
  unsigned shift = 58u - (unsigned)__builtin_clzll(value); /* so that value >> shift is 32 to 63 */
  return 32u * (shift + 1) + (unsigned)((value >> shift) & 31);
}

/* The greatest value of a bucket. */
static uint64_t edge_of(unsigned bucket) {
  if (bucket < 32)
    return bucket;
  unsigned shift = bucket / 32 - 1;
  return ((32ull + bucket % 32) << shift) + ((1ull << shift) - 1);
}

void nvt_histogram_add(struct nvt_histogram *histogram, uint64_t value) {
  if (histogram->count == 0 || value < histogram->least)
    histogram->least = value;
  if (value > histogram->greatest)
    histogram->greatest = value;
  histogram->count++;
  histogram->sum += (double)value;
  histogram->buckets[bucket_of(value)]++;
}

double nvt_histogram_mean(const struct nvt_histogram *histogram) {
  return histogram->count != 0 ? histogram->sum / (double)histogram->count : 0;
}

uint64_t nvt_histogram_quantile(const struct nvt_histogram *histogram, double share) {
  double wanted = share * (double)histogram->count;
  uint64_t seen = 0;
  for (unsigned i = 0; i < NVT_HISTOGRAM_BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (histogram->buckets[i] != 0 && (double)seen >= wanted) {
      uint64_t edge = edge_of(i);
      edge = edge > histogram->greatest ? histogram->greatest : edge;
      return edge < histogram->least ? histogram->least : edge;
    }
  }
  return histogram->greatest;
}
