/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/access.h"
#include "trace/dump_int.h"

/* Fields stand under their register. */
static bool is_field(enum nvt_access_kind kind) {
  return kind == NVT_ACCESS_FIELD || kind == NVT_ACCESS_FIELD_PART ||
         kind == NVT_ACCESS_PCI_FIELD || kind == NVT_ACCESS_MSIX_FIELD;
}

static void print_part(void *ctx, const struct nvt_access_part *part) {
  FILE *to = ctx;
  char label[256], value[256];
  struct nvt_text text;
  nvt_text_init(&text, value, sizeof(value));
  nvt_text_access_value(&text, part);
  if (part->kind == NVT_ACCESS_PCI_REGISTER && part->partial) {
    nvt_text_add(&text, ", ");
    nvt_text_access_partial(&text, part);
  }
  nvt_text_init(&text, label, sizeof(label));
  nvt_text_add(&text, is_field(part->kind) ? "  " : "");
  nvt_text_access_label(&text, part->kind, part->row);
  if (part->kind == NVT_ACCESS_FIELD_PART) {
    nvt_text_add(&text, ", ");
    nvt_text_access_partial(&text, part);
  }
  if (label[0] == '\0' || value[0] == '\0')
    fprintf(to, "    %s%s\n", label, value);
  else
    fprintf(to, NVT_DUMP_LABEL "%s\n", label, value);
}

static void print_name(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  char name[128];
  struct nvt_text text;
  nvt_text_init(&text, name, sizeof(name));
  nvt_text_access(&text, record, view);
  const char *title = nvt_access_title(record, view);
  if (title != NULL)
    nvt_text_printf(&text, " (%s)", title);
  fprintf(to, NVT_DUMP_LABEL "%s\n", "Register", name);
}

void nvt_dump_access(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    print_name(to, record, view);
    break;
  default:
    break;
  }
  nvt_access_walk(record, view, print_part, to);
}
