/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/dedup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Page n is in slot n % slots. The reader has the last `pages` of them; the slot beyond is for the
 * page that is looked at. A run that isn't recorded yet is among the last. */
/* So many pages can have hashes that are alike; of more the oldest isn't found any more. */
#define WAYS 4u

struct entry {
  uint64_t hash;
  uint64_t seq;
  uint32_t offset;
};

struct nvt_dedup {
  uint32_t pages;
  uint32_t slots;
  uint32_t sets;           /* a power of two */
  uint64_t (*index)[WAYS]; /* of each set: page numbers + 1, the youngest first; 0: none */
  struct entry *entries;
  uint8_t *bytes;
  uint64_t end;   /* pages remembered */
  uint64_t valid; /* the first that may be referred to */
  /* What is being gone through. */
  const uint8_t *from;
  uint32_t left;
  bool carry;
  bool staged;          /* the next page is in the slot of `end`, and */
  uint32_t staged_size; /* has so many bytes */
  uint64_t run_first;   /* page where the DATA run begins that isn't recorded yet */
  uint32_t rest;        /* bytes of it behind its whole pages, in the slot of `end` */
};

_Static_assert(NVT_DEDUP_RUN_MAX / NVT_DEDUP_PAGE <= NVT_DEDUP_PAGES_MIN,
               "a run is remembered whole");

int nvt_dedup_create(uint32_t pages, struct nvt_dedup **out) {
  *out = NULL;
  if (pages < NVT_DEDUP_PAGES_MIN || pages > NVT_DEDUP_PAGES_MAX)
    return -EINVAL;
  struct nvt_dedup *d = calloc(1, sizeof(*d));
  if (d == NULL)
    return -ENOMEM;
  d->pages = pages;
  d->slots = pages + 1;
  d->sets = 1;
  while (d->sets < 2 * pages)
    d->sets *= 2;
  d->index = calloc(d->sets, sizeof(*d->index));
  d->entries = calloc(d->slots, sizeof(*d->entries));
  d->bytes = aligned_alloc(NVT_DEDUP_PAGE, (size_t)d->slots * NVT_DEDUP_PAGE);
  if (d->index == NULL || d->entries == NULL || d->bytes == NULL) {
    nvt_dedup_destroy(d);
    return -ENOMEM;
  }
  memset(d->bytes, 0, (size_t)d->slots * NVT_DEDUP_PAGE); /* no page fault on the I/O path */
  *out = d;
  return 0;
}

void nvt_dedup_destroy(struct nvt_dedup *d) {
  if (d == NULL)
    return;
  free(d->index);
  free(d->entries);
  free(d->bytes);
  free(d);
}

void nvt_dedup_forget(struct nvt_dedup *d) {
  d->valid = d->end;
}

static uint8_t *slot(const struct nvt_dedup *d, uint64_t page) {
  return d->bytes + page % d->slots * NVT_DEDUP_PAGE;
}

static struct entry *entry(const struct nvt_dedup *d, uint64_t page) {
  return &d->entries[page % d->slots];
}

/* Four sums side by side, so that none waits for another. */
static uint64_t hash_of(const uint8_t *bytes) {
  const uint64_t k = 0x9e3779b97f4a7c15u;
  uint64_t sums[4] = {1, 2, 3, 4};
  for (size_t at = 0; at < NVT_DEDUP_PAGE; at += sizeof(sums)) {
    uint64_t words[4];
    memcpy(words, bytes + at, sizeof(words));
    for (unsigned i = 0; i < 4; i++)
      sums[i] = (sums[i] ^ words[i]) * k;
  }
  uint64_t hash = 0;
  for (unsigned i = 0; i < 4; i++) {
    hash = (hash ^ sums[i] ^ sums[i] >> 32) * k;
    hash ^= hash >> 29;
  }
  return hash;
}

/* The page in the slot of `end`, among those that the reader has or will have; UINT64_MAX: no. */
static uint64_t look_up(const struct nvt_dedup *d, uint64_t hash) {
  const uint64_t *ways = d->index[hash & (d->sets - 1)];
  for (unsigned way = 0; way < WAYS; way++) {
    uint64_t page = ways[way] - 1;
    if (ways[way] == 0 || page >= d->end || page < d->valid || page + d->pages < d->end ||
        entry(d, page)->hash != hash)
      continue;
    if (memcmp(slot(d, page), slot(d, d->end), NVT_DEDUP_PAGE) == 0)
      return page;
  }
  return UINT64_MAX;
}

