/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session on records that are well-formed but come in any order, with ids
 * and slots from a small range so that they meet. What must hold whatever comes:
 * each command ends exactly once, nothing is outstanding after the end, and the history tells of
 * each record what was told right after it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/unit/state_compare.h"
#include "trace/history.h"
#include "trace/links_of.h"
#include "trace/session.h"
#include "trace/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct count {
  uint64_t commands;
  uint64_t strays;
  uint64_t ended;
};

static void on_end(void *ctx, struct nvt_exchange *exchange) {
  struct count *count = ctx;
  if (exchange->user != NULL || exchange->end == NVT_EXCHANGE_OPEN)
    abort();
  exchange->user = count; /* a second end would see it */
  count->ended++;
}

/* Five bytes make a record: what happens, where, and with which numbers. */
static void make(const uint8_t *in, struct nvt_record *r) {
  static const uint8_t types[] = {NVT_REC_REG_WRITE,
                                  NVT_REC_REG_WRITE,
                                  NVT_REC_COMMAND,
                                  NVT_REC_COMMAND,
                                  NVT_REC_COMPLETION,
                                  NVT_REC_COMPLETION,
                                  NVT_REC_SHADOW_DOORBELL,
                                  NVT_REC_INTERRUPT,
                                  NVT_REC_QUEUE_STATE,
                                  NVT_REC_EVENT,
                                  NVT_REC_LOSS,
                                  NVT_REC_REG_READ,
                                  NVT_REC_DATA,
                                  NVT_REC_VERDICT,
                                  NVT_REC_META,
                                  NVT_REC_MSIX_WRITE};
  r->header.type = types[in[0] & 15];
  r->header.controller = in[0] >> 4 & 1;
  r->header.flags = in[0] >> 5 & 1;
  uint8_t qid = in[1] & 3;
  uint8_t slot = in[1] >> 2 & 7;
  uint8_t other = in[1] >> 5 & 3;
  switch (r->header.type) {
  case NVT_REC_REG_WRITE:
  case NVT_REC_REG_READ:
    r->access.space = 1;
    r->access.size = 4;
    r->access.value = in[2];
    r->access.offset = in[1] & 0x80 ? 0x1000u + 4u * qid + 16u * other : NVT_REG_CC;
    if (in[2] & 0x40)
      r->access.offset = NVT_REG_AQA;
    break;
  case NVT_REC_COMMAND:
    r->command.sqid = qid;
    r->command.cqid = other;
    r->command.slot = slot;
    r->command.sqe.cid = in[2] & 7;
    r->command.sqe.opcode = in[2] >> 3 & 7;
    if (qid == 0 && r->command.sqe.opcode == 7)
      r->command.sqe.opcode = NVT_ADMIN_ABORT;
    if (qid == 0 && r->command.sqe.opcode == 3)
      r->command.sqe.opcode = NVT_ADMIN_FORMAT_NVM;
    r->command.sqe.nsid = in[2] >> 6;
    r->command.sqe.cdw12 = in[3] >> 4;
    r->command.sqe.cdw10 = in[3] & 0xf3u;
    r->command.sqe.cdw10 |= (uint32_t)(in[3] & 0x0cu) << 14;
    r->command.sqe.cdw11 = (uint32_t)(in[4] & 0x0fu) << 16 | in[4] >> 4;
    break;
  case NVT_REC_COMPLETION:
    r->completion.sqid = qid;
    r->completion.cqid = other;
    r->completion.slot = slot;
    r->completion.cqe.cid = in[2] & 7;
    r->completion.cqe.status = in[2] & 0x80 ? 2 : 0;
    r->completion.head = in[3] & 7;
    break;
  case NVT_REC_SHADOW_DOORBELL:
    r->shadow.qid = qid;
    r->shadow.is_cq = other & 1;
    r->shadow.value = in[2] & 15;
    break;
  case NVT_REC_INTERRUPT:
    r->interrupt.vector = slot;
    r->interrupt.cqid = qid;
    r->interrupt.state = in[2] & 1;
    break;
  case NVT_REC_QUEUE_STATE:
    r->queue.qid = qid;
    r->queue.is_cq = other & 1;
    r->queue.queue_flags = in[2] & 7;
    r->queue.entries = in[3] & 15;
    r->queue.head = slot;
    r->queue.tail = in[4];
    break;
  case NVT_REC_EVENT:
    r->event.event = in[1] & 31;
    break;
  case NVT_REC_LOSS:
    r->loss.first_seq = in[1];
    r->loss.count = in[2];
    break;
  case NVT_REC_MSIX_WRITE:
    r->access.space = 2;
    r->access.size = 4;
    r->access.offset = in[2] * 4u;
    r->access.value = in[3];
    break;
  case NVT_REC_DATA:
    r->data.sqid = qid;
    r->data.cid = slot;
    if (other == 3) /* as a digest, which begins alike */
      r->header.type = NVT_REC_DIGEST;
    break;
  case NVT_REC_VERDICT:
    r->verdict.sqid = qid;
    r->verdict.cid = slot;
    break;
  default:
    break;
  }
}

