/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "trace/histogram.h"
#include "trace/summary.h"

/* Alone in a histogram, every value is its own percentile, edges of buckets too. */
static void one_value_is_exact(void **state) {
  (void)state;
  for (unsigned shift = 0; shift < 64; shift++)
    for (uint64_t around = 0; around <= 2; around++) {
      uint64_t value = (1ull << shift) + around - 1;
      struct nvt_histogram h = {0};
      nvt_histogram_add(&h, value, 7);
      assert_true(nvt_histogram_quantile(&h, 0.5) == value);
      assert_true(h.least == value && h.greatest == value);
    }
  struct nvt_histogram h = {0};
  assert_true(nvt_histogram_quantile(&h, 0.5) == 0);
  assert_true(nvt_histogram_mean(&h) == 0);
  nvt_histogram_add(&h, UINT64_MAX, 1);
  assert_true(nvt_histogram_quantile(&h, 1) == UINT64_MAX);
}

static void percentiles_are_close_and_never_low(void **state) {
  (void)state;
  static struct nvt_histogram h;
  memset(&h, 0, sizeof(h));
  const uint64_t count = 100000;
  for (uint64_t i = 1; i <= count; i++)
    nvt_histogram_add(&h, i * 7, i);
  const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1};
  for (unsigned i = 0; i < 6; i++) {
    double exact = shares[i] * (double)count * 7;
    double got = (double)nvt_histogram_quantile(&h, shares[i]);
    assert_true(got >= exact - 7 && got <= exact * 33 / 32 + 7);
  }
  assert_true(nvt_histogram_mean(&h) == 7.0 * (double)(count + 1) / 2);
  assert_true(h.count == count);
}

/* Of equal greatest values the first record is told, however they come; sums don't lose a bit. */
static void greatest_and_mean_do_not_depend_on_order(void **state) {
  (void)state;
  static struct nvt_histogram h;
  memset(&h, 0, sizeof(h));
  const uint64_t records[] = {9, 4, 6};
  for (unsigned i = 0; i < 3; i++)
    nvt_histogram_add(&h, 5, records[i]);
  assert_true(h.greatest_record == 4);
  nvt_histogram_add(&h, 4, 1);
  assert_true(h.greatest_record == 4);
  nvt_histogram_add(&h, 6, 20);
  assert_true(h.greatest_record == 20);
  memset(&h, 0, sizeof(h));
  nvt_histogram_add(&h, 0, 3);
  assert_true(h.greatest_record == 3);
  memset(&h, 0, sizeof(h));
  for (unsigned i = 0; i < 4; i++)
    nvt_histogram_add(&h, UINT64_MAX, i + 1);
  assert_true(nvt_histogram_mean(&h) == 0x1p64);
}

/* Followed value by value, a quantile is what the walk over all buckets finds. */
static void a_followed_quantile_is_the_quantile(void **state) {
  (void)state;
  static struct nvt_histogram h;
  const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999, 1};
  for (unsigned kind = 0; kind < 4; kind++) {
    struct nvt_quantile quantiles[6] = {0};
    for (unsigned i = 0; i < 6; i++)
      quantiles[i].share = shares[i];
    memset(&h, 0, sizeof(h));
    uint64_t random = 88172645463325252u + kind;
    for (unsigned n = 0; n < 5000; n++) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      uint64_t value = kind == 0   ? random
                       : kind == 1 ? random >> (random & 63u)
                       : kind == 2 ? (n % 2 != 0 ? UINT64_MAX : 0)
                                   : 5000 - n;
      nvt_histogram_add(&h, value, n + 1);
      for (unsigned i = 0; i < 6; i++)
        assert_true(nvt_quantile_added(&quantiles[i], &h, value) ==
                    nvt_histogram_quantile(&h, shares[i]));
    }
  }
}

static void text_is(void (*write)(struct nvt_text *, uint64_t), uint64_t value,
                    const char *expected) {
  char buffer[64];
  struct nvt_text text;
  nvt_text_init(&text, buffer, sizeof(buffer));
  write(&text, value);
  assert_string_equal(buffer, expected);
}

