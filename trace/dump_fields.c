/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "nvme/sgl.h"
#include "trace/dump_int.h"
#include "trace/dump_structure.h"
#include "trace/links_of.h"
#include "trace/text.h"

#define LABEL "    %-31s  "

static void print_value(FILE *to, const struct nvt_record_field *field, const uint8_t *body) {
  uint64_t value = nvt_record_field_value(field, body);
  fprintf(to, LABEL, field->title);
  if (field->format == NVT_FIELD_BYTES) {
    for (size_t i = 0; i < field->size; i++)
      fprintf(to, "%02x", body[field->offset + i]);
  } else if (strcmp(field->name, "pci_address") == 0) {
    char address[32];
    struct nvt_text text;
    nvt_text_init(&text, address, sizeof(address));
    nvt_text_pci(&text, (uint32_t)value);
    fputs(address, to);
  } else if (field->format == NVT_FIELD_HEX) {
    fprintf(to, "0x%0*" PRIx64, field->size * 2, value);
  } else {
    fprintf(to, "%" PRIu64, value);
  }
  const char *name = nvt_record_value_name(field->record, field->name, value);
  /* A field of flags has a name for each bit; else one for the value. */
  if (strstr(field->name, "flags") != NULL) {
    for (uint64_t bit = 1; bit != 0 && bit <= value; bit <<= 1)
      if ((value & bit) != 0 &&
          (name = nvt_record_value_name(field->record, field->name, bit)) != NULL)
        fprintf(to, " (%s)", name);
  } else if (name != NULL) {
    fprintf(to, " (%s)", name);
  }
  fputc('\n', to);
}

static void print_body(FILE *to, const char *name, const void *body) {
  size_t count;
  const struct nvt_record_field *fields = nvt_record_fields(name, &count);
  for (size_t i = 0; i < count; i++)
    if (!nvt_record_field_reserved(&fields[i]) || nvt_record_field_value(&fields[i], body) != 0)
      print_value(to, &fields[i], body);
}

static void hex(FILE *to, const char *title, uint64_t value, int digits) {
  fprintf(to, LABEL "0x%0*" PRIx64 "\n", title, digits, value);
}

static void dec(FILE *to, const char *title, uint64_t value) {
  fprintf(to, LABEL "%" PRIu64 "\n", title, value);
}

static void named(FILE *to, const char *title, uint64_t value, const char *name) {
  fprintf(to, LABEL "0x%02" PRIx64 " (%s)\n", title, value, name != NULL ? name : "not known");
}

static void print_sgl(FILE *to, const uint8_t *bytes) {
  struct nvt_sgl sgl;
  nvt_sgl_parse(bytes, &sgl);
  if (sgl.has_address)
    hex(to, "Address", sgl.address, 16);
  if (sgl.has_length)
    dec(to, "Length", sgl.length);
  if (sgl.has_key)
    hex(to, "Key", sgl.key, 8);
  if (!sgl.has_length) {
    fprintf(to, LABEL, "Descriptor Specific");
    for (unsigned i = 0; i < 15; i++)
      fprintf(to, "%02x", bytes[i]);
    fputc('\n', to);
  }
  named(to, "Subtype", sgl.subtype, nvt_value_name(NVT_VALUES_SGL_SUBTYPE, sgl.subtype));
  named(to, "Type", sgl.type, nvt_value_name(NVT_VALUES_SGL_TYPE, sgl.type));
}

static void print_command_field(FILE *to, const struct nvt_command_field *field, uint64_t value) {
  char label[96], text[128];
  struct nvt_text line;
  nvt_text_init(&line, text, sizeof(text));
  nvt_text_field_value(&line, field, value);
  snprintf(label, sizeof(label), "  %s (%s)", field->title, field->id);
  fprintf(to, LABEL "%s\n", label, text);
}

