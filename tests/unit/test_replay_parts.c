/* SPDX-License-Identifier: BSD-2-Clause */
/* What replay is made of, each on its own. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "replay/blocks.h"
#include "replay/exceptions.h"
#include "replay/findings.h"
#include "replay/memory.h"

#define GIB (UINT64_C(1) << 30)

static void memory_is_mapped_within_its_limits(void **state) {
  (void)state;
  struct nvt_memory *memory;
  struct nvt_memory_place host;
  assert_int_equal(nvt_memory_create(false, &memory), 0);
  assert_int_equal(nvt_memory_map(memory, 0x10000, 0x1000, &host), 0);
  assert_int_equal(nvt_memory_map(memory, 0x10000, 0x1000, &host), -EEXIST);
  assert_int_equal(nvt_memory_map(memory, 0xf001, 0x1000, &host), -EEXIST);
  assert_int_equal(nvt_memory_map(memory, 0xf000, 0x1000, &host), 0);
  assert_int_equal(nvt_memory_map(memory, 0x10fff, 0x1000, &host), -EEXIST);
  assert_int_equal(nvt_memory_map(memory, 0x11000, 0x1000, &host), 0);
  assert_int_equal(nvt_memory_map(memory, 0x20000, 0, &host), -EINVAL);
  assert_int_equal(nvt_memory_map(memory, UINT64_MAX, 2, &host), -EINVAL);
  assert_int_equal(nvt_memory_map(memory, UINT64_MAX, 1, &host), 0);
  /* A big guest costs address space only. */
  assert_int_equal(nvt_memory_map(memory, 4 * GIB, 100 * GIB, &host), 0);
  assert_int_equal(nvt_memory_map(memory, 1 << 20, NVT_MEMORY_TOTAL_MAX, &host), -E2BIG);
  assert_true(nvt_memory_write(memory, 104 * GIB - 1, "x", 1));
  assert_false(nvt_memory_write(memory, 104 * GIB - 1, "xy", 2));
  assert_true(nvt_memory_has(memory, 104 * GIB - 1));
  assert_false(nvt_memory_has(memory, 104 * GIB));
  nvt_memory_destroy(memory);
}

static void memory_is_written_across_windows(void **state) {
  (void)state;
  struct nvt_memory *memory;
  struct nvt_memory_place low, high;
  assert_int_equal(nvt_memory_create(false, &memory), 0);
  assert_int_equal(nvt_memory_map(memory, 0x2000, 0x1000, &high), 0);
  assert_int_equal(nvt_memory_map(memory, 0x1000, 0x1000, &low), 0);
  assert_true(nvt_memory_write(memory, 0x1ffc, "abcdefgh", 8));
  assert_memory_equal((uint8_t *)low.host + 0xffc, "abcd", 4);
  assert_memory_equal(high.host, "efgh", 4);
  assert_false(nvt_memory_write(memory, 0x2ffc, "abcdefgh", 8));
  assert_false(nvt_memory_write(memory, 0xffc, "abcdefgh", 8));
  assert_int_equal(nvt_memory_unmap(memory, 0x1800, 0x1000), 0); /* would split both */
  assert_int_equal(nvt_memory_unmap(memory, 0, 0x2000), 1);
  assert_false(nvt_memory_has(memory, 0x1000));
  assert_true(nvt_memory_has(memory, 0x2000));
  assert_int_equal(nvt_memory_unmap(memory, 0, UINT64_MAX), 1);
  nvt_memory_destroy(memory);
}

static void memory_is_given_back(void **state) {
  (void)state;
  struct nvt_memory *memory;
  struct nvt_memory_place host;
  assert_int_equal(nvt_memory_create(false, &memory), 0);
  assert_int_equal(nvt_memory_map(memory, 0, GIB, &host), 0);
  assert_true(nvt_memory_write(memory, 0, "x", 1));
  nvt_memory_touched(memory, NVT_MEMORY_RESIDENT_MAX - 2);
  nvt_memory_relax(memory);
  assert_int_equal(*(char *)host.host, 'x');
  nvt_memory_touched(memory, 1);
  nvt_memory_relax(memory);
  assert_int_equal(*(char *)host.host, 0);
  nvt_memory_destroy(memory);
}

