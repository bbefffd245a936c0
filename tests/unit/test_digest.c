/* SPDX-License-Identifier: BSD-2-Clause */
/* CRC-32C by table and by instruction, joined CRCs, a digest record's parts, and blocks made of
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/crc32c.h"
#include "trace/digest.h"

/* As the RFC defines it, bit by bit. */
static uint32_t by_bit(const uint8_t *bytes, size_t length) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < length; i++) {
    crc ^= bytes[i];
    for (unsigned bit = 0; bit < 8; bit++)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
  }
  return ~crc;
}

static void published_values(void **state) {
  (void)state;
  uint8_t bytes[48];
  assert_int_equal(nvt_crc32c(0, "123456789", 9), 0xe3069283);
  assert_int_equal(nvt_crc32c_by_table(0, "123456789", 9), 0xe3069283);
  assert_int_equal(nvt_crc32c(0, "", 0), 0);
  /* RFC 3720, appendix B.4 */
  memset(bytes, 0, 32);
  assert_int_equal(nvt_crc32c(0, bytes, 32), 0x8a9136aa);
  memset(bytes, 0xff, 32);
  assert_int_equal(nvt_crc32c(0, bytes, 32), 0x62a8ab43);
  for (unsigned i = 0; i < 32; i++)
    bytes[i] = (uint8_t)i;
  assert_int_equal(nvt_crc32c(0, bytes, 32), 0x46dd794e);
  for (unsigned i = 0; i < 32; i++)
    bytes[i] = (uint8_t)(31 - i);
  assert_int_equal(nvt_crc32c(0, bytes, 32), 0x113fdb5c);
}

static void table_instruction_and_definition_agree(void **state) {
  (void)state;
  uint8_t bytes[300];
  srandom(1);
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (uint8_t)random();
  for (size_t from = 0; from < 9; from++) /* any alignment */
    for (size_t length = 0; length + from <= sizeof(bytes); length += length < 40 ? 1 : 13) {
      uint32_t wanted = by_bit(bytes + from, length), crc = 0;
      assert_int_equal(nvt_crc32c(0, bytes + from, length), wanted);
      assert_int_equal(nvt_crc32c_by_table(0, bytes + from, length), wanted);
      if (nvt_crc32c_by_instruction(&crc, bytes + from, length))
        assert_int_equal(crc, wanted);
    }
#if defined(__x86_64__)
  uint32_t crc = 0;
  if (__builtin_cpu_supports("sse4.2"))
    assert_true(nvt_crc32c_by_instruction(&crc, bytes, 1));
#endif
}

static void parts_are_joined(void **state) {
  (void)state;
  uint8_t bytes[5000];
  for (size_t i = 0; i < sizeof(bytes); i++)
    bytes[i] = (uint8_t)(i * i >> 3);
  uint32_t whole = nvt_crc32c(0, bytes, sizeof(bytes));
  const size_t cuts[] = {0, 1, 7, 8, 511, 512, 513, 4096, 4999, 5000};
  for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
    uint32_t first = nvt_crc32c(0, bytes, cuts[i]);
    uint32_t second = nvt_crc32c(0, bytes + cuts[i], sizeof(bytes) - cuts[i]);
    assert_int_equal(nvt_crc32c_join(first, second, sizeof(bytes) - cuts[i]), whole);
    assert_int_equal(nvt_crc32c(first, bytes + cuts[i], sizeof(bytes) - cuts[i]), whole);
  }
}

/* A record of `length` bytes at `offset`, with as many digests. */
static uint32_t digests[64];
static struct nvt_record record_of(uint64_t offset, uint32_t length, uint32_t unit,
                                   uint32_t count) {
  return (struct nvt_record){.header = {.type = NVT_REC_DIGEST},
                             .digest = {.algorithm = NVT_V_digest_algorithm_CRC32C,
                                        .offset = offset,
                                        .true_length = length,
                                        .unit = unit,
                                        .digest_length = count * 4},
                             .tail = (const uint8_t *)digests,
                             .tail_length = count * 4};
}

static uint32_t count_parts(struct nvt_record record, uint32_t *bytes) {
  struct nvt_digest_walk walk = {0};
  struct nvt_digest_part part;
  uint32_t parts = 0;
  *bytes = 0;
  while (nvt_digest_part(&record, &walk, &part)) {
    assert_int_equal(part.offset, record.digest.offset + *bytes);
    assert_int_equal(part.crc, digests[parts]);
    assert_true(part.length > 0 && part.length <= record.digest.unit);
    parts++;
    *bytes += part.length;
    assert_true(*bytes == record.digest.true_length ||
                (record.digest.offset + *bytes) % record.digest.unit == 0);
  }
  return parts;
}

