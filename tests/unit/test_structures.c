/* SPDX-License-Identifier: BSD-2-Clause */
/* nvme/structures.def's rows agree with each other, and the walk explains each byte once. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "nvme/structures.h"

static const struct nvt_structure *structure(unsigned id) {
  const struct nvt_structure *found = nvt_structure_info((enum nvt_structure_id)id);
  assert_non_null(found);
  return found;
}

/* Bytes that a row of a fixed structure takes; 0 where that isn't fixed. */
static size_t row_bytes(const struct nvt_member *row) {
  switch (row->kind) {
  case NVT_MEMBER_VALUE:
    return row->size;
  case NVT_MEMBER_LIST:
    return row->other == NVT_ROW_NONE ? (size_t)row->size * row->count : 0;
  case NVT_MEMBER_ARRAY:
    return row->other == NVT_ROW_NONE ? (size_t)structure(row->element)->size * row->count : 0;
  default:
    return 0;
  }
}

static void rows_lie_in_order_and_inside(void **state) {
  (void)state;
  for (unsigned id = 1; id < NVT_STRUCTURE_COUNT; id++) {
    const struct nvt_structure *s = structure(id);
    size_t count, at = 0;
    const struct nvt_member *rows = nvt_structure_members(s, &count);
    if (count == 0 || s->size == 0)
      fail_msg("%s has no rows, or no size", s->id);
    for (size_t i = 0; i < count; i++) {
      const struct nvt_member *row = &rows[i];
      assert_int_equal(row->structure, id);
      if (row->kind == NVT_MEMBER_BITS || row->kind == NVT_MEMBER_LENGTH)
        continue;
      if (row->offset == NVT_OFFSET_AFTER) {
        assert_true(s->open);
        continue;
      }
      if (row->offset < at)
        fail_msg("%s.%s lies in the row before", s->id, row->id);
      at = row->offset + row_bytes(row);
      if (!s->open && at > s->size)
        fail_msg("%s.%s ends at %zu, after %s's %u bytes", s->id, row->id, at, s->id, s->size);
    }
  }
}

static void rows_have_forms_that_fit(void **state) {
  (void)state;
  size_t all;
  const struct nvt_member *rows = nvt_structure_rows(&all);
  for (size_t i = 0; i < all; i++) {
    const struct nvt_member *row = &rows[i];
    const struct nvt_structure *s = structure(row->structure);
    const struct nvt_member *other = nvt_structure_row(row->other);
    if (other != NULL)
      assert_int_equal(other->structure, row->structure);
    size_t size = row->size;
    switch (row->kind) {
    case NVT_MEMBER_BITS:
      assert_in_range(other->size, 1, 8);
      if (row->width == 0 || row->lsb + row->width > other->size * 8)
        fail_msg("%s.%s.%s lies outside of it", s->id, other->id, row->id);
      if (row->format == NVT_MEMBER_FLAG && row->width != 1)
        fail_msg("%s.%s.%s: a flag is one bit", s->id, other->id, row->id);
      continue;
    case NVT_MEMBER_CASE:
      assert_in_range(other->size, 1, 8);
      continue;
    case NVT_MEMBER_ARRAY:
      assert_true(other == NULL || other->size <= 8);
      continue;
    case NVT_MEMBER_LENGTH:
      assert_in_range(other->size, 1, 8);
      assert_in_range(row->count, 1, 8);
      assert_true(s->open);
      continue;
    default:
      break;
    }
    bool fits = size >= 1 && size <= 8;
    if (row->format == NVT_MEMBER_UUID || row->format == NVT_MEMBER_U128)
      fits = size == 16;
    else if (row->format == NVT_MEMBER_EUI64)
      fits = size == 8;
    else if (row->format == NVT_MEMBER_BYTES || row->format == NVT_MEMBER_ASCII)
      fits = size >= 1;
    if (!fits)
      fail_msg("%s.%s: %zu bytes don't go with its format", s->id, row->id, size);
  }
}

/* Bits don't overlap, and follow their member. */
static void bits_are_apart(void **state) {
  (void)state;
  size_t all;
  const struct nvt_member *rows = nvt_structure_rows(&all);
  uint64_t taken = 0;
  for (size_t i = 0; i < all; i++) {
    const struct nvt_member *row = &rows[i];
    if (row->kind != NVT_MEMBER_BITS) {
      taken = 0;
      continue;
    }
    uint64_t mask = ~0ULL >> (64 - row->width) << row->lsb;
    if ((taken & mask) != 0)
      fail_msg("%s.%s overlaps bits above", structure(row->structure)->id, row->id);
    taken |= mask;
    if (i == 0 || (rows[i - 1].kind == NVT_MEMBER_BITS ? rows[i - 1].other != row->other
                                                       : row->other != (int)i - 1))
      fail_msg("%s.%s doesn't follow its member", structure(row->structure)->id, row->id);
  }
}

