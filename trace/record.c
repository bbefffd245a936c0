/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/record.h"

#include <string.h>

struct row {
  const char *title;
  const char *body;
  uint8_t body_size;
};

static const struct row rows[NVT_REC_COUNT] = {
#define NVT_RECORD(value, id, name, size, title) [value] = {(title), #name, (size)},
#include "trace/record.def"
};

static char names[NVT_REC_COUNT][20] = {
#define NVT_RECORD(value, id, name, size, title) [value] = #id,
#include "trace/record.def"
};

/* The preprocessor can't fold case; done before any thread starts. */
__attribute__((constructor)) static void fold_names(void) {
  for (size_t i = 0; i < NVT_REC_COUNT; i++)
    for (char *c = names[i]; *c != '\0'; c++)
      if (*c >= 'A' && *c <= 'Z')
        *c = (char)(*c - 'A' + 'a');
}

const char *nvt_record_name(unsigned type) {
  return type < NVT_REC_COUNT && rows[type].title != NULL ? names[type] : NULL;
}

const char *nvt_record_title(unsigned type) {
  return type < NVT_REC_COUNT ? rows[type].title : NULL;
}

const char *nvt_record_body_name(unsigned type) {
  return type < NVT_REC_COUNT ? rows[type].body : NULL;
}

size_t nvt_record_body_size(unsigned type) {
  return type < NVT_REC_COUNT ? rows[type].body_size : 0;
}

static enum nvt_parse tail_of(const struct nvt_record *record, uint32_t *declared) {
  *declared = 0;
  switch (record->header.type) {
  case NVT_REC_META:
    *declared = record->meta.json_length;
    break;
  case NVT_REC_ANNOTATION:
    *declared = record->annotation.text_length;
    break;
  case NVT_REC_DATA:
    *declared = record->data.captured_length;
    if (record->data.captured_length > record->data.true_length)
      return NVT_PARSE_BAD_LENGTH;
    break;
  case NVT_REC_DIGEST:
    *declared = record->digest.digest_length;
    if (record->digest.true_length > NVT_DIGEST_BYTES_MAX)
      return NVT_PARSE_BAD_LENGTH;
    break;
  default:
    break;
  }
  return NVT_PARSE_OK;
}

enum nvt_parse nvt_record_parse(const void *bytes, size_t captured, struct nvt_record *out) {
  const uint8_t *at = bytes;
  struct nvt_rec_header *header = &out->header;
  out->tail = NULL;
  out->tail_length = 0;
  out->captured = captured < UINT32_MAX ? (uint32_t)captured : UINT32_MAX;
  if (captured < sizeof(*header)) {
    memset(header, 0, sizeof(*header));
    if (captured > 0)
      memcpy(header, at, captured);
    return captured >= sizeof(header->magic) && header->magic == NVT_RECORD_MAGIC
               ? NVT_PARSE_SHORT
               : NVT_PARSE_NOT_OURS;
  }
  memcpy(header, at, sizeof(*header));
  if (header->magic != NVT_RECORD_MAGIC)
    return NVT_PARSE_NOT_OURS;
  if (header->version != NVT_RECORD_VERSION)
    return NVT_PARSE_VERSION;
  if (header->header_length < sizeof(*header) || header->header_length % 8 != 0 ||
      header->length < header->header_length || header->length > NVT_RECORD_MAX ||
      header->length % 8 != 0 || captured > header->length)
    return NVT_PARSE_BAD_LENGTH;
  size_t body = nvt_record_body_size(header->type);
  if (body == 0)
    return NVT_PARSE_UNKNOWN_TYPE;
  size_t fixed = header->header_length + body;
  if (header->length < fixed)
    return NVT_PARSE_BAD_LENGTH;
  if (captured < fixed)
    return NVT_PARSE_SHORT;
  memcpy((uint8_t *)out + offsetof(struct nvt_record, meta), at + header->header_length, body);
  uint32_t declared;
  enum nvt_parse result = tail_of(out, &declared);
  if (result != NVT_PARSE_OK)
    return result;
  if (declared > header->length - fixed)
    return NVT_PARSE_BAD_LENGTH;
  if (declared > 0 && captured > fixed) {
    size_t present = captured - fixed;
    out->tail = at + fixed;
    out->tail_length = present < declared ? (uint32_t)present : declared;
  }
  return NVT_PARSE_OK;
}

void nvt_record_digest_as_data(const struct nvt_record *digest, struct nvt_record *data) {
  const struct nvt_rec_digest body = digest->digest;
  *data = *digest;
  data->header.type = NVT_REC_DATA;
  data->data = (struct nvt_rec_data){.sqid = body.sqid,
                                     .cid = body.cid,
                                     .kind = body.kind,
                                     .direction = body.direction,
                                     .address = body.address,
                                     .offset = body.offset,
                                     .true_length = body.true_length};
  data->tail = NULL;
  data->tail_length = 0;
}

uint32_t nvt_record_rest(const struct nvt_record *record, const uint8_t *bytes, uint32_t *at,
                         bool *unknown) {
  size_t body = nvt_record_body_size(record->header.type);
  *at = record->header.header_length + (uint32_t)body + record->tail_length;
  if (*at >= record->captured)
    return 0;
  uint32_t length = record->captured - *at;
  *unknown = length >= 8;
  for (uint32_t i = 0; i < length; i++)
    *unknown = *unknown || bytes[*at + i] != 0;
  return length;
}

const char *nvt_parse_reason(enum nvt_parse parse) {
  switch (parse) {
  case NVT_PARSE_OK:
    return "a whole record";
  case NVT_PARSE_NOT_OURS:
    return "not an nvmetap record: it doesn't start with the magic number";
  case NVT_PARSE_VERSION:
    return "a record of a format version that this program doesn't know";
  case NVT_PARSE_UNKNOWN_TYPE:
    return "a record of a type that this program doesn't know";
  case NVT_PARSE_SHORT:
    return "the capture ends inside the record's header or fixed body";
  case NVT_PARSE_BAD_LENGTH:
    return "the record's length fields contradict each other";
  }
  return "unknown";
}

bool nvt_access_touches(const struct nvt_rec_access *access, uint32_t offset, uint32_t size) {
  return access->space == NVT_V_access_space_BAR0 && access->offset < offset + size &&
         access->size <= 8 && access->offset + access->size > offset;
}

bool nvt_event_has_queue(unsigned event) {
  return event == NVT_V_event_event_DMA_FAULT || event == NVT_V_event_event_DOORBELL_FAULT;
}

bool nvt_record_left_out(const struct nvt_record *record) {
  return record->header.type == NVT_REC_LOSS && record->loss.reason == NVT_V_loss_reason_LEFT_OUT;
}

bool nvt_event_breaks(unsigned event) {
  switch (event) {
  case NVT_V_event_event_DETACH:
  case NVT_V_event_event_MIGRATE_IN:
  case NVT_V_event_event_MIGRATE_OUT:
  case NVT_V_event_event_REMOVED:
  case NVT_V_event_event_RETURNED:
  case NVT_V_event_event_TRACE_STOPPED:
  case NVT_V_event_event_RECOVERED:
    return true;
  default:
    return false;
  }
}
