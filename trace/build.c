/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/build.h"

#include <string.h>

static bool has_tail(enum nvt_record_type type) {
  return type == NVT_REC_META || type == NVT_REC_DATA || type == NVT_REC_ANNOTATION ||
         type == NVT_REC_DIGEST;
}

size_t nvt_build_size(enum nvt_record_type type, size_t tail_length) {
  size_t body = nvt_record_body_size(type);
  if (body == 0 || (tail_length > 0 && !has_tail(type)))
    return 0;
  size_t fixed = sizeof(struct nvt_rec_header) + body;
  if (tail_length > NVT_RECORD_MAX - fixed)
    return 0;
  return (fixed + tail_length + 7) & ~(size_t)7;
}

size_t nvt_build_record(void *buffer, size_t size, enum nvt_record_type type,
                        const struct nvt_rec_header *base, const void *body, const void *tail,
                        size_t tail_length) {
  size_t length = nvt_build_size(type, tail_length);
  if (length == 0 || length > size)
    return 0;
  struct nvt_rec_header header = *base;
  header.magic = NVT_RECORD_MAGIC;
  header.version = NVT_RECORD_VERSION;
  header.type = (uint8_t)type;
  header.header_length = sizeof(header);
  header.length = (uint32_t)length;
  uint8_t *at = buffer;
  size_t body_size = nvt_record_body_size(type);
  size_t fixed = sizeof(header) + body_size;
  memcpy(at, &header, sizeof(header));
  memcpy(at + sizeof(header), body, body_size);
  uint32_t declared = (uint32_t)tail_length;
  size_t where = 0;
  if (type == NVT_REC_META)
    where = offsetof(struct nvt_rec_meta, json_length);
  else if (type == NVT_REC_DATA)
    where = offsetof(struct nvt_rec_data, captured_length);
  else if (type == NVT_REC_DIGEST)
    where = offsetof(struct nvt_rec_digest, digest_length);
  else if (type == NVT_REC_ANNOTATION)
    where = offsetof(struct nvt_rec_annotation, text_length);
  if (has_tail(type))
    memcpy(at + sizeof(header) + where, &declared, sizeof(declared));
  if (tail_length > 0)
    memcpy(at + fixed, tail, tail_length);
  memset(at + fixed + tail_length, 0, length - fixed - tail_length);
  return length;
}
