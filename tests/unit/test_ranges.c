/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "trace/length.h"
#include "trace/ranges.h"

struct met {
  uint64_t first;
  uint64_t last;
};

static struct met add(struct nvt_ranges *ranges, struct nvt_range range, uint64_t record) {
  struct met met;
  assert_true(nvt_ranges_add(ranges, &range, record, &met.first, &met.last));
  return met;
}

static struct nvt_range at(uint64_t lba, uint32_t count) {
  return (struct nvt_range){.nsid = 1, .first = lba, .count = count};
}

static void want(struct met met, uint64_t first, uint64_t last) {
  assert_int_equal(met.first, first);
  assert_int_equal(met.last, last);
}

static void first_and_last(void **state) {
  (void)state;
  struct nvt_ranges *r = nvt_ranges_new(NVT_RANGES_MAX, 1);
  assert_int_equal(nvt_ranges_count(r), 0);
  want(add(r, at(100, 8), 10), 0, 0);
  want(add(r, at(92, 8), 11), 0, 0);  /* up to its first block, not to it */
  want(add(r, at(108, 8), 12), 0, 0); /* from behind its last */
  want(add(r, at(107, 1), 13), 10, 10);
  want(add(r, at(107, 2), 14), 10, 13); /* the first of the one, the last of the other */
  want(add(r, at(0, 65536), 15), 10, 14);
  want(add(r, at(50, 1), 16), 15, 15);
  want(add(r, at(107, 1), 17), 10, 15);
  /* Another namespace, another controller: other blocks. */
  want(add(r, (struct nvt_range){.nsid = 2, .first = 100, .count = 8}, 18), 0, 0);
  want(add(r, (struct nvt_range){.controller = 1, .nsid = 1, .first = 100, .count = 8}, 19), 0, 0);
  want(add(r, (struct nvt_range){.nsid = 0, .first = 100, .count = 8}, 20), 0, 0);
  want(add(r, (struct nvt_range){.nsid = 2, .first = 107, .count = 8}, 21), 18, 18);
  nvt_ranges_free(r);
}

static void last_blocks(void **state) {
  (void)state;
  struct nvt_ranges *r = nvt_ranges_new(NVT_RANGES_MAX, 1);
  want(add(r, at(UINT64_MAX, 1), 1), 0, 0);
  want(add(r, at(UINT64_MAX - 1, 1), 2), 0, 0);
  want(add(r, at(UINT64_MAX - 1, 2), 3), 1, 2);
  want(add(r, at(UINT64_MAX, 65536), 4), 1, 3); /* not on from block 0, nor into the next one */
  want(add(r, at(0, 1), 5), 0, 0);
  want(add(r, (struct nvt_range){.nsid = 2, .first = 0, .count = 1}, 6), 0, 0);
  struct nvt_range all = {.controller = UINT16_MAX, .nsid = UINT32_MAX, .first = UINT64_MAX - 4};
  all.count = 65536;
  want(add(r, all, 7), 0, 0);
  want(add(r, all, 8), 7, 7);
  nvt_ranges_free(r);
}

/* Of each block by itself. */
#define BLOCKS 300
static void as_counted(unsigned seed, size_t limit, bool exact) {
  static struct met blocks[2][BLOCKS];
  memset(blocks, 0, sizeof(blocks));
  srand(seed);
  struct nvt_ranges *r = nvt_ranges_new(limit, seed + 1);
  for (uint64_t record = 1; record <= 4000; record++) {
    uint32_t nsid = (uint32_t)rand() % 2;
    uint32_t count = 1 + (uint32_t)rand() % (rand() % 8 == 0 ? 100 : 6);
    uint32_t lba = (uint32_t)rand() % (BLOCKS - count + 1);
    struct met true_met = {0};
    bool first_met = false;
    struct met met = add(r, (struct nvt_range){.nsid = nsid, .first = lba, .count = count}, record);
    for (uint32_t i = lba; i < lba + count; i++) {
      struct met *block = &blocks[nsid][i];
      if (block->first != 0 && (true_met.first == 0 || block->first < true_met.first))
        true_met.first = block->first;
      true_met.last = block->last > true_met.last ? block->last : true_met.last;
      first_met |= met.first != 0 && block->last >= met.first && block->first <= met.first;
    }
    if (exact) {
      want(met, true_met.first, true_met.last);
    } else { /* what was forgotten isn't told; what is told is true */
      assert_true(met.last == true_met.last || met.last == 0);
      assert_true(met.first == 0 || (first_met && met.first >= true_met.first));
      assert_true((met.first == 0) == (met.last == 0) && met.first <= met.last);
    }
    for (uint32_t i = lba; i < lba + count; i++) {
      struct met *block = &blocks[nsid][i];
      block->first = block->first == 0 ? record : block->first;
      block->last = record;
    }
    assert_true(nvt_ranges_count(r) <= limit);
  }
  nvt_ranges_free(r);
}

