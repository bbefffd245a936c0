/* SPDX-License-Identifier: BSD-2-Clause */
/* LBAs that are mapped: what overlaps, adjoins or follows still does, within the namespace. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edit/scrub_lba.h"

#define RANGES 400u

struct range {
  uint64_t first;
  uint64_t count;
  uint64_t now;
};

static struct nvt_names *names(const char *key) {
  struct nvt_names *out;
  assert_int_equal(nvt_names_create((const uint8_t *)key, strlen(key), false, &out), 0);
  return out;
}

static struct nvt_lba_map *map_of(size_t spaces, size_t runs) {
  struct nvt_lba_map *map;
  assert_int_equal(nvt_lba_create(spaces, runs, &map), 0);
  return map;
}

static uint64_t random_below(uint64_t *state, uint64_t limit) {
  *state = *state * 6364136223846793005u + 1442695040888963407u;
  return limit == 0 ? 0 : (*state >> 17) % limit;
}

/* What is mapped: of ranges within the namespace of `blocks`, places in all its parts. */
static void make(struct range *ranges, uint64_t blocks, uint64_t seed) {
  for (unsigned i = 0; i < RANGES; i++) {
    uint64_t count = 1 + random_below(&seed, 64);
    uint64_t first = random_below(&seed, blocks - count + 1);
    if (i % 3 == 1 && ranges[i - 1].first + ranges[i - 1].count + count <= blocks)
      first = ranges[i - 1].first + ranges[i - 1].count; /* follows */
    if (i % 3 == 2 && ranges[i - 1].first + ranges[i - 1].count / 2 + count <= blocks)
      first = ranges[i - 1].first + ranges[i - 1].count / 2; /* overlaps */
    ranges[i] = (struct range){.first = first, .count = count};
  }
}

static struct nvt_lba_totals apply(struct range *ranges, uint64_t blocks, const char *key,
                                   size_t runs) {
  struct nvt_lba_map *map = map_of(4, runs);
  struct nvt_names *n = names(key);
  struct nvt_lba_totals totals;
  if (blocks != 0)
    assert_int_equal(nvt_lba_size(map, 1, blocks, 0), 0);
  for (unsigned i = 0; i < RANGES; i++)
    assert_int_equal(nvt_lba_touch(map, 1, ranges[i].first, ranges[i].count), 0);
  assert_int_equal(nvt_lba_draw(map, n), 0);
  for (unsigned i = 0; i < RANGES; i++)
    ranges[i].now = nvt_lba_look_up(map, 1, ranges[i].first, ranges[i].count);
  nvt_lba_totals(map, &totals);
  nvt_lba_destroy(map);
  nvt_names_destroy(n);
  return totals;
}

static bool meet(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count) {
  return a < b + b_count && b < a + a_count;
}

static bool adjoin(uint64_t a, uint64_t a_count, uint64_t b, uint64_t b_count) {
  return a == b + b_count || b == a + a_count;
}

/* Every pair of ranges is as it was: the same distance if they overlap, or follow one another soon;
 * apart otherwise, and with `room` not even adjoining. */
static void compare(const struct range *ranges, uint64_t blocks, bool room) {
  for (unsigned i = 0; i < RANGES; i++) {
    const struct range *a = &ranges[i];
    if (blocks != 0 && (a->now >= blocks || a->count > blocks - a->now))
      fail_msg("%u+%u is now %u, beyond %u", (unsigned)a->first, (unsigned)a->count,
               (unsigned)a->now, (unsigned)blocks);
    for (unsigned k = 0; k < i; k++) {
      const struct range *b = &ranges[k];
      bool met = meet(a->first, a->count, b->first, b->count);
      bool adjoined = adjoin(a->first, a->count, b->first, b->count);
      assert_int_equal(met, meet(a->now, a->count, b->now, b->count));
      if (met || (adjoined && i - k < 256))
        assert_int_equal(a->first - b->first, a->now - b->now);
      if (room && !adjoined)
        assert_false(adjoin(a->now, a->count, b->now, b->count));
    }
  }
}

static void what_meets_still_meets(void **state) {
  (void)state;
  static const uint64_t sizes[] = {
      100, 1023, 1024, 1025, 32768, 32767, 1u << 21, (1u << 21) + 8, UINT64_C(1) << 40};
  struct range ranges[RANGES];
  for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
    make(ranges, sizes[s], s + 1);
    struct nvt_lba_totals totals = apply(ranges, sizes[s], "key", 1 << 20);
    compare(ranges, sizes[s], sizes[s] > 100000);
    for (unsigned i = 0; i < RANGES; i++)
      assert_int_equal(ranges[i].first % totals.chunk, ranges[i].now % totals.chunk);
    if (sizes[s] > 100000 && totals.moved < totals.runs - 2)
      fail_msg("of %u runs %u moved", (unsigned)totals.runs, (unsigned)totals.moved);
  }
}

