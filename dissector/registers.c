/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses: registers and PCI configuration with their bit fields, doorbells, MSI-X. */
#include "dissector/dissector_int.h"
#include "nvme/pci.h"
#include "trace/text.h"

#include <stdio.h>
#include <string.h>

enum register_size {
#define NVT_REGISTER(offset, size, id, name, title) SIZE_##id = (size),
#include "nvme/registers.def"
};

/* A bit field of a register in BAR0. */
struct bits {
  const char *register_name;
  const char *id;
  const char *title;
  uint32_t offset;
  uint8_t lsb;
  uint8_t width;
  uint8_t size; /* of the register, bytes */
  int hf;
};
static struct bits bits[] = {
#define NVT_REGISTER_FIELD(reg, lsb, width, id, title)                                             \
  {#reg, #id, (title), NVT_REG_##reg, (lsb), (width), SIZE_##reg, -1},
#include "nvme/registers.def"
};

static const value_string doorbell_kinds[] = {
    {0, "submission queue tail"}, {1, "completion queue head"}, {0, NULL}};

static int hf_reg_name = -1;
static int hf_doorbell_qid = -1;
static int hf_doorbell_kind = -1;
static int hf_doorbell_value = -1;
static int hf_qid = -1;
static int hf_part = -1;
static int ett_bits = -1;

static void register_bits(int proto, struct bits *field) {
  uint64_t mask = field->width == 8u * field->size ? 0 /* the whole register */
                                                   : (~0ULL >> (64 - field->width)) << field->lsb;
  enum nvt_values list = nvt_register_values(field->offset, field->lsb);
  bool wide = field->size == 8;
  const void *strings = NULL;
  if (list != NVT_VALUES_NONE && wide)
    strings = VALS64(nvt_value_strings64(list));
  else if (list != NVT_VALUES_NONE)
    strings = VALS(nvt_value_strings(list));
  int display = field->width > 16 ? BASE_HEX : BASE_DEC;
  nvt_register_field(
      proto, &field->hf, wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", field->title, field->id),
      nvt_abbrev("reg", field->register_name, field->id), wide ? FT_UINT64 : FT_UINT32,
      display | (wide && strings != NULL ? BASE_VAL64_STRING : 0), strings, mask, NULL);
}

void nvt_registers_register(int proto) {
  for (size_t i = 0; i < NVT_COUNT(bits); i++)
    register_bits(proto, &bits[i]);
  nvt_register_field(proto, &hf_reg_name, "Register", "nvmetap.reg.name", FT_STRING, BASE_NONE,
                     NULL, 0, "Name of what was accessed");
  nvt_register_field(proto, &hf_doorbell_qid, "Doorbell Queue", "nvmetap.doorbell.qid", FT_UINT16,
                     BASE_DEC, NULL, 0, NULL);
  nvt_register_field(proto, &hf_doorbell_kind, "Doorbell Kind", "nvmetap.doorbell.kind", FT_UINT8,
                     BASE_DEC, VALS(doorbell_kinds), 0, NULL);
  nvt_register_field(proto, &hf_doorbell_value, "Doorbell Value", "nvmetap.doorbell.value",
                     FT_UINT32, BASE_DEC, NULL, 0, NULL);
  nvt_register_field(proto, &hf_qid, "Queue Identifier", "nvmetap.qid", FT_UINT16, BASE_DEC, NULL,
                     0, NULL);
  nvt_register_field(proto, &hf_part, "Part of a Field", "nvmetap.reg.part", FT_UINT64, BASE_HEX,
                     NULL, 0, "Of a field that lies in the bytes accessed with a part only");
  nvt_subtree(&ett_bits);
  nvt_config_register(proto);
  nvt_msix_register(proto);
}

static void bar_name(uint64_t offset, const struct nvt_frame *frame, char *out, size_t size) {
  if (frame->is_doorbell) {
    snprintf(out, size, "%s %u %s Doorbell", frame->doorbell.is_cq ? "CQ" : "SQ",
             frame->doorbell.qid, frame->doorbell.is_cq ? "Head" : "Tail");
    return;
  }
  struct nvt_text text;
  nvt_text_init(&text, out, size);
  nvt_text_register(&text, offset);
}

void nvt_access_name(const struct nvt_record *record, const struct nvt_frame *frame, char *out,
                     size_t size) {
  uint64_t offset = record->access.offset;
  struct nvt_text text;
  switch (record->access.space) {
  case NVT_V_access_space_CONFIG:
    nvt_text_init(&text, out, size);
    nvt_text_pci_register(&text, nvt_links_config(record->header.controller), offset,
                          record->access.size);
    break;
  case NVT_V_access_space_BAR0:
    bar_name(offset, frame, out, size);
    break;
  case NVT_V_access_space_MSIX_TABLE:
    if (offset % 4 == 0)
      snprintf(out, size, "MSI-X Vector %" PRIu64 " %s", offset / NVT_MSIX_ENTRY_SIZE,
               nvt_msix_part_name((unsigned)(offset % NVT_MSIX_ENTRY_SIZE / 4)));
    else
      snprintf(out, size, "MSI-X table offset 0x%" PRIx64, offset);
    break;
  case NVT_V_access_space_MSIX_PBA:
    snprintf(out, size, "MSI-X Pending Bits of Vectors %" PRIu64 " to %" PRIu64, offset * 8,
             offset * 8 + record->access.size * 8u - 1);
    break;
  default:
    snprintf(out, size, "space %u offset 0x%" PRIx64, record->access.space, offset);
  }
}

/* A field, as far as it lies in the bytes accessed. */
static void add_field(const struct nvt_context *c, proto_tree *tree, const struct bits *field) {
  const struct nvt_rec_access *access = &c->record->access;
  uint64_t base = (uint64_t)field->offset * 8;
  uint64_t first = base + field->lsb, last = first + field->width;
  uint64_t start = access->offset * 8, end = start + access->size * 8u;
  uint64_t from = first > start ? first : start, to = last < end ? last : end;
  if (from >= to)
    return;
  uint64_t value = access->value >> (from - start);
  if (to - from < 64)
    value &= ~0ULL >> (64 - (to - from));
  int at = c->body + 8 + (int)((from - start) / 8);
  int bytes = c->body + 8 + (int)((to - start + 7) / 8) - at;
  /* In the register's own place, so that its bits show as the specification numbers them. */
  if (from != first || to != last)
    proto_tree_add_uint64_format(tree, hf_part, c->tvb, at, bytes, value,
                                 "%s (%s), bits %" PRIu64 ":%" PRIu64
                                 " of the register: 0x%" PRIx64,
                                 field->title, field->id, to - 1 - base, from - base, value);
  else if (field->size == 8)
    proto_tree_add_uint64(tree, field->hf, c->tvb, at, bytes, value << field->lsb);
  else
    proto_tree_add_uint(tree, field->hf, c->tvb, at, bytes, (uint32_t)(value << field->lsb));
}

static void add_fields_of(const struct nvt_context *c, proto_tree *tree,
                          const struct nvt_register_info *reg) {
  for (size_t i = 0; i < NVT_COUNT(bits); i++)
    if (bits[i].offset == reg->offset)
      add_field(c, tree, &bits[i]);
}

/* Each register in the bytes accessed; under its name where there are several. */
static void add_registers(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_rec_access *access = &c->record->access;
  const struct nvt_register_info *before = NULL;
  if (access->offset > UINT32_MAX || access->size > 8)
    return;
  for (unsigned i = 0; i < access->size; i++) {
    const struct nvt_register_info *reg = nvt_register_at(access->offset + i);
    if (reg == NULL || reg == before)
      continue;
    before = reg;
    bool all = i == 0 && access->offset + access->size <= reg->offset + reg->size;
    proto_tree *under = tree;
    if (!all)
      under = proto_tree_add_subtree_format(tree, c->tvb, c->body + 8 + (int)i, 1, ett_bits, NULL,
                                            "%s, %s", reg->name, reg->title);
    add_fields_of(c, under, reg);
  }
}

static void add_doorbell(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_frame *frame = c->frame;
  proto_tree_add_uint(tree, hf_doorbell_qid, c->tvb, c->body, 8, frame->doorbell.qid);
  proto_tree_add_uint(tree, hf_doorbell_kind, c->tvb, c->body, 8, frame->doorbell.is_cq);
  proto_tree_add_uint(tree, hf_doorbell_value, c->tvb, c->body + 8, 4,
                      (uint32_t)c->record->access.value);
  proto_item_set_hidden(proto_tree_add_uint(tree, hf_qid, c->tvb, c->body, 8, frame->doorbell.qid));
}

void nvt_add_shadow(const struct nvt_context *c) {
  const struct nvt_rec_shadow *shadow = &c->record->shadow;
  proto_item_set_hidden(
      proto_tree_add_uint(c->tree, hf_doorbell_qid, c->tvb, c->body + 12, 2, shadow->qid));
  proto_tree_add_uint(c->tree, hf_doorbell_kind, c->tvb, c->body + 14, 1, shadow->is_cq != 0);
}

/* A filter on a queue finds its interrupts too. */
void nvt_add_interrupt(const struct nvt_context *c) {
  proto_item_set_hidden(
      proto_tree_add_uint(c->tree, hf_qid, c->tvb, c->body + 16, 2, c->record->interrupt.cqid));
  nvt_add_message(c);
}

void nvt_add_event_queue(const struct nvt_context *c) {
  proto_item_set_hidden(
      proto_tree_add_uint(c->tree, hf_qid, c->tvb, c->body + 2, 2, c->record->event.qid));
}

void nvt_add_access(const struct nvt_context *c) {
  char name[96];
  nvt_access_name(c->record, c->frame, name, sizeof(name));
  proto_item *item = proto_tree_add_string(c->tree, hf_reg_name, c->tvb, c->body, 8, name);
  proto_tree *tree = proto_item_add_subtree(item, ett_bits);
  const struct nvt_register_info *reg = nvt_register_at(c->record->access.offset);
  switch (c->record->access.space) {
  case NVT_V_access_space_BAR0:
    if (c->frame->is_doorbell)
      add_doorbell(c, tree);
    else if (reg != NULL)
      proto_item_append_text(item, " (%s)", reg->title);
    add_registers(c, tree);
    break;
  case NVT_V_access_space_CONFIG:
    nvt_add_config(c, tree);
    break;
  case NVT_V_access_space_MSIX_TABLE:
    nvt_add_msix_entry(c, tree);
    break;
  case NVT_V_access_space_MSIX_PBA:
    nvt_add_msix_pending(c, tree);
    break;
  default:
    break;
  }
}
