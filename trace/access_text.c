/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/access.h"

#include <inttypes.h>

const char *nvt_doorbell_kind_name(bool is_cq) {
  return is_cq ? "completion queue head" : "submission queue tail";
}

/* --- what was accessed --- */

static void bar0(struct nvt_text *text, uint64_t offset, const struct nvt_view *view) {
  if (view->is_doorbell) {
    nvt_text_printf(text, "%s %u %s Doorbell", view->doorbell.is_cq ? "CQ" : "SQ",
                    view->doorbell.qid, view->doorbell.is_cq ? "Head" : "Tail");
    return;
  }
  nvt_text_register(text, offset);
}

const char *nvt_access_title(const struct nvt_record *record, const struct nvt_view *view) {
  const struct nvt_register_info *reg = nvt_register_at(record->access.offset);
  bool named = record->access.space == NVT_V_access_space_BAR0 && !view->is_doorbell;
  return named && reg != NULL ? reg->title : NULL;
}

void nvt_text_access(struct nvt_text *text, const struct nvt_record *record,
                     const struct nvt_view *view) {
  uint64_t offset = record->access.offset;
  switch (record->access.space) {
  case NVT_V_access_space_CONFIG:
    nvt_text_pci_register(text, view->config, offset, record->access.size);
    break;
  case NVT_V_access_space_BAR0:
    bar0(text, offset, view);
    break;
  case NVT_V_access_space_MSIX_TABLE:
    if (offset % 4 == 0)
      nvt_text_printf(text, "MSI-X Vector %" PRIu64 " %s", offset / NVT_MSIX_ENTRY_SIZE,
                      nvt_msix_part_name((unsigned)(offset % NVT_MSIX_ENTRY_SIZE / 4)));
    else
      nvt_text_printf(text, "MSI-X table offset 0x%" PRIx64, offset);
    break;
  case NVT_V_access_space_MSIX_PBA:
    nvt_text_printf(text, "MSI-X Pending Bits of Vectors %" PRIu64 " to %" PRIu64, offset * 8,
                    offset * 8 + record->access.size * 8u - 1);
    break;
  default:
    nvt_text_printf(text, "space %u offset 0x%" PRIx64, record->access.space, offset);
  }
}

/* --- labels --- */

static void titled(struct nvt_text *text, const char *title, const char *id) {
  nvt_text_printf(text, "%s (%s)", title, id);
}

static void pci_label(struct nvt_text *text, size_t row) {
  size_t count;
  const struct nvt_pci_register *reg = &nvt_pci_registers(&count)[row];
  const struct nvt_pci_layout_info *layout = nvt_pci_layout(reg->layout);
  if (layout->kind != NVT_PCI_HEADER)
    nvt_text_printf(text, "%s ", layout->name);
  nvt_text_add(text, reg->name);
}

void nvt_text_access_label(struct nvt_text *text, enum nvt_access_kind kind, size_t row) {
  size_t count;
  switch (kind) {
  case NVT_ACCESS_DOORBELL_QUEUE:
    nvt_text_add(text, "Doorbell Queue");
    break;
  case NVT_ACCESS_DOORBELL_KIND:
    nvt_text_add(text, "Doorbell Kind");
    break;
  case NVT_ACCESS_DOORBELL_VALUE:
    nvt_text_add(text, "Doorbell Value");
    break;
  case NVT_ACCESS_REGISTER:
    break;
  case NVT_ACCESS_FIELD:
  case NVT_ACCESS_FIELD_PART:
    titled(text, nvt_register_fields(&count)[row].title, nvt_register_fields(&count)[row].name);
    break;
  case NVT_ACCESS_CAPABILITY:
    nvt_text_add(text, "Capability");
    break;
  case NVT_ACCESS_PCI_REGISTER:
    pci_label(text, row);
    break;
  case NVT_ACCESS_PCI_FIELD:
    titled(text, nvt_pci_fields(&count)[row].title, nvt_pci_fields(&count)[row].id);
    break;
  case NVT_ACCESS_PCI_BYTES:
    nvt_text_add(text, "Configuration Bytes");
    break;
  case NVT_ACCESS_VECTOR:
    nvt_text_add(text, "Vector");
    break;
  case NVT_ACCESS_MESSAGE:
    nvt_text_add(text, "MSI-X Message");
    break;
  case NVT_ACCESS_MSIX_PART:
    nvt_text_add(text, nvt_msix_part_name((unsigned)row));
    break;
  case NVT_ACCESS_MSIX_FIELD:
    titled(text, nvt_msix_fields(&count)[row].title, nvt_msix_fields(&count)[row].id);
    break;
  case NVT_ACCESS_PENDING:
    nvt_text_add(text, "Pending Vector");
    break;
  case NVT_ACCESS_NOTE:
    nvt_text_add(text, "Message");
    break;
  }
}

