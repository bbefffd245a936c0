/* SPDX-License-Identifier: BSD-2-Clause */
/* A scrubber whose records are kept, and records to put into it. */
#ifndef NVT_TESTS_SCRUB_STAGE_H
#define NVT_TESTS_SCRUB_STAGE_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edit/scrub.h"
#include "nvme/identity.h"
#include "trace/build.h"
#include "trace/meta.h"

#define STAGE_NS UINT64_C(1700000000000000000)
#define SERIAL "S4EVNX0R123456"
#define MODEL "Prototype Of Somebody"
#define FIRMWARE "1B2QEXM7"
#define IN NVT_V_data_direction_IN
#define OUT NVT_V_data_direction_OUT

struct stage {
  struct nvt_scrub *scrub;
  bool learning;
  uint64_t seq;
  uint64_t time_ns;
  uint8_t *bytes; /* records that came out, one after another */
  size_t length;
  size_t room;
  size_t offsets[4096];
  uint64_t times[4096];
  size_t count;
};

static int stage_put(void *ctx, uint64_t time_ns, const void *record, size_t length) {
  struct stage *st = ctx;
  assert(st->count < sizeof(st->offsets) / sizeof(st->offsets[0]));
  if (st->room - st->length < length) {
    st->room = st->room * 2 + NVT_RECORD_MAX;
    st->bytes = realloc(st->bytes, st->room);
    assert(st->bytes != NULL);
  }
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

static inline void stage_ok(int error) {
  assert(error == 0);
}

/* --- a controller and what it says --- */

static inline struct nvt_sqe io(uint8_t opcode, uint16_t cid) {
  return (struct nvt_sqe){.opcode = opcode, .cid = cid, .nsid = 1, .cdw10 = 100, .cdw12 = 7};
}

static inline struct nvt_meta meta(void) {
  struct nvt_meta m = {.format = 1, .mdts = 5};
  strcpy(m.serial, SERIAL);
  strcpy(m.model, MODEL);
  strcpy(m.firmware, FIRMWARE);
  strcpy(m.host, "Linux secret-host");
  strcpy(m.recorder, "acme recorder at /home/somebody");
  strcpy(m.filter, "lba=12345");
  strcpy(m.profile, "mdts-128k");
  strcpy(m.doorbells, "trap");
  strcpy(m.data, "full");
  strcpy(m.clock, "vdso");
  strcpy(m.started, "2026-01-31T12:00:00.123456789Z");
  return m;
}

static inline void put_text(uint8_t *to, size_t size, const char *text) {
  memset(to, ' ', size);
  memcpy(to, text, strlen(text));
}

/* Identify Controller as the controller of meta() has it. */
static inline void identify(uint8_t id[static 4096]) {
  uint8_t uuid[NVT_UUID_BYTES];
  char nqn[NVT_UUID_NQN_CHARS + 1];
  memset(id, 0, 4096);
  put_text(id + 4, 20, SERIAL);
  put_text(id + 24, 40, MODEL);
  put_text(id + 64, 8, FIRMWARE);
  id[77] = 5;
  nvt_identity_uuid(SERIAL, uuid);
  nvt_identity_nqn(uuid, nqn);
  memcpy(id + 768, nqn, NVT_UUID_NQN_CHARS);
  memset(id + 3072, 'V', 1024);
  memset(id + 140, 'r', 20); /* reserved */
}

static inline struct nvt_sqe identify_command(uint16_t cid) {
  return (struct nvt_sqe){.opcode = NVT_ADMIN_IDENTIFY, .cid = cid, .cdw10 = NVT_CNS_CONTROLLER};
}

/* Sends `length` bytes of data, cut after `cut` (0: not), with `sqe`; what comes out of them. */
static inline size_t transfer(struct stage *st, struct nvt_sqe sqe, uint8_t direction,
                              const uint8_t *bytes, size_t length, size_t cut, uint8_t *out) {
  size_t first = st->count, done = 0;
  stage_ok(stage_command(st, 0, sqe));
  size_t head = cut != 0 && cut < length ? cut : length;
  stage_ok(stage_data(st, 0, sqe.cid, direction, 0, bytes, head));
  if (head < length)
    stage_ok(stage_data(st, 0, sqe.cid, direction, head, bytes + head, length - head));
  stage_ok(stage_completion(st, 0, sqe));
  for (size_t i = first; i < st->count; i++) {
    struct nvt_record record = stage_out(st, i);
    if (record.header.type != NVT_REC_DATA || record.tail_length == 0)
      continue;
    memcpy(out + done, record.tail, record.tail_length);
    done += record.tail_length;
  }
  return done;
}

static inline bool has(const void *bytes, size_t length, const void *what, size_t size) {
  return memmem(bytes, length, what, size) != NULL;
}

static uint64_t random_state = 1;
static inline uint8_t random_byte(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint8_t)(random_state >> 33);
}

/* Bytes of all values, then some with small ones, so that counters and cases lead somewhere. */
static inline void random_bytes(uint8_t *bytes, size_t length, unsigned round) {
  for (size_t i = 0; i < length; i++) {
    uint8_t byte = random_byte();
    bytes[i] = round == 0 ? byte : (i & 1) != 0 && i < 64 ? 0 : i < 64 ? byte % 12 : byte;
  }
}

#endif
