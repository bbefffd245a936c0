/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's pieces put together in any order, holes known, limits kept, pages in their places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "trace/text.h"
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

static unsigned in_list;
static void count_place(void *ctx, const struct nvt_place *place) {
  assert_int_equal(place->record, *(uint64_t *)ctx);
  assert_int_equal(place->index, in_list++);
}

/* Those of one list alone, and none where there are more than NVT_LISTS_FOLLOWED. */
static void places_of_one_list(void **state) {
  (void)state;
  for (unsigned lists = NVT_LISTS_FOLLOWED - 1; lists <= NVT_LISTS_FOLLOWED + 1; lists++) {
    begin(NULL);
    exchange.sqe.prp1 = 0x10000;
    exchange.sqe.prp2 = 0x20000;
    for (unsigned i = 0; i < lists; i++) {
      const uint64_t entries[] = {0x40000, 0x41000};
      put(NVT_V_data_kind_PRP_LIST, 0x20000 + i * 0x1000, 0, sizeof(entries), entries, 16);
    }
    uint64_t record = number;
    in_list = 0;
    nvt_transfer_places_in(&exchange, record, count_place, &record);
    assert_int_equal(in_list, lists <= NVT_LISTS_FOLLOWED ? 2 : 0);
    end();
  }
}

static char told[512];
static void note_told(void *ctx, enum nvt_told what, uint64_t value, const char *text) {
  (void)ctx;
  size_t length = strlen(told);
  snprintf(told + length, sizeof(told) - length, "%s %llu%s; ", nvt_told_name(what),
           (unsigned long long)value, text);
}

static void tells(bool to_its_end, const char *want) {
  told[0] = '\0';
  nvt_transfer_tell(nvt_transfer_payload(&exchange), to_its_end, note_told, NULL);
  assert_string_equal(told, want);
}

static void what_is_told(void **state) {
  (void)state;
  begin(NULL);
  put(NVT_V_data_kind_PAYLOAD, 0, 2, 6, "cd", 2);
  tells(true, "Length 8; Recorded 2; First piece 2; Last piece 2; Piece 2, offset 2, 6 bytes, 2 "
              "recorded; Not recorded 2 bytes from offset 0; Not recorded 4 bytes from offset 4; ");
  tells(false, "Length 8; Recorded 2; First piece 2; Last piece 2; ");
  piece(0, "ab");
  tells(true,
        "Length 8; Recorded 4; First piece 2; Last piece 3; Piece 3, offset 0, 2 bytes; Piece "
        "2, offset 2, 6 bytes, 2 recorded; Not recorded 4 bytes from offset 4; ");
  end();
  begin(NULL);
  put(NVT_V_data_kind_PAYLOAD, 0, UINT64_MAX - 1, 8, "abcd", 4);
  tells(true,
        "Length 18446744073709551615; Recorded 4; First piece 2; Last piece 2; Piece 2, offset "
        "18446744073709551614, 8 bytes, 4 recorded; Not recorded 18446744073709551614 bytes "
        "from offset 0; ");
  end();
}

static void subject_is(uint8_t opcode, uint32_t cdw10, unsigned kind, const char *want) {
  char text[80];
  struct nvt_text words;
  struct nvt_transfer transfer = {.kind = (uint8_t)kind, .direction = NVT_V_data_direction_IN};
  exchange.sqe.opcode = opcode;
  exchange.sqe.cdw10 = cdw10;
  nvt_text_init(&words, text, sizeof(text));
  nvt_text_transfer_subject(&words, &exchange, &transfer);
  assert_string_equal(text, want);
}

static void subjects(void **state) {
  (void)state;
  begin(NULL);
  exchange.set = NVT_SET_ADMIN;
  subject_is(NVT_ADMIN_IDENTIFY, 1, NVT_V_data_kind_PAYLOAD, "Identify Controller");
  subject_is(NVT_ADMIN_IDENTIFY, 0xee, NVT_V_data_kind_PAYLOAD, "Identify data");
  subject_is(NVT_ADMIN_IDENTIFY, 1, NVT_V_data_kind_METADATA, "Identify metadata");
  exchange.set = NVT_SET_NVM;
  subject_is(2, 0, NVT_V_data_kind_PAYLOAD, "Read data");
  subject_is(0x99, 0, NVT_V_data_kind_METADATA, "opcode 0x99 metadata");
  exchange.command.record = 0;
  subject_is(0, 0, NVT_V_data_kind_PAYLOAD, "Data");
  end();
}

static void the_only_one(void **state) {
  (void)state;
  struct nvt_record record = {.header = {.type = NVT_REC_DATA},
                              .data = {.direction = NVT_V_data_direction_IN}};
  begin(NULL);
  assert_false(nvt_transfer_alone(&exchange, &record));
  piece(0, "abcd");
  assert_true(nvt_transfer_alone(&exchange, &record));
  record.data.offset = 1;
  assert_false(nvt_transfer_alone(&exchange, &record));
  record.data.offset = 0;
  record.data.direction = NVT_V_data_direction_OUT;
  assert_false(nvt_transfer_alone(&exchange, &record));
  record.data.direction = NVT_V_data_direction_IN;
  piece(4, "efgh");
  assert_false(nvt_transfer_alone(&exchange, &record));
  end();
}

