/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/structures.h"

/* A number for each row, so that rows name each other; opening a structure takes none. */
enum {
#define NVT_STRUCTURE(id, size, title)                                                             \
  FIRST_##id, ROW_##id##_NONE = NVT_ROW_NONE, BEFORE_##id = FIRST_##id - 1,
#define NVT_STRUCTURE_OPEN(id, least, title)                                                       \
  FIRST_##id, ROW_##id##_NONE = NVT_ROW_NONE, BEFORE_##id = FIRST_##id - 1,
#define NVT_STRUCTURE_LENGTH(s, member, unit, add, align) ROW_LENGTH_##s##_##member,
#define NVT_MEMBER(s, offset, size, id, title, format, values) ROW_##s##_##id,
#define NVT_MEMBER_BITS(s, member, lsb, width, id, title, format, values)                          \
  ROW_##s##_##member##_BIT_##id,
#define NVT_MEMBER_LIST(s, offset, size, count, counter, id, title, format, values) ROW_##s##_##id,
#define NVT_MEMBER_ARRAY(s, offset, count, counter, id, title, element, index) ROW_##s##_##id,
#define NVT_MEMBER_CASE(s, offset, member, value, id, title, element) ROW_##s##_##id,
#include "nvme/structures.def"
  ROWS
};

enum { AFTER = NVT_OFFSET_AFTER };

static const struct nvt_member rows[ROWS] = {
#define NVT_STRUCTURE_LENGTH(s, member, unit, plus, align)                                         \
  {.structure = NVT_STRUCTURE_##s,                                                                 \
   .kind = NVT_MEMBER_LENGTH,                                                                      \
   .size = (unit),                                                                                 \
   .add = (plus),                                                                                  \
   .count = (align),                                                                               \
   .other = ROW_##s##_##member},
#define NVT_MEMBER(s, place, bytes, name, text, form, list)                                        \
  {.structure = NVT_STRUCTURE_##s,                                                                 \
   .kind = NVT_MEMBER_VALUE,                                                                       \
   .offset = (place),                                                                              \
   .size = (bytes),                                                                                \
   .format = NVT_MEMBER_##form,                                                                    \
   .values = NVT_VALUES_##list,                                                                    \
   .other = NVT_ROW_NONE,                                                                          \
   .id = #name,                                                                                    \
   .title = (text)},
#define NVT_MEMBER_BITS(s, parent, low, bits, name, text, form, list)                              \
  {.structure = NVT_STRUCTURE_##s,                                                                 \
   .kind = NVT_MEMBER_BITS,                                                                        \
   .lsb = (low),                                                                                   \
   .width = (bits),                                                                                \
   .format = NVT_MEMBER_##form,                                                                    \
   .values = NVT_VALUES_##list,                                                                    \
   .other = ROW_##s##_##parent,                                                                    \
   .id = #name,                                                                                    \
   .title = (text)},
#define NVT_MEMBER_LIST(s, place, bytes, number, counter, name, text, form, list)                  \
  {.structure = NVT_STRUCTURE_##s,                                                                 \
   .kind = NVT_MEMBER_LIST,                                                                        \
   .offset = (place),                                                                              \
   .size = (bytes),                                                                                \
   .count = (number),                                                                              \
   .other = ROW_##s##_##counter,                                                                   \
   .format = NVT_MEMBER_##form,                                                                    \
   .values = NVT_VALUES_##list,                                                                    \
   .id = #name,                                                                                    \
   .title = (text)},
#define NVT_MEMBER_ARRAY(s, place, number, counter, name, text, what, stands)                      \
  {.structure = NVT_STRUCTURE_##s,                                                                 \
   .kind = NVT_MEMBER_ARRAY,                                                                       \
   .offset = (place),                                                                              \
   .count = (number),                                                                              \
   .other = ROW_##s##_##counter,                                                                   \
   .element = NVT_STRUCTURE_##what,                                                                \
   .index = NVT_INDEX_##stands,                                                                    \
   .id = #name,                                                                                    \
   .title = (text)},
#define NVT_MEMBER_CASE(s, place, member, value, name, text, what)                                 \
  {.structure = NVT_STRUCTURE_##s,                                                                 \
   .kind = NVT_MEMBER_CASE,                                                                        \
   .offset = (place),                                                                              \
   .count = (value),                                                                               \
   .other = ROW_##s##_##member,                                                                    \
   .element = NVT_STRUCTURE_##what,                                                                \
   .id = #name,                                                                                    \
   .title = (text)},
#include "nvme/structures.def"
};
_Static_assert(ROWS <= INT16_MAX, "a row's number fits struct nvt_member");

/* Where the next one starts is where a structure's rows end. */
static const struct nvt_structure structures[] = {
    {0},
#define NVT_STRUCTURE(name, bytes, text)                                                           \
  {.id = #name, .title = (text), .size = (bytes), .first = FIRST_##name},
#define NVT_STRUCTURE_OPEN(name, bytes, text)                                                      \
  {.id = #name, .title = (text), .size = (bytes), .open = true, .first = FIRST_##name},
#include "nvme/structures.def"
    {.first = ROWS},
};
_Static_assert(sizeof(structures) / sizeof(structures[0]) == NVT_STRUCTURE_COUNT + 1, "one each");

static const uint8_t privacy[ROWS] = {
#define NVT_PRIVATE(s, member, class) [ROW_##s##_##member] = NVT_PRIVACY_##class,
#include "nvme/structures.def"
};

static const bool all_private[NVT_STRUCTURE_COUNT] = {
#define NVT_PRIVATE_ALL(s) [NVT_STRUCTURE_##s] = true,
#include "nvme/structures.def"
};

enum nvt_privacy nvt_member_privacy(const struct nvt_member *row) {
  return (enum nvt_privacy)privacy[row - rows];
}

bool nvt_structure_private(const struct nvt_structure *structure) {
  return all_private[structure - structures];
}

const struct nvt_structure *nvt_structure_info(enum nvt_structure_id id) {
  return id > NVT_STRUCTURE_NONE && id < NVT_STRUCTURE_COUNT ? &structures[id] : NULL;
}

const struct nvt_member *nvt_structure_rows(size_t *count) {
  *count = ROWS;
  return rows;
}

const struct nvt_member *nvt_structure_row(int row) {
  return row >= 0 && row < ROWS ? &rows[row] : NULL;
}

const struct nvt_member *nvt_structure_members(const struct nvt_structure *structure,
                                               size_t *count) {
  *count = (size_t)(structure[1].first - structure->first);
  return &rows[structure->first];
}
