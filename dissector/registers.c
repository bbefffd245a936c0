/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accesses: registers with their bit fields, doorbells; configuration and MSI-X by their files. */
#include "dissector/dissector_int.h"
#include "trace/access.h"

static int *hf_fields; /* by row of nvt_register_fields() */
static int hf_reg_name = -1;
static int hf_doorbell_qid = -1;
static int hf_doorbell_kind = -1;
static int hf_doorbell_value = -1;
static int hf_qid = -1;
static int hf_part = -1;
static int ett_bits = -1;

const char *nvt_access_label(unsigned kind, size_t row) {
  char label[160];
  struct nvt_text text;
  nvt_text_init(&text, label, sizeof(label));
  nvt_text_access_label(&text, (enum nvt_access_kind)kind, row);
  return wmem_strdup(wmem_epan_scope(), label);
}

static void register_field(int proto, const struct nvt_register_field_info *field, size_t row) {
  const struct nvt_register_info *reg = nvt_register_at(field->offset);
  uint64_t mask = field->width == 8u * reg->size ? 0 /* the whole register */
                                                 : (~0ULL >> (64 - field->width)) << field->lsb;
  enum nvt_values list = nvt_register_values(field->offset, field->lsb);
  bool wide = reg->size == 8;
  const void *strings = NULL;
  if (list != NVT_VALUES_NONE && wide)
    strings = VALS64(nvt_value_strings64(list));
  else if (list != NVT_VALUES_NONE)
    strings = VALS(nvt_value_strings(list));
  int display = field->width > 16 ? BASE_HEX : BASE_DEC;
  nvt_register_field(proto, &hf_fields[row], nvt_access_label(NVT_ACCESS_FIELD, row),
                     nvt_abbrev("reg", reg->name, field->name), wide ? FT_UINT64 : FT_UINT32,
                     display | (wide && strings != NULL ? BASE_VAL64_STRING : 0), strings, mask,
                     NULL);
}

void nvt_registers_register(int proto) {
  size_t count;
  const struct nvt_register_field_info *fields = nvt_register_fields(&count);
  value_string *kinds = wmem_alloc0_array(wmem_epan_scope(), value_string, 3);
  for (uint32_t i = 0; i < 2; i++)
    kinds[i] = (value_string){i, nvt_doorbell_kind_name(i != 0)};
  hf_fields = wmem_alloc_array(wmem_epan_scope(), int, count);
  for (size_t i = 0; i < count; i++)
    register_field(proto, &fields[i], i);
  nvt_register_field(proto, &hf_reg_name, "Register", "nvmetap.reg.name", FT_STRING, BASE_NONE,
                     NULL, 0, "Name of what was accessed");
  nvt_register_field(proto, &hf_doorbell_qid, nvt_access_label(NVT_ACCESS_DOORBELL_QUEUE, 0),
                     "nvmetap.doorbell.qid", FT_UINT16, BASE_DEC, NULL, 0, NULL);
  nvt_register_field(proto, &hf_doorbell_kind, nvt_access_label(NVT_ACCESS_DOORBELL_KIND, 0),
                     "nvmetap.doorbell.kind", FT_UINT8, BASE_DEC, VALS(kinds), 0, NULL);
  nvt_register_field(proto, &hf_doorbell_value, nvt_access_label(NVT_ACCESS_DOORBELL_VALUE, 0),
                     "nvmetap.doorbell.value", FT_UINT32, BASE_DEC, NULL, 0, NULL);
  nvt_register_field(proto, &hf_qid, "Queue Identifier", "nvmetap.qid", FT_UINT16, BASE_DEC, NULL,
                     0, NULL);
  nvt_register_field(proto, &hf_part, "Part of a Field", "nvmetap.reg.part", FT_UINT64, BASE_HEX,
                     NULL, 0, "Of a field that lies in the bytes accessed with a part only");
  nvt_subtree(&ett_bits);
  nvt_config_register(proto);
  nvt_msix_register(proto);
}

static void add_part_of_field(const struct nvt_access_show *s, const struct nvt_access_part *part) {
  char text[256] = "";
  if (s->c->visible) {
    struct nvt_text words;
    nvt_text_init(&words, text, sizeof(text));
    nvt_text_access_label(&words, part->kind, part->row);
    nvt_text_add(&words, ", ");
    nvt_text_access_partial(&words, part);
    nvt_text_add(&words, ": ");
    nvt_text_access_value(&words, part);
  }
  proto_tree_add_uint64_format(s->under, hf_part, s->c->tvb, nvt_part_at(s, part->at),
                               (int)part->bytes, part->value, "%s", text);
}