/* --- values --- */

static void add_named(struct nvt_text *text, const char *name) {
  if (name != NULL)
    nvt_text_printf(text, " (%s)", name);
}

static void field_value(struct nvt_text *text, uint64_t value, bool in_hex,
                        enum nvt_values values) {
  const char *name = nvt_value_name(values, value);
  if (in_hex)
    nvt_text_hex(text, value, 0);
  else
    nvt_text_dec(text, value);
  add_named(text, name);
}

static void bar0_value(struct nvt_text *text, const struct nvt_access_part *part) {
  size_t count;
  const struct nvt_register_field_info *field = &nvt_register_fields(&count)[part->row];
  if (part->kind == NVT_ACCESS_FIELD_PART) {
    nvt_text_hex(text, part->value, 0);
    return;
  }
  enum nvt_values values = nvt_register_values(field->offset, field->lsb);
  bool named = nvt_value_name(values, part->value) != NULL;
  field_value(text, part->value, field->width > 16 && !named, values);
}

void nvt_text_access_value(struct nvt_text *text, const struct nvt_access_part *part) {
  size_t count;
  switch (part->kind) {
  case NVT_ACCESS_DOORBELL_QUEUE:
  case NVT_ACCESS_DOORBELL_VALUE:
  case NVT_ACCESS_VECTOR:
  case NVT_ACCESS_PENDING:
    nvt_text_dec(text, part->value);
    break;
  case NVT_ACCESS_DOORBELL_KIND:
    nvt_text_dec(text, part->value);
    add_named(text, nvt_doorbell_kind_name(part->value != 0));
    break;
  case NVT_ACCESS_REGISTER:
    nvt_text_printf(text, "%s, %s", part->reg->name, part->reg->title);
    break;
  case NVT_ACCESS_FIELD:
  case NVT_ACCESS_FIELD_PART:
    bar0_value(text, part);
    break;
  case NVT_ACCESS_CAPABILITY:
    nvt_text_printf(text, "%s at 0x%02x", part->place->layout->name, part->place->base);
    break;
  case NVT_ACCESS_PCI_REGISTER:
    nvt_text_hex(text, part->value, nvt_pci_registers(&count)[part->row].size * 2u);
    break;
  case NVT_ACCESS_PCI_FIELD:
    field_value(text, part->value, nvt_pci_fields(&count)[part->row].width > 8,
                nvt_pci_fields(&count)[part->row].values);
    break;
  case NVT_ACCESS_PCI_BYTES:
    for (unsigned i = 0; i < part->bytes; i++)
      nvt_text_printf(text, "%02x", part->raw[i]);
    break;
  case NVT_ACCESS_MESSAGE:
    break;
  case NVT_ACCESS_MSIX_PART:
    nvt_text_hex(text, part->value, 8);
    break;
  case NVT_ACCESS_MSIX_FIELD:
    field_value(text, part->value, nvt_msix_fields(&count)[part->row].width > 4,
                nvt_msix_fields(&count)[part->row].values);
    break;
  case NVT_ACCESS_NOTE:
    nvt_text_add(text,
                 part->platform == NVT_MSI_UNKNOWN
                     ? "No address: the entry isn't set up, or the virtual machine monitor keeps "
                       "the table"
                     : "Not for an x86 processor: address and data mean what the interrupt "
                       "controller there wants");
    break;
  }
}

void nvt_text_access_partial(struct nvt_text *text, const struct nvt_access_part *part) {
  if (!part->partial)
    return;
  if (part->kind == NVT_ACCESS_PCI_REGISTER)
    nvt_text_printf(text, "of which only bits %u:%u were accessed", part->last, part->first);
  else
    nvt_text_printf(text, "bits %u:%u of the register", part->last, part->first);
}