static void print_dword(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe,
                        unsigned dword, uint32_t reserved) {
  char title[24];
  if (dword != 1) {
    snprintf(title, sizeof(title), "Command Dword %u", dword);
    hex(to, title, nvt_sqe_dword(sqe, dword), 8);
  }
  size_t count;
  const struct nvt_command_field *fields =
      nvt_command_fields_of(set, nvt_command_code(set, sqe), &count);
  for (size_t i = 0; i < count; i++)
    if (fields[i].dword == dword && nvt_command_field_applies(&fields[i], sqe))
      print_command_field(to, &fields[i], nvt_command_field_value(&fields[i], sqe));
  if (reserved != 0)
    hex(to, "  Reserved", reserved, 8);
}

static void print_sqe(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  uint32_t reserved[NVT_SQE_DWORDS];
  nvt_command_reserved_bits(set, sqe, reserved);
  named(to, "Opcode", sqe->opcode,
        set == NVT_SET_FABRICS ? "Fabrics" : nvt_opcode_name(set, sqe->opcode));
  unsigned fuse = NVT_SQE_FUSE(sqe->flags), psdt = NVT_SQE_PSDT(sqe->flags);
  named(to, "Fused Operation (FUSE)", fuse, nvt_value_name(NVT_VALUES_FUSE, fuse));
  if ((sqe->flags & 0x3c) != 0)
    hex(to, "Reserved Flags", sqe->flags >> 2 & 15u, 1);
  named(to, "PRP or SGL for Data Transfer (PSDT)", psdt, nvt_value_name(NVT_VALUES_PSDT, psdt));
  hex(to, "Command Identifier (CID)", sqe->cid, 4);
  if (set == NVT_SET_FABRICS)
    print_dword(to, set, sqe, 1, reserved[1]);
  else
    hex(to, "Namespace Identifier (NSID)", sqe->nsid, 8);
  print_dword(to, set, sqe, 2, reserved[2]);
  print_dword(to, set, sqe, 3, reserved[3]);
  hex(to, "Metadata Pointer (MPTR)", sqe->mptr, 16);
  if (psdt == 0) {
    hex(to, "PRP Entry 1 (PRP1)", sqe->prp1, 16);
    hex(to, "PRP Entry 2 (PRP2)", sqe->prp2, 16);
  } else {
    print_sgl(to, (const uint8_t *)sqe + offsetof(struct nvt_sqe, prp1));
  }
  for (unsigned dword = 10; dword < NVT_SQE_DWORDS; dword++)
    print_dword(to, set, sqe, dword, reserved[dword]);
}

static void print_cqe(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  const struct nvt_cqe *cqe = &record->completion.cqe;
  const struct nvt_exchange *exchange = view->exchange;
  bool known = exchange != NULL && exchange->command.record != 0;
  uint8_t code = known ? nvt_exchange_code(exchange) : record->completion.opcode;
  nvt_status status = NVT_CQE_STATUS(cqe->status);
  size_t count;
  const struct nvt_command_field *fields = nvt_result_fields_of(view->set, code, &count);
  for (unsigned dword = 0; dword < 2; dword++) {
    hex(to, dword == 0 ? "Dword 0" : "Dword 1", dword == 0 ? cqe->dw0 : cqe->dw1, 8);
    for (size_t i = 0; i < count; i++)
      if (fields[i].dword == dword &&
          nvt_result_field_applies(&fields[i], known ? &exchange->sqe : NULL, cqe))
        print_command_field(to, &fields[i], nvt_result_field_value(&fields[i], cqe));
  }
  dec(to, "Submission Queue Head Pointer (SQHD)", cqe->sqhd);
  dec(to, "Submission Queue Identifier (SQID)", cqe->sqid);
  hex(to, "Command Identifier (CID)", cqe->cid, 4);
  hex(to, "Status and Phase", cqe->status, 4);
  dec(to, "Phase Tag (P)", NVT_CQE_PHASE(cqe->status));
  hex(to, "Status Code (SC)", status & 0xffu, 2);
  named(to, "Status Code Type (SCT)", status >> 8, nvt_status_type_name(status >> 8));
  dec(to, "Command Retry Delay (CRD)", NVT_CQE_CRD(cqe->status));
  dec(to, "More (M)", NVT_CQE_MORE(cqe->status));
  dec(to, "Do Not Retry (DNR)", NVT_CQE_DNR(cqe->status));
  named(to, "Status", status, nvt_status_name_in(view->set, status));
}