struct taken {
  struct nvt_record record;
  struct nvt_view view;
  struct nvt_state state;
};

static void compare(struct nvt_history *history, const struct taken *taken) {
  struct nvt_state then;
  if (!nvt_history_at(history, &taken->record, &taken->view, &then) ||
      state_differs(&taken->state, &then) != NULL)
    abort();
}

/* Of the records at the end: an input may be long, and states are large. */
#define STATES 512u
/* A link leads to a record before this one, or, of what fills in, to any that there was. */
static void on_link(void *ctx, enum nvt_link link, uint64_t value) {
  if (nvt_link_info(link)->kind == NVT_LINK_KIND_RECORD && value > *(const uint64_t *)ctx)
    abort();
}

static void check_exchange(const struct nvt_exchange *exchange) {
  uint64_t number = exchange->command.record;
  if (exchange->range_previous > number || exchange->range_first > exchange->range_previous ||
      (exchange->range_first == 0) != (exchange->range_previous == 0) ||
      exchange->retry_of > number || (exchange->victim != 0 && exchange->victim >= number) ||
      exchange->outcome >= NVT_ABORT_COUNT)
    abort();
}

static void run(const uint8_t *bytes, size_t length, bool keep) {
  static struct taken taken[STATES];
  struct nvt_history *history = NULL;
  size_t states = 0;
  struct count count = {0};
  struct nvt_session_options options = {
      .keep = keep, .ranges = true, .ended = on_end, .ended_ctx = &count};
  struct nvt_session *session;
  if (nvt_session_create(&options, &session) != 0)
    abort();
  if (keep && nvt_history_create(session, &history) != 0)
    abort();
  uint64_t seq = 0;
  uint32_t epoch = 0;
  for (size_t at = 0; at + 5 <= length; at += 5) {
    struct nvt_record record;
    memset(&record, 0, sizeof(record));
    make(bytes + at, &record);
    record.number = at / 5 + 1;
    record.time_ns = at;
    epoch += bytes[at + 3] == 0xff;
    seq += bytes[at + 4] == 0xff ? 3 : 1;
    record.header.epoch = epoch;
    record.header.seq = seq;
    struct nvt_view view;
    if (nvt_session_record(session, &record, &view) != 0)
      abort();
    count.commands += record.header.type == NVT_REC_COMMAND;
    count.strays += record.header.type == NVT_REC_COMPLETION && view.exchange->command.record == 0;
    char buffer[512];
    struct nvt_text text;
    nvt_text_init(&text, buffer, sizeof(buffer));
    nvt_summary(&text, &record, &view);
    if (record.number % 5 == 0)
      nvt_session_ranges(session);
    nvt_links_of(&record, &view, on_link, &record.number);
    if (view.exchange != NULL)
      check_exchange(view.exchange);
    if (!keep)
      continue;
    struct taken *one = &taken[states++ % STATES];
    one->record = record;
    one->view = view;
    if (nvt_history_record(history, &record, &view) != 0 ||
        !nvt_state_now(session, &record, &view, &one->state))
      abort();
  }
  for (size_t i = 0; i < states && i < STATES; i++)
    compare(history, &taken[i]);
  nvt_history_destroy(history);
  nvt_session_finish(session);
  if (count.ended != count.commands + count.strays)
    abort();
  for (uint16_t id = 0; id < 2; id++) {
    const struct nvt_controller_state *state = nvt_session_controller(session, id);
    if (state != NULL && state->outstanding != 0)
      abort();
  }
  nvt_session_destroy(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  run(bytes, length, false);
  run(bytes, length, true);
  return 0;
}