static void a_record_has_parts(void **state) {
  (void)state;
  uint32_t bytes;
  for (uint32_t i = 0; i < 64; i++)
    digests[i] = i * 77 + 5;
  assert_int_equal(count_parts(record_of(0, 4096, 512, 8), &bytes), 8);
  assert_int_equal(bytes, 4096);
  assert_int_equal(count_parts(record_of(700, 1396, 512, 4), &bytes), 4); /* 324, 512, 512, 48 */
  assert_int_equal(bytes, 1396);
  assert_int_equal(count_parts(record_of(0, 511, 512, 1), &bytes), 1);
  assert_int_equal(count_parts(record_of(0, 512, 512, 1), &bytes), 1);
  assert_int_equal(count_parts(record_of(0, 513, 512, 2), &bytes), 2);
  /* fewer than there should be, and more */
  assert_int_equal(count_parts(record_of(0, 4096, 512, 7), &bytes), 7);
  assert_int_equal(bytes, 3584);
  assert_int_equal(count_parts(record_of(0, 4096, 512, 9), &bytes), 8);
  /* nonsense */
  const uint32_t units[] = {0, 1, 256, 511, 513, 768, UINT32_MAX};
  for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
    assert_int_equal(count_parts(record_of(0, 4096, units[i], 8), &bytes), 0);
  assert_int_equal(count_parts(record_of(UINT64_MAX - 4095, 4096, 512, 8), &bytes), 0);
  assert_int_equal(count_parts(record_of(UINT64_MAX - 4096, 4096, 512, 9), &bytes), 9);
  struct nvt_record other = record_of(0, 4096, 512, 8);
  other.digest.algorithm = NVT_V_digest_algorithm_FILL;
  assert_int_equal(count_parts(other, &bytes), 0);
  other = record_of(0, 4096, 512, 8);
  other.header.type = NVT_REC_DATA;
  assert_int_equal(count_parts(other, &bytes), 0);
}

/* The same transfer, cut in any way at any two places, has the same blocks. */
static void blocks_are_the_same_however_it_lay(void **state) {
  (void)state;
  uint8_t data[4096];
  for (size_t i = 0; i < sizeof(data); i++)
    data[i] = (uint8_t)(i * 7 >> 2);
  for (uint32_t block = 512; block <= 4096; block *= 2)
    for (uint32_t a = 4; a < 4096; a += 124)
      for (uint32_t b = a; b < 4096; b += 1020) {
        struct nvt_digest_blocks blocks;
        nvt_digest_blocks_start(&blocks, block);
        uint32_t ends[] = {a, b, 4096}, at = 0, seen = 0;
        for (unsigned i = 0; i < 3; i++)
          while (at < ends[i]) {
            uint32_t end = (at / 512 + 1) * 512 < ends[i] ? (at / 512 + 1) * 512 : ends[i];
            struct nvt_digest_part part = {at, end - at, nvt_crc32c(0, data + at, end - at)};
            uint64_t first;
            uint32_t crc;
            if (nvt_digest_blocks_add(&blocks, &part, &first, &crc)) {
              assert_int_equal(first, (uint64_t)seen * block);
              assert_int_equal(crc, nvt_crc32c(0, data + first, block));
              seen++;
            }
            at = end;
          }
        assert_int_equal(seen, 4096 / block);
      }
}

static bool add(struct nvt_digest_blocks *blocks, uint64_t offset, uint32_t length) {
  uint64_t first;
  uint32_t crc;
  struct nvt_digest_part part = {offset, length, 1};
  return nvt_digest_blocks_add(blocks, &part, &first, &crc);
}

static void what_isnt_whole_is_no_block(void **state) {
  (void)state;
  struct nvt_digest_blocks blocks;
  nvt_digest_blocks_start(&blocks, 1024);
  assert_false(add(&blocks, 512, 512)); /* without its beginning */
  assert_false(add(&blocks, 1024, 512));
  assert_false(add(&blocks, 2048, 512)); /* the middle is missing */
  assert_true(add(&blocks, 2560, 512));
  assert_false(add(&blocks, 3584, 1024)); /* across an end */
  assert_false(add(&blocks, 4608, 512));
  assert_false(add(&blocks, UINT64_MAX - 511, 512));
  assert_false(add(&blocks, UINT64_MAX - 511, UINT32_MAX));
  assert_true(add(&blocks, 0, 1024));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(published_values),
      cmocka_unit_test(table_instruction_and_definition_agree),
      cmocka_unit_test(parts_are_joined),
      cmocka_unit_test(a_record_has_parts),
      cmocka_unit_test(blocks_are_the_same_however_it_lay),
      cmocka_unit_test(what_isnt_whole_is_no_block),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