static void print_register(FILE *to, const struct nvt_rec_access *access) {
  const struct nvt_register_info *info = nvt_register_at(access->offset);
  if (info == NULL)
    return;
  char name[32];
  struct nvt_text text;
  nvt_text_init(&text, name, sizeof(name));
  nvt_text_register(&text, access->offset);
  fprintf(to, LABEL "%s (%s)\n", "Register", name, info->title);
  size_t count;
  const struct nvt_register_field_info *fields = nvt_register_fields(&count);
  for (size_t i = 0; i < count; i++) {
    const struct nvt_register_field_info *field = &fields[i];
    uint64_t bits;
    if (!nvt_register_field_bits(field, access->offset, access->size, access->value, &bits))
      continue;
    char label[80];
    snprintf(label, sizeof(label), "  %s (%s)", field->title, field->name);
    const char *name = nvt_value_name(nvt_register_values(field->offset, field->lsb), bits);
    if (name != NULL)
      fprintf(to, LABEL "%" PRIu64 " (%s)\n", label, bits, name);
    else if (field->width > 16)
      hex(to, label, bits, 0);
    else
      dec(to, label, bits);
  }
}

static void moment(FILE *to, const char *title, const struct nvt_moment *moment) {
  if (moment->record != 0)
    dec(to, title, moment->record);
}

static void print_exchange(FILE *to, const struct nvt_exchange *exchange) {
  dec(to, "[Use of this identifier]", exchange->reuse);
  if (exchange->command.record != 0)
    dec(to, "[Outstanding on its queue]", exchange->depth);
  if (exchange->command.record != 0)
    dec(to, "[Under way on its queue]", exchange->in_flight);
  moment(to, "[Announced in record]", &exchange->doorbell);
  moment(to, "[Fetched in record]", &exchange->command);
  moment(to, "[Completed in record]", &exchange->completion);
  for (unsigned stage = 0; stage < NVT_STAGE_COUNT; stage++) {
    uint64_t ns;
    if (!nvt_exchange_stage(exchange, (enum nvt_stage)stage, &ns))
      continue;
    char label[40];
    char text[40];
    struct nvt_text duration;
    nvt_text_init(&duration, text, sizeof(text));
    nvt_text_duration(&duration, ns);
    snprintf(label, sizeof(label), "[Time: %s]", nvt_stage_name((enum nvt_stage)stage));
    fprintf(to, LABEL "%s\n", label, text);
  }
}

static void print_link(void *to, enum nvt_link link, uint64_t value) {
  const struct nvt_link_info *info = nvt_link_info(link);
  char label[64];
  char text[40];
  struct nvt_text line;
  nvt_text_init(&line, text, sizeof(text));
  if (info->kind == NVT_LINK_KIND_NS)
    nvt_text_duration(&line, value);
  else
    nvt_text_dec(&line, value);
  snprintf(label, sizeof(label), "[%s]", info->title);
  fprintf(to, LABEL "%s\n", label, text);
}

/* A payload's first piece, as far as nvme/ knows its layout. */
static void print_structure(FILE *to, const struct nvt_record *record,
                            const struct nvt_view *view) {
  const struct nvt_exchange *exchange = view->exchange;
  const struct nvt_rec_data *data = &record->data;
  if (exchange == NULL || exchange->command.record == 0 || data->offset != 0 ||
      data->kind != NVT_V_data_kind_PAYLOAD)
    return;
  nvt_dump_structure(to, view->set, &exchange->sqe, (enum nvt_direction)data->direction,
                     record->tail, record->tail_length, 0);
}

