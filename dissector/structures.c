/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Data structures and features' values: a field for each row of nvme/structures.def. */
#include "dissector/dissector_int.h"
#include "nvme/layouts.h"
#include "trace/text_structure.h"

#include <string.h>

/* Wireshark gives a frame up that has a million items. */
#define MAX_ITEMS 100000u
#define MAX_TREES 16
#define CDW11 44 /* offset in a submission queue entry */

static int *hf_rows;                           /* by row */
static int hf_structures[NVT_STRUCTURE_COUNT]; /* the outermost structure */
static int hf_reserved = -1, hf_unused = -1, hf_cut = -1, hf_beyond = -1, hf_more = -1;
static int ett_structure = -1;

/* --- registration --- */

static enum ftenum integer_type(unsigned bytes) {
  return bytes == 1   ? FT_UINT8
         : bytes == 2 ? FT_UINT16
         : bytes == 3 ? FT_UINT24
         : bytes == 4 ? FT_UINT32
                      : FT_UINT64;
}

static unsigned member_bytes(const struct nvt_member *row) {
  return row->kind == NVT_MEMBER_BITS ? nvt_structure_row(row->other)->size : row->size;
}

/* Its filter's value is what it means: that needs a bit more, and isn't the bits themselves. */
static bool computed(const struct nvt_member *row) {
  return row->format == NVT_MEMBER_ZERO_BASED;
}

static enum ftenum type_of(const struct nvt_member *row) {
  switch ((enum nvt_member_format)row->format) {
  case NVT_MEMBER_FLAG:
    return FT_BOOLEAN;
  case NVT_MEMBER_MS_1970:
    return FT_ABSOLUTE_TIME;
  case NVT_MEMBER_ASCII:
    return FT_STRING;
  case NVT_MEMBER_BYTES:
    return FT_BYTES;
  case NVT_MEMBER_UUID:
    return FT_GUID;
  case NVT_MEMBER_EUI64:
    return FT_EUI64;
  case NVT_MEMBER_U128:
    return FT_UINT64;
  default:
    return computed(row) && member_bytes(row) == 4 ? FT_UINT64 : integer_type(member_bytes(row));
  }
}

static int display_of(const struct nvt_member *row, enum ftenum type) {
  switch (type) {
  case FT_BOOLEAN:
    return (int)member_bytes(row) * 8;
  case FT_ABSOLUTE_TIME:
    return ABSOLUTE_TIME_UTC;
  case FT_STRING:
  case FT_BYTES:
  case FT_GUID:
  case FT_EUI64:
    return BASE_NONE;
  default:
    break;
  }
  switch ((enum nvt_member_format)row->format) {
  case NVT_MEMBER_HEX:
  case NVT_MEMBER_VERSION:
  case NVT_MEMBER_STATUS:
  case NVT_MEMBER_OPCODE:
  case NVT_MEMBER_LOG_PAGE:
  case NVT_MEMBER_FEATURE:
    return BASE_HEX;
  default:
    return BASE_DEC;
  }
}

static void register_row(int proto, const struct nvt_member *row, int *hf) {
  const char *structure = nvt_structure_info((enum nvt_structure_id)row->structure)->id;
  const char *name = wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", row->title, row->id);
  if (row->kind == NVT_MEMBER_ARRAY) {
    nvt_register_field(proto, hf, name, nvt_abbrev(structure, row->id, NULL), FT_NONE, BASE_NONE,
                       NULL, 0, NULL);
    return;
  }
  bool bits = row->kind == NVT_MEMBER_BITS;
  enum ftenum type = type_of(row);
  int display = display_of(row, type);
  const value_string *strings =
      computed(row) || type == FT_UINT64 ? NULL : nvt_value_strings((enum nvt_values)row->values);
  uint64_t mask = bits && !computed(row) ? ~0ULL >> (64 - row->width) << row->lsb : 0;
  const char *abbrev = bits ? nvt_abbrev(structure, nvt_structure_row(row->other)->id, row->id)
                            : nvt_abbrev(structure, row->id, NULL);
  nvt_register_field(proto, hf, name, abbrev, type, display, strings != NULL ? VALS(strings) : NULL,
                     mask, NULL);
}

