/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "trace/dump_int.h"
#include "trace/dump_structure.h"
#include "trace/text.h"

#define LABEL "    %-32s "

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

static void print_sqe(FILE *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  named(to, "Opcode", sqe->opcode, nvt_opcode_name(set, sqe->opcode));
  dec(to, "Fused Operation (FUSE)", NVT_SQE_FUSE(sqe->flags));
  dec(to, "PRP or SGL (PSDT)", NVT_SQE_PSDT(sqe->flags));
  hex(to, "Command Identifier", sqe->cid, 4);
  hex(to, "Namespace Identifier", sqe->nsid, 8);
  hex(to, "Command Dword 2", sqe->cdw2, 8);
  hex(to, "Command Dword 3", sqe->cdw3, 8);
  hex(to, "Metadata Pointer", sqe->mptr, 16);
  hex(to, NVT_SQE_PSDT(sqe->flags) ? "SGL Entry, first half" : "PRP Entry 1", sqe->prp1, 16);
  hex(to, NVT_SQE_PSDT(sqe->flags) ? "SGL Entry, second half" : "PRP Entry 2", sqe->prp2, 16);
  const uint32_t cdw[6] = {sqe->cdw10, sqe->cdw11, sqe->cdw12, sqe->cdw13, sqe->cdw14, sqe->cdw15};
  size_t count;
  const struct nvt_command_field *fields = nvt_command_fields(&count);
  for (unsigned i = 0; i < 6; i++) {
    char title[24];
    snprintf(title, sizeof(title), "Command Dword %u", 10 + i);
    hex(to, title, cdw[i], 8);
    for (size_t j = 0; j < count; j++) {
      const struct nvt_command_field *field = &fields[j];
      if (field->set != set || field->opcode != sqe->opcode || field->dword != 10 + i)
        continue;
      uint64_t value = nvt_command_field_value(field, sqe);
      char label[80];
      snprintf(label, sizeof(label), "  %s (%s)", field->title, field->id);
      switch (field->format) {
      case NVT_FORMAT_HEX:
        hex(to, label, value, 0);
        break;
      case NVT_FORMAT_CNS:
        named(to, label, value, nvt_cns_name((uint8_t)value));
        break;
      case NVT_FORMAT_FEATURE:
        named(to, label, value, nvt_feature_name((uint8_t)value));
        break;
      case NVT_FORMAT_LOG_PAGE:
        named(to, label, value, nvt_log_page_name((uint8_t)value));
        break;
      case NVT_FORMAT_ZERO_BASED:
        fprintf(to, LABEL "%" PRIu64 " (%" PRIu64 ")\n", label, value, value + 1);
        break;
      case NVT_FORMAT_DEC:
      case NVT_FORMAT_FLAG:
      case NVT_FORMAT_SLBA:
      case NVT_FORMAT_BYTES_DW:
        dec(to, label, value);
        break;
      }
    }
  }
}

static void print_cqe(FILE *to, const struct nvt_cqe *cqe) {
  nvt_status status = NVT_CQE_STATUS(cqe->status);
  hex(to, "Dword 0", cqe->dw0, 8);
  hex(to, "Dword 1", cqe->dw1, 8);
  dec(to, "Submission Queue Head Pointer", cqe->sqhd);
  dec(to, "Submission Queue Identifier", cqe->sqid);
  hex(to, "Command Identifier", cqe->cid, 4);
  dec(to, "Phase Tag", NVT_CQE_PHASE(cqe->status));
  named(to, "Status Code Type", status >> 8, nvt_status_type_name(status >> 8));
  named(to, "Status Code", status & 0xffu, nvt_status_name(status));
  dec(to, "Command Retry Delay", NVT_CQE_CRD(cqe->status));
  dec(to, "More", NVT_CQE_MORE(cqe->status));
  dec(to, "Do Not Retry", NVT_CQE_DNR(cqe->status));
}

static void print_register(FILE *to, const struct nvt_rec_access *access) {
  const struct nvt_register_info *info = nvt_register_at(access->offset);
  if (info == NULL)
    return;
  fprintf(to, LABEL "%s, %s\n", "Register", info->name, info->title);
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

/* A payload's first piece, as far as nvme/ knows its layout. */
static void print_structure(FILE *to, const struct nvt_record *record,
                            const struct nvt_exchange *exchange) {
  const struct nvt_rec_data *data = &record->data;
  if (exchange == NULL || exchange->command.record == 0 || data->offset != 0 ||
      data->kind != NVT_V_data_kind_PAYLOAD)
    return;
  nvt_dump_structure(to, exchange->sqid == 0 ? NVT_SET_ADMIN : NVT_SET_NVM, &exchange->sqe,
                     (enum nvt_direction)data->direction, record->tail, record->tail_length, 0);
}

static void print_tail(FILE *to, const struct nvt_record *record, const struct nvt_view *view) {
  if (record->tail_length == 0)
    return;
  if (record->header.type == NVT_REC_DATA) {
    print_structure(to, record, view->exchange);
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
    print_cqe(to, &record->completion.cqe);
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
