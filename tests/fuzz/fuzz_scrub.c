/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scrubbing of records that come in any order, with data in pieces that overlap, repeat and leave
 * holes, and of frames of any bytes. A secret stands in everything that may not be told: contents,
 * Identify's strings, annotations, plug-ins' names. Whatever comes, it doesn't come out; and there
 * come out as many records as went in, in their order.
 */
#include <stdlib.h>
#include <string.h>

#include "edit/scrub.h"
#include "trace/build.h"

#define OP_BYTES 8u
/* Of which no record made here has 8 bytes otherwise. */
#define SECRET "\x9e\x37\x79\xb9\x7f\x4a\x7c\x15"
#define SECRET_BYTES 8u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct run {
  struct nvt_scrub *scrub;
  bool learning;
  uint64_t in;  /* records that have to come out */
  uint64_t out; /* those that did */
  uint64_t seq;
  uint64_t time_ns;
};

static uint8_t image[4096]; /* Identify Controller, with secrets in its strings */

static void fill(uint8_t *to, size_t length) {
  for (size_t i = 0; i < length; i++)
    to[i] = (uint8_t)SECRET[i % SECRET_BYTES];
}

static int put(void *ctx, uint64_t time_ns, const void *bytes, size_t length) {
  struct run *run = ctx;
  struct nvt_record record;
  (void)time_ns;
  if (run->learning || nvt_record_parse(bytes, length, &record) != NVT_PARSE_OK ||
      record.header.seq != run->out || memmem(bytes, length, SECRET, SECRET_BYTES) != NULL)
    abort();
  run->out++;
  return 0;
}

static void frame(struct run *run, const uint8_t *bytes, size_t length, bool ours) {
  struct nvt_record record = {.number = run->seq, .time_ns = run->time_ns};
  enum nvt_parse parse = nvt_record_parse(bytes, length, &record);
  if (ours && parse != NVT_PARSE_OK)
    abort();
  if (!ours && (parse == NVT_PARSE_OK || parse == NVT_PARSE_UNKNOWN_TYPE))
    return; /* that would be one of ours */
  int error = 0;
  if (parse == NVT_PARSE_OK)
    error = run->learning ? nvt_scrub_learn(run->scrub, &record)
                          : nvt_scrub_record(run->scrub, &record);
  else if (!run->learning)
    error = nvt_scrub_frame(run->scrub, &record, parse);
  if (error != 0)
    abort();
}

static void send(struct run *run, enum nvt_record_type type, const void *body, const void *tail,
                 size_t tail_length) {
  static uint8_t buffer[NVT_RECORD_MAX];
  struct nvt_rec_header header = {.seq = run->seq++};
  size_t length = nvt_build_record(buffer, sizeof(buffer), type, &header, body, tail, tail_length);
  if (length == 0)
    abort();
  run->in++;
  frame(run, buffer, length, true);
}

static void send_command(struct run *run, const uint8_t *op) {
  static const uint8_t io[] = {NVT_NVM_READ, NVT_NVM_WRITE, NVT_NVM_COMPARE, NVT_NVM_WRITE_ZEROES};
  struct nvt_rec_command body = {.sqid = op[1] & 3, .sqe = {.cid = op[1] >> 2 & 3, .nsid = 1}};
  struct nvt_sqe *sqe = &body.sqe;
  if (body.sqid == 0) { /* data there is of Identify Controller */
    sqe->opcode = NVT_ADMIN_IDENTIFY;
    sqe->cdw10 = NVT_CNS_CONTROLLER;
  } else if (body.sqid == 1) {
    sqe->opcode = io[op[2] & 3];
    memcpy(&sqe->cdw10, op + 3, 2);
    sqe->cdw11 = op[6] == 0xff ? UINT32_MAX : 0;
    sqe->cdw10 |= op[6] == 0xff ? 0xffff0000u : 0;
    sqe->cdw12 = op[5];
    sqe->cdw14 = op[7];
  } else {
    sqe->opcode = NVT_NVM_DATASET_MANAGEMENT;
    sqe->cdw10 = op[2] & 3;
  }
  send(run, NVT_REC_COMMAND, &body, NULL, 0);
}