struct cover {
  const uint8_t *bytes;
  uint64_t from;
  uint64_t next;
  unsigned depth;
  size_t visits;
};

static void cover(void *ctx, const struct nvt_part *part) {
  struct cover *c = ctx;
  c->visits++;
  switch (part->kind) {
  case NVT_PART_BEGIN:
    assert_int_equal(part->depth, c->depth++);
    return;
  case NVT_PART_END:
    assert_int_equal(part->depth, --c->depth);
    assert_int_equal(part->offset + part->length, c->next);
    return;
  case NVT_PART_BITS:
    assert_int_equal(part->depth, c->depth + 1);
    return;
  default:
    assert_int_equal(part->depth, c->depth);
    break;
  }
  assert_int_equal(part->offset, c->next);
  assert_true(part->length > 0);
  assert_ptr_equal(part->bytes, c->bytes + (part->offset - c->from));
  c->next += part->length;
}

/* Each byte of [from, from + length) once, in order, and not more visits than bytes allow for. */
static void covered(unsigned id, const uint8_t *bytes, uint64_t from, size_t length) {
  uint8_t *exact = malloc(length + 1); /* so that ASan sees one byte too many */
  uint8_t *copy = exact + 1;
  memcpy(copy, bytes, length);
  struct cover c = {copy, from, from, 0, 0};
  assert_true(nvt_structure_walk((enum nvt_structure_id)id, copy, from, length, cover, &c));
  if (c.next != from + length)
    fail_msg("%s: bytes from %zu on of %zu aren't explained", structure(id)->id,
             (size_t)(c.next - from), length);
  assert_int_equal(c.depth, 0);
  assert_true(c.visits <= 2 + length * 80);
  free(exact);
}

static const uint8_t fillings[] = {0x00, 0xff, 0x01, 0x41};

static void every_byte_at_every_length(void **state) {
  (void)state;
  static uint8_t bytes[8192];
  for (size_t f = 0; f < sizeof(fillings); f++) {
    memset(bytes, fillings[f], sizeof(bytes));
    for (unsigned id = 1; id < NVT_STRUCTURE_COUNT; id++) {
      size_t size = structure(id)->size;
      /* Each length of the small ones; of large ones the ends and steps that meet all offsets. */
      for (size_t length = 0; length <= size + 3 && length < sizeof(bytes);
           length += length < 96 || length + 3 >= size ? 1 : 61)
        covered(id, bytes, 0, length);
    }
  }
}

static void every_byte_from_anywhere(void **state) {
  (void)state;
  static uint8_t bytes[512];
  static const uint64_t far[] = {0,    1,     3,     4,          16,         63,
                                 64,   512,   1000,  4092,       4095,       4096,
                                 4097, 65535, 65536, 1ULL << 31, 1ULL << 32, (1ULL << 62) - 1};
  srand(1);
  for (unsigned id = 1; id < NVT_STRUCTURE_COUNT; id++)
    for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
      for (size_t b = 0; b < sizeof(bytes); b++)
        bytes[b] = (uint8_t)(rand() % 3 == 0 ? rand() : 0);
      covered(id, bytes, far[i], (size_t)rand() % sizeof(bytes));
    }
}

static void refuses_what_it_cannot_place(void **state) {
  (void)state;
  uint8_t byte = 0;
  assert_false(nvt_structure_walk(NVT_STRUCTURE_NONE, &byte, 0, 1, cover, NULL));
  assert_false(nvt_structure_walk(NVT_STRUCTURE_COUNT, &byte, 0, 1, cover, NULL));
  assert_false(nvt_structure_walk(NVT_STRUCTURE_NSID_LIST, &byte, 1ULL << 62, 1, cover, NULL));
}

struct want {
  enum nvt_part_kind kind;
  const char *id; /* of the member; NULL: any */
  uint64_t index;
  uint64_t value;
  bool found;
};

static void look(void *ctx, const struct nvt_part *part) {
  struct want *want = ctx;
  if (part->kind == want->kind && part->member != NULL && strcmp(part->member->id, want->id) == 0 &&
      part->index == want->index) {
    want->found = true;
    want->value = part->kind == NVT_PART_ZEROES ? part->count : part->value;
  }
}