/* In the register's own place, so that its bits show as the specification numbers them. */
static void add_field(const struct nvt_access_show *s, const struct nvt_access_part *part) {
  int at = nvt_part_at(s, part->at), hf = hf_fields[part->row];
  if (!nvt_asked(s->c, hf))
    return;
  if (part->reg->size == 8)
    nvt_little(proto_tree_add_uint64(s->under, hf, s->c->tvb, at, (int)part->bytes, part->whole));
  else
    nvt_little(
        proto_tree_add_uint(s->under, hf, s->c->tvb, at, (int)part->bytes, (uint32_t)part->whole));
}

static void add_doorbell(const struct nvt_access_show *s, const struct nvt_access_part *part) {
  const struct nvt_context *c = s->c;
  int hf = part->kind == NVT_ACCESS_DOORBELL_QUEUE  ? hf_doorbell_qid
           : part->kind == NVT_ACCESS_DOORBELL_KIND ? hf_doorbell_kind
                                                    : hf_doorbell_value;
  int at = nvt_part_at(s, part->at), bytes = (int)part->bytes;
  uint32_t value = (uint32_t)part->value;
  proto_tree_add_uint(s->top, hf, c->tvb, at, bytes, value);
  if (part->kind == NVT_ACCESS_DOORBELL_VALUE && c->frame->is_doorbell)
    proto_item_set_hidden(
        proto_tree_add_uint(s->top, hf_qid, c->tvb, c->body, 8, c->frame->doorbell.qid));
}

static void show(void *ctx, const struct nvt_access_part *part) {
  struct nvt_access_show *s = ctx;
  switch (part->kind) {
  case NVT_ACCESS_DOORBELL_QUEUE:
  case NVT_ACCESS_DOORBELL_KIND:
  case NVT_ACCESS_DOORBELL_VALUE:
    add_doorbell(s, part);
    break;
  case NVT_ACCESS_REGISTER:
    s->under =
        proto_tree_add_subtree_format(s->top, s->c->tvb, nvt_part_at(s, part->at), (int)part->bytes,
                                      ett_bits, NULL, "%s, %s", part->reg->name, part->reg->title);
    break;
  case NVT_ACCESS_FIELD:
    add_field(s, part);
    break;
  case NVT_ACCESS_FIELD_PART:
    add_part_of_field(s, part);
    break;
  case NVT_ACCESS_CAPABILITY:
  case NVT_ACCESS_PCI_REGISTER:
  case NVT_ACCESS_PCI_FIELD:
  case NVT_ACCESS_PCI_BYTES:
    nvt_config_part(s, part);
    break;
  case NVT_ACCESS_VECTOR:
  case NVT_ACCESS_MESSAGE:
  case NVT_ACCESS_MSIX_PART:
  case NVT_ACCESS_MSIX_FIELD:
  case NVT_ACCESS_PENDING:
  case NVT_ACCESS_NOTE:
    nvt_msix_part(s, part);
    break;
  }
}

static struct nvt_view view_of(const struct nvt_context *c) {
  struct nvt_view view = nvt_links_view(c->frame);
  view.config = nvt_links_config(c->record->header.controller);
  return view;
}

static void walk(const struct nvt_context *c, const struct nvt_view *view, proto_tree *tree) {
  struct nvt_access_show s = {.c = c, .top = tree, .under = tree};
  nvt_access_walk(c->record, view, show, &s);
}

void nvt_add_shadow(const struct nvt_context *c) {
  proto_item_set_hidden(proto_tree_add_uint(c->tree, hf_doorbell_qid, c->tvb, c->body + 12, 2,
                                            c->record->shadow.qid));
  struct nvt_view view = view_of(c);
  walk(c, &view, c->tree);
}

/* A filter on a queue finds its interrupts too. */
void nvt_add_interrupt(const struct nvt_context *c) {
  proto_item_set_hidden(
      proto_tree_add_uint(c->tree, hf_qid, c->tvb, c->body + 16, 2, c->record->interrupt.cqid));
  struct nvt_view view = view_of(c);
  walk(c, &view, c->tree);
}

void nvt_add_event_queue(const struct nvt_context *c) {
  proto_item_set_hidden(
      proto_tree_add_uint(c->tree, hf_qid, c->tvb, c->body + 2, 2, c->record->event.qid));
}

void nvt_add_access(const struct nvt_context *c) {
  char name[128];
  struct nvt_text text;
  struct nvt_view view = view_of(c);
  nvt_text_init(&text, name, sizeof(name));
  if (nvt_asked(c, hf_reg_name))
    nvt_text_access(&text, c->record, &view);
  proto_item *item = proto_tree_add_string(c->tree, hf_reg_name, c->tvb, c->body, 8, name);
  const char *title = nvt_access_title(c->record, &view);
  if (title != NULL && c->visible)
    proto_item_append_text(item, " (%s)", title);
  walk(c, &view, proto_item_add_subtree(item, ett_bits));
}
