/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules on records that are well-formed but come in any order, with ids, slots and values from
 * small ranges so that they meet, or with a body of any bytes at all. What must hold whatever
 * comes: a finding is about a record that was there, not after the one that showed it; no more are
 * reported than was asked for, and none that isn't counted.
 */
#include <stdlib.h>
#include <string.h>

#include "trace/checks.h"

#define PER_RULE 5u
#define RECORD_BYTES 10u
#define RULES_MAX 256u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct run {
  struct nvt_checks *checks;
  uint64_t reported[RULES_MAX];
  bool opening;
};

static void on_found(void *ctx, const struct nvt_finding *finding) {
  struct run *run = ctx;
  if (finding->at.record == 0 || finding->at.record > finding->evidence.record ||
      finding->text[0] == '\0' || finding->rule != nvt_check_at(finding->index))
    abort();
  if (!run->opening)
    run->reported[finding->index]++;
}

static void on_ended(void *ctx, struct nvt_exchange *exchange) {
  struct run *run = ctx;
  nvt_checks_ended(run->checks, exchange);
}

static void make_access(const uint8_t *in, struct nvt_record *r) {
  static const uint32_t offsets[] = {0x00, 0x08, 0x14, 0x14, 0x1c, 0x24, 0x28, 0x30};
  r->access.space = in[1] & 3;
  r->access.size = (uint8_t)(1u << (in[1] >> 2 & 3));
  r->access.access_flags = in[1] & 0x10 ? 2 : 0;
  r->access.offset = in[2] & 0x80 ? 0x1000u + (in[2] & 15u) * 4u : offsets[in[2] & 7];
  if (r->access.space == NVT_V_access_space_MSIX_TABLE)
    r->access.offset = in[2];
  r->access.value = in[3] | (uint64_t)in[4] << 16 | (uint64_t)in[5] << 32;
}

static void make_queue_entry(const uint8_t *in, struct nvt_record *r) {
  uint16_t sqid = in[1] & 3, cqid = in[1] >> 2 & 3, slot = in[1] >> 4 & 7;
  if (r->header.type == NVT_REC_COMPLETION) {
    r->completion.sqid = sqid;
    r->completion.cqid = cqid;
    r->completion.slot = slot;
    r->completion.cqe.cid = in[2] & 7;
    r->completion.cqe.status = (uint16_t)(in[2] >> 3 & 3);
    r->completion.cqe.sqhd = in[3] & 15;
    r->completion.cqe.dw0 = in[4];
    return;
  }
  r->command.sqid = sqid;
  r->command.cqid = cqid;
  r->command.slot = slot;
  r->command.sqe.cid = in[2] & 7;
  r->command.sqe.opcode = in[2] & 0x80 ? in[3] : in[2] >> 3 & 15;
  r->command.sqe.flags = in[7];
  r->command.sqe.cdw10 = (in[4] & 15u) | (uint32_t)(in[4] >> 4) << 16;
  r->command.sqe.cdw11 = (in[5] & 15u) | (uint32_t)(in[5] >> 4) << 16;
  r->command.sqe.cdw12 = in[6];
  r->command.sqe.prp1 = (uint64_t)in[6] << 8 | (in[7] & 3);
  r->command.sqe.prp2 = (uint64_t)in[5] << 4;
}