static uint64_t value_of(enum nvt_structure_id id, const void *bytes, uint64_t from, size_t length,
                         enum nvt_part_kind kind, const char *member, uint64_t index) {
  struct want want = {kind, member, index, 0, false};
  assert_true(nvt_structure_walk(id, bytes, from, length, look, &want));
  if (!want.found)
    fail_msg("no %s %u", member, (unsigned)index);
  return want.value;
}

static void lists_count_and_collapse(void **state) {
  (void)state;
  uint32_t ids[1024] = {1, 2, 7};
  assert_int_equal(
      value_of(NVT_STRUCTURE_NSID_LIST, ids, 0, sizeof(ids), NVT_PART_VALUE, "NSID", 2), 7);
  assert_int_equal(
      value_of(NVT_STRUCTURE_NSID_LIST, ids, 0, sizeof(ids), NVT_PART_ZEROES, "NSID", 3), 1021);
  /* From the middle on, indices are the list's. */
  assert_int_equal(value_of(NVT_STRUCTURE_NSID_LIST, ids + 2, 8, 4, NVT_PART_VALUE, "NSID", 2), 7);
  uint16_t controllers[5] = {2, 10, 11, 12, 13};
  assert_int_equal(value_of(NVT_STRUCTURE_CTRL_LIST, controllers, 0, sizeof(controllers),
                            NVT_PART_VALUE, "CNTLID", 1),
                   11);
  struct want third = {NVT_PART_VALUE, "CNTLID", 2, 0, false};
  assert_true(nvt_structure_walk(NVT_STRUCTURE_CTRL_LIST, (const uint8_t *)controllers, 0,
                                 sizeof(controllers), look, &third));
  assert_false(third.found);
}

/* A length that ends inside of an element: the next structure's bytes aren't that element's. */
static void elements_end_where_their_structure_does(void **state) {
  (void)state;
  for (uint8_t dsze = 64; dsze <= 73; dsze++)
    for (uint8_t filling = 0; filling < 2; filling++) {
      uint8_t log[16 + 2 * 96];
      memset(log, filling, sizeof(log));
      log[0] = 1, log[1] = 0;
      log[16] = dsze, log[17] = 0;
      log[16 + 8] = 9, log[16 + 9] = 0;
      covered(NVT_STRUCTURE_LOG_FDP_CONFIGS, log, 0, sizeof(log));
      log[16 + dsze] = 64, log[17 + dsze] = 0;
      assert_int_equal(
          value_of(NVT_STRUCTURE_LOG_FDP_CONFIGS, log, 0, sizeof(log), NVT_PART_BEGIN, "CONFIG", 1),
          0);
      covered(NVT_STRUCTURE_LOG_FDP_CONFIGS, log, 0, sizeof(log));
    }
}

/* A new string without a class would be kept in traces that are given away. */
static void strings_have_a_class_of_privacy(void **state) {
  (void)state;
  size_t all;
  const struct nvt_member *rows = nvt_structure_rows(&all);
  for (size_t i = 0; i < all; i++) {
    const struct nvt_member *row = &rows[i];
    bool value = row->kind == NVT_MEMBER_VALUE || row->kind == NVT_MEMBER_LIST;
    bool string = value && (row->format == NVT_MEMBER_ASCII || row->format == NVT_MEMBER_BYTES ||
                            row->format == NVT_MEMBER_UUID || row->format == NVT_MEMBER_EUI64);
    enum nvt_privacy class = nvt_member_privacy(row);
    if (string && class == NVT_PRIVACY_NONE)
      fail_msg("%s.%s needs its NVT_PRIVATE row", structure(row->structure)->id, row->id);
    if (!value && class != NVT_PRIVACY_NONE)
      fail_msg("%s.%s isn't a value", structure(row->structure)->id, row->id);
    if ((class == NVT_PRIVACY_LBA && row->size != 8) ||
        (class == NVT_PRIVACY_TIME && row->size > 8))
      fail_msg("%s.%s has a size that its class can't have", structure(row->structure)->id,
               row->id);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rows_lie_in_order_and_inside),
      cmocka_unit_test(rows_have_forms_that_fit),
      cmocka_unit_test(strings_have_a_class_of_privacy),
      cmocka_unit_test(bits_are_apart),
      cmocka_unit_test(every_byte_at_every_length),
      cmocka_unit_test(every_byte_from_anywhere),
      cmocka_unit_test(refuses_what_it_cannot_place),
      cmocka_unit_test(lists_count_and_collapse),
      cmocka_unit_test(elements_end_where_their_structure_does),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