static void send_data(struct run *run, const uint8_t *op) {
  static uint8_t secrets[4096];
  struct nvt_rec_data body = {.sqid = op[1] & 3, .cid = op[1] >> 2 & 3};
  fill(secrets, sizeof(secrets));
  uint32_t from = op[3] | (op[4] & 0xfu) << 8, count = op[5] | (op[6] & 0xfu) << 8;
  if (count > 4096 - from)
    count = 4096 - from;
  const uint8_t *tail = body.sqid == 0 ? image + from : secrets;
  uint8_t ranges[64] = {[8] = op[6], [24] = op[5], [40] = op[4], [4] = op[2], [20] = op[7]};
  if (body.sqid > 1) { /* Dataset Management's ranges are kept */
    tail = ranges;
    count = count % 65;
    from = 0;
  }
  body.kind = (op[1] >> 4 & 3) == 3 ? NVT_V_data_kind_METADATA : NVT_V_data_kind_PAYLOAD;
  if (body.sqid > 1 && body.kind == NVT_V_data_kind_METADATA)
    tail = secrets;
  body.direction = (op[1] & 0x40) != 0 ? NVT_V_data_direction_OUT : NVT_V_data_direction_IN;
  body.offset = (op[1] & 0x80) != 0 && body.sqid != 0 ? UINT64_MAX - op[7] : from;
  body.true_length = count + op[7];
  send(run, NVT_REC_DATA, &body, tail, count);
}

static void send_other(struct run *run, const uint8_t *op) {
  static uint8_t secrets[64];
  struct nvt_rec_annotation note = {0};
  struct nvt_rec_verdict verdict = {.sqid = op[1] & 3, .cid = op[2] & 3, .verdict = op[3] & 7};
  struct nvt_rec_event event = {.event = op[1] & 31, .code = 1, .size = op[2]};
  fill(secrets, sizeof(secrets));
  switch (op[4] & 3) {
  case 0:
    send(run, NVT_REC_ANNOTATION, &note, secrets, op[1] & 63);
    break;
  case 1:
    memcpy(verdict.plugin, secrets, sizeof(verdict.plugin));
    send(run, NVT_REC_VERDICT, &verdict, NULL, 0);
    break;
  case 2:
    send(run, NVT_REC_EVENT, &event, NULL, 0);
    break;
  default:
    run->time_ns += (uint64_t)op[5] << (op[6] & 63);
    break;
  }
}

static void send_completion(struct run *run, const uint8_t *op) {
  struct nvt_rec_completion body = {.sqid = op[1] & 3, .cqe = {.status = op[2]}};
  body.cqe.sqid = body.sqid;
  body.cqe.cid = op[1] >> 2 & 3;
  send(run, NVT_REC_COMPLETION, &body, NULL, 0);
}

static void send_all(struct run *run, const uint8_t *bytes, size_t length) {
  static const char json[] = "{\"serial\":\"" SECRET "\",\"host\":\"" SECRET
                             "\",\"namespaces\":[{\"nsid\":1,\"blocks\":60000,\"block_size\":512,"
                             "\"backend\":\"file:" SECRET "\"}]}";
  struct nvt_rec_meta meta = {.data_mode = NVT_V_meta_data_mode_FULL};
  run->seq = 0;
  run->time_ns = 1;
  send(run, NVT_REC_META, &meta, json, sizeof(json) - 1);
  for (size_t at = 0; at + OP_BYTES <= length; at += OP_BYTES) {
    const uint8_t *op = bytes + at;
    switch (op[0] & 7) {
    case 0:
    case 1:
      send_command(run, op);
      break;
    case 2:
    case 3:
      send_completion(run, op);
      break;
    case 4:
      send_other(run, op);
      break;
    case 5: /* nobody's frame */
      frame(run, op, op[7] < length - at ? op[7] : length - at, false);
      break;
    default:
      send_data(run, op);
      break;
    }
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  if (length == 0)
    return 0;
  const struct nvt_scrub_options options = {.key = (const uint8_t *)"key",
                                            .key_length = 3,
                                            .data = (bytes[0] & 1) != 0 ? NVT_SCRUB_ZERO
                                                                        : NVT_SCRUB_DROP,
                                            .lba = (bytes[0] & 2) != 0,
                                            .time = (bytes[0] & 4) != 0};
  struct run run = {.learning = options.lba};
  fill(image + 4, 68);
  fill(image + 112, 16);
  fill(image + 768, 256);
  fill(image + 3072, 1024);
  if (nvt_scrub_create(&options, put, &run, &run.scrub) != 0)
    abort();
  if (options.lba) {
    send_all(&run, bytes + 1, length - 1);
    if (nvt_scrub_learned(run.scrub) != 0)
      abort();
    run.learning = false;
    run.in = 0;
  }
  send_all(&run, bytes + 1, length - 1);
  if (nvt_scrub_finish(run.scrub) != 0)
    abort();
  const struct nvt_scrub_report *report = nvt_scrub_report(run.scrub);
  if (run.out != run.in || report->written != run.out)
    abort();
  nvt_scrub_destroy(run.scrub);
  return 0;
}
