/* SPDX-License-Identifier: BSD-2-Clause */
/* A scrubber whose records are kept, and records to put into it. */
#ifndef NVT_TESTS_SCRUB_STAGE_H
#define NVT_TESTS_SCRUB_STAGE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit/scrub.h"
#include "trace/build.h"
#include "trace/meta.h"

#define STAGE_NS UINT64_C(1700000000000000000)

struct stage {
  struct nvt_scrub *scrub;
  bool learning;
  uint64_t seq;
  uint64_t time_ns;
  uint8_t *bytes; /* records that came out, one after another */
  size_t length;
  size_t offsets[4096];
  uint64_t times[4096];
  size_t count;
};

static int stage_put(void *ctx, uint64_t time_ns, const void *record, size_t length) {
  struct stage *st = ctx;
  assert(st->count < sizeof(st->offsets) / sizeof(st->offsets[0]));
  st->bytes = realloc(st->bytes, st->length + length);
  assert(st->bytes != NULL);
  memcpy(st->bytes + st->length, record, length);
  st->times[st->count] = time_ns;
  st->offsets[st->count++] = st->length;
  st->length += length;
  return 0;
}

/* Options whose key is missing get one. */
static inline void stage_open(struct stage *st, struct nvt_scrub_options options) {
  memset(st, 0, sizeof(*st));
  if (options.key == NULL) {
    options.key = (const uint8_t *)"a key";
    options.key_length = 5;
  }
  st->time_ns = STAGE_NS;
  st->learning = options.lba;
  int error = nvt_scrub_create(&options, stage_put, st, &st->scrub);
  assert(error == 0);
}

static inline void stage_close(struct stage *st) {
  nvt_scrub_destroy(st->scrub);
  free(st->bytes);
}

/* A record that came out; its tail lies in the stage's bytes. */
static inline struct nvt_record stage_out(const struct stage *st, size_t i) {
  struct nvt_record record = {.number = i + 1, .time_ns = st->times[i]};
  assert(i < st->count);
  size_t end = i + 1 < st->count ? st->offsets[i + 1] : st->length;
  enum nvt_parse parse =
      nvt_record_parse(st->bytes + st->offsets[i], end - st->offsets[i], &record);
  assert(parse == NVT_PARSE_OK);
  return record;
}

/* A record goes in, of which `captured` bytes are there (0: all). */
static inline int stage_frame(struct stage *st, const uint8_t *bytes, size_t captured) {
  struct nvt_record record = {.number = st->seq, .time_ns = st->time_ns};
  st->time_ns += 1000;
  enum nvt_parse parse = nvt_record_parse(bytes, captured, &record);
  if (parse != NVT_PARSE_OK)
    return st->learning ? 0 : nvt_scrub_frame(st->scrub, &record, parse);
  return st->learning ? nvt_scrub_learn(st->scrub, &record) : nvt_scrub_record(st->scrub, &record);
}

static inline int stage_in(struct stage *st, uint16_t controller, enum nvt_record_type type,
                           const void *body, const void *tail, size_t tail_length) {
  static uint8_t buffer[NVT_RECORD_MAX];
  struct nvt_rec_header header = {.controller = controller, .seq = st->seq++};
  size_t length = nvt_build_record(buffer, sizeof(buffer), type, &header, body, tail, tail_length);
  assert(length > 0);
  return stage_frame(st, buffer, length);
}

static inline int stage_meta(struct stage *st, uint16_t controller, const struct nvt_meta *meta) {
  struct nvt_rec_meta body = {.data_mode = NVT_V_meta_data_mode_FULL};
  char *json;
  size_t length;
  int error = nvt_meta_build(meta, &json, &length);
  assert(error == 0);
  error = stage_in(st, controller, NVT_REC_META, &body, json, length);
  free(json);
  return error;
}

static inline int stage_command(struct stage *st, uint16_t sqid, struct nvt_sqe sqe) {
  struct nvt_rec_command body = {.sqid = sqid, .sqe = sqe};
  return stage_in(st, 0, NVT_REC_COMMAND, &body, NULL, 0);
}

static inline int stage_data(struct stage *st, uint16_t sqid, uint16_t cid, uint8_t direction,
                             uint64_t offset, const void *bytes, size_t length) {
  struct nvt_rec_data body = {.sqid = sqid,
                              .cid = cid,
                              .direction = direction,
                              .offset = offset,
                              .true_length = (uint32_t)length};
  return stage_in(st, 0, NVT_REC_DATA, &body, bytes, length);
}

static inline int stage_completion(struct stage *st, uint16_t sqid, struct nvt_sqe sqe) {
  struct nvt_rec_completion body = {
      .sqid = sqid, .opcode = sqe.opcode, .cqe = {.sqid = sqid, .cid = sqe.cid, .status = 1}};
  return stage_in(st, 0, NVT_REC_COMPLETION, &body, NULL, 0);
}

#endif