static void no_size_is_known(void **state) {
  (void)state;
  struct range ranges[RANGES];
  make(ranges, 1 << 16, 7);
  struct nvt_lba_totals totals = apply(ranges, 0, "key", 1 << 20);
  compare(ranges, 1 << 16, false);
  assert_in_range(totals.moved, 1, totals.runs);
}

/* Every second block, so that hardly any place is free: what was apart doesn't come to adjoin. */
static void what_was_apart_stays_apart(void **state) {
  (void)state;
  struct range ranges[RANGES];
  for (int beyond = 0; beyond < 2; beyond++)
    for (uint64_t spare = 0; spare < 20; spare++) {
      for (unsigned i = 0; i < RANGES; i++)
        ranges[i] = (struct range){.first = 2 * i + (i == RANGES - 1 ? spare : 0), .count = 1};
      if (beyond) /* reaches past the end, and stays */
        ranges[RANGES - 1].count = 5;
      struct nvt_lba_totals totals = apply(ranges, 2 * RANGES + spare, "key", 1 << 20);
      assert_int_equal(totals.chunk, 1);
      compare(ranges, beyond ? 0 : 2 * RANGES + spare, true);
      if (beyond)
        assert_int_equal(ranges[RANGES - 1].now, ranges[RANGES - 1].first);
    }
}

/* All is touched, by commands that have nothing to do with each other: they move all the same. */
static void a_full_namespace_moves(void **state) {
  (void)state;
  enum { MANY = 4096 };
  static bool taken[MANY * 8];
  struct nvt_lba_map *map = map_of(4, 1 << 20);
  struct nvt_names *n = names("key");
  struct nvt_lba_totals totals;
  memset(taken, 0, sizeof(taken));
  assert_int_equal(nvt_lba_size(map, 1, sizeof(taken), 0), 0);
  for (uint64_t i = 0; i < MANY; i++) /* neighbours are more than 1,000 commands apart */
    assert_int_equal(nvt_lba_touch(map, 1, i * (MANY - 3) % MANY * 8, 8), 0);
  assert_int_equal(nvt_lba_draw(map, n), 0);
  nvt_lba_totals(map, &totals);
  assert_int_equal(totals.runs, sizeof(taken) / totals.chunk);
  assert_in_range(totals.moved, totals.runs * 9 / 10, totals.runs);
  for (uint64_t i = 0; i < MANY; i++) {
    uint64_t now = nvt_lba_look_up(map, 1, i * 8, 8);
    assert_int_equal(now % 8, 0);
    assert_in_range(now, 0, sizeof(taken) - 8);
    assert_false(taken[now]);
    taken[now] = true;
  }
  nvt_lba_destroy(map);
  nvt_names_destroy(n);
}

/* More runs than there may be: chunks double, and all holds as before. */
static void few_runs(void **state) {
  (void)state;
  static const size_t limits[] = {4, 5, 64, 127, 128, 129};
  struct range ranges[RANGES];
  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
    make(ranges, 1 << 20, 11);
    struct nvt_lba_totals totals = apply(ranges, 1 << 20, "key", limits[i]);
    compare(ranges, 1 << 20, false);
    assert_in_range(totals.runs, 1, limits[i]);
  }
}

static void same_key_same_places(void **state) {
  (void)state;
  struct range a[RANGES], b[RANGES], c[RANGES];
  make(a, 1 << 20, 3);
  memcpy(b, a, sizeof(a));
  memcpy(c, a, sizeof(a));
  apply(a, 1 << 20, "key", 1 << 20);
  apply(b, 1 << 20, "key", 1 << 20);
  apply(c, 1 << 20, "another key", 1 << 20);
  assert_memory_equal(a, b, sizeof(a));
  assert_memory_not_equal(a, c, sizeof(a));
}

