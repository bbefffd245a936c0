/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses to PCI configuration space: header and capabilities, by nvme/pci_config.def. */
#include "dissector/dissector_int.h"
#include "trace/config_space.h"

static int *hf_registers; /* by row of nvt_pci_registers() */
static int *hf_fields;    /* by row of nvt_pci_fields() */
static int hf_unknown = -1;
static int hf_capability = -1;
static int ett_register = -1;

static enum ftenum type_of(unsigned size) {
  static const enum ftenum types[] = {FT_UINT8, FT_UINT8, FT_UINT16, FT_UINT24, FT_UINT32};
  return types[size];
}

/* "config.command", "config.msix.control" */
static const char *place_of(const struct nvt_pci_register *reg) {
  const struct nvt_pci_layout_info *layout = nvt_pci_layout(reg->layout);
  if (layout->kind == NVT_PCI_HEADER)
    return wmem_strdup_printf(wmem_epan_scope(), "config.%s", reg->id);
  return wmem_strdup_printf(wmem_epan_scope(), "config.%s.%s", layout->id, reg->id);
}

static void register_register(int proto, const struct nvt_pci_register *reg, int *hf) {
  const struct nvt_pci_layout_info *layout = nvt_pci_layout(reg->layout);
  bool header = layout->kind == NVT_PCI_HEADER;
  const char *name =
      header ? reg->name : wmem_strdup_printf(wmem_epan_scope(), "%s %s", layout->name, reg->name);
  nvt_register_field(proto, hf, name, nvt_abbrev("reg", place_of(reg), NULL), type_of(reg->size),
                     BASE_HEX, NULL, 0, NULL);
}

static void register_field(int proto, const struct nvt_pci_register *reg,
                           const struct nvt_pci_field *field, int *hf) {
  uint64_t mask = field->width == 8u * reg->size ? 0 : (~0ULL >> (64 - field->width)) << field->lsb;
  const value_string *strings = nvt_value_strings(field->values);
  nvt_register_field(proto, hf,
                     wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", field->title, field->id),
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
    register_register(proto, &registers[i], &hf_registers[i]);
  for (size_t i = 0; i < field_count; i++)
    register_field(proto, &registers[fields[i].reg], &fields[i], &hf_fields[i]);
  nvt_register_field(proto, &hf_unknown, "Configuration Bytes", "nvmetap.reg.config.bytes",
                     FT_BYTES, BASE_NONE, NULL, 0,
                     "Of no register in the tables, or of a capability not seen yet");
  nvt_register_field(proto, &hf_capability, "Capability", "nvmetap.reg.config.capability",
                     FT_STRING, BASE_NONE, NULL, 0, "That the access lies in");
  nvt_subtree(&ett_register);
}

/* The register is in the access with `bytes` of its own from `skip` on. */
static void add_register(const struct nvt_context *c, proto_tree *tree,
                         const struct nvt_pci_register *reg, int at, unsigned skip,
                         unsigned bytes) {
  size_t count, first, end;
  const struct nvt_pci_register *registers = nvt_pci_registers(&count);
  const struct nvt_pci_field *fields = nvt_pci_fields(&count);
  uint32_t value = 0;
  tvb_memcpy(c->tvb, (uint8_t *)&value + skip, at, bytes);
  proto_item *item =
      proto_tree_add_uint(tree, hf_registers[reg - registers], c->tvb, at, (int)bytes, value);
  if (bytes < reg->size)
    proto_item_append_text(item, ", of which only bits %u:%u were accessed", (skip + bytes) * 8 - 1,
                           skip * 8);
  nvt_pci_fields_of(reg, &first, &end);
  if (first == end)
    return;
  proto_tree *bits = proto_item_add_subtree(item, ett_register);
  for (size_t i = first; i < end; i++)
    if (fields[i].lsb >= skip * 8 && fields[i].lsb + fields[i].width <= (skip + bytes) * 8)
      proto_tree_add_uint(bits, hf_fields[i], c->tvb, at, (int)bytes, value);
}

void nvt_add_config(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_rec_access *access = &c->record->access;
  const struct nvt_config_space *space = nvt_links_config(c->record->header.controller);
  unsigned size = access->size <= 8 ? access->size : 8;
  int value = c->body + (int)offsetof(struct nvt_rec_access, value);
  const struct nvt_config_capability *last = NULL;
  for (unsigned done = 0; done < size;) {
    struct nvt_config_place place;
    uint64_t offset = access->offset + done;
    if (offset < access->offset || !nvt_config_space_at(space, offset, &place))
      break;
    unsigned bytes = place.end - (unsigned)offset;
    if (bytes > size - done)
      bytes = size - done;
    if (place.capability != NULL && place.capability != last && place.layout != NULL)
      nvt_generated(proto_tree_add_string_format_value(tree, hf_capability, c->tvb, 0, 0,
                                                       place.layout->name, "%s at 0x%02x",
                                                       place.layout->name, place.base));
    last = place.capability;
    if (place.reg != NULL)
      add_register(c, tree, place.reg, value + (int)done, (unsigned)offset - place.start, bytes);
    else
      proto_tree_add_item(tree, hf_unknown, c->tvb, value + (int)done, (int)bytes, ENC_NA);
    done += bytes;
  }
}
