/* SPDX-License-Identifier: BSD-2-Clause */
/* Records, each made anew of the fields that may be kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit/scrub_int.h"
#include "trace/build.h"

/* ns since 1970: what a file can hold. */
#define TIME_MAX (UINT64_C(4294967296) * 1000000000u - 1)
#define OFFSET_MAX (UINT64_C(1) << 61) /* of data in a structure: sums of two don't wrap */

uint64_t nvt_scrub_time(const struct nvt_scrub *s, uint64_t time_ns) {
  if (!s->options.time)
    return time_ns;
  uint64_t from = s->first_ns, now;
  if (time_ns < from)
    return from - time_ns < NVT_SCRUB_EPOCH_NS ? NVT_SCRUB_EPOCH_NS - (from - time_ns) : 0;
  if (__builtin_add_overflow(time_ns - from, NVT_SCRUB_EPOCH_NS, &now) || now > TIME_MAX)
    return TIME_MAX;
  return now;
}

static int emit(struct nvt_scrub *s, const struct nvt_record *record, enum nvt_record_type type,
                const void *body, const void *tail, size_t tail_length) {
  struct nvt_rec_header header = record->header;
  header.flags &= NVT_V_header_flags_SNAPSHOT;
  size_t length =
      nvt_build_record(s->record, sizeof(s->record), type, &header, body, tail, tail_length);
  if (length == 0)
    return -EINVAL;
  return nvt_scrub_queue(s, nvt_scrub_time(s, record->time_ns), s->record, length);
}

/* Bytes that no version of ours gives a meaning. */
static void clear_reserved(unsigned type, uint8_t *body) {
  size_t count;
  const struct nvt_record_field *fields = nvt_record_fields(nvt_record_body_name(type), &count);
  for (size_t i = 0; i < count; i++)
    if (nvt_record_field_reserved(&fields[i]))
      memset(body + fields[i].offset, 0, fields[i].size);
}

static int annotate(struct nvt_scrub *s, const struct nvt_record *record, const char *text) {
  struct nvt_rec_annotation body = {0};
  return emit(s, record, NVT_REC_ANNOTATION, &body, text, strlen(text));
}

int nvt_scrub_unknown(struct nvt_scrub *s, const struct nvt_record *record) {
  char text[64];
  snprintf(text, sizeof(text), "(removed: a record of type %u)", record->header.type);
  nvt_scrub_add(s, NVT_SCRUB_TYPE, 1);
  return annotate(s, record, text);
}

static int meta(struct nvt_scrub *s, const struct nvt_record *record) {
  struct nvt_rec_meta body = record->meta;
  char *json;
  size_t length;
  if (s->learning) {
    int error = nvt_scrub_learn_meta(s, record);
    if (error != 0)
      return error;
  }
  int error = nvt_scrub_meta(s, record, &body, &json, &length);
  if (error == 0)
    error = emit(s, record, NVT_REC_META, &body, json, length);
  free(json);
  return error;
}

static int command(struct nvt_scrub *s, const struct nvt_record *record,
                   const struct nvt_view *view) {
  struct nvt_rec_command body = record->command;
  clear_reserved(NVT_REC_COMMAND, (uint8_t *)&body);
  int error = nvt_scrub_sqe(s, record->header.controller, view->set, &body.sqe);
  return error != 0 ? error : emit(s, record, NVT_REC_COMMAND, &body, NULL, 0);
}

static int completion(struct nvt_scrub *s, const struct nvt_record *record,
                      const struct nvt_view *view) {
  struct nvt_rec_completion body = record->completion;
  clear_reserved(NVT_REC_COMPLETION, (uint8_t *)&body);
  nvt_scrub_cqe(s, view->set, view->exchange, &body);
  int error = nvt_scrub_complete(s, view->exchange);
  return error != 0 ? error : emit(s, record, NVT_REC_COMPLETION, &body, NULL, 0);
}

/* What the payload is a structure of, if it is one of which something may be kept. */
static struct nvt_layout layout_of(const struct nvt_record *record, const struct nvt_view *view) {
  const struct nvt_rec_data *data = &record->data;
  struct nvt_layout none = {.structure = NVT_STRUCTURE_NONE};
  if (data->kind != NVT_V_data_kind_PAYLOAD || view->exchange == NULL ||
      view->exchange->command.record == 0 ||
      (data->direction != NVT_V_data_direction_IN && data->direction != NVT_V_data_direction_OUT))
    return none;
  struct nvt_layout layout =
      nvt_structure_of(view->set, &view->exchange->sqe, (enum nvt_direction)data->direction);
  const struct nvt_structure *structure = nvt_structure_info(layout.structure);
  bool far = layout.offset >= OFFSET_MAX || data->offset >= OFFSET_MAX;
  return structure == NULL || nvt_structure_private(structure) || far ? none : layout;
}

static bool is_content(const struct nvt_view *view, const struct nvt_rec_data *data) {
  if (data->kind == NVT_V_data_kind_METADATA)
    return true;
  if (view->exchange == NULL || view->set != NVT_SET_NVM)
    return false;
  uint8_t opcode = view->exchange->sqe.opcode;
  return opcode == NVT_NVM_READ || opcode == NVT_NVM_WRITE;
}

/* A Compare's outcome hangs on its content: zeroes would make another one. */
static int payload(struct nvt_scrub *s, const struct nvt_record *record,
                   const struct nvt_view *view, struct nvt_rec_data *body) {
  bool content = is_content(view, &record->data);
  nvt_scrub_add(s, content ? NVT_SCRUB_CONTENT : NVT_SCRUB_PAYLOAD, record->tail_length);
  if (s->options.data != NVT_SCRUB_ZERO || !content)
    return emit(s, record, NVT_REC_DATA, body, NULL, 0);
  uint8_t *zeroes = calloc(1, record->tail_length + 1u);
  if (zeroes == NULL)
    return -ENOMEM;
  int error = emit(s, record, NVT_REC_DATA, body, zeroes, record->tail_length);
  free(zeroes);
  return error;
}

