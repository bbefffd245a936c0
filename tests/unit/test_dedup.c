/* SPDX-License-Identifier: BSD-2-Clause */
/* What repeats is found as long as a reader has it and no longer, and read back byte for byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/dedup.h"
#include "trace/pages.h"

#define PAGE NVT_DEDUP_PAGE

static struct nvt_dedup *dedup;
static struct nvt_pages *pages;
static uint64_t seq;
static unsigned runs[3];    /* by kind */
static uint64_t carried;    /* bytes in data records */
static unsigned lose_every; /* this DATA run has no room; 0: all have */
static unsigned data_runs;

static void meta(uint32_t most) {
  char json[64];
  seq++;
  int length = snprintf(json, sizeof(json), "{\"dedup_pages\": %u}", most);
  struct nvt_record record = {.header = {.type = NVT_REC_META, .seq = seq},
                              .tail = (const uint8_t *)json,
                              .tail_length = (uint32_t)length};
  assert_int_equal(nvt_pages_record(pages, &record), 0);
}

static void open_both(uint32_t most) {
  assert_int_equal(nvt_dedup_create(most, &dedup), 0);
  assert_int_equal(nvt_pages_create(&pages), 0);
  seq = 100;
  memset(runs, 0, sizeof(runs));
  carried = data_runs = lose_every = 0;
  meta(most);
}

static void close_both(void) {
  nvt_dedup_destroy(dedup);
  nvt_pages_destroy(pages);
}

static void take_data(const struct nvt_run *run, const uint8_t *bytes) {
  static uint8_t record_bytes[NVT_DEDUP_RUN_MAX];
  if (lose_every != 0 && ++data_runs % lose_every == 0) {
    seq++;
    nvt_dedup_lost(dedup);
    return;
  }
  nvt_dedup_recorded(dedup, run, record_bytes, ++seq);
  assert_memory_equal(record_bytes, bytes, run->length);
  carried += run->length;
  struct nvt_record record = {.number = seq * 2,
                              .header = {.type = NVT_REC_DATA, .seq = seq},
                              .data = {.true_length = run->length, .captured_length = run->length},
                              .tail = record_bytes,
                              .tail_length = run->length};
  assert_int_equal(nvt_pages_record(pages, &record), 0);
}

static void take_digest(const struct nvt_run *run, const uint8_t *bytes) {
  bool same = run->kind == NVT_RUN_SAME;
  seq++;
  struct nvt_record record = {
      .header = {.type = NVT_REC_DIGEST, .seq = seq},
      .digest = {.algorithm = same ? NVT_V_digest_algorithm_SAME : NVT_V_digest_algorithm_FILL,
                 .true_length = run->length,
                 .same_as = run->same_as,
                 .same_offset = run->same_offset,
                 .fill = run->fill}};
  struct nvt_known known;
  nvt_pages_known(pages, &record, &known);
  assert_non_null(known.bytes);
  assert_memory_equal(known.bytes, bytes, run->length);
  assert_int_equal(known.record, same ? run->same_as * 2 : 0);
}

/* Through both, and back. */
static void put(const uint8_t *bytes, uint32_t length, bool carry) {
  struct nvt_run run;
  uint32_t at = 0;
  nvt_dedup_start(dedup, bytes, length, carry);
  while (nvt_dedup_next(dedup, &run)) {
    assert_true(run.length > 0 && run.length <= NVT_DEDUP_RUN_MAX && run.length <= length - at);
    runs[run.kind]++;
    if (run.kind == NVT_RUN_DATA)
      take_data(&run, bytes + at);
    else
      take_digest(&run, bytes + at);
    at += run.length;
  }
  assert_int_equal(at, length);
}

/* Page `n` of those that are all different, and none of which is filled. */
static void make(uint8_t *out, uint32_t n) {
  for (uint32_t i = 0; i < PAGE / 4; i++)
    ((uint32_t *)out)[i] = n * 2654435761u ^ i * i;
}

static void put_page(uint32_t n) {
  static uint32_t page[PAGE / 4];
  make((uint8_t *)page, n);
  put((uint8_t *)page, PAGE, false);
}