static void random_ranges(void **state) {
  (void)state;
  for (unsigned seed = 0; seed < 8; seed++)
    as_counted(seed, NVT_RANGES_MAX, true);
}

static void little_room(void **state) {
  (void)state;
  for (size_t limit = NVT_RANGES_MIN; limit < 300; limit += 1 + limit / 3)
    for (unsigned seed = 0; seed < 3; seed++)
      as_counted(seed, limit, false);
}

/* Every second block: two pieces each, the one before them included. */
static void limit_exactly(void **state) {
  (void)state;
  const size_t limit = 101;
  struct nvt_ranges *r = nvt_ranges_new(limit, 5);
  for (uint64_t i = 1; i <= 50; i++)
    want(add(r, at(2 * i, 1), i), 0, 0);
  assert_int_equal(nvt_ranges_count(r), 101); /* n */
  nvt_ranges_free(r);
  r = nvt_ranges_new(limit - 1, 5); /* n is one more than there may be */
  for (uint64_t i = 1; i <= 50; i++)
    want(add(r, at(2 * i, 1), i), 0, 0);
  assert_true(nvt_ranges_count(r) < 60);
  want(add(r, at(2, 1), 51), 0, 0);    /* the oldest is forgotten */
  want(add(r, at(96, 1), 52), 48, 48); /* the newest isn't */
  nvt_ranges_free(r);
  for (size_t more = 1; more <= 2; more++) { /* a command may need two, and is given them */
    r = nvt_ranges_new(limit + more, 5);
    for (uint64_t i = 1; i <= 50; i++)
      want(add(r, at(2 * i, 1), i), 0, 0);
    assert_int_equal(nvt_ranges_count(r), 101);
    want(add(r, at(2, 1), 51), more - 1, more - 1);
    nvt_ranges_free(r);
  }
}

/* What is touched again and again is remembered, however much else there is. */
static void often_used_stays(void **state) {
  (void)state;
  struct nvt_ranges *r = nvt_ranges_new(64, 5);
  uint64_t before = 0;
  for (uint64_t i = 1; i < 20000; i++) {
    if (i % 4 == 0) {
      want(add(r, at(1, 1), i), before == 0 ? 0 : 4, before);
      before = i;
    } else {
      add(r, at(10 + 3 * i, 1), i);
    }
  }
  nvt_ranges_free(r);
}

/* Made to be slow: many pieces, each command over all of them; and pieces of one command only. */
static void hostile(void **state) {
  (void)state;
  struct nvt_ranges *r = nvt_ranges_new(NVT_RANGES_MAX, 77);
  uint64_t record = 0;
  for (uint64_t i = 0; i < 32768; i++)
    add(r, at(2 * i, 1), ++record);
  for (uint64_t i = 0; i < 200000; i++)
    want(add(r, at(0, 65536), record + 1), 1, record), record++;
  for (uint64_t i = 0; i < 200000; i++)
    add(r, at(i % 3 + 2 * (i % 30000), (uint32_t)(1 + i % 65000)), ++record);
  nvt_ranges_free(r);
  r = nvt_ranges_new(4096, 77); /* always at the limit */
  for (uint64_t i = 0; i < 300000; i++) {
    add(r, at(i * 2, 1), ++record);
    if (i % 5 == 0)
      add(r, at(i * 2 - i % 60000, 65536), ++record);
  }
  assert_true(nvt_ranges_count(r) <= 4096);
  for (uint64_t i = 0; i < 100000; i++) /* a namespace each */
    add(r, (struct nvt_range){.nsid = (uint32_t)i, .first = UINT64_MAX, .count = 9}, ++record);
  nvt_ranges_free(r);
}

