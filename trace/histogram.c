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

void nvt_histogram_add(struct nvt_histogram *histogram, uint64_t value, uint64_t record) {
  if (histogram->count == 0 || value < histogram->least)
    histogram->least = value;
  if (histogram->count == 0 || value > histogram->greatest ||
      (value == histogram->greatest && record < histogram->greatest_record)) {
    histogram->greatest = value;
    histogram->greatest_record = record;
  }
  histogram->count++;
  histogram->sum_overflows += __builtin_add_overflow(histogram->sum, value, &histogram->sum);
  histogram->buckets[bucket_of(value)]++;
}

double nvt_histogram_mean(const struct nvt_histogram *histogram) {
  if (histogram->count == 0)
    return 0;
  double sum = (double)histogram->sum_overflows * 0x1p64 + (double)histogram->sum;
  return sum / (double)histogram->count;
}

/* The edge of a bucket, as far as there are values. */
static uint64_t value_of(const struct nvt_histogram *histogram, unsigned bucket) {
  uint64_t edge = edge_of(bucket);
  edge = edge > histogram->greatest ? histogram->greatest : edge;
  return edge < histogram->least ? histogram->least : edge;
}

uint64_t nvt_histogram_quantile(const struct nvt_histogram *histogram, double share) {
  double wanted = share * (double)histogram->count;
  uint64_t seen = 0;
  for (unsigned i = 0; i < NVT_HISTOGRAM_BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (histogram->buckets[i] != 0 && (double)seen >= wanted)
      return value_of(histogram, i);
  }
  return histogram->greatest;
}

uint64_t nvt_quantile_added(struct nvt_quantile *quantile, const struct nvt_histogram *histogram,
                            uint64_t value) {
  double wanted = quantile->share * (double)histogram->count;
  const uint64_t *buckets = histogram->buckets;
  if (bucket_of(value) <= quantile->bucket)
    quantile->seen++;
  while ((double)quantile->seen < wanted && quantile->bucket + 1 < NVT_HISTOGRAM_BUCKETS)
    quantile->seen += buckets[++quantile->bucket];
  while (quantile->bucket != 0 && (double)(quantile->seen - buckets[quantile->bucket]) >= wanted)
    quantile->seen -= buckets[quantile->bucket--];
  return value_of(histogram, quantile->bucket);
}