static void found_while_a_reader_has_it(void **state) {
  (void)state;
  const uint32_t sizes[] = {32, 33, 100};
  for (size_t i = 0; i < 3; i++)
    for (uint32_t others = sizes[i] - 2; others <= sizes[i] + 1; others++) {
      open_both(sizes[i]);
      for (uint32_t round = 0; round < 3; round++) { /* the second and third time around the ring */
        put_page(1000000 + round);
        for (uint32_t n = 0; n < others; n++)
          put_page(round * 1000 + n);
        unsigned before = runs[NVT_RUN_SAME];
        put_page(1000000 + round);
        /* with it, others + 1 pages were recorded */
        assert_int_equal(runs[NVT_RUN_SAME] - before, others + 1 <= sizes[i]);
      }
      close_both();
    }
}

static void limits_of_its_size(void **state) {
  (void)state;
  struct nvt_dedup *d;
  assert_int_equal(nvt_dedup_create(NVT_DEDUP_PAGES_MIN - 1, &d), -EINVAL);
  assert_int_equal(nvt_dedup_create(NVT_DEDUP_PAGES_MAX + 1, &d), -EINVAL);
  assert_null(d);
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(nvt_dedup_create(i == 0 ? NVT_DEDUP_PAGES_MIN : NVT_DEDUP_PAGES_MAX, &d), 0);
    nvt_dedup_destroy(d);
  }
  nvt_dedup_destroy(NULL);
}

static void runs_are_as_long_as_can_be(void **state) {
  (void)state;
  static uint8_t bytes[64 * PAGE + 100];
  open_both(1024);
  for (uint32_t i = 0; i < 64; i++)
    make(bytes + i * PAGE, i);
  memset(bytes + 64 * PAGE, 0x5a, 99);
  bytes[64 * PAGE + 99] = 1;
  put(bytes, sizeof(bytes), false);
  assert_int_equal(runs[NVT_RUN_DATA], 3); /* 128 KiB, 128 KiB, 100 bytes */
  put(bytes, sizeof(bytes), false);
  assert_int_equal(runs[NVT_RUN_SAME], 2);
  assert_int_equal(runs[NVT_RUN_DATA], 4);
  /* backwards: none follows the one before in its record */
  for (uint32_t i = 0; i < 32; i++)
    make(bytes + i * PAGE, 31 - i);
  put(bytes, 32 * PAGE, false);
  assert_int_equal(runs[NVT_RUN_SAME], 2 + 32);
  memset(bytes, 0, sizeof(bytes));
  put(bytes, 32 * PAGE, false);
  assert_int_equal(runs[NVT_RUN_FILL], 1);
  put(bytes, 32 * PAGE + 63, false); /* too little for a record of its own, but it goes on */
  assert_int_equal(runs[NVT_RUN_FILL], 2);
  close_both();
}

static void within_one_piece(void **state) {
  (void)state;
  static uint8_t bytes[4 * PAGE];
  open_both(32);
  for (uint32_t i = 0; i < 4; i++)
    make(bytes + i * PAGE, i % 2);
  put(bytes, sizeof(bytes), false);
  assert_int_equal(runs[NVT_RUN_DATA], 1);
  assert_int_equal(runs[NVT_RUN_SAME], 1);
  assert_int_equal(carried, 2 * PAGE);
  close_both();
}

static void small_fills(void **state) {
  (void)state;
  uint8_t bytes[512];
  for (uint32_t length = 1; length <= sizeof(bytes); length++) {
    open_both(32);
    for (uint32_t i = 0; i < length; i++)
      bytes[i] = (uint8_t)(0x61 + i % 8);
    put(bytes, length, false);
    assert_int_equal(runs[NVT_RUN_FILL], length >= 64);
    bytes[length - 1] ^= 1;
    put(bytes, length, false);
    assert_int_equal(runs[NVT_RUN_FILL], length >= 64);
    close_both();
  }
}

/* One bit of difference anywhere is another page, whatever a hash says. */
static void almost_equal_is_another(void **state) {
  (void)state;
  uint8_t page[PAGE];
  open_both(64);
  make(page, 1);
  put(page, PAGE, false);
  for (uint32_t at = 0; at < PAGE; at += 17) {
    page[at] ^= 0x40;
    put(page, PAGE, false);
    page[at] ^= 0x40;
  }
  assert_int_equal(runs[NVT_RUN_SAME], 0);
  close_both();
}

static void forgotten_at_a_meta_record(void **state) {
  (void)state;
  open_both(64);
  put_page(1);
  put_page(1);
  assert_int_equal(runs[NVT_RUN_SAME], 1);
  nvt_dedup_forget(dedup);
  meta(64);
  put_page(1);
  assert_int_equal(runs[NVT_RUN_DATA], 2);
  put_page(1);
  assert_int_equal(runs[NVT_RUN_SAME], 2);
  close_both();
}

