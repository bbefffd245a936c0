/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "nvme/structures.h"

/* Tables aren't nested deeper; a table that loops would be. */
enum { MAX_DEPTH = 12 };

struct walk {
  const uint8_t *bytes; /* of [from, end) */
  uint64_t from;
  uint64_t end;
  nvt_part_visitor *visit;
  void *ctx;
  unsigned depth;
};

/* A structure, or a part of one that is laid out by the same rows. */
struct place {
  const struct nvt_structure *structure;
  uint64_t base;  /* its first byte */
  uint64_t limit; /* none of its bytes lies here or after */
};

static uint64_t walk_structure(struct walk *, const struct place *);

/* Clips [at, at + length) to what is there; false: nothing is. */
static bool clip(const struct walk *w, uint64_t at, uint64_t length, struct nvt_part *part) {
  uint64_t from = at > w->from ? at : w->from;
  uint64_t end = at + length < w->end ? at + length : w->end;
  if (from >= end)
    return false;
  part->offset = from;
  part->length = end - from;
  part->bytes = w->bytes + (from - w->from);
  return true;
}

static void emit(struct walk *w, const struct place *p, struct nvt_part *part) {
  part->structure = p->structure;
  part->depth = w->depth;
  w->visit(w->ctx, part);
}

static void gap(struct walk *w, const struct place *p, uint64_t at, uint64_t end) {
  struct nvt_part part = {.kind = NVT_PART_GAP};
  if (end > at && clip(w, at, end - at, &part))
    emit(w, p, &part);
}

static uint64_t integer(const struct nvt_member *row, const uint8_t *bytes, uint64_t size) {
  uint64_t value = 0;
  if (size > sizeof(value))
    return 0;
  if (row->format != NVT_MEMBER_BIG_ENDIAN)
    memcpy(&value, bytes, size);
  else
    for (uint64_t i = 0; i < size; i++)
      value = value << 8 | bytes[i];
  return value;
}

/* A member's value, if all of it is there. */
static bool read_member(const struct walk *w, const struct place *p, const struct nvt_member *row,
                        uint64_t *value) {
  struct nvt_part part;
  if (row->offset == NVT_OFFSET_AFTER || !clip(w, p->base + row->offset, row->size, &part) ||
      part.length != row->size)
    return false;
  *value = integer(row, part.bytes, part.length);
  return true;
}

static bool read_other(const struct walk *w, const struct place *p, const struct nvt_member *row,
                       uint64_t *value) {
  const struct nvt_member *other = nvt_structure_row(row->other);
  return other != NULL && read_member(w, p, other, value);
}

static void emit_bits(struct walk *w, const struct place *p, const struct nvt_part *whole) {
  size_t count;
  const struct nvt_member *rows = nvt_structure_members(p->structure, &count);
  w->depth++;
  for (const struct nvt_member *row = whole->member + 1;
       row < rows + count && row->kind == NVT_MEMBER_BITS &&
       nvt_structure_row(row->other) == whole->member;
       row++) {
    struct nvt_part part = *whole;
    part.kind = NVT_PART_BITS;
    part.member = row;
    part.value = whole->value >> row->lsb & ~0ULL >> (64 - row->width);
    emit(w, p, &part);
  }
  w->depth--;
}

static void emit_value(struct walk *w, const struct place *p, struct nvt_part part, uint64_t at,
                       uint64_t size) {
  uint64_t room = p->limit - at;
  if (!clip(w, at, size < room ? size : room, &part))
    return;
  part.kind = part.length == size ? NVT_PART_VALUE : NVT_PART_CUT;
  if (part.kind == NVT_PART_VALUE)
    part.value = integer(part.member, part.bytes, size);
  emit(w, p, &part);
  if (part.kind == NVT_PART_VALUE && size <= sizeof(part.value))
    emit_bits(w, p, &part);
}

static bool zeroes(const uint8_t *bytes, uint64_t length) {
  while (length > 0 && *bytes == 0)
    bytes++, length--;
  return length == 0;
}

/* From element i at `at` on: how many are zero and wholly there. */
static uint64_t zero_run(const struct walk *w, const struct place *p, uint64_t at, uint64_t size,
                         uint64_t count) {
  uint64_t run = 0, end = p->limit < w->end ? p->limit : w->end;
  for (; run < count && at >= w->from && at + size <= end; run++, at += size)
    if (!zeroes(w->bytes + (at - w->from), size))
      break;
  return run;
}

