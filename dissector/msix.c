/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X table entries, pending bits and messages, by nvme/msix.def. */
#include "dissector/dissector_int.h"
#include "trace/config_space.h"

static int hf_vector = -1;
static int hf_parts[NVT_MSIX_PARTS];
static int *hf_fields; /* by row of nvt_msix_fields() */
static int hf_masked = -1;
static int hf_pending = -1;
static int hf_note = -1;
static int ett_part = -1;

static const char *const part_names[NVT_MSIX_PARTS] = {"address_lower", "address_upper", "data",
                                                       "control"};

void nvt_msix_register(int proto) {
  size_t count;
  const struct nvt_msix_field *fields = nvt_msix_fields(&count);
  nvt_register_field(proto, &hf_vector, "Vector", "nvmetap.msix.vector", FT_UINT16, BASE_DEC, NULL,
                     0, NULL);
  for (unsigned i = 0; i < NVT_MSIX_PARTS; i++)
    nvt_register_field(proto, &hf_parts[i], nvt_msix_part_name(i),
                       nvt_abbrev("msix", part_names[i], NULL), FT_UINT32, BASE_HEX, NULL, 0, NULL);
  hf_fields = wmem_alloc_array(wmem_epan_scope(), int, count);
  for (size_t i = 0; i < count; i++)
    nvt_register_field(
        proto, &hf_fields[i],
        wmem_strdup_printf(wmem_epan_scope(), "%s (%s)", fields[i].title, fields[i].id),
        nvt_abbrev("msix", part_names[fields[i].part], fields[i].id), FT_UINT32,
        fields[i].width > 4 ? BASE_HEX_DEC : BASE_DEC, VALS(nvt_value_strings(fields[i].values)),
        (~0ULL >> (64 - fields[i].width)) << fields[i].lsb, NULL);
  nvt_register_field(proto, &hf_masked, "Masked", "nvmetap.msix.masked", FT_BOOLEAN, 32, NULL, 1,
                     NULL);
  nvt_register_field(proto, &hf_pending, "Pending Vector", "nvmetap.msix.pending", FT_UINT32,
                     BASE_DEC, NULL, 0, "A vector whose pending bit is set");
  nvt_register_field(proto, &hf_note, "Message", "nvmetap.msix.note", FT_STRING, BASE_NONE, NULL, 0,
                     "What can't be told of a message, and why");
  nvt_subtree(&ett_part);
}

static void add_note(const struct nvt_context *c, proto_tree *tree,
                     enum nvt_msi_platform platform) {
  if (platform == NVT_MSI_UNKNOWN)
    nvt_generated(proto_tree_add_string(
        tree, hf_note, c->tvb, 0, 0,
        "No address: the entry isn't set up, or the virtual machine monitor keeps the table"));
  else if (platform == NVT_MSI_OTHER)
    nvt_generated(proto_tree_add_string(tree, hf_note, c->tvb, 0, 0,
                                        "Not for an x86 processor: address and data mean what the "
                                        "interrupt controller there wants"));
}

static void add_part(const struct nvt_context *c, proto_tree *tree, unsigned part, int at,
                     enum nvt_msi_platform platform) {
  size_t count;
  const struct nvt_msix_field *fields = nvt_msix_fields(&count);
  proto_item *item = proto_tree_add_item(tree, hf_parts[part], c->tvb, at, 4, ENC_LITTLE_ENDIAN);
  proto_tree *bits = proto_item_add_subtree(item, ett_part);
  for (size_t i = 0; i < count; i++)
    if (fields[i].part == part &&
        (fields[i].platform == NVT_MSI_UNKNOWN || fields[i].platform == platform))
      proto_tree_add_item(bits, hf_fields[i], c->tvb, at, 4, ENC_LITTLE_ENDIAN);
  if (part == NVT_MSIX_CONTROL)
    proto_item_set_hidden(proto_tree_add_item(bits, hf_masked, c->tvb, at, 4, ENC_LITTLE_ENDIAN));
}

/* Of an address that stands here; of data, as the table's first address has it. */
static enum nvt_msi_platform platform_of(const struct nvt_context *c, unsigned part) {
  const struct nvt_config_space *space = nvt_links_config(c->record->header.controller);
  if (part == NVT_MSIX_ADDRESS)
    return nvt_msi_platform((uint32_t)c->record->access.value);
  return space != NULL ? space->platform : NVT_MSI_UNKNOWN;
}

void nvt_add_msix_entry(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_rec_access *access = &c->record->access;
  int value = c->body + (int)offsetof(struct nvt_rec_access, value);
  if (access->offset / NVT_MSIX_ENTRY_SIZE > UINT16_MAX)
    return;
  proto_tree_add_uint(tree, hf_vector, c->tvb, c->body, 8,
                      (uint32_t)(access->offset / NVT_MSIX_ENTRY_SIZE));
  if (access->offset % 4 != 0)
    return;
  for (unsigned i = 0; i < access->size / 4u && i < 2; i++) {
    unsigned part = (unsigned)(access->offset % NVT_MSIX_ENTRY_SIZE) / 4 + i;
    if (part >= NVT_MSIX_PARTS)
      break;
    enum nvt_msi_platform platform = platform_of(c, part);
    add_part(c, tree, part, value + (int)(4 * i), platform);
    if (part == NVT_MSIX_ADDRESS || part == NVT_MSIX_DATA)
      add_note(c, tree, platform);
  }
}

void nvt_add_msix_pending(const struct nvt_context *c, proto_tree *tree) {
  const struct nvt_rec_access *access = &c->record->access;
  int value = c->body + (int)offsetof(struct nvt_rec_access, value);
  if (access->offset > UINT16_MAX / 8)
    return;
  for (unsigned bit = 0; bit < access->size * 8u && bit < 64; bit++)
    if ((access->value >> bit & 1) != 0)
      proto_tree_add_uint(tree, hf_pending, c->tvb, value + (int)(bit / 8), 1,
                          (uint32_t)access->offset * 8 + bit);
}

void nvt_add_message(const struct nvt_context *c) {
  const struct nvt_rec_interrupt *message = &c->record->interrupt;
  if (message->mode != NVT_V_interrupt_mode_MSIX)
    return;
  enum nvt_msi_platform platform = nvt_msi_platform(message->address);
  proto_tree *tree =
      proto_tree_add_subtree(c->tree, c->tvb, c->body, 12, ett_part, NULL, "MSI-X Message");
  add_part(c, tree, NVT_MSIX_ADDRESS, c->body, platform);
  add_part(c, tree, NVT_MSIX_UPPER, c->body + 4, platform);
  add_part(c, tree, NVT_MSIX_DATA, c->body + 8, platform);
  add_note(c, tree, platform);
}