static void what_is_carried_can_be_referred_to(void **state) {
  (void)state;
  uint8_t page[PAGE] = {0};
  open_both(32);
  put(page, PAGE, true);
  put(page, PAGE, true);
  assert_int_equal(runs[NVT_RUN_DATA], 2);
  make(page, 4);
  put(page, PAGE, true);
  put(page, PAGE, false);
  assert_int_equal(runs[NVT_RUN_SAME], 1);
  close_both();
}

/* Whatever is lost, what is referred to is there: put() looks. */
static void at_random(void **state) {
  (void)state;
  static uint8_t bytes[40 * PAGE + 1000];
  srandom(7);
  for (unsigned losses = 0; losses < 2; losses++) {
    open_both(losses == 0 ? 33 : 64);
    lose_every = losses * 5;
    for (unsigned i = 0; i < 1500; i++) {
      uint32_t length = 0, count = (uint32_t)random() % 40;
      for (uint32_t n = 0; n < count; n++, length += PAGE)
        if (random() % 8 == 0)
          memset(bytes + length, (int)(random() % 3), PAGE);
        else
          make(bytes + length, (uint32_t)random() % (i % 100 < 50 ? 20 : 90));
      uint32_t rest = (uint32_t)random() % 1000;
      memset(bytes + length, (int)(random() % 2), rest);
      put(bytes, length + rest, random() % 20 == 0);
      if (random() % 50 == 0) {
        nvt_dedup_forget(dedup);
        meta(losses == 0 ? 33 : 64);
      }
    }
    assert_true(runs[NVT_RUN_SAME] > 1000 && runs[NVT_RUN_FILL] > 1000 &&
                runs[NVT_RUN_DATA] > 1000);
    close_both();
  }
}

/* What a reader does with what no recorder of ours writes. */
static void nonsense_isnt_known(void **state) {
  (void)state;
  open_both(32);
  put_page(1);
  struct nvt_known known;
  const struct {
    uint64_t same_as;
    uint32_t offset, length;
  } bad[] = {
      {seq + 1, 0, PAGE},    {seq, PAGE, PAGE},       {seq, 0, PAGE - 1},  {seq, 0, PAGE + 1},
      {seq, 1, PAGE},        {seq, 0, 2 * PAGE},      {seq, 0, 0},         {0, 0, PAGE},
      {UINT64_MAX, 0, PAGE}, {seq, 0xfffff000, PAGE}, {seq, 0, 0xfffff000}};
  for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct nvt_record record = {.header = {.type = NVT_REC_DIGEST},
                                .digest = {.same_as = bad[i].same_as,
                                           .same_offset = bad[i].offset,
                                           .true_length = bad[i].length}};
    nvt_pages_known(pages, &record, &known);
    assert_null(known.bytes);
    record.header.controller = 1; /* another one's */
    record.digest = (struct nvt_rec_digest){.same_as = seq, .true_length = PAGE};
    nvt_pages_known(pages, &record, &known);
    assert_null(known.bytes);
  }
  struct nvt_record fill = {.header = {.type = NVT_REC_DIGEST},
                            .digest = {.algorithm = NVT_V_digest_algorithm_FILL,
                                       .true_length = NVT_DIGEST_BYTES_MAX + 1}};
  nvt_pages_known(pages, &fill, &known);
  assert_null(known.bytes);
  fill.digest.true_length--;
  nvt_pages_known(pages, &fill, &known);
  assert_non_null(known.bytes);
  meta(0); /* no more references */
  struct nvt_record gone = {.header = {.type = NVT_REC_DIGEST},
                            .digest = {.same_as = seq - 1, .true_length = PAGE}};
  nvt_pages_known(pages, &gone, &known);
  assert_null(known.bytes);
  meta(UINT32_MAX); /* bounded all the same */
  put_page(2);
  put_page(2);
  close_both();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(found_while_a_reader_has_it),
      cmocka_unit_test(limits_of_its_size),
      cmocka_unit_test(runs_are_as_long_as_can_be),
      cmocka_unit_test(within_one_piece),
      cmocka_unit_test(small_fills),
      cmocka_unit_test(almost_equal_is_another),
      cmocka_unit_test(forgotten_at_a_meta_record),
      cmocka_unit_test(what_is_carried_can_be_referred_to),
      cmocka_unit_test(at_random),
      cmocka_unit_test(nonsense_isnt_known),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
