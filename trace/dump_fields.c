/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "trace/dump_int.h"
#include "trace/dump_structure.h"
#include "trace/links_of.h"
#include "trace/text.h"

static void print_value(FILE *to, const struct nvt_record_field *field, const uint8_t *body) {
  uint64_t value = nvt_record_field_value(field, body);
  fprintf(to, NVT_DUMP_LABEL, field->title);
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

/* Reserved bytes that are zero are told together. */
static void print_body(FILE *to, const char *name, const void *body) {
  size_t count, zeroes = 0; /* how many before this field */
  const struct nvt_record_field *fields = nvt_record_fields(name, &count);
  for (size_t i = 0; i <= count; i++) {
    if (i < count && nvt_record_field_reserved(&fields[i]) &&
        nvt_record_field_value(&fields[i], body) == 0) {
      zeroes += fields[i].size;
      continue;
    }
    size_t at = i == 0 ? 0 : (size_t)fields[i - 1].offset + fields[i - 1].size;
    if (zeroes > 0)
      nvt_dump_bytes(to, "Reserved", (const uint8_t *)body + at - zeroes, zeroes);
    zeroes = 0;
    if (i < count)
      print_value(to, &fields[i], body);
  }
}

/* What this version of the format doesn't know. */
static void print_rest(FILE *to, const struct nvt_record *record, const uint8_t *bytes) {
  uint32_t known = sizeof(record->header), at;
  bool unknown;
  if (record->header.header_length > known)
    nvt_dump_bytes(to, "Unknown Bytes", bytes + known, record->header.header_length - known);
  uint32_t length = nvt_record_rest(record, bytes, &at, &unknown);
  if (length > 0)
    nvt_dump_bytes(to, unknown ? "Unknown Bytes" : "Padding", bytes + at, length);
}

void nvt_dump_number_hex(FILE *to, const char *title, uint64_t value, int digits) {
  fprintf(to, NVT_DUMP_LABEL "0x%0*" PRIx64 "\n", title, digits, value);
}

void nvt_dump_bytes(FILE *to, const char *title, const uint8_t *bytes, size_t length) {
  fprintf(to, NVT_DUMP_LABEL, title);
  for (size_t i = 0; i < length; i++)
    fprintf(to, "%02x", bytes[i]);
  fputc('\n', to);
}

void nvt_dump_number(FILE *to, const char *title, uint64_t value) {
  fprintf(to, NVT_DUMP_LABEL "%" PRIu64 "\n", title, value);
}

void nvt_dump_number_named(FILE *to, const char *title, uint64_t value, const char *name) {
  fprintf(to, NVT_DUMP_LABEL "0x%02" PRIx64 " (%s)\n", title, value,
          name != NULL ? name : "not known");
}

static void hex(FILE *to, const char *title, uint64_t value, int digits) {
  nvt_dump_number_hex(to, title, value, digits);
}

static void dec(FILE *to, const char *title, uint64_t value) {
  nvt_dump_number(to, title, value);
}

static void named(FILE *to, const char *title, uint64_t value, const char *name) {
  nvt_dump_number_named(to, title, value, name);
}

static void print_command_field(FILE *to, const struct nvt_command_field *field, uint64_t value) {
  char label[96], text[128];
  struct nvt_text line;
  nvt_text_init(&line, text, sizeof(text));
  nvt_text_field_value(&line, field, value);
  snprintf(label, sizeof(label), "  %s (%s)", field->title, field->id);
  fprintf(to, NVT_DUMP_LABEL "%s\n", label, text);
}

static void print_dword(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe,
                        unsigned dword, uint32_t reserved) {
  char title[24];
  snprintf(title, sizeof(title), "Command Dword %u", dword);
  hex(to, title, nvt_sqe_dword(sqe, dword), 8);
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
    nvt_dump_sgl(to, (const uint8_t *)sqe + offsetof(struct nvt_sqe, prp1));
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
    fprintf(to, NVT_DUMP_LABEL "%s\n", label, text);
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
  fprintf(to, NVT_DUMP_LABEL "%s\n", label, text);
}

void nvt_dump_fields(FILE *to, const struct nvt_record *record, const uint8_t *bytes,
                     const struct nvt_view *view, const struct nvt_session *session,
                     const struct nvt_known *known) {
  fprintf(to, NVT_DUMP_LABEL "%" PRIu64 "\n", "Byte in the File", record->offset);
  fprintf(to, NVT_DUMP_LABEL "%" PRIu64 ".%09" PRIu64 "\n", "Time", record->time_ns / 1000000000u,
          record->time_ns % 1000000000u);
  fprintf(to, NVT_DUMP_LABEL "%s\n", "Record", nvt_record_title(record->header.type));
  print_body(to, "header", &record->header);
  print_body(to, nvt_record_body_name(record->header.type), &record->meta);
  print_rest(to, record, bytes);
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
  default:
    nvt_dump_access(to, record, view);
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
  if (record->header.type == NVT_REC_COMPLETION)
    nvt_dump_transfers(to, view);
  if (record->header.type == NVT_REC_DIGEST)
    nvt_dump_digest(to, record, known);
  else
    nvt_dump_tail(to, record, view);
  nvt_dump_state(to, record, view, session);
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
