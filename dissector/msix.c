/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSI-X table entries, pending bits and messages, by nvme/msix.def. */
#include "dissector/dissector_int.h"
#include "trace/access.h"

static int hf_vector = -1;
static int hf_parts[NVT_MSIX_PARTS];
static int *hf_fields; /* by row of nvt_msix_fields() */
static int hf_masked = -1;
static int hf_pending = -1;
static int hf_note = -1;
static int ett_part = -1;

static const char *const part_names[NVT_MSIX_PARTS] = {"address_lower", "address_upper", "data",
                                                       "control"};
static const char *message_label;

void nvt_msix_register(int proto) {
  size_t count;
  const struct nvt_msix_field *fields = nvt_msix_fields(&count);
  nvt_register_field(proto, &hf_vector, nvt_access_label(NVT_ACCESS_VECTOR, 0),
                     "nvmetap.msix.vector", FT_UINT16, BASE_DEC, NULL, 0, NULL);
  for (unsigned i = 0; i < NVT_MSIX_PARTS; i++)
    nvt_register_field(proto, &hf_parts[i], nvt_access_label(NVT_ACCESS_MSIX_PART, i),
                       nvt_abbrev("msix", part_names[i], NULL), FT_UINT32, BASE_HEX, NULL, 0, NULL);
  hf_fields = wmem_alloc_array(wmem_epan_scope(), int, count);
  for (size_t i = 0; i < count; i++)
    nvt_register_field(proto, &hf_fields[i], nvt_access_label(NVT_ACCESS_MSIX_FIELD, i),
                       nvt_abbrev("msix", part_names[fields[i].part], fields[i].id), FT_UINT32,
                       fields[i].width > 4 ? BASE_HEX_DEC : BASE_DEC,
                       VALS(nvt_value_strings(fields[i].values)),
                       (~0ULL >> (64 - fields[i].width)) << fields[i].lsb, NULL);
  nvt_register_field(proto, &hf_masked, "Masked", "nvmetap.msix.masked", FT_BOOLEAN, 32, NULL, 1,
                     NULL);
  nvt_register_field(proto, &hf_pending, nvt_access_label(NVT_ACCESS_PENDING, 0),
                     "nvmetap.msix.pending", FT_UINT32, BASE_DEC, NULL, 0,
                     "A vector whose pending bit is set");
  nvt_register_field(proto, &hf_note, nvt_access_label(NVT_ACCESS_NOTE, 0), "nvmetap.msix.note",
                     FT_STRING, BASE_NONE, NULL, 0, "What can't be told of a message, and why");
  message_label = nvt_access_label(NVT_ACCESS_MESSAGE, 0);
  nvt_subtree(&ett_part);
}

static void add_note(const struct nvt_access_show *s, const struct nvt_access_part *part) {
  char text[160];
  struct nvt_text words;
  nvt_text_init(&words, text, sizeof(text));
  nvt_text_access_value(&words, part);
  nvt_generated(proto_tree_add_string(s->top, hf_note, s->c->tvb, 0, 0, text));
}

void nvt_msix_part(struct nvt_access_show *s, const struct nvt_access_part *part) {
  const struct nvt_context *c = s->c;
  int at = nvt_part_at(s, part->at), bytes = (int)part->bytes;
  switch (part->kind) {
  case NVT_ACCESS_VECTOR:
    proto_tree_add_uint(s->top, hf_vector, c->tvb, at, bytes, (uint32_t)part->value);
    break;
  case NVT_ACCESS_MESSAGE:
    s->top = proto_tree_add_subtree(s->top, c->tvb, at, bytes, ett_part, NULL, message_label);
    break;
  case NVT_ACCESS_MSIX_PART:
    s->under = proto_item_add_subtree(
        proto_tree_add_uint(s->top, hf_parts[part->row], c->tvb, at, bytes, (uint32_t)part->value),
        ett_part);
    if (part->row == NVT_MSIX_CONTROL)
      proto_item_set_hidden(
          proto_tree_add_boolean(s->under, hf_masked, c->tvb, at, bytes, (uint32_t)part->value));
    break;
  case NVT_ACCESS_MSIX_FIELD:
    nvt_little(proto_tree_add_uint(s->under, hf_fields[part->row], c->tvb, at, bytes,
                                   (uint32_t)part->whole));
    break;
  case NVT_ACCESS_PENDING:
    proto_tree_add_uint(s->top, hf_pending, c->tvb, at, bytes, (uint32_t)part->value);
    break;
  default:
    add_note(s, part);
    break;
  }
}