static void hex4(struct nvt_text *text, uint64_t value) {
  nvt_text_hex(text, value, 4);
}
static void hex99(struct nvt_text *text, uint64_t value) {
  nvt_text_hex(text, value, 99);
}

static void numbers_are_written_as_people_read_them(void **state) {
  (void)state;
  text_is(nvt_text_dec, 0, "0");
  text_is(nvt_text_dec, UINT64_MAX, "18446744073709551615");
  text_is(hex4, 0, "0x0000");
  text_is(hex4, 0xfffff, "0xfffff");
  text_is(hex99, UINT64_MAX, "0xffffffffffffffff");
  text_is(hex99, 1, "0x0000000000000001");
  text_is(nvt_text_duration, 0, "0 ns");
  text_is(nvt_text_duration, 999, "999 ns");
  text_is(nvt_text_duration, 1000, "1.000 µs");
  text_is(nvt_text_duration, 999999, "999.999 µs");
  text_is(nvt_text_duration, 1000000, "1.000 ms");
  text_is(nvt_text_duration, 999999999, "999.999 ms");
  text_is(nvt_text_duration, 1000000000, "1.000 s");
}

static void quoted(const char *bytes, size_t length, size_t size, const char *expected) {
  char buffer[64];
  struct nvt_text text;
  nvt_text_init(&text, buffer, size);
  nvt_text_quote(&text, bytes, length);
  assert_string_equal(buffer, expected);
}

static void foreign_text_can_do_no_harm(void **state) {
  (void)state;
  quoted("plain", 5, 64, "plain");
  quoted("\x1b[31m", 5, 64, "\\x1b[31m");
  quoted("a\0b", 3, 64, "a\\x00b");
  quoted("µ€😀", 9, 64, "µ€😀");
  quoted("\xc2", 1, 64, "\\xc2");
  quoted("\xc2\x85", 2, 64, "\\xc2\\x85");          /* a control character */
  quoted("\xc0\xaf", 2, 64, "\\xc0\\xaf");          /* overlong */
  quoted("\xed\xa0\x80", 3, 64, "\\xed\\xa0\\x80"); /* half of a pair */
  quoted("\xf4\x90\x80\x80", 4, 64, "\\xf4\\x90\\x80\\x80");
  quoted("aaaµ", 5, 5, "aaa"); /* no half character */
  quoted("aaaµ", 5, 6, "aaaµ");
  quoted("anything", 8, 1, "");
}

/* At any size of the buffer the text is the beginning of the whole. */
static void a_summary_fits_any_buffer(void **state) {
  (void)state;
  struct nvt_record r = {.header = {.type = NVT_REC_COMMAND, .flags = 1}, .command = {.sqid = 1}};
  memset(&r.command.sqe, 0x5a, sizeof(r.command.sqe));
  r.command.sqe.opcode = NVT_NVM_WRITE;
  char whole[1024], part[1024];
  struct nvt_text text;
  nvt_text_init(&text, whole, sizeof(whole));
  nvt_summary(&text, &r, NULL);
  size_t length = text.length;
  assert_non_null(strstr(whole, "Write sq 1 cid 0x5a5a"));
  assert_non_null(strstr(whole, "[snapshot]"));
  for (size_t size = 1; size <= length + 1; size++) {
    memset(part, 'x', sizeof(part));
    nvt_text_init(&text, part, size);
    nvt_summary(&text, &r, NULL);
    assert_int_equal(text.length, size - 1);
    assert_memory_equal(part, whole, size - 1);
    assert_int_equal(part[size], 'x');
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(one_value_is_exact),
      cmocka_unit_test(percentiles_are_close_and_never_low),
      cmocka_unit_test(greatest_and_mean_do_not_depend_on_order),
      cmocka_unit_test(a_followed_quantile_is_the_quantile),
      cmocka_unit_test(numbers_are_written_as_people_read_them),
      cmocka_unit_test(foreign_text_can_do_no_harm),
      cmocka_unit_test(a_summary_fits_any_buffer),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
