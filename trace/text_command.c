/* SPDX-License-Identifier: BSD-2-Clause */
/* A command's one line: its fields by the table, the common ones of NVM first. */
#include <string.h>

#include "trace/text.h"

static void add_named(struct nvt_text *text, const char *label, uint64_t value, const char *name) {
  nvt_text_add(text, label);
  nvt_text_hex(text, value, 2);
  if (name != NULL) {
    nvt_text_add(text, " (");
    nvt_text_add(text, name);
    nvt_text_add(text, ")");
  }
}

static void add_lower(struct nvt_text *text, const char *id) {
  char lower[24];
  size_t i = 0;
  lower[i++] = ' ';
  for (; *id != '\0' && i < sizeof(lower) - 1; id++)
    lower[i++] = (char)(*id >= 'A' && *id <= 'Z' ? *id - 'A' + 'a' : *id);
  lower[i] = '\0';
  nvt_text_add(text, lower);
}

void nvt_text_field(struct nvt_text *text, const struct nvt_command_field *field, uint64_t value) {
  switch (field->format) {
  case NVT_FORMAT_SLBA:
    nvt_text_add(text, " lba ");
    nvt_text_dec(text, value);
    return;
  case NVT_FORMAT_ZERO_BASED:
    if (strcmp(field->id, "NLB") == 0) {
      nvt_text_add(text, "+");
    } else {
      add_lower(text, field->id);
      nvt_text_add(text, " ");
    }
    nvt_text_dec(text, value + 1);
    return;
  case NVT_FORMAT_BYTES_DW:
    nvt_text_add(text, " ");
    nvt_text_dec(text, (value + 1) * 4);
    nvt_text_add(text, " bytes");
    return;
  case NVT_FORMAT_CNS:
    add_named(text, " cns ", value, nvt_cns_name((uint8_t)value));
    return;
  case NVT_FORMAT_FEATURE:
    add_named(text, " feature ", value, nvt_feature_name((uint8_t)value));
    return;
  case NVT_FORMAT_LOG_PAGE:
    add_named(text, " log ", value, nvt_log_page_name((uint8_t)value));
    return;
  case NVT_FORMAT_FABRICS:
    return; /* the command's name says it */
  case NVT_FORMAT_FLAG:
    if (value != 0)
      add_lower(text, field->id);
    return;
  case NVT_FORMAT_DEC:
  case NVT_FORMAT_HEX:
    if (value == 0)
      return;
    add_lower(text, field->id);
    nvt_text_add(text, " ");
    if (field->format == NVT_FORMAT_HEX)
      nvt_text_hex(text, value, 0);
    else
      nvt_text_dec(text, value);
    return;
  }
}

void nvt_text_field_value(struct nvt_text *text, const struct nvt_command_field *field,
                          uint64_t value) {
  if (field->format == NVT_FORMAT_ZERO_BASED) {
    nvt_text_dec(text, value + 1);
    nvt_text_printf(text, " (0x%llx, zero-based)", (unsigned long long)value);
    return;
  }
  const char *name = nvt_field_value_name(field, value);
  switch (field->format) {
  case NVT_FORMAT_HEX:
  case NVT_FORMAT_CNS:
  case NVT_FORMAT_FEATURE:
  case NVT_FORMAT_LOG_PAGE:
  case NVT_FORMAT_FABRICS:
    nvt_text_hex(text, value, field->width > 4 ? (field->width + 3u) / 4 : 1);
    break;
  default:
    nvt_text_dec(text, value);
    break;
  }
  if (name != NULL)
    nvt_text_printf(text, " (%s)", name);
}

/* The row before says it already, as a whole. */
static bool part_of_another(const struct nvt_command_field *fields, size_t i) {
  for (size_t j = i; j-- > 0 && fields[j].dword == fields[i].dword;)
    if (fields[j].lsb <= fields[i].lsb && fields[j].when_width <= fields[i].when_width &&
        fields[j].lsb + fields[j].width >= fields[i].lsb + fields[i].width &&
        fields[j].width > fields[i].width &&
        (fields[j].when_width == 0 || fields[j].when_value == fields[i].when_value))
      return true;
  return false;
}

void nvt_text_result(struct nvt_text *text, enum nvt_opcode_set set, uint8_t code,
                     const struct nvt_sqe *sqe, const struct nvt_cqe *cqe) {
  size_t count;
  const struct nvt_command_field *fields = nvt_result_fields_of(set, code, &count);
  for (size_t i = 0; i < count; i++)
    if (nvt_result_field_applies(&fields[i], sqe, cqe))
      nvt_text_field(text, &fields[i], nvt_result_field_value(&fields[i], cqe));
}

void nvt_text_command(struct nvt_text *text, enum nvt_opcode_set set, uint16_t sqid,
                      const struct nvt_sqe *sqe) {
  uint8_t code = nvt_command_code(set, sqe);
  nvt_text_opcode(text, set, code);
  nvt_text_add(text, " sq ");
  nvt_text_dec(text, sqid);
  nvt_text_add(text, " cid ");
  nvt_text_hex(text, sqe->cid, 4);
  if (sqe->nsid != 0 && set != NVT_SET_FABRICS) {
    nvt_text_add(text, " nsid ");
    if (sqe->nsid == UINT32_MAX)
      nvt_text_add(text, "all");
    else
      nvt_text_dec(text, sqe->nsid);
  }
  size_t count;
  const struct nvt_command_field *fields = nvt_command_fields_of(set, code, &count);
  for (size_t i = 0; i < count; i++)
    if (nvt_command_field_applies(&fields[i], sqe) && !part_of_another(fields, i))
      nvt_text_field(text, &fields[i], nvt_command_field_value(&fields[i], sqe));
  if (NVT_SQE_FUSE(sqe->flags) != 0)
    nvt_text_add(text, NVT_SQE_FUSE(sqe->flags) == 1 ? " fused first" : " fused second");
  if (sqe->prp1 != 0 || sqe->prp2 != 0) {
    nvt_text_add(text, NVT_SQE_PSDT(sqe->flags) == 0 ? " prp " : " sgl ");
    nvt_text_hex(text, sqe->prp1, 0);
    if (sqe->prp2 != 0) {
      nvt_text_add(text, " ");
      nvt_text_hex(text, sqe->prp2, 0);
    }
  }
  if (sqe->mptr != 0) {
    nvt_text_add(text, " mptr ");
    nvt_text_hex(text, sqe->mptr, 0);
  }
}
