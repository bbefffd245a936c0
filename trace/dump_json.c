/* SPDX-License-Identifier: BSD-2-Clause */
/* Names here are published (docs/trace-format.md, "JSON of nvmetap dump"): once out they stay. */
#include <ctype.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "trace/dump_int.h"
#include "trace/links_of.h"
#include "trace/summary.h"
#include "trace/text_state.h"

static void put(json_object *to, const char *key, json_object *value) {
  /* Keys are literals, and mostly new; NULL is JSON's null. */
  json_object_object_add_ex(to, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void number(json_object *to, const char *key, uint64_t value) {
  put(to, key, json_object_new_uint64(value));
}

static void flag(json_object *to, const char *key, bool value) {
  put(to, key, json_object_new_boolean(value));
}

static void text(json_object *to, const char *key, const char *value) {
  put(to, key, value != NULL ? json_object_new_string(value) : NULL);
}

static void moment(json_object *to, const char *key, const struct nvt_moment *moment) {
  if (moment->record != 0)
    number(to, key, moment->record);
}

static void stage(json_object *to, const char *key, const struct nvt_exchange *exchange,
                  enum nvt_stage which) {
  uint64_t ns;
  if (nvt_exchange_stage(exchange, which, &ns))
    number(to, key, ns);
}

/* Every field of the body by its name; fields in which an entry lies are taken apart later. */
static void add_body(json_object *to, const struct nvt_record *record) {
  const char *name = nvt_record_body_name(record->header.type);
  size_t count;
  const struct nvt_record_field *fields = nvt_record_fields(name, &count);
  for (size_t i = 0; i < count; i++) {
    if (nvt_record_field_reserved(&fields[i]))
      continue;
    if (fields[i].format != NVT_FIELD_BYTES)
      number(to, fields[i].name, nvt_record_field_value(&fields[i], &record->meta));
  }
}

static void add_quoted(json_object *to, const char *key, const void *bytes, size_t length) {
  size_t size = length * 4 + 1;
  char *buffer = malloc(size);
  if (buffer == NULL)
    return;
  struct nvt_text quoted;
  nvt_text_init(&quoted, buffer, size);
  nvt_text_quote(&quoted, bytes, length);
  put(to, key, json_object_new_string_len(buffer, (int)quoted.length));
  free(buffer);
}

static void add_sqe(json_object *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  number(to, "opcode", sqe->opcode);
  text(to, "opcode_name", nvt_opcode_name(set, nvt_command_code(set, sqe)));
  number(to, "command_flags", sqe->flags);
  number(to, "cid", sqe->cid);
  number(to, "nsid", sqe->nsid);
  number(to, "cdw2", sqe->cdw2);
  number(to, "cdw3", sqe->cdw3);
  number(to, "mptr", sqe->mptr);
  number(to, "prp1", sqe->prp1);
  number(to, "prp2", sqe->prp2);
  number(to, "cdw10", sqe->cdw10);
  number(to, "cdw11", sqe->cdw11);
  number(to, "cdw12", sqe->cdw12);
  number(to, "cdw13", sqe->cdw13);
  number(to, "cdw14", sqe->cdw14);
  number(to, "cdw15", sqe->cdw15);
}

/* Of a command, its fields by ID; of a completion, its result's. */
static void add_fields(json_object *to, enum nvt_opcode_set set, const struct nvt_sqe *sqe) {
  json_object *all = json_object_new_object();
  size_t count;
  const struct nvt_command_field *fields =
      nvt_command_fields_of(set, nvt_command_code(set, sqe), &count);
  for (size_t i = 0; i < count; i++)
    if (nvt_command_field_applies(&fields[i], sqe))
      number(all, fields[i].id, nvt_command_field_value(&fields[i], sqe));
  put(to, "fields", all);
}

static void add_result(json_object *to, enum nvt_opcode_set set, uint8_t code,
                       const struct nvt_sqe *sqe, const struct nvt_cqe *cqe) {
  json_object *all = NULL;
  size_t count;
  const struct nvt_command_field *fields = nvt_result_fields_of(set, code, &count);
  for (size_t i = 0; i < count; i++) {
    if (!nvt_result_field_applies(&fields[i], sqe, cqe))
      continue;
    if (all == NULL)
      all = json_object_new_object();
    number(all, fields[i].id, nvt_result_field_value(&fields[i], cqe));
  }
  if (all != NULL)
    put(to, "result", all);
}

static void add_command(json_object *to, const struct nvt_record *record,
                        const struct nvt_view *view) {
  add_sqe(to, view->set, &record->command.sqe);
  add_fields(to, view->set, &record->command.sqe);
  const struct nvt_exchange *exchange = view->exchange;
  if (exchange == NULL)
    return;
  number(to, "reuse", exchange->reuse);
  number(to, "depth", exchange->depth);
  number(to, "in_flight", exchange->in_flight);
  flag(to, "duplicate_cid", exchange->duplicate_cid);
  moment(to, "doorbell_record", &exchange->doorbell);
  stage(to, "fetch_ns", exchange, NVT_STAGE_FETCH);
}

static void add_completion(json_object *to, const struct nvt_record *record,
                           const struct nvt_view *view) {
  const struct nvt_cqe *cqe = &record->completion.cqe;
  const struct nvt_exchange *exchange = view->exchange;
  bool known = exchange != NULL && exchange->command.record != 0;
  if (known)
    add_sqe(to, view->set, &exchange->sqe);
  number(to, "opcode", record->completion.opcode);
  text(to, "opcode_name",
       nvt_opcode_name(view->set, known ? nvt_exchange_code(exchange) : record->completion.opcode));
  number(to, "cid", cqe->cid);
  number(to, "dw0", cqe->dw0);
  number(to, "dw1", cqe->dw1);
  number(to, "sqhd", cqe->sqhd);
  number(to, "cqe_sqid", cqe->sqid);
  number(to, "phase", NVT_CQE_PHASE(cqe->status));
  number(to, "status", NVT_CQE_STATUS(cqe->status));
  text(to, "status_name", nvt_status_name_in(view->set, NVT_CQE_STATUS(cqe->status)));
  add_result(to, view->set, known ? nvt_exchange_code(exchange) : record->completion.opcode,
             known ? &exchange->sqe : NULL, cqe);
  number(to, "crd", NVT_CQE_CRD(cqe->status));
  flag(to, "more", NVT_CQE_MORE(cqe->status));
  flag(to, "dnr", NVT_CQE_DNR(cqe->status));
  if (known) {
    moment(to, "command_record", &exchange->command);
    moment(to, "doorbell_record", &exchange->doorbell);
    number(to, "depth", exchange->depth);
    stage(to, "latency_ns", exchange, NVT_STAGE_TOTAL);
    stage(to, "fetch_ns", exchange, NVT_STAGE_FETCH);
  }
}

static void add_access(json_object *to, const struct nvt_record *record,
                       const struct nvt_view *view) {
  const struct nvt_register_info *info = NULL;
  if (record->access.space == NVT_V_access_space_BAR0 && !view->is_doorbell)
    info = nvt_register_at(record->access.offset);
  if (info != NULL)
    text(to, "register", info->name);
}

static void add_signal(json_object *to, const struct nvt_view *view) {
  if (view->is_doorbell)
    text(to, "doorbell", view->doorbell.is_cq ? "cq_head" : "sq_tail");
  if (view->signal == NULL)
    return;
  number(to, "stands_for", view->signal->count);
  if (view->is_doorbell)
    flag(to, "valid", view->signal->valid);
}

static void add_link(void *to, enum nvt_link link, uint64_t value) {
  number(to, nvt_link_info(link)->key, value);
}

static void add_hex(json_object *to, const char *key, const uint8_t *bytes, size_t length) {
  char *hex = malloc(length * 2 + 1);
  if (hex == NULL)
    return;
  for (size_t i = 0; i < length; i++) {
    hex[2 * i] = "0123456789abcdef"[bytes[i] >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[bytes[i] & 15];
  }
  put(to, key, json_object_new_string_len(hex, (int)(length * 2)));
  free(hex);
}

static void add_digest(json_object *to, const struct nvt_record *record, bool with_data,
                       const struct nvt_known *known) {
  if (record->digest.algorithm == NVT_V_digest_algorithm_CRC32C) {
    json_object *list = json_object_new_array();
    for (uint32_t at = 0; record->tail_length - at >= sizeof(uint32_t); at += sizeof(uint32_t)) {
      uint32_t digest;
      memcpy(&digest, record->tail + at, sizeof(digest));
      json_object_array_add(list, json_object_new_int64(digest));
    }
    put(to, "digests", list);
  }
  if (with_data && known->bytes != NULL)
    add_hex(to, "data", known->bytes, record->digest.true_length);
}

static void add_tail(json_object *to, const struct nvt_record *record, bool with_data) {
  if (record->header.type == NVT_REC_META) {
    json_tokener *tokener = json_tokener_new();
    json_object *meta = NULL;
    if (tokener != NULL && record->tail_length > 0)
      meta = json_tokener_parse_ex(tokener, (const char *)record->tail, (int)record->tail_length);
    json_tokener_free(tokener);
    if (meta != NULL)
      put(to, "meta", meta);
    else
      add_quoted(to, "meta_text", record->tail, record->tail_length);
  } else if (record->header.type == NVT_REC_ANNOTATION) {
    add_quoted(to, "text", record->tail, record->tail_length);
  } else if (record->header.type == NVT_REC_DATA && with_data) {
    add_hex(to, "data", record->tail, record->tail_length);
  }
}

static void add_to_list(json_object *to, const char *key, json_object *value) {
  json_object *list;
  if (!json_object_object_get_ex(to, key, &list)) {
    list = json_object_new_array();
    put(to, key, list);
  }
  json_object_array_add(list, value);
}

/* Wireshark's names, after "nvmetap.state.". Lists, though one may have one member, are lists. */
static void add_part(void *ctx, const struct nvt_state_part *part) {
  json_object *to = ctx;
  if (part->kind == NVT_STATE_PART_GROUP)
    return;
  if (part->kind == NVT_STATE_PART_REGISTER) {
    char key[32] = "register.";
    size_t count, length = strlen(key);
    const char *name = nvt_registers(&count)[part->field].name;
    for (; *name != '\0' && length + 1 < sizeof(key); name++)
      key[length++] = (char)tolower((unsigned char)*name);
    json_object_object_add(to, key, json_object_new_uint64(part->value));
    return;
  }
  const struct nvt_state_field_info *info = nvt_state_field_info((enum nvt_state_field)part->field);
  switch ((enum nvt_state_field)part->field) {
  case NVT_STATE_COMMAND:
  case NVT_STATE_COMMAND_AGE:
  case NVT_STATE_MSIX_MASKED:
  case NVT_STATE_MSIX_PENDING:
    add_to_list(to, info->filter, json_object_new_uint64(part->value));
    break;
  default:
    if (info->format == NVT_STATE_NAME)
      text(to, info->filter, nvt_condition_name((enum nvt_condition)part->value));
    else if (info->format == NVT_STATE_FLAG)
      flag(to, info->filter, part->value != 0);
    else
      number(to, info->filter, part->value);
    break;
  }
}

static void add_state(json_object *to, const struct nvt_record *record, const struct nvt_view *view,
                      const struct nvt_session *session) {
  static struct nvt_state state; /* large; one thread dumps */
  if (!nvt_state_now(session, record, view, &state))
    return;
  json_object *all = json_object_new_object();
  nvt_state_walk(&state, add_part, all);
  put(to, "controller_state", all); /* `state` is an interrupt's */
}

static void print(FILE *to, json_object *object) {
  size_t length;
  const char *line = json_object_to_json_string_length(
      object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
  if (line != NULL)
    fwrite(line, 1, length, to);
  fputc('\n', to);
  json_object_put(object);
}

void nvt_dump_json(FILE *to, const struct nvt_record *record, const struct nvt_view *view,
                   bool with_data, const struct nvt_session *session,
                   const struct nvt_known *known) {
  json_object *object = json_object_new_object();
  if (object == NULL)
    return;
  const struct nvt_rec_header *header = &record->header;
  number(object, "record", record->number);
  number(object, "seq", header->seq);
  number(object, "time_ns", record->time_ns);
  text(object, "type", nvt_record_name(header->type));
  number(object, "controller", header->controller);
  number(object, "epoch", header->epoch);
  put(object, "qid", NULL); /* its place; known below */
  number(object, "thread", header->thread);
  number(object, "pci_address", header->pci_address);
  number(object, "flags", header->flags);
  number(object, "file_offset", record->offset);
  number(object, "length", header->length);
  number(object, "captured", record->captured);
  add_body(object, record);
  /* After the body: a body's own qid may be no queue's. */
  uint16_t qid;
  put(object, "qid", nvt_record_queue(record, view, &qid) ? json_object_new_int(qid) : NULL);
  switch (header->type) {
  case NVT_REC_COMMAND:
    add_command(object, record, view);
    break;
  case NVT_REC_COMPLETION:
    add_completion(object, record, view);
    break;
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    add_access(object, record, view);
    break;
  case NVT_REC_EVENT:
    text(object, "event_name", nvt_record_value_name("event", "event", record->event.event));
    break;
  case NVT_REC_VERDICT:
    add_quoted(object, "plugin", record->verdict.plugin,
               strnlen(record->verdict.plugin, sizeof(record->verdict.plugin)));
    break;
  default:
    break;
  }
  add_signal(object, view);
  nvt_links_of(record, view, add_link, object);
  if (view->exchange != NULL && view->exchange->victim != 0 && header->type <= NVT_REC_COMPLETION)
    text(object, "victim_outcome",
         nvt_abort_outcome_name((enum nvt_abort_outcome)view->exchange->outcome));
  if (view->seq_gap)
    number(object, "missing_before", view->missing);
  if (header->type == NVT_REC_DIGEST)
    add_digest(object, record, with_data, known);
  else
    add_tail(object, record, with_data);
  if (session != NULL)
    add_state(object, record, view, session);
  char summary[1024];
  struct nvt_text line;
  nvt_text_init(&line, summary, sizeof(summary));
  nvt_summary(&line, record, view);
  text(object, "summary", summary);
  print(to, object);
}

void nvt_dump_json_foreign(FILE *to, const struct nvt_record *record,
                           const struct nvt_reason *why) {
  json_object *object = json_object_new_object();
  if (object == NULL)
    return;
  number(object, "record", record->number);
  number(object, "time_ns", record->time_ns);
  text(object, "type", "unreadable");
  number(object, "file_offset", record->offset);
  number(object, "captured", record->captured);
  text(object, "reason", why->text);
  print(to, object);
}