static int data(struct nvt_scrub *s, const struct nvt_record *record, const struct nvt_view *view) {
  struct nvt_rec_data body = record->data;
  clear_reserved(NVT_REC_DATA, (uint8_t *)&body);
  if (body.kind == NVT_V_data_kind_PRP_LIST || body.kind == NVT_V_data_kind_SGL_SEGMENT) {
    s->report.lists++;
    return emit(s, record, NVT_REC_DATA, &body, record->tail, record->tail_length);
  }
  struct nvt_layout layout = layout_of(record, view);
  if (layout.structure == NVT_STRUCTURE_NONE || record->tail_length == 0)
    return payload(s, record, view, &body);
  struct nvt_rec_header header = record->header;
  header.flags &= NVT_V_header_flags_SNAPSHOT;
  size_t length = nvt_build_record(s->record, sizeof(s->record), NVT_REC_DATA, &header, &body,
                                   record->tail, record->tail_length);
  if (length == 0)
    return -EINVAL;
  return nvt_scrub_queue_data(s, record, view->exchange, layout,
                              sizeof(struct nvt_rec_header) + sizeof(body), length);
}

/* What stands in the place of data tells of it: CRCs, and which is the same as which. So data
 * comes out, where it is known: of a structure what may be kept. */
static int digest(struct nvt_scrub *s, const struct nvt_record *record,
                  const struct nvt_view *view) {
  struct nvt_record plain;
  bool list = record->digest.kind == NVT_V_data_kind_PRP_LIST ||
              record->digest.kind == NVT_V_data_kind_SGL_SEGMENT; /* a list has none */
  if (list)
    return nvt_scrub_unknown(s, record);
  if (nvt_pages_as_data(s->pages, record, &plain))
    return data(s, &plain, view);
  nvt_record_digest_as_data(record, &plain);
  clear_reserved(NVT_REC_DATA, (uint8_t *)&plain.data);
  nvt_scrub_add(s, NVT_SCRUB_PAYLOAD, record->tail_length);
  plain.tail = NULL;
  plain.tail_length = 0;
  return payload(s, &plain, view, &plain.data);
}

static int event(struct nvt_scrub *s, const struct nvt_record *record) {
  struct nvt_rec_event body = record->event;
  if (nvt_record_value_name("event", "event", body.event) == NULL) {
    body.code = 0;
    body.address = body.size = 0;
  }
  if (s->learning && body.event == NVT_V_event_event_NS_RESIZED) {
    int error =
        nvt_lba_resize(s->lbas, nvt_lba_space(record->header.controller, body.code), body.size);
    if (error != 0)
      return error;
  }
  return emit(s, record, NVT_REC_EVENT, &body, NULL, 0);
}

static int verdict(struct nvt_scrub *s, const struct nvt_record *record) {
  struct nvt_rec_verdict body = record->verdict;
  if ((s->options.keep & NVT_SCRUB_KEEP_PLUGINS) == 0 &&
      nvt_names_replace(s->names, NVT_PRIVACY_TEXT, 0, (uint8_t *)body.plugin, sizeof(body.plugin),
                        true))
    nvt_scrub_add(s, NVT_SCRUB_PLUGIN, 1);
  return emit(s, record, NVT_REC_VERDICT, &body, NULL, 0);
}

static int loss(struct nvt_scrub *s, const struct nvt_record *record) {
  struct nvt_rec_loss body = record->loss;
  clear_reserved(NVT_REC_LOSS, (uint8_t *)&body);
  body.first_ns = nvt_scrub_time(s, body.first_ns);
  body.last_ns = nvt_scrub_time(s, body.last_ns);
  return emit(s, record, NVT_REC_LOSS, &body, NULL, 0);
}

static int as_it_is(struct nvt_scrub *s, const struct nvt_record *record,
                    const struct nvt_view *view) {
  union {
    uint8_t bytes[128];
    struct nvt_rec_access access;
  } body;
  unsigned type = record->header.type;
  memcpy(body.bytes, &record->meta, nvt_record_body_size(type));
  clear_reserved(type, body.bytes);
  if (strcmp(nvt_record_body_name(type), "access") == 0)
    nvt_scrub_access(s, view, record->header.controller, &body.access);
  return emit(s, record, (enum nvt_record_type)type, &body, NULL, 0);
}

int nvt_scrub_make(struct nvt_scrub *s, const struct nvt_record *record,
                   const struct nvt_view *view) {
  switch (record->header.type) {
  case NVT_REC_META:
    return meta(s, record);
  case NVT_REC_COMMAND:
    return command(s, record, view);
  case NVT_REC_COMPLETION:
    return completion(s, record, view);
  case NVT_REC_DATA:
    return data(s, record, view);
  case NVT_REC_DIGEST:
    return digest(s, record, view);
  case NVT_REC_EVENT:
    return event(s, record);
  case NVT_REC_VERDICT:
    return verdict(s, record);
  case NVT_REC_LOSS:
    return loss(s, record);
  case NVT_REC_ANNOTATION:
    nvt_scrub_add(s, NVT_SCRUB_TEXT, 1);
    return annotate(s, record, "(removed)");
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_EVENT_INDEX:
  case NVT_REC_INTERRUPT:
  case NVT_REC_QUEUE_STATE:
    return as_it_is(s, record, view);
  default:
    return nvt_scrub_unknown(s, record);
  }
}
