/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/state.h"

#include <string.h>

static struct nvt_record_queues one(uint16_t qid, bool is_cq) {
  return (struct nvt_record_queues){.sq = !is_cq, .cq = is_cq, .sqid = qid, .cqid = qid};
}

static struct nvt_record_queues pair(uint16_t sqid, uint16_t cqid) {
  return (struct nvt_record_queues){.sq = true, .cq = true, .sqid = sqid, .cqid = cqid};
}

static struct nvt_record_queues with_its_cq(uint16_t sqid) {
  return (struct nvt_record_queues){.sq = true, .cq = true, .cq_of_sq = true, .sqid = sqid};
}

struct nvt_record_queues nvt_record_queues(const struct nvt_record *record,
                                           const struct nvt_view *view) {
  switch (record->header.type) {
  case NVT_REC_COMMAND:
    return pair(record->command.sqid, record->command.cqid);
  case NVT_REC_COMPLETION:
    return pair(record->completion.sqid, record->completion.cqid);
  case NVT_REC_DIGEST:
    return with_its_cq(record->digest.sqid);
  case NVT_REC_DATA:
    return with_its_cq(record->data.sqid);
  case NVT_REC_VERDICT:
    if (record->verdict.cid == UINT16_MAX) /* about no command */
      break;
    return with_its_cq(record->verdict.sqid);
  case NVT_REC_INTERRUPT:
    return one(record->interrupt.cqid, true);
  case NVT_REC_QUEUE_STATE:
    return one(record->queue.qid, record->queue.is_cq != 0);
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_EVENT_INDEX:
    return one(record->shadow.qid, record->shadow.is_cq != 0);
  default:
    if (view->is_doorbell)
      return one(view->doorbell.qid, view->doorbell.is_cq);
    break;
  }
  return (struct nvt_record_queues){0};
}

struct nvt_state_command nvt_state_command(const struct nvt_exchange *exchange, uint64_t time_ns) {
  const struct nvt_moment *fetch = &exchange->command;
  return (struct nvt_state_command){.record = fetch->record,
                                    .age_ns =
                                        time_ns > fetch->time_ns ? time_ns - fetch->time_ns : 0,
                                    .sqid = exchange->sqid,
                                    .cid = exchange->cid,
                                    .set = exchange->set,
                                    .code = nvt_exchange_code(exchange)};
}

static bool find_queue(const struct nvt_session *session, uint16_t controller, uint16_t qid,
                       bool is_cq, struct nvt_queue_view *out) {
  struct nvt_doorbell_id id = {.qid = qid, .is_cq = is_cq};
  const struct nvt_queue_view *view = nvt_session_queue(session, controller, id);
  if (view != NULL)
    *out = *view;
  return view != NULL;
}

bool nvt_state_now(const struct nvt_session *session, const struct nvt_record *record,
                   const struct nvt_view *view, struct nvt_state *out) {
  uint16_t controller = record->header.controller;
  const struct nvt_controller_state *state = nvt_session_controller(session, controller);
  if (state == NULL)
    return false;
  memset(out, 0, offsetof(struct nvt_state, commands));
  out->condition = state->condition;
  out->outstanding = state->outstanding;
  out->queues = state->queues;
  const struct nvt_register_image *image = nvt_session_registers(session, controller);
  for (unsigned row = 0; row < NVT_REGISTER_ROWS; row++) {
    uint64_t value;
    out->known[row] = nvt_image_value(image, (enum nvt_register_row)row, &value);
    out->registers[row] = out->known[row] ? value : 0;
  }
  struct nvt_record_queues queues = nvt_record_queues(record, view);
  out->has_sq = queues.sq && find_queue(session, controller, queues.sqid, false, &out->sq);
  if (queues.cq_of_sq && out->has_sq)
    queues.cqid = out->sq.cqid;
  if (queues.cq && (!queues.cq_of_sq || out->has_sq))
    out->has_cq = find_queue(session, controller, queues.cqid, true, &out->cq);
  const struct nvt_msix *msix = nvt_session_msix(session, controller);
  out->has_msix = msix != NULL;
  if (msix != NULL)
    out->msix = *msix;
  const struct nvt_exchange *open[NVT_STATE_COMMANDS];
  out->shown =
      (uint32_t)nvt_session_outstanding_commands(session, controller, open, NVT_STATE_COMMANDS);
  for (uint32_t i = 0; i < out->shown; i++)
    out->commands[i] = nvt_state_command(open[i], record->time_ns);
  return true;
}