/* In range stays in range, out of range stays out: a command's outcome is the same. */
static void the_end_stays_the_end(void **state) {
  (void)state;
  const uint64_t blocks = 4096;
  struct nvt_lba_map *map = map_of(4, 1024);
  struct nvt_names *n = names("key");
  assert_int_equal(nvt_lba_size(map, 1, blocks, 0), 0);
  const struct range ranges[] = {{100, 8, 0},        {1000, 8, 0},
                                 {2000, 8, 0},       {blocks - 8, 8, 0},
                                 {blocks - 8, 9, 0}, {blocks, 1, 0},
                                 {blocks + 1, 1, 0}, {UINT64_MAX, 1, 0},
                                 {UINT64_MAX, 2, 0}, {UINT64_MAX - 65535, 65536, 0}};
  const size_t count = sizeof(ranges) / sizeof(ranges[0]);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(nvt_lba_touch(map, 1, ranges[i].first, ranges[i].count), 0);
  assert_int_equal(nvt_lba_draw(map, n), 0);
  for (size_t i = 0; i < count; i++) {
    uint64_t first = ranges[i].first, length = ranges[i].count;
    uint64_t now = nvt_lba_look_up(map, 1, first, length);
    bool in = first < blocks && length <= blocks - first;
    assert_int_equal(in, now < blocks && length <= blocks - now);
  }
  assert_int_equal(nvt_lba_look_up(map, 1, blocks - 8, 9), blocks - 8);
  nvt_lba_destroy(map);
  nvt_names_destroy(n);
}

static void all_of_it_joins_nothing(void **state) {
  (void)state;
  struct nvt_lba_map *map = map_of(4, 1024);
  struct nvt_names *n = names("key");
  struct nvt_lba_totals totals;
  assert_int_equal(nvt_lba_size(map, 1, 1 << 16, 0), 0);
  assert_int_equal(nvt_lba_touch(map, 1, 0, 1 << 16), 0);
  for (uint64_t i = 0; i < 20; i++)
    assert_int_equal(nvt_lba_touch(map, 1, i * 1000, 8), 0);
  assert_int_equal(nvt_lba_draw(map, n), 0);
  nvt_lba_totals(map, &totals);
  assert_int_equal(totals.runs, 20);
  assert_int_equal(nvt_lba_look_up(map, 1, 0, 1 << 16), 0);
  nvt_lba_destroy(map);
  nvt_names_destroy(n);
}

/* The smallest size that it ever had is the one within which blocks move. */
static void sizes_change(void **state) {
  (void)state;
  struct nvt_lba_map *map = map_of(4, 1024);
  struct nvt_names *n = names("key");
  assert_int_equal(nvt_lba_size(map, 1, 1 << 16, 0), 0);
  for (uint64_t i = 0; i < 60; i++)
    assert_int_equal(nvt_lba_touch(map, 1, i * 1000, 8), 0);
  assert_int_equal(nvt_lba_size(map, 1, 0, 0), 0);
  assert_int_equal(nvt_lba_size(map, 1, 1 << 20, 4096), 0);
  assert_int_equal(nvt_lba_resize(map, 1, 4096 << 15), 0);
  assert_int_equal(nvt_lba_size(map, 1, 1 << 17, 0), 0);
  assert_int_equal(nvt_lba_draw(map, n), 0);
  for (uint64_t i = 0; i < 60; i++) {
    uint64_t now = nvt_lba_look_up(map, 1, i * 1000, 8);
    if (i * 1000 + 8 <= 1 << 15)
      assert_in_range(now, 0, (1 << 15) - 8);
    else
      assert_int_equal(now, i * 1000);
  }
  nvt_lba_destroy(map);
  nvt_names_destroy(n);
}

static void namespaces_are_limited(void **state) {
  (void)state;
  struct nvt_lba_map *map = map_of(3, 16);
  for (uint32_t nsid = 3; nsid > 0; nsid--)
    assert_int_equal(nvt_lba_touch(map, nsid, 5 * nsid, 1), 0);
  assert_int_equal(nvt_lba_touch(map, 2, 7, 1), 0);
  assert_int_equal(nvt_lba_touch(map, 4, 7, 1), -E2BIG);
  assert_int_equal(nvt_lba_size(map, 0, 7, 0), -E2BIG);
  assert_int_equal(nvt_lba_look_up(map, 9, 7, 1), 0);
  nvt_lba_destroy(map);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_meets_still_meets),
      cmocka_unit_test(no_size_is_known),
      cmocka_unit_test(few_runs),
      cmocka_unit_test(a_full_namespace_moves),
      cmocka_unit_test(what_was_apart_stays_apart),
      cmocka_unit_test(same_key_same_places),
      cmocka_unit_test(the_end_stays_the_end),
      cmocka_unit_test(all_of_it_joins_nothing),
      cmocka_unit_test(sizes_change),
      cmocka_unit_test(namespaces_are_limited),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