/* A digest record: in the place of `length` bytes at `offset`. */
static void digest(unsigned algorithm, uint64_t offset, uint32_t length, uint64_t same_as,
                   uint64_t fill) {
  const uint32_t crcs[2] = {1, 2};
  struct nvt_record record = {.number = next_number(),
                              .header = {.type = NVT_REC_DIGEST},
                              .digest = {.direction = NVT_V_digest_direction_IN,
                                         .algorithm = (uint8_t)algorithm,
                                         .offset = offset,
                                         .true_length = length,
                                         .same_as = same_as,
                                         .fill = fill,
                                         .unit = 512},
                              .tail = (const uint8_t *)crcs,
                              .tail_length = algorithm == NVT_V_digest_algorithm_CRC32C ? 8 : 0};
  struct nvt_view view = {.exchange = &exchange};
  assert_int_equal(nvt_transfers_record(all, &record, &view), 0);
}

static const struct nvt_piece *piece_of(uint64_t record, uint64_t offset) {
  const struct nvt_record wanted = {
      .number = record,
      .header = {.type = NVT_REC_DIGEST},
      .digest = {.direction = NVT_V_digest_direction_IN, .offset = offset}};
  return nvt_transfer_piece(&exchange, &wanted);
}

static void digests_in_the_place_of_data(void **state) {
  (void)state;
  static uint8_t page[4096], out[16384];
  const char json[] = "{\"dedup_pages\":2}";
  const struct nvt_view none = {0};
  memset(page, 'p', sizeof(page));
  begin(NULL);
  struct nvt_record meta = {.header = {.type = NVT_REC_META},
                            .tail = (const uint8_t *)json,
                            .tail_length = sizeof(json) - 1};
  assert_int_equal(nvt_transfers_record(all, &meta, &none), 0);
  put(NVT_V_data_kind_PAYLOAD, 0x1000, 0, 4096, page, 4096); /* record 2, sequence number 0 */
  digest(NVT_V_digest_algorithm_FILL, 8192, 4096, 0, 0x6161616161616161);
  digest(NVT_V_digest_algorithm_SAME, 4096, 4096, 0, 0);
  digest(NVT_V_digest_algorithm_CRC32C, 12288, 1024, 0, 0);
  digest(NVT_V_digest_algorithm_SAME, 13312, 4096, 7, 0); /* isn't there */
  struct nvt_transfer *t = nvt_transfer_payload(&exchange);
  assert_int_equal(t->length, 17408);
  assert_int_equal(t->captured, 12288);
  /* before they are sorted, and after */
  for (unsigned i = 0; i < 2; i++) {
    assert_int_equal(piece_of(4, 4096)->same_record, 2);
    assert_int_equal(piece_of(4, 4096)->from, NVT_PIECE_KNOWN);
    assert_int_equal(piece_of(3, 8192)->from, NVT_PIECE_KNOWN);
    assert_int_equal(piece_of(3, 8192)->same_record, 0);
    assert_int_equal(piece_of(5, 12288)->from, NVT_PIECE_DIGEST);
    assert_null(piece_of(5, 12288)->bytes);
    assert_null(piece_of(6, 13312)->bytes);
    assert_null(piece_of(7, 0));
    assert_int_equal(nvt_transfer_copy(t, out, sizeof(out)), 12288);
    assert_memory_equal(out, page, 4096);
    assert_memory_equal(out + 4096, page, 4096);
    assert_int_equal(out[8192], 'a');
    assert_int_equal(out[12287], 'a');
  }
  struct nvt_hole_walk walk = {0};
  uint64_t from, to;
  assert_true(nvt_transfer_hole(t, &walk, &from, &to));
  assert_int_equal(from, 12288);
  assert_int_equal(to, 17408);
  end();
}

/* Its bytes stand in no frame, so they stay. */
static void a_single_digest_is_kept(void **state) {
  (void)state;
  begin(NULL);
  digest(NVT_V_digest_algorithm_FILL, 0, 512, 0, 5);
  completion();
  completion();
  assert_int_equal(nvt_transfer_payload(&exchange)->kept, 512);
  end();
  begin(NULL);
  digest(NVT_V_digest_algorithm_CRC32C, 0, 512, 0, 5);
  completion();
  completion();
  assert_int_equal(nvt_transfer_payload(&exchange)->kept, 0);
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
      cmocka_unit_test(places_of_one_list),
      cmocka_unit_test(what_is_told),
      cmocka_unit_test(subjects),
      cmocka_unit_test(the_only_one),
      cmocka_unit_test(digests_in_the_place_of_data),
      cmocka_unit_test(a_single_digest_is_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