static void failures(void **state) {
  (void)state;
  struct nvt_ranges *r = nvt_ranges_new(NVT_RANGES_MAX, 3);
  int one, other;
  void *user = NULL;
  struct nvt_range range = at(5, 8);
  assert_int_equal(nvt_ranges_retry(r, &range, 2, &user), 0);
  nvt_ranges_failed(r, &range, 2, 10, &one);
  assert_int_equal(nvt_ranges_retry(r, &range, 1, &user), 0); /* a write isn't a read again */
  struct nvt_range others[] = {at(5, 7), at(4, 8), range, range};
  others[2].nsid = 2;
  others[3].controller = 1;
  for (unsigned i = 0; i < 4; i++)
    assert_int_equal(nvt_ranges_retry(r, &others[i], 2, &user), 0);
  assert_null(user);
  assert_int_equal(nvt_ranges_retry(r, &range, 2, &user), 10);
  assert_ptr_equal(user, &one);
  assert_int_equal(nvt_ranges_retry(r, &range, 2, &user), 0); /* once */
  nvt_ranges_failed(r, &range, 2, 20, &one);
  nvt_ranges_failed(r, &range, 2, 21, &other); /* the last of them */
  assert_int_equal(nvt_ranges_retry(r, &range, 2, &user), 21);
  assert_ptr_equal(user, &other);
  assert_int_equal(nvt_ranges_retry(r, &range, 2, &user), 0);
  nvt_ranges_free(r);
}

static void failures_limit(void **state) {
  (void)state;
  void *user;
  for (uint64_t count = NVT_FAILURES_MAX - 1; count <= NVT_FAILURES_MAX + 1; count++) {
    struct nvt_ranges *r = nvt_ranges_new(NVT_RANGES_MAX, count);
    for (uint64_t i = 0; i < count; i++) {
      struct nvt_range range = at(i, 1);
      nvt_ranges_failed(r, &range, 1, i + 1, NULL);
    }
    struct nvt_range oldest = at(0, 1), second = at(1, 1), newest = at(count - 1, 1);
    assert_int_equal(nvt_ranges_retry(r, &oldest, 1, &user), count <= NVT_FAILURES_MAX ? 1 : 0);
    assert_int_equal(nvt_ranges_retry(r, &second, 1, &user), 2);
    assert_int_equal(nvt_ranges_retry(r, &newest, 1, &user), count);
    nvt_ranges_free(r);
  }
}

static void by_the_tables(void **state) {
  (void)state;
  struct nvt_ranges *r = nvt_ranges_new(NVT_RANGES_MAX, 3);
  static const uint8_t with[] = {NVT_NVM_READ,         NVT_NVM_WRITE,  NVT_NVM_COMPARE,
                                 NVT_NVM_WRITE_ZEROES, NVT_NVM_VERIFY, NVT_NVM_WRITE_UNCORRECTABLE};
  unsigned found = 0;
  struct nvt_range range;
  for (unsigned opcode = 0; opcode < 256; opcode++) {
    struct nvt_sqe sqe = {
        .opcode = (uint8_t)opcode, .nsid = 7, .cdw10 = 1, .cdw11 = 2, .cdw12 = 0xffff0003};
    bool has = nvt_ranges_of(r, 4, NVT_SET_NVM, &sqe, &range);
    assert_int_equal(has, memchr(with, (int)opcode, sizeof(with)) != NULL);
    assert_false(nvt_ranges_of(r, 4, NVT_SET_ADMIN, &sqe, &range));
    assert_false(nvt_ranges_of(r, 4, NVT_SET_KV, &sqe, &range));
    found += has;
  }
  assert_int_equal(found, sizeof(with));
  struct nvt_sqe read = {.opcode = NVT_NVM_READ, .nsid = 7, .cdw10 = 1, .cdw11 = 2};
  read.cdw12 = 0xffff0003;
  assert_true(nvt_ranges_of(r, 4, NVT_SET_NVM, &read, &range));
  assert_int_equal(range.controller, 4);
  assert_int_equal(range.nsid, 7);
  assert_int_equal(range.first, 0x200000001);
  assert_int_equal(range.count, 4);
  nvt_ranges_free(r);
}

