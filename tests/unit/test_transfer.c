/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's pieces put together in any order, holes known, limits kept, pages in their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/transfer.h"

static struct nvt_transfers *all;
static struct nvt_exchange exchange;
static uint64_t number;
static uint64_t next_number(void) {
  return ++number;
}

static int begin(const struct nvt_transfer_limits *limits) {
  exchange = (struct nvt_exchange){.command = {.record = 1}, .page_shift = 12};
  number = 1;
  return nvt_transfers_create(limits, &all);
}

static void end(void) {
  nvt_transfers_forget(all, &exchange);
  nvt_transfers_destroy(all);
}

static void put(unsigned kind, uint64_t address, uint64_t offset, uint32_t length,
                const void *bytes, uint32_t captured) {
  struct nvt_record record = {.number = next_number(),
                              .header = {.type = NVT_REC_DATA},
                              .data = {.kind = (uint8_t)kind,
                                       .direction = NVT_V_data_direction_IN,
                                       .address = address,
                                       .offset = offset,
                                       .true_length = length,
                                       .captured_length = captured},
                              .tail = bytes,
                              .tail_length = captured};
  struct nvt_view view = {.exchange = &exchange};
  assert_int_equal(nvt_transfers_record(all, &record, &view), 0);
}

static void piece(uint64_t offset, const char *text) {
  put(NVT_V_data_kind_PAYLOAD, 0x1000, offset, (uint32_t)strlen(text), text,
      (uint32_t)strlen(text));
}

static void completion(void) {
  struct nvt_record record = {.number = next_number(), .header = {.type = NVT_REC_COMPLETION}};
  struct nvt_view view = {.exchange = &exchange};
  assert_int_equal(nvt_transfers_record(all, &record, &view), 0);
}

static void reads(const char *text) {
  uint8_t out[64];
  size_t length = nvt_transfer_copy(nvt_transfer_payload(&exchange), out, sizeof(out));
  assert_int_equal(length, strlen(text));
  assert_memory_equal(out, text, length);
}

static void in_order_and_not(void **state) {
  (void)state;
  begin(NULL);
  piece(0, "abcd");
  piece(4, "efgh");
  reads("abcdefgh");
  end();
  begin(NULL);
  piece(8, "ijkl");
  piece(4, "efgh");
  piece(0, "abcd");
  reads("abcdefghijkl");
  assert_int_equal(nvt_transfer_payload(&exchange)->first_record, 2);
  assert_int_equal(nvt_transfer_payload(&exchange)->last_record, 4);
  end();
}

static void overlap_and_twice(void **state) {
  (void)state;
  begin(NULL);
  piece(0, "abcd");
  piece(2, "XXef");
  piece(0, "abcd");
  piece(1, "Y");
  reads("abcdef");
  assert_int_equal(nvt_transfer_payload(&exchange)->length, 6);
  end();
}

static void holes(void **state) {
  (void)state;
  struct nvt_hole_walk walk = {0};
  uint64_t from, to;
  begin(NULL);
  piece(2, "cd");
  put(NVT_V_data_kind_PAYLOAD, 0, 8, 8, "ij", 2);
  struct nvt_transfer *transfer = nvt_transfer_payload(&exchange);
  assert_int_equal(nvt_transfer_copy(transfer, NULL, 0), 0);
  const uint64_t want[][2] = {{0, 2}, {4, 8}, {10, 16}};
  for (size_t i = 0; i < 3; i++) {
    assert_true(nvt_transfer_hole(transfer, &walk, &from, &to));
    assert_int_equal(from, want[i][0]);
    assert_int_equal(to, want[i][1]);
  }
  assert_false(nvt_transfer_hole(transfer, &walk, &from, &to));
  end();
}

static void huge_offsets(void **state) {
  (void)state;
  struct nvt_hole_walk walk = {0};
  uint64_t from, to;
  begin(NULL);
  piece(UINT64_MAX, "abcd");
  piece(UINT64_MAX - 2, "abcd");
  struct nvt_transfer *transfer = nvt_transfer_payload(&exchange);
  assert_true(transfer->length == UINT64_MAX);
  assert_int_equal(transfer->kept, 8);
  assert_true(nvt_transfer_hole(transfer, &walk, &from, &to));
  assert_true(from == 0 && to == UINT64_MAX - 2);
  assert_false(nvt_transfer_hole(transfer, &walk, &from, &to));
  end();
}

static void limit_of_pieces(void **state) {
  (void)state;
  const struct nvt_transfer_limits limits = {.pieces = 4};
  for (uint32_t n = 3; n <= 5; n++) {
    begin(&limits);
    for (uint32_t i = 0; i < n; i++)
      piece(i, "a");
    struct nvt_transfer *transfer = nvt_transfer_payload(&exchange);
    assert_int_equal(transfer->count, n < 4 ? n : 4);
    assert_int_equal(transfer->cut, n > 4);
    assert_int_equal(transfer->length, n);
    end();
  }
}

static void limits_of_bytes(void **state) {
  (void)state;
  const struct nvt_transfer_limits of_one = {.bytes = 8}, of_all = {.all = 8};
  for (unsigned i = 0; i < 2; i++)
    for (uint32_t n = 3; n <= 5; n++) {
      begin(i == 0 ? &of_one : &of_all);
      piece(0, "abcd");
      put(NVT_V_data_kind_PAYLOAD, 0, 4, n, "efghi", n);
      struct nvt_transfer *transfer = nvt_transfer_payload(&exchange);
      assert_int_equal(transfer->kept, n <= 4 ? 4 + n : 4);
      assert_int_equal(transfer->cut, n > 4);
      end();
    }
}