static void print_tail(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  if (record->tail_length == 0)
    return;
  if (record->header.type == NVT_REC_DATA) {
    if (record->data.kind == NVT_V_data_kind_SGL_SEGMENT)
      for (size_t at = 0; at + NVT_SGL_BYTES <= record->tail_length; at += NVT_SGL_BYTES)
        print_sgl(to, record->tail + at);
    print_structure(to, record, view);
    nvt_dump_hex(to, record->tail, record->tail_length);
    return;
  }
  fprintf(to, LABEL, record->header.type == NVT_REC_META ? "JSON" : "Text");
  for (uint32_t done = 0; done < record->tail_length;) {
    char buffer[2048];
    uint32_t left = record->tail_length - done;
    uint32_t part = left < 500 ? left : 500; /* a byte becomes four characters at most */
    while (part < left && part > 490 && (record->tail[done + part] & 0xc0) == 0x80)
      part--; /* between characters */
    struct nvt_text text;
    nvt_text_init(&text, buffer, sizeof(buffer));
    nvt_text_quote(&text, record->tail + done, part);
    fputs(buffer, to);
    done += part;
  }
  fputc('\n', to);
}

void nvt_dump_fields(FILE *to, const struct nvt_record *record, const struct nvt_view *view,
                     const struct nvt_session *session) {
  (void)session;
  fprintf(to, LABEL "%" PRIu64 "\n", "Byte in the File", record->offset);
  fprintf(to, LABEL "%" PRIu64 ".%09" PRIu64 "\n", "Time", record->time_ns / 1000000000u,
          record->time_ns % 1000000000u);
  fprintf(to, LABEL "%s\n", "Record", nvt_record_title(record->header.type));
  print_body(to, "header", &record->header);
  print_body(to, nvt_record_body_name(record->header.type), &record->meta);
  switch (record->header.type) {
  case NVT_REC_COMMAND:
    print_sqe(to, view->set, &record->command.sqe);
    nvt_dump_feature(to, view->set, &record->command.sqe);
    break;
  case NVT_REC_COMPLETION:
    print_cqe(to, record, view);
    if (view->exchange != NULL && view->exchange->command.record != 0 &&
        NVT_CQE_STATUS(record->completion.cqe.status) == NVT_SC_SUCCESS)
      nvt_dump_feature_result(to, view->set, &view->exchange->sqe, record->completion.cqe.dw0);
    break;
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
    print_register(to, &record->access);
    break;
  default:
    break;
  }
  if (view->exchange != NULL)
    print_exchange(to, view->exchange);
  if (view->signal != NULL)
    dec(to, "[Commands that it stands for]", view->signal->count);
  nvt_links_of(record, view, print_link, to);
  if (view->exchange != NULL && view->exchange->victim != 0 &&
      record->header.type <= NVT_REC_COMPLETION)
    named(to, "[Which was]", view->exchange->outcome,
          nvt_abort_outcome_name((enum nvt_abort_outcome)view->exchange->outcome));
  print_tail(to, record, view);
}

void nvt_dump_hex(FILE *to, const uint8_t *bytes, size_t length) {
  static const char digits[] = "0123456789abcdef";
  for (size_t at = 0; at < length; at += 16) {
    char line[80];
    memset(line, ' ', sizeof(line));
    for (size_t i = 0; i < 16 && at + i < length; i++) {
      uint8_t byte = bytes[at + i];
      line[i * 3] = digits[byte >> 4];
      line[i * 3 + 1] = digits[byte & 15];
      line[50 + i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
    }
    size_t last = length - at < 16 ? length - at : 16;
    line[50 + last] = '\0';
    fprintf(to, "    0x%04zx  %s\n", at, line);
  }
}