/* The page in the slot of `end` stays there. */
static void remember(struct nvt_dedup *d, uint64_t hash) {
  uint64_t *ways = d->index[hash & (d->sets - 1)];
  memmove(ways + 1, ways, (WAYS - 1) * sizeof(*ways));
  ways[0] = d->end + 1;
  entry(d, d->end)->hash = hash;
  d->end++;
}

void nvt_dedup_start(struct nvt_dedup *d, const uint8_t *bytes, uint32_t length, bool carry) {
  d->from = bytes;
  d->left = length;
  d->carry = carry;
  d->staged = false;
}

/* The next page's only reading. False: the data is at its end. */
static bool stage(struct nvt_dedup *d) {
  if (d->staged)
    return true;
  if (d->left == 0)
    return false;
  d->staged_size = d->left < NVT_DEDUP_PAGE ? d->left : NVT_DEDUP_PAGE;
  memcpy(slot(d, d->end), d->from, d->staged_size);
  d->from += d->staged_size;
  d->left -= d->staged_size;
  d->staged = true;
  return true;
}

#define FILL_MIN 64u /* bytes: less isn't worth a record of its own */

static bool is_fill(const struct nvt_dedup *d, uint64_t *fill) {
  const uint8_t *bytes = slot(d, d->end);
  if (d->carry || d->staged_size < FILL_MIN ||
      memcmp(bytes, bytes + sizeof(*fill), d->staged_size - sizeof(*fill)) != 0)
    return false;
  memcpy(fill, bytes, sizeof(*fill));
  return true;
}

/* What the staged page is by itself; *hash is set where it is new and whole. */
static void classify(const struct nvt_dedup *d, struct nvt_run *run, uint64_t *page,
                     uint64_t *hash) {
  *run = (struct nvt_run){.kind = NVT_RUN_DATA, .length = d->staged_size};
  if (is_fill(d, &run->fill)) {
    run->kind = NVT_RUN_FILL;
    return;
  }
  if (d->staged_size < NVT_DEDUP_PAGE)
    return;
  *hash = hash_of(slot(d, d->end));
  *page = d->carry ? UINT64_MAX : look_up(d, *hash);
  if (*page == UINT64_MAX)
    return;
  run->kind = NVT_RUN_SAME;
  run->same_as = entry(d, *page)->seq;
  run->same_offset = entry(d, *page)->offset;
}

static bool goes_on(const struct nvt_run *run, const struct nvt_run *more) {
  if (run->kind != more->kind || run->length + more->length > NVT_DEDUP_RUN_MAX ||
      run->length % NVT_DEDUP_PAGE != 0)
    return false;
  return run->kind == NVT_RUN_DATA ||
         (run->kind == NVT_RUN_FILL ? run->fill == more->fill
                                    : run->same_as == more->same_as &&
                                          run->same_offset + run->length == more->same_offset);
}

bool nvt_dedup_next(struct nvt_dedup *d, struct nvt_run *run) {
  d->run_first = d->end;
  d->rest = 0;
  *run = (struct nvt_run){0};
  while (stage(d)) {
    struct nvt_run more;
    uint64_t page = UINT64_MAX, hash = 0;
    classify(d, &more, &page, &hash);
    /* The page that it is like isn't recorded yet: that comes first. */
    bool wait = more.kind == NVT_RUN_SAME && page >= d->run_first;
    if (wait || (run->length > 0 && !goes_on(run, &more)))
      return true;
    uint32_t length = run->length + more.length;
    if (run->length == 0)
      *run = more;
    run->length = length;
    d->staged = false;
    if (more.kind != NVT_RUN_DATA)
      continue;
    if (d->staged_size == NVT_DEDUP_PAGE)
      remember(d, hash);
    else
      d->rest = d->staged_size;
  }
  return run->length > 0;
}

void nvt_dedup_recorded(struct nvt_dedup *d, const struct nvt_run *run, uint8_t *to, uint64_t seq) {
  uint32_t offset = 0;
  for (uint64_t page = d->run_first; page < d->run_first + run->length / NVT_DEDUP_PAGE; page++) {
    memcpy(to + offset, slot(d, page), NVT_DEDUP_PAGE);
    entry(d, page)->seq = seq;
    entry(d, page)->offset = offset;
    offset += NVT_DEDUP_PAGE;
  }
  memcpy(to + offset, slot(d, d->end), d->rest);
}

void nvt_dedup_lost(struct nvt_dedup *d) {
  /* Their slots' old pages are gone, too: what is staged stays where it is. */
  d->valid = d->end;
}