static void a_single_piece_is_not_kept(void **state) {
  (void)state;
  begin(NULL);
  piece(0, "abcd");
  completion();
  reads("abcd"); /* as long as the completion is looked at */
  struct nvt_view none = {0};
  struct nvt_record next = {.header = {.type = NVT_REC_ANNOTATION}};
  nvt_transfers_record(all, &next, &none);
  reads("");
  assert_int_equal(nvt_transfer_payload(&exchange)->captured, 4);
  end();
}

static void strangers_are_passed_over(void **state) {
  (void)state;
  begin(NULL);
  put(77, 0, 0, 4, "abcd", 4);
  assert_null(exchange.transfers);
  end();
}

/* --- pages --- */

static struct nvt_place places[16];
static unsigned place_count;

static bool keep(void *ctx, const struct nvt_place *place) {
  (void)ctx;
  assert_true(place_count < 16);
  places[place_count++] = *place;
  return true;
}

static void walk(void) {
  place_count = 0;
  nvt_transfer_places(&exchange, keep, NULL);
}

static void is(unsigned i, enum nvt_place_kind kind, uint64_t address, uint64_t offset,
               uint64_t length) {
  assert_true(i < place_count);
  assert_int_equal(places[i].kind, kind);
  assert_true(places[i].address == address);
  assert_true(places[i].offset == offset);
  assert_true(places[i].length == length);
}

static void two_entries(void **state) {
  (void)state;
  begin(NULL);
  exchange.sqe.prp1 = 0x10200;
  exchange.sqe.prp2 = 0x30000;
  put(NVT_V_data_kind_PAYLOAD, 0x10200, 0, 4096, "", 0);
  walk();
  assert_int_equal(place_count, 2);
  is(0, NVT_PLACE_PAGE, 0x10200, 0, 3584);
  is(1, NVT_PLACE_PAGE, 0x30000, 3584, 512);
  end();
  begin(NULL);
  exchange.sqe.prp1 = 0x10000;
  exchange.sqe.prp2 = 0x30000; /* not used */
  put(NVT_V_data_kind_PAYLOAD, 0x10000, 0, 4096, "", 0);
  walk();
  assert_int_equal(place_count, 1);
  end();
}

static void chained_lists(void **state) {
  (void)state;
  const uint64_t first[] = {0x40000, 0x41000, 0x70000}, second[] = {0x42000, 0x43000};
  begin(NULL);
  exchange.sqe.prp1 = 0x10000;
  exchange.sqe.prp2 = 0x60fe8;
  put(NVT_V_data_kind_PRP_LIST, 0x60fe8, 0, sizeof(first), first, sizeof(first));
  walk();
  is(4, NVT_PLACE_PAGE_LIST, 0x70000, 12288, 4096); /* not known yet */
  put(NVT_V_data_kind_PRP_LIST, 0x70000, 0, sizeof(second), second, sizeof(second));
  put(NVT_V_data_kind_PAYLOAD, 0x10000, 0, 20000, "", 0);
  walk();
  assert_int_equal(place_count, 7);
  is(0, NVT_PLACE_PAGE, 0x10000, 0, 4096);
  is(1, NVT_PLACE_LIST, 0x60fe8, 4096, 0);
  is(2, NVT_PLACE_PAGE, 0x40000, 4096, 4096);
  is(3, NVT_PLACE_PAGE, 0x41000, 8192, 4096);
  assert_int_equal(places[4].kind, NVT_PLACE_LIST);
  assert_true(places[4].address == 0x70000);
  is(5, NVT_PLACE_PAGE, 0x42000, 12288, 4096);
  is(6, NVT_PLACE_PAGE, 0x43000, 16384, 20000 - 16384);
  end();
}

static void sgl_segment(void **state) {
  (void)state;
  uint8_t segment[32] = {0};
  const uint64_t address = 0x51000;
  const uint32_t length = 2048;
  memcpy(segment, &address, 8);
  memcpy(segment + 8, &length, 4);
  memcpy(segment + 24, &length, 4);
  segment[31] = 0x10;
  begin(NULL);
  exchange.sqe.flags = 0x40;
  exchange.sqe.prp1 = 0x50000;
  exchange.sqe.prp2 = 0x3000000000000020;
  put(NVT_V_data_kind_SGL_SEGMENT, 0x50000, 0, 32, segment, 32);
  walk();
  assert_int_equal(place_count, 3);
  is(0, NVT_PLACE_SEGMENT, 0x50000, 0, 32);
  is(1, NVT_PLACE_BLOCK, 0x51000, 0, 2048);
  is(2, NVT_PLACE_BLOCK, 0, 2048, 2048);
  end();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(in_order_and_not),
      cmocka_unit_test(overlap_and_twice),
      cmocka_unit_test(holes),
      cmocka_unit_test(huge_offsets),
      cmocka_unit_test(limit_of_pieces),
      cmocka_unit_test(limits_of_bytes),
      cmocka_unit_test(a_single_piece_is_not_kept),
      cmocka_unit_test(strangers_are_passed_over),
      cmocka_unit_test(two_entries),
      cmocka_unit_test(chained_lists),
      cmocka_unit_test(sgl_segment),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
