/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/driver/histogram_int.h"

uint64_t nvt_histogram_percentile(const struct nvt_histogram *h, unsigned permille) {
  /* Rounded up, in two parts so that no count wraps. */
  uint64_t wanted = h->count / 1000 * permille + (h->count % 1000 * permille + 999) / 1000;
  uint64_t seen = 0;
  for (unsigned i = 0; i < sizeof(h->buckets) / sizeof(h->buckets[0]); i++) {
    seen += h->buckets[i];
    if (seen < wanted || h->buckets[i] == 0)
      continue;
    uint64_t limit = i;
    if (i >= NVT_HISTOGRAM_STEPS) {
      unsigned shift = (i >> NVT_HISTOGRAM_BITS) - 1;
      uint64_t low = NVT_HISTOGRAM_STEPS | (i & (NVT_HISTOGRAM_STEPS - 1));
      limit = (low << shift) + ((1ULL << shift) - 1);
    }
    return limit < h->max ? limit : h->max;
  }
  return 0;
}
