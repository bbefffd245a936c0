/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses: registers and PCI configuration with their bit fields, doorbells, MSI-X. */
#include "dissector/dissector_int.h"
#include "trace/text.h"

#include <stdio.h>
#include <string.h>

#define MSIX_ENTRY 16u

enum config_offset {
#define NVT_PCI_CONFIG(offset, size, id, name) CONFIG_##id = (offset),
#include "nvme/pci_config.def"
};

enum register_size {
#define NVT_REGISTER(offset, size, id, name, title) SIZE_##id = (size),
#include "nvme/registers.def"
};

/* A bit field of a register in BAR0 or in configuration space. */
struct bits {
  const char *register_name;
  const char *id;
  const char *title;
  uint32_t offset;
  uint8_t lsb;
  uint8_t width;
  uint8_t size; /* of the register, bytes */
  bool config;
  int hf;
};
static struct bits bits[] = {
#define NVT_REGISTER_FIELD(reg, lsb, width, id, title)                                             \
  {#reg, #id, (title), NVT_REG_##reg, (lsb), (width), SIZE_##reg, false, -1},
#include "nvme/registers.def"
#define NVT_PCI_CONFIG_FIELD(reg, lsb, width, id, title)                                           \
  {#reg, #id, (title), CONFIG_##reg, (lsb), (width), 4, true, -1},
#include "nvme/pci_config.def"
};

static const char *const msix_parts[] = {"Message Address Lower", "Message Address Upper",
                                         "Message Data", "Vector Control"};

static const value_string doorbell_kinds[] = {
    {0, "submission queue tail"}, {1, "completion queue head"}, {0, NULL}};

static int hf_reg_name = -1;
static int hf_doorbell_qid = -1;
static int hf_doorbell_kind = -1;
static int hf_doorbell_value = -1;
static int hf_qid = -1;
static int hf_vector = -1;
static int hf_msix[4] = {-1, -1, -1, -1};
static int hf_masked = -1;
static int ett_bits = -1;

static void register_bits(int proto, struct bits *field) {
  uint64_t mask = field->width == 8u * field->size ? 0 /* the whole register */
                                                   : (~0ULL >> (64 - field->width)) << field->lsb;
  const char *where = field->config
                          ? wmem_strdup_printf(wmem_epan_scope(), "config.%s", field->register_name)
                          : field->register_name;
  enum nvt_values list =
      field->config ? NVT_VALUES_NONE : nvt_register_values(field->offset, field->lsb);
  bool wide = field->size == 8;
  const void *strings = NULL;
  if (list != NVT_VALUES_NONE && wide)
    strings = VALS64(nvt_value_strings64(list));
  else if (list != NVT_VALUES_NONE)
    strings = VALS(nvt_value_strings(list));
  int display = field->width > 16 ? BASE_HEX : BASE_DEC;
  nvt_register_field(
      proto, &field->hf, wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", field->title, field->id),
      nvt_abbrev("reg", where, field->id), wide ? FT_UINT64 : FT_UINT32,
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
  nvt_register_field(proto, &hf_vector, "Vector", "nvmetap.msix.vector", FT_UINT16, BASE_DEC, NULL,
                     0, NULL);
  static const char *const names[] = {"nvmetap.msix.address_lower", "nvmetap.msix.address_upper",
                                      "nvmetap.msix.data", "nvmetap.msix.control"};
  for (size_t i = 0; i < NVT_COUNT(names); i++)
    nvt_register_field(proto, &hf_msix[i], msix_parts[i], names[i], FT_UINT32, BASE_HEX, NULL, 0,
                       NULL);
  nvt_register_field(proto, &hf_masked, "Masked", "nvmetap.msix.masked", FT_BOOLEAN, 32, NULL, 1,
                     NULL);
  nvt_subtree(&ett_bits);
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
    nvt_text_pci_register(&text, offset);
    if (nvt_pci_config_at(offset) != nvt_pci_config_at(offset + record->access.size - 1))
      nvt_text_add(&text, ", …"); /* and those after it */
    break;
  case NVT_V_access_space_BAR0:
    bar_name(offset, frame, out, size);
    break;
  case NVT_V_access_space_MSIX_TABLE:
    if (offset % 4 == 0)
      snprintf(out, size, "MSI-X Vector %" PRIu64 " %s", offset / MSIX_ENTRY,
               msix_parts[offset % MSIX_ENTRY / 4]);
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

/* The fields that lie wholly in the bytes accessed. */
static void add_bits(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_rec_access *access = &c->record->access;
  bool config = access->space == NVT_V_access_space_CONFIG;
  for (size_t i = 0; i < NVT_COUNT(bits); i++) {
    const struct bits *field = &bits[i];
    if (field->config != config)
      continue;
    uint64_t first = field->offset * 8ULL + field->lsb;
    uint64_t start = access->offset * 8;
    if (access->offset > UINT32_MAX || access->size > 8 || first < start ||
        first + field->width > start + access->size * 8u)
      continue;
    /* In the register's own place, so that its bits show as the specification numbers them. */
    uint64_t value = access->value >> (first - start);
    if (field->width < 64)
      value &= ~0ULL >> (64 - field->width);
    if (field->size == 8)
      proto_tree_add_uint64(tree, field->hf, c->tvb, c->body + 8, 8, value << field->lsb);
    else
      proto_tree_add_uint(tree, field->hf, c->tvb, c->body + 8, 4, (uint32_t)(value << field->lsb));
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
}

void nvt_add_event_queue(const struct nvt_context *c) {
  proto_item_set_hidden(
      proto_tree_add_uint(c->tree, hf_qid, c->tvb, c->body + 2, 2, c->record->event.qid));
}

static void add_msix_entry(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_rec_access *access = &c->record->access;
  if (access->offset / MSIX_ENTRY > UINT16_MAX)
    return;
  proto_tree_add_uint(tree, hf_vector, c->tvb, c->body, 8, (uint32_t)(access->offset / MSIX_ENTRY));
  for (unsigned i = 0; i < access->size / 4u && i < 2 && access->offset % 4 == 0; i++) {
    unsigned part = (unsigned)(access->offset % MSIX_ENTRY) / 4 + i;
    if (part >= NVT_COUNT(msix_parts))
      break;
    uint32_t value = (uint32_t)(access->value >> 32 * i);
    proto_tree_add_uint(tree, hf_msix[part], c->tvb, c->body + 8 + (int)(4 * i), 4, value);
    if (part == 3)
      proto_tree_add_item(tree, hf_masked, c->tvb, c->body + 8 + (int)(4 * i), 4,
                          ENC_LITTLE_ENDIAN);
  }
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
    add_bits(c, tree);
    break;
  case NVT_V_access_space_CONFIG:
    add_bits(c, tree);
    break;
  case NVT_V_access_space_MSIX_TABLE:
    add_msix_entry(c, tree);
    break;
  default:
    break;
  }
}