static void walk_element(struct walk *w, const struct place *p, struct nvt_part part, uint64_t at,
                         uint64_t size) {
  if (part.member->kind == NVT_MEMBER_LIST) {
    emit_value(w, p, part, at, size);
    return;
  }
  if (at + size > p->limit)
    size = p->limit - at; /* what the structure says of its length leaves no more */
  struct place element = {nvt_structure_info(part.member->element), at, at + size};
  struct nvt_part edge;
  if (!clip(w, at, size, &edge))
    return;
  part.kind = NVT_PART_BEGIN;
  part.offset = edge.offset;
  part.bytes = edge.bytes;
  emit(w, &element, &part);
  w->depth++;
  walk_structure(w, &element);
  w->depth--;
  part.kind = NVT_PART_END;
  part.length = edge.length;
  emit(w, &element, &part);
}

/* `count` elements of equal size from `at` on. */
static uint64_t walk_fixed(struct walk *w, const struct place *p, const struct nvt_member *row,
                           uint64_t at, uint64_t size, uint64_t count) {
  struct nvt_part part = {.member = row, .indexed = true};
  uint64_t i = w->from > at ? (w->from - at) / size : 0;
  while (i < count && at + i * size < w->end) {
    uint64_t run = zero_run(w, p, at + i * size, size, count - i);
    part.index = i;
    if (run >= 2) {
      struct nvt_part many = part;
      many.kind = NVT_PART_ZEROES;
      many.count = run;
      if (clip(w, at + i * size, run * size, &many))
        emit(w, p, &many);
      i += run;
    } else {
      walk_element(w, p, part, at + i * size, size);
      i++;
    }
  }
  return at + count * size;
}

/* Where the zeroes begin that the rest of the bytes is: a list that isn't counted ends there. */
static uint64_t used_end(const struct walk *w, const struct place *p, uint64_t at) {
  uint64_t end = p->limit < w->end ? p->limit : w->end;
  while (end > at && w->bytes[end - 1 - w->from] == 0)
    end--;
  return end;
}

/* Elements that tell their own lengths. */
static uint64_t walk_varying(struct walk *w, const struct place *p, const struct nvt_member *row,
                             uint64_t at, uint64_t count) {
  struct nvt_part part = {.member = row, .indexed = row->count != 1 || row->other != NVT_ROW_NONE};
  if (at < w->from) { /* which of them has these bytes isn't known */
    part.kind = NVT_PART_CUT;
    part.indexed = false;
    if (clip(w, at, p->limit - at, &part))
      emit(w, p, &part);
    return p->limit;
  }
  uint64_t used = row->other == NVT_ROW_NONE ? used_end(w, p, at) : w->end;
  for (uint64_t i = 0; i < count && at < used && at < p->limit; i++) {
    struct place element = {nvt_structure_info(row->element), at, p->limit};
    part.kind = NVT_PART_BEGIN;
    part.index = i;
    part.offset = at;
    part.length = 0;
    part.bytes = w->bytes + (at - w->from);
    emit(w, &element, &part);
    w->depth++;
    at = walk_structure(w, &element);
    w->depth--;
    part.kind = NVT_PART_END;
    part.length = (at < w->end ? at : w->end) - part.offset;
    emit(w, &element, &part);
  }
  return at;
}

/* How many elements of `size` bytes at least, of those that fit. */
static uint64_t element_count(const struct walk *w, const struct place *p,
                              const struct nvt_member *row, uint64_t at, uint64_t size) {
  uint64_t room = p->limit > at ? (p->limit - at + size - 1) / size : 0;
  uint64_t counted;
  if (row->other == NVT_ROW_NONE)
    return row->count != 0 && row->count < room ? row->count : room;
  if (!read_other(w, p, row, &counted) || counted > room)
    return room;
  counted += row->count;
  return counted < room ? counted : room;
}

static bool is_string(const struct nvt_member *row) {
  return row->kind == NVT_MEMBER_LIST &&
         (row->format == NVT_MEMBER_BYTES || row->format == NVT_MEMBER_ASCII);
}

