/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands that failed, to be found by their opcode and range when they are tried again. */
#include <stdlib.h>
#include <string.h>

#include "trace/ranges_int.h"

#define BUCKETS (NVT_FAILURES_MAX * 2)

struct nvt_failure {
  struct nvt_range range;
  uint8_t opcode;
  uint32_t chain; /* the next one of its bucket, plus 1; 0: none */
  uint32_t bucket;
  uint64_t record; /* 0: free */
  void *user;
};

/* Seeded, so that no file makes all of one bucket. */
static uint32_t bucket_of(const struct nvt_ranges *ranges, const struct nvt_range *range,
                          uint8_t opcode) {
  const uint64_t words[] = {range->first, (uint64_t)range->nsid << 32 | range->count,
                            (uint64_t)range->controller << 8 | opcode};
  uint64_t hash = ranges->seed;
  for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
    hash = (hash ^ words[i]) * 0xbf58476d1ce4e5b9u;
    hash = (hash ^ hash >> 29) * 0x94d049bb133111ebu;
    hash ^= hash >> 32;
  }
  return (uint32_t)(hash % BUCKETS);
}

static bool same(const struct nvt_failure *failure, const struct nvt_range *range, uint8_t opcode) {
  return failure->opcode == opcode && failure->range.controller == range->controller &&
         failure->range.nsid == range->nsid && failure->range.first == range->first &&
         failure->range.count == range->count;
}

/* The link that leads to this one of its bucket. */
static uint32_t *link_to(struct nvt_failures *failures, uint32_t at) {
  uint32_t *link = &failures->buckets[failures->ring[at].bucket];
  while (*link != at + 1)
    link = &failures->ring[*link - 1].chain;
  return link;
}

static void take_out(struct nvt_failures *failures, uint32_t at) {
  *link_to(failures, at) = failures->ring[at].chain;
  failures->ring[at].record = 0;
}

static bool find(const struct nvt_failures *failures, uint32_t bucket,
                 const struct nvt_range *range, uint8_t opcode, uint32_t *at) {
  if (failures->ring == NULL)
    return false;
  for (uint32_t link = failures->buckets[bucket]; link != 0; link = failures->ring[link - 1].chain)
    if (same(&failures->ring[link - 1], range, opcode)) {
      *at = link - 1;
      return true;
    }
  return false;
}

void nvt_ranges_failed(struct nvt_ranges *ranges, const struct nvt_range *range, uint8_t opcode,
                       uint64_t record, void *user) {
  struct nvt_failures *failures = &ranges->failures;
  if (failures->ring == NULL) {
    struct nvt_failure *ring = calloc(NVT_FAILURES_MAX, sizeof(*ring));
    uint32_t *buckets = calloc(BUCKETS, sizeof(*buckets));
    if (ring == NULL || buckets == NULL) {
      free(ring);
      free(buckets);
      return;
    }
    failures->ring = ring;
    failures->buckets = buckets;
  }
  uint32_t bucket = bucket_of(ranges, range, opcode);
  uint32_t at;
  if (find(failures, bucket, range, opcode, &at)) /* of several, the last to fail is tried again */
    take_out(failures, at);
  at = failures->next;
  failures->next = (at + 1) % NVT_FAILURES_MAX;
  struct nvt_failure *failure = &failures->ring[at];
  if (failure->record != 0)
    take_out(failures, at);
  *failure = (struct nvt_failure){.range = *range,
                                  .opcode = opcode,
                                  .chain = failures->buckets[bucket],
                                  .bucket = bucket,
                                  .record = record,
                                  .user = user};
  failures->buckets[bucket] = at + 1;
}

uint64_t nvt_ranges_retry(struct nvt_ranges *ranges, const struct nvt_range *range, uint8_t opcode,
                          void **user) {
  struct nvt_failures *failures = &ranges->failures;
  uint32_t at;
  if (failures->ring == NULL ||
      !find(failures, bucket_of(ranges, range, opcode), range, opcode, &at))
    return 0;
  uint64_t record = failures->ring[at].record;
  *user = failures->ring[at].user;
  take_out(failures, at);
  return record;
}

void nvt_failures_free(struct nvt_failures *failures) {
  free(failures->ring);
  free(failures->buckets);
}