/* --- lengths of commands --- */

static uint64_t length(enum nvt_opcode_set set, struct nvt_sqe sqe, uint32_t block) {
  uint64_t bytes;
  return nvt_command_length(set, &sqe, block, &bytes) ? bytes : 0;
}

static void lengths(void **state) {
  (void)state;
  struct nvt_sqe io = {.opcode = NVT_NVM_READ, .cdw12 = 0x12340007};
  assert_int_equal(length(NVT_SET_NVM, io, 512), 4096);
  assert_int_equal(length(NVT_SET_NVM, io, 4096), 32768);
  assert_int_equal(length(NVT_SET_NVM, io, 0), 0);
  assert_int_equal(length(NVT_SET_KV, io, 512), 0);
  io.opcode = NVT_NVM_ZONE_APPEND;
  assert_int_equal(length(NVT_SET_NVM, io, 512), 4096);
  io.opcode = NVT_NVM_VERIFY; /* moves nothing */
  assert_int_equal(length(NVT_SET_NVM, io, 512), 0);
  io.opcode = NVT_NVM_WRITE;
  io.cdw12 = 0xffff;
  assert_int_equal(length(NVT_SET_NVM, io, 1u << 31), UINT64_C(1) << 47);
  io = (struct nvt_sqe){.opcode = NVT_NVM_DATASET_MANAGEMENT, .cdw10 = 255};
  assert_int_equal(length(NVT_SET_NVM, io, 0), 4096);
  io = (struct nvt_sqe){.opcode = NVT_NVM_COPY, .cdw12 = 3};
  assert_int_equal(length(NVT_SET_NVM, io, 512), 128);
  io = (struct nvt_sqe){.opcode = NVT_NVM_ZONE_MANAGEMENT_RECEIVE, .cdw12 = 1023};
  assert_int_equal(length(NVT_SET_NVM, io, 512), 4096);
  struct nvt_sqe admin = {.opcode = NVT_ADMIN_IDENTIFY};
  assert_int_equal(length(NVT_SET_ADMIN, admin, 0), 4096);
  admin = (struct nvt_sqe){.opcode = NVT_ADMIN_GET_LOG_PAGE, .cdw10 = 0x007f0002, .cdw11 = 1};
  assert_int_equal(length(NVT_SET_ADMIN, admin, 0), (0x1007fu + 1) * 4);
  admin = (struct nvt_sqe){.opcode = NVT_ADMIN_FIRMWARE_IMAGE_DOWNLOAD, .cdw10 = UINT32_MAX};
  assert_int_equal(length(NVT_SET_ADMIN, admin, 0), UINT64_C(1) << 34);
  admin = (struct nvt_sqe){.opcode = NVT_ADMIN_SECURITY_SEND, .cdw11 = 512};
  assert_int_equal(length(NVT_SET_ADMIN, admin, 0), 512);
  admin = (struct nvt_sqe){.opcode = NVT_ADMIN_SET_FEATURES, .cdw11 = 512};
  assert_int_equal(length(NVT_SET_ADMIN, admin, 0), 0); /* its data tells */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_and_last), cmocka_unit_test(last_blocks),
      cmocka_unit_test(random_ranges),  cmocka_unit_test(little_room),
      cmocka_unit_test(limit_exactly),  cmocka_unit_test(often_used_stays),
      cmocka_unit_test(hostile),        cmocka_unit_test(failures),
      cmocka_unit_test(failures_limit), cmocka_unit_test(by_the_tables),
      cmocka_unit_test(lengths),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