static uint64_t walk_many(struct walk *w, const struct place *p, const struct nvt_member *row,
                          uint64_t at) {
  const struct nvt_structure *element = nvt_structure_info(row->element);
  uint64_t size = row->kind == NVT_MEMBER_LIST ? row->size : element->size;
  uint64_t count = element_count(w, p, row, at, size);
  if (is_string(row)) {
    uint64_t length = count * size < p->limit - at ? count * size : p->limit - at;
    emit_value(w, p, (struct nvt_part){.member = row}, at, length);
    return at + length;
  }
  if (row->kind == NVT_MEMBER_LIST || !element->open) {
    uint64_t end = walk_fixed(w, p, row, at, size, count);
    return end < p->limit ? end : p->limit;
  }
  return walk_varying(w, p, row, at, count);
}

static uint64_t walk_case(struct walk *w, const struct place *p, const struct nvt_member *row,
                          uint64_t at) {
  uint64_t value;
  if (!read_other(w, p, row, &value) || value != row->count || at >= p->limit)
    return at;
  struct place inner = {nvt_structure_info(row->element), at, p->limit};
  return walk_structure(w, &inner);
}

/* Where the structure ends by what it says of itself, before its open members are walked. */
static uint64_t told_end(const struct walk *w, const struct place *p, bool *told) {
  size_t count;
  const struct nvt_member *rows = nvt_structure_members(p->structure, &count);
  int64_t length = p->structure->size;
  uint64_t value, align = 1;
  *told = !p->structure->open;
  for (size_t i = 0; i < count; i++) {
    if (rows[i].kind != NVT_MEMBER_LENGTH || !read_other(w, p, &rows[i], &value))
      continue;
    if (value > INT32_MAX)
      value = INT32_MAX;
    length += (int64_t)(value * rows[i].size) + rows[i].add;
    align = rows[i].count;
    *told = true;
  }
  if (length < p->structure->size)
    length = p->structure->size;
  uint64_t end = p->base + ((uint64_t)length + align - 1) / align * align;
  return end < p->limit ? end : p->limit;
}

static uint64_t walk_structure(struct walk *w, const struct place *outer) {
  struct place p = *outer;
  bool told;
  uint64_t end = told_end(w, &p, &told);
  if (told)
    p.limit = end;
  size_t count;
  const struct nvt_member *rows = nvt_structure_members(p.structure, &count);
  uint64_t at = p.base;
  for (size_t i = 0; i < count && w->depth < MAX_DEPTH; i++) {
    const struct nvt_member *row = &rows[i];
    if (row->kind == NVT_MEMBER_BITS || row->kind == NVT_MEMBER_LENGTH)
      continue;
    uint64_t start = row->offset == NVT_OFFSET_AFTER ? at : p.base + row->offset;
    if (start >= w->end || start >= p.limit)
      break;
    gap(w, &p, at, start);
    if (start > at)
      at = start;
    if (row->kind == NVT_MEMBER_VALUE) {
      emit_value(w, &p, (struct nvt_part){.member = row}, start, row->size);
      at = start + row->size < p.limit ? start + row->size : p.limit;
    } else if (row->kind == NVT_MEMBER_CASE) {
      uint64_t after = walk_case(w, &p, row, start);
      at = after > at ? after : at;
    } else {
      at = walk_many(w, &p, row, start);
    }
  }
  gap(w, &p, at, end);
  return at > end ? at : end;
}

bool nvt_structure_walk(enum nvt_structure_id id, const uint8_t *bytes, uint64_t from,
                        size_t length, nvt_part_visitor *visit, void *ctx) {
  const struct nvt_structure *structure = nvt_structure_info(id);
  const uint64_t far = 1ULL << 62;
  if (structure == NULL || from >= far || length >= far)
    return false;
  struct walk w = {bytes, from, from + length, visit, ctx, 0};
  struct place p = {structure, 0, w.end > structure->size ? w.end : structure->size};
  struct nvt_part part = {.kind = NVT_PART_BEGIN, .offset = from, .bytes = bytes};
  emit(&w, &p, &part);
  w.depth++;
  uint64_t end = walk_structure(&w, &p);
  if (end < w.end) {
    struct nvt_part beyond = {.kind = NVT_PART_BEYOND};
    if (clip(&w, end, w.end - end, &beyond))
      emit(&w, &p, &beyond);
  }
  w.depth--;
  part.kind = NVT_PART_END;
  part.length = length;
  emit(&w, &p, &part);
  return true;
}