void nvt_structures_register(int proto) {
  size_t count;
  const struct nvt_member *rows = nvt_structure_rows(&count);
  hf_rows = wmem_alloc_array(wmem_epan_scope(), int, count);
  for (size_t i = 0; i < count; i++) {
    hf_rows[i] = -1;
    if (rows[i].kind != NVT_MEMBER_CASE && rows[i].kind != NVT_MEMBER_LENGTH)
      register_row(proto, &rows[i], &hf_rows[i]);
  }
  for (unsigned i = 1; i < NVT_STRUCTURE_COUNT; i++) {
    const struct nvt_structure *structure = nvt_structure_info((enum nvt_structure_id)i);
    nvt_register_field(proto, &hf_structures[i], structure->title,
                       nvt_abbrev(structure->id, NULL, NULL), FT_NONE, BASE_NONE, NULL, 0, NULL);
  }
  nvt_register_field(proto, &hf_reserved, "Reserved", "nvmetap.structure.reserved", FT_BYTES,
                     BASE_NONE, NULL, 0, "Bytes that the specification gives no meaning");
  nvt_register_field(proto, &hf_unused, "Unused Elements", "nvmetap.structure.unused", FT_BYTES,
                     BASE_NONE, NULL, 0, "Elements of a list that are all zero");
  nvt_register_field(proto, &hf_cut, "Cut Member", "nvmetap.structure.cut", FT_BYTES, BASE_NONE,
                     NULL, 0,
                     "A part of a member, whose other bytes weren't transferred or recorded");
  nvt_register_field(proto, &hf_beyond, "After the Structure", "nvmetap.structure.beyond", FT_BYTES,
                     BASE_NONE, NULL, 0, NULL);
  nvt_register_field(proto, &hf_more, "Not Shown One by One", "nvmetap.structure.more", FT_BYTES,
                     BASE_NONE, NULL, 0, "What comes after the first hundred thousand items");
  nvt_subtree(&ett_structure);
}

/* --- one structure --- */

struct shower {
  tvbuff_t *tvb;
  packet_info *pinfo;
  const struct nvt_member *rows;
  int root; /* field of the outermost structure */
  int at;   /* in tvb, of the structure's byte `from` */
  uint64_t from;
  unsigned items;
  uint64_t shown; /* up to here, in the structure */
  bool visible;
  proto_tree *trees[MAX_TREES + 1];
  proto_item *items_begun[MAX_TREES + 1];
};

static void add_member(struct shower *s, proto_tree *tree, const struct nvt_part *part, int at,
                       const char *label, const char *value) {
  const struct nvt_member *member = part->member;
  int hf = hf_rows[member - s->rows];
  int length = (int)part->length;
  uint64_t number = part->value;
  if (computed(member) && number < UINT64_MAX)
    number++;
  else if (part->kind == NVT_PART_BITS)
    number <<= member->lsb; /* where the mask is */
  switch (type_of(member)) {
  case FT_BOOLEAN:
    proto_tree_add_item(tree, hf, s->tvb, at, length, ENC_LITTLE_ENDIAN);
    return;
  case FT_ABSOLUTE_TIME: {
    nstime_t stamp = {(time_t)(number / 1000), (int)(number % 1000 * 1000000)};
    proto_tree_add_time_format(tree, hf, s->tvb, at, length, &stamp, "%s: %s", label, value);
    return;
  }
  case FT_STRING:
    proto_tree_add_string_format(tree, hf, s->tvb, at, length, value, "%s: %s", label, value);
    return;
  case FT_BYTES:
    proto_tree_add_bytes_format(tree, hf, s->tvb, at, length, part->bytes, "%s: %s", label, value);
    return;
  case FT_GUID:
    proto_tree_add_item(tree, hf, s->tvb, at, length, ENC_BIG_ENDIAN);
    return;
  case FT_EUI64:
    proto_tree_add_eui64_format_value(tree, hf, s->tvb, at, length, tvb_get_ntoh64(s->tvb, at),
                                      "%s", value);
    return;
  case FT_UINT64:
    if (member->format == NVT_MEMBER_U128) { /* saturated; the text has all digits */
      uint64_t halves[2];
      memcpy(halves, part->bytes, sizeof(halves));
      number = halves[1] != 0 ? UINT64_MAX : halves[0];
    }
    if (part->indexed)
      proto_tree_add_uint64_format(tree, hf, s->tvb, at, length, number, "%s: %s", label, value);
    else
      proto_tree_add_uint64_format_value(tree, hf, s->tvb, at, length, number, "%s", value);
    return;
  default:
    break;
  }
  /* format_value keeps the pattern of bits before the name; bits are never indexed by themselves.
   */
  if (part->indexed && part->kind == NVT_PART_VALUE)
    s->items_begun[part->depth] = proto_tree_add_uint_format(
        tree, hf, s->tvb, at, length, (uint32_t)number, "%s: %s", label, value);
  else
    s->items_begun[part->depth] = proto_tree_add_uint_format_value(tree, hf, s->tvb, at, length,
                                                                   (uint32_t)number, "%s", value);
}

static void add_other(struct shower *s, proto_tree *tree, const struct nvt_part *part, int at,
                      const char *label, const char *value) {
  int hf = part->kind == NVT_PART_GAP      ? hf_reserved
           : part->kind == NVT_PART_ZEROES ? hf_unused
           : part->kind == NVT_PART_CUT    ? hf_cut
                                           : hf_beyond;
  proto_tree_add_bytes_format(tree, hf, s->tvb, at, (int)part->length, part->bytes, "%s: %s", label,
                              value);
}

