/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses to PCI configuration space: header and capabilities, by nvme/pci_config.def. */
#include "dissector/dissector_int.h"
#include "trace/access.h"

static int *hf_registers; /* by row of nvt_pci_registers() */
static int *hf_fields;    /* by row of nvt_pci_fields() */
static int hf_unknown = -1;
static int hf_capability = -1;
static int ett_register = -1;

static enum ftenum type_of(unsigned size) {
  static const enum ftenum types[] = {FT_UINT8, FT_UINT8, FT_UINT16, FT_UINT24, FT_UINT32};
  return types[size];
}

/* "config.command", "config.msix.control". A variant's fields have the capability's names: one
 * filter finds both. */
static const char *place_of(const struct nvt_pci_register *reg) {
  const struct nvt_pci_layout_info *layout = nvt_pci_layout(reg->layout);
  if (layout->kind == NVT_PCI_VARIANT)
    layout = nvt_pci_layout(nvt_pci_layout_of(NVT_PCI_CAPABILITY, layout->number));
  if (layout->kind == NVT_PCI_HEADER)
    return wmem_strdup_printf(wmem_epan_scope(), "config.%s", reg->id);
  return wmem_strdup_printf(wmem_epan_scope(), "config.%s.%s", layout->id, reg->id);
}

static void register_field(int proto, const struct nvt_pci_register *reg,
                           const struct nvt_pci_field *field, size_t row) {
  uint64_t mask = field->width == 8u * reg->size ? 0 : (~0ULL >> (64 - field->width)) << field->lsb;
  const value_string *strings = nvt_value_strings(field->values);
  nvt_register_field(proto, &hf_fields[row], nvt_access_label(NVT_ACCESS_PCI_FIELD, row),
                     nvt_abbrev("reg", place_of(reg), field->id), type_of(reg->size),
                     field->width > 8 ? BASE_HEX : BASE_DEC, VALS(strings), mask, NULL);
}

void nvt_config_register(int proto) {
  size_t count, field_count;
  const struct nvt_pci_register *registers = nvt_pci_registers(&count);
  const struct nvt_pci_field *fields = nvt_pci_fields(&field_count);
  hf_registers = wmem_alloc_array(wmem_epan_scope(), int, count);
  hf_fields = wmem_alloc_array(wmem_epan_scope(), int, field_count);
  for (size_t i = 0; i < count; i++)
    nvt_register_field(proto, &hf_registers[i], nvt_access_label(NVT_ACCESS_PCI_REGISTER, i),
                       nvt_abbrev("reg", place_of(&registers[i]), NULL), type_of(registers[i].size),
                       BASE_HEX, NULL, 0, NULL);
  for (size_t i = 0; i < field_count; i++)
    register_field(proto, &registers[fields[i].reg], &fields[i], i);
  nvt_register_field(proto, &hf_unknown, nvt_access_label(NVT_ACCESS_PCI_BYTES, 0),
                     "nvmetap.reg.config.bytes", FT_BYTES, BASE_NONE, NULL, 0,
                     "Of no register in the tables, or of a capability not seen yet");
  nvt_register_field(proto, &hf_capability, nvt_access_label(NVT_ACCESS_CAPABILITY, 0),
                     "nvmetap.reg.config.capability", FT_STRING, BASE_NONE, NULL, 0,
                     "That the access lies in");
  nvt_subtree(&ett_register);
}

static void add_register(struct nvt_access_show *s, const struct nvt_access_part *part) {
  const struct nvt_context *c = s->c;
  size_t first, end, count;
  proto_item *item =
      proto_tree_add_uint(s->top, hf_registers[part->row], c->tvb, nvt_part_at(s, part->at),
                          (int)part->bytes, (uint32_t)part->value);
  if (part->partial && c->visible) {
    char text[64];
    struct nvt_text words;
    nvt_text_init(&words, text, sizeof(text));
    nvt_text_access_partial(&words, part);
    proto_item_append_text(item, ", %s", text);
  }
  nvt_pci_fields_of(&nvt_pci_registers(&count)[part->row], &first, &end);
  s->under = first < end ? proto_item_add_subtree(item, ett_register) : s->top;
}

void nvt_config_part(struct nvt_access_show *s, const struct nvt_access_part *part) {
  const struct nvt_context *c = s->c;
  int at = nvt_part_at(s, part->at);
  switch (part->kind) {
  case NVT_ACCESS_CAPABILITY: {
    char text[128];
    struct nvt_text words;
    nvt_text_init(&words, text, sizeof(text));
    nvt_text_access_value(&words, part);
    nvt_generated(proto_tree_add_string_format_value(s->top, hf_capability, c->tvb, 0, 0,
                                                     part->place->layout->name, "%s", text));
    break;
  }
  case NVT_ACCESS_PCI_REGISTER:
    add_register(s, part);
    break;
  case NVT_ACCESS_PCI_FIELD:
    nvt_little(proto_tree_add_uint(s->under, hf_fields[part->row], c->tvb, at, (int)part->bytes,
                                   (uint32_t)part->whole));
    break;
  default:
    proto_tree_add_item(s->top, hf_unknown, c->tvb, at, (int)part->bytes, ENC_NA);
    break;
  }
}