/* Ten bytes make a record; `tail` is what a data or meta-record has behind its body. */
static void make(const uint8_t *in, const uint8_t *tail, size_t tail_length, struct nvt_record *r) {
  r->header.type = 1 + in[0] % (NVT_REC_COUNT - 1);
  r->header.controller = in[0] >> 7;
  r->header.flags = in[8] & 1;
  if ((in[8] & 0xc0) == 0xc0) {
    memset(&r->meta, in[1], sizeof(r->command));
    memcpy(&r->meta, in, RECORD_BYTES);
  }
  switch (r->header.type) {
  case NVT_REC_COMMAND:
  case NVT_REC_COMPLETION:
    make_queue_entry(in, r);
    break;
  case NVT_REC_SHADOW_DOORBELL:
    r->shadow.qid = in[1] & 3;
    r->shadow.is_cq = in[1] >> 2 & 1;
    r->shadow.value = in[2] & 15;
    break;
  case NVT_REC_INTERRUPT:
    r->interrupt.vector = in[1] & 3;
    r->interrupt.cqid = in[1] >> 2 & 3;
    r->interrupt.state = in[2] & 3;
    break;
  case NVT_REC_QUEUE_STATE:
    r->queue.qid = in[1] & 3;
    r->queue.is_cq = in[1] >> 2 & 1;
    r->queue.entries = in[2] & 15;
    r->queue.queue_flags = in[3] & 7;
    break;
  case NVT_REC_EVENT:
    r->event.event = in[1] & 31;
    break;
  case NVT_REC_LOSS:
    r->loss.count = in[1];
    break;
  case NVT_REC_VERDICT:
    memcpy(r->verdict.plugin, in, 8);
    r->verdict.verdict = in[1] & 15;
    r->verdict.tap = in[2] & 31;
    break;
  case NVT_REC_DATA:
    r->data.sqid = in[1] & 3;
    r->data.cid = in[2] & 7;
    r->data.kind = in[3] & 3;
    r->data.offset = in[4] & 1;
    break;
  case NVT_REC_DIGEST:
    r->digest.sqid = in[1] & 3;
    r->digest.cid = in[2] & 7;
    r->digest.direction = in[3] & 3;
    r->digest.algorithm = in[3] >> 2 & 3;
    r->digest.offset = in[4] & 1 ? in[5] * 256u : 0;
    r->digest.true_length = in[6] * 64u;
    r->digest.same_as = in[7];
    r->digest.unit = 256u << (in[5] & 3);
    break;
  case NVT_REC_META:
  case NVT_REC_ANNOTATION:
    break;
  default:
    make_access(in, r);
    break;
  }
  r->tail = tail;
  r->tail_length = (uint32_t)(tail_length < 600 ? tail_length : 600);
}

static void open_ones(struct run *run, const struct nvt_session *session) {
  run->opening = true;
  for (uint16_t i = 0; i < 32; i++) {
    const struct nvt_exchange *exchange =
        nvt_session_outstanding_command(session, i >> 4, i & 3, i >> 2 & 3);
    if (exchange != NULL)
      nvt_checks_open(run->checks, exchange);
  }
  run->opening = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  struct run run = {0};
  const struct nvt_session_options options = {.ended = on_ended, .ended_ctx = &run};
  const struct nvt_checks_options checks = {.found = on_found, .ctx = &run, .per_rule = PER_RULE};
  struct nvt_session *session;
  if (nvt_session_create(&options, &session) != 0 ||
      nvt_checks_create(&checks, session, &run.checks) != 0)
    abort();
  uint64_t seq = 0, time_ns = 0;
  uint32_t epoch = 0;
  for (size_t at = 0; at + RECORD_BYTES <= length; at += RECORD_BYTES) {
    const uint8_t *in = bytes + at;
    struct nvt_record record;
    struct nvt_view view;
    memset(&record, 0, sizeof(record));
    make(in, in, length - at, &record);
    epoch += in[9] == 0xff;
    seq += in[9] == 0xfe ? 3 : 1;
    time_ns += in[9] == 0xfd ? UINT64_MAX / 3 : (in[9] & 15u) * UINT64_C(30000000);
    record.number = at / RECORD_BYTES + 1;
    record.time_ns = time_ns;
    record.header.epoch = epoch;
    record.header.seq = seq;
    if (nvt_session_record(session, &record, &view) != 0 ||
        nvt_checks_record(run.checks, &record, &view) != 0)
      abort();
  }
  open_ones(&run, session);
  nvt_checks_finish(run.checks);
  nvt_session_finish(session);
  for (size_t i = 0; i < nvt_check_count(); i++) {
    uint64_t found = nvt_checks_found(run.checks, i);
    if (run.reported[i] != (found < PER_RULE ? found : PER_RULE))
      abort();
  }
  nvt_checks_destroy(run.checks);
  nvt_session_destroy(session);
  return 0;
}