static void begin(struct shower *s, proto_tree *tree, const struct nvt_part *part, int at,
                  const char *label) {
  int hf = part->member != NULL ? hf_rows[part->member - s->rows] : s->root;
  proto_item *item = proto_tree_add_none_format(tree, hf, s->tvb, at, 0, "%s", label);
  s->items_begun[part->depth] = item;
  s->trees[part->depth + 1] = proto_item_add_subtree(item, ett_structure);
}

static void show(void *ctx, const struct nvt_part *part) {
  struct shower *s = ctx;
  if (part->depth >= MAX_TREES)
    return;
  int at = s->at + (int)(part->offset - s->from);
  if (part->kind == NVT_PART_END) {
    if (s->items_begun[part->depth] != NULL)
      proto_item_set_len(s->items_begun[part->depth], (int)part->length);
    return;
  }
  if (s->items >= MAX_ITEMS) {
    s->items_begun[part->depth] = NULL;
    return;
  }
  s->items++;
  s->shown = part->offset + part->length;
  char label[256] = "", value[2048] = "";
  struct nvt_text text;
  bool is_string = part->member != NULL && part->member->format == NVT_MEMBER_ASCII;
  if (s->visible) {
    nvt_text_init(&text, label, sizeof(label));
    nvt_text_part_label(&text, part);
  }
  if (s->visible || is_string) {
    nvt_text_init(&text, value, sizeof(value));
    nvt_text_part_value(&text, part);
  }
  proto_tree *tree = s->trees[part->depth];
  switch (part->kind) {
  case NVT_PART_BEGIN:
    begin(s, tree, part, at, label);
    break;
  case NVT_PART_VALUE:
    s->items_begun[part->depth] = NULL;
    add_member(s, tree, part, at, label, value);
    s->trees[part->depth + 1] =
        s->items_begun[part->depth] != NULL
            ? proto_item_add_subtree(s->items_begun[part->depth], ett_structure)
            : tree;
    break;
  case NVT_PART_BITS:
    add_member(s, tree, part, at, label, value);
    break;
  default:
    add_other(s, tree, part, at, label, value);
    break;
  }
}

/* Bytes [from, from + length) of the structure, which start at `at` in the tvb. */
static bool add_structure(const struct nvt_context *c, proto_tree *tree, tvbuff_t *tvb, int at,
                          int length, enum nvt_structure_id id, uint64_t from) {
  size_t count;
  if (nvt_structure_info(id) == NULL || length <= 0)
    return false;
  struct shower s = {.tvb = tvb,
                     .pinfo = c->pinfo,
                     .rows = nvt_structure_rows(&count),
                     .root = hf_structures[id],
                     .at = at,
                     .from = from,
                     .visible = tree != NULL && PTREE_DATA(tree)->visible,
                     .trees = {tree}};
  if (!nvt_structure_walk(id, tvb_get_ptr(tvb, at, length), from, (size_t)length, show, &s))
    return false;
  uint64_t end = from + (uint64_t)length;
  if (s.items >= MAX_ITEMS && s.shown < end)
    proto_tree_add_item(tree, hf_more, tvb, at + (int)(s.shown - from), (int)(end - s.shown),
                        ENC_NA);
  return true;
}

bool nvt_add_structure(const struct nvt_context *c, proto_tree *tree, tvbuff_t *data,
                       const struct nvt_exchange *exchange, enum nvt_direction direction) {
  enum nvt_opcode_set set = (enum nvt_opcode_set)c->frame->set;
  if (exchange->sqid == 0)
    set = NVT_SET_ADMIN;
  else if (set == NVT_SET_ADMIN)
    set = NVT_SET_NVM;
  if (exchange->command.record == 0)
    return false;
  struct nvt_layout layout = nvt_structure_of(set, &exchange->sqe, direction);
  return add_structure(c, tree, data, 0, (int)tvb_captured_length(data), layout.structure,
                       layout.offset);
}

void nvt_add_feature(const struct nvt_context *c, proto_tree *tree, int entry) {
  const struct nvt_sqe *sqe = &c->record->command.sqe;
  if (c->record->command.sqid != 0)
    return;
  enum nvt_structure_id id = nvt_feature_set(NVT_SET_ADMIN, sqe);
  if (id != NVT_STRUCTURE_NONE)
    add_structure(c, tree, c->tvb, entry + CDW11, nvt_structure_info(id)->size, id, 0);
}

void nvt_add_feature_result(const struct nvt_context *c, proto_tree *tree, int entry) {
  const struct nvt_exchange *exchange = c->frame->exchange;
  if (c->record->completion.sqid != 0 || exchange == NULL || exchange->command.record == 0 ||
      NVT_CQE_STATUS(c->record->completion.cqe.status) != NVT_SC_SUCCESS)
    return;
  enum nvt_structure_id id = nvt_feature_result(NVT_SET_ADMIN, &exchange->sqe);
  add_structure(c, tree, c->tvb, entry, 4, id, 0);
}