static void blocks_are_known_one_by_one(void **state) {
  (void)state;
  struct nvt_blocks *blocks = nvt_blocks_create(100000);
  bool known;
  assert_non_null(blocks);
  assert_int_equal(nvt_blocks_run(blocks, 0, 100000, &known), 100000);
  assert_false(known);
  /* Over the border of a chunk (32768), and one block to either side. */
  nvt_blocks_set(blocks, 32767, 3, true);
  assert_false(nvt_blocks_known(blocks, 32766));
  assert_true(nvt_blocks_known(blocks, 32767));
  assert_true(nvt_blocks_known(blocks, 32769));
  assert_false(nvt_blocks_known(blocks, 32770));
  assert_int_equal(nvt_blocks_run(blocks, 32767, 100, &known), 3);
  assert_true(known);
  nvt_blocks_set(blocks, 0, 100000, true);
  assert_int_equal(nvt_blocks_run(blocks, 0, 100000, &known), 100000);
  assert_true(known);
  nvt_blocks_set(blocks, 65535, 2, false);
  assert_true(nvt_blocks_known(blocks, 65534));
  assert_false(nvt_blocks_known(blocks, 65535));
  assert_false(nvt_blocks_known(blocks, 65536));
  assert_true(nvt_blocks_known(blocks, 65537));
  /* Beyond the end there is nothing. */
  nvt_blocks_set(blocks, 99999, 1000, true);
  assert_true(nvt_blocks_known(blocks, 99999));
  assert_false(nvt_blocks_known(blocks, 100000));
  nvt_blocks_set(blocks, UINT64_MAX, UINT64_MAX, true);
  nvt_blocks_destroy(blocks);
  /* Every alignment. */
  for (unsigned first = 0; first < 20; first++)
    for (unsigned count = 0; count < 40; count++) {
      blocks = nvt_blocks_create(64);
      nvt_blocks_set(blocks, first, count, true);
      for (unsigned i = 0; i < 64; i++)
        assert_int_equal(nvt_blocks_known(blocks, i), i >= first && i < first + count);
      nvt_blocks_destroy(blocks);
    }
}

static void many_blocks_cost_little(void **state) {
  (void)state;
  struct nvt_blocks *blocks = nvt_blocks_create(UINT64_C(1) << 38);
  assert_non_null(blocks);
  nvt_blocks_set(blocks, 1, UINT32_MAX, true);
  assert_false(nvt_blocks_known(blocks, 0));
  assert_true(nvt_blocks_known(blocks, UINT32_MAX));
  assert_false(nvt_blocks_known(blocks, UINT64_C(1) << 32));
  nvt_blocks_destroy(blocks);
  /* More can't be followed, and then nothing is known, without harm. */
  blocks = nvt_blocks_create((UINT64_C(1) << 38) + 1);
  assert_null(blocks);
  nvt_blocks_set(blocks, 0, 1, true);
  assert_false(nvt_blocks_known(blocks, 0));
}

static void findings_are_counted_beyond_those_kept(void **state) {
  (void)state;
  struct nvt_findings findings;
  char longer[300];
  memset(longer, 'x', sizeof(longer) - 1);
  longer[sizeof(longer) - 1] = '\0';
  nvt_findings_init(&findings, 3);
  for (uint64_t i = 1; i <= 5; i++)
    nvt_findings_number(&findings, i, "field", i, 255, i == 1 ? 0 : 4, "%s", longer);
  assert_int_equal(findings.count, 5);
  assert_int_equal(findings.kept, 3);
  assert_int_equal(findings.list[2].record, 3);
  assert_string_equal(findings.list[0].actual, "255");
  assert_string_equal(findings.list[1].expected, "0x0002");
  assert_string_equal(findings.list[1].actual, "0x00ff");
  assert_int_equal(strlen(findings.list[0].text), sizeof(findings.list[0].text) - 1);
  nvt_findings_add(&findings, 6, "field", longer, "", "no");
  nvt_findings_clear(&findings);
  nvt_findings_init(&findings, 0);
  nvt_findings_add(&findings, 1, "field", longer, "", "no");
  assert_int_equal(findings.count, 1);
  assert_int_equal(findings.kept, 0);
  nvt_findings_clear(&findings);
}

static bool excepted(uint8_t opcode, uint32_t cdw10, uint64_t log_offset, uint64_t byte) {
  const struct nvt_sqe sqe = {.opcode = opcode,
                              .cdw10 = cdw10,
                              .cdw12 = (uint32_t)log_offset,
                              .cdw13 = (uint32_t)(log_offset >> 32)};
  enum nvt_exception row = NVT_EXCEPTION_COUNT;
  return nvt_exception_byte(&sqe, byte, &row);
}

static void only_the_bytes_listed_may_differ(void **state) {
  (void)state;
  /* SMART: temperature in bytes 1 and 2, busy time from 96, power on hours from 128. */
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 0));
  assert_true(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 1));
  assert_true(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 2));
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 3));
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 95));
  assert_true(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 96));
  assert_true(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 111));
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 0, 112));
  /* Read from an offset, they are elsewhere in the data. */
  assert_true(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 96, 0));
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, 96, 16));
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 2, UINT64_MAX, 97));
  assert_false(excepted(NVT_ADMIN_GET_LOG_PAGE, 1, 0, 96));
  assert_false(excepted(NVT_ADMIN_IDENTIFY, 2, 0, 96));
  assert_true(excepted(NVT_ADMIN_GET_FEATURES, 0x0e, 0, 5));
  assert_false(excepted(NVT_ADMIN_GET_FEATURES, 0x0e, 0, 6));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(memory_is_mapped_within_its_limits),
      cmocka_unit_test(memory_is_written_across_windows),
      cmocka_unit_test(memory_is_given_back),
      cmocka_unit_test(blocks_are_known_one_by_one),
      cmocka_unit_test(many_blocks_cost_little),
      cmocka_unit_test(findings_are_counted_beyond_those_kept),
      cmocka_unit_test(only_the_bytes_listed_may_differ),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
