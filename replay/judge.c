/* SPDX-License-Identifier: BSD-2-Clause */
/* Which records and answers are compared, where a window or a filter was asked for. */
#include <string.h>

#include "nvme/names.h"
#include "replay/engine_int.h"

static void of_command(const struct nvt_replay_command *command, struct nvt_subject *out) {
  const struct nvt_rec_command *recorded = &command->command;
  *out = (struct nvt_subject){
      .has_queue = true,
      .is_command = true,
      .has_nsid = true,
      .queue = recorded->sqid,
      .nsid = recorded->sqe.nsid,
      .set = command->set,
      .code = nvt_command_code((enum nvt_opcode_set)command->set, &recorded->sqe),
  };
}

/* Of a command that isn't known. */
static void of_completion(const struct nvt_rec_completion *completion, struct nvt_subject *out) {
  *out = (struct nvt_subject){
      .has_queue = true,
      .is_command = true,
      .queue = completion->cqe.sqid,
      .set = (uint8_t)nvt_set_of(completion->cqe.sqid, completion->opcode, NVT_SET_NVM),
      .code = completion->opcode,
  };
}

static void of_queue(uint16_t qid, struct nvt_subject *out) {
  *out = (struct nvt_subject){.has_queue = true, .queue = qid};
}

static void of_item(struct nvt_engine *e, const struct nvt_feed_item *item,
                    struct nvt_subject *out) {
  const struct nvt_record *record = &item->record;
  struct nvt_doorbell_id doorbell;
  *out = (struct nvt_subject){0};
  switch (record->header.type) {
  case NVT_REC_COMMAND:
  case NVT_REC_COMPLETION:
    if (item->command != NULL)
      of_command(item->command, out);
    else if (record->header.type == NVT_REC_COMPLETION)
      of_completion(&record->completion, out);
    break;
  case NVT_REC_INTERRUPT:
    of_queue(record->interrupt.cqid, out);
    break;
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
    if (nvt_doorbell_at(record->access.offset, (unsigned)NVT_GET(e->meta.cap, CAP_DSTRD),
                        &doorbell))
      of_queue(doorbell.qid, out);
    break;
  default:
    break;
  }
}

void nvt_engine_tell_blind(struct nvt_engine *e) {
  const struct nvt_finding *untold = &e->untold;
  if (untold->field != NULL && e->blind)
    nvt_findings_add(&e->totals->findings, untold->record, untold->field, untold->expected, "",
                     "%s", untold->text);
  e->untold.field = NULL;
}

void nvt_engine_judge(struct nvt_engine *e, const struct nvt_feed_item *item) {
  struct nvt_replay_totals *totals = e->totals;
  struct nvt_subject subject;
  if (totals->window == NULL)
    return;
  totals->findings.muted = totals->outside;
  if (totals->outside)
    return;
  nvt_engine_tell_blind(e);
  of_item(e, item, &subject);
  totals->findings.muted = !nvt_window_takes(totals->window, &subject);
}

bool nvt_engine_judges(struct nvt_engine *e, const struct answer *answer,
                       const struct nvt_replay_command *command) {
  const struct nvt_replay_totals *totals = e->totals;
  struct nvt_subject subject = {0};
  if (totals->window == NULL || totals->outside)
    return !totals->outside;
  if (answer->kind == ANSWER_COMPLETION && command != NULL)
    of_command(command, &subject);
  else if (answer->kind == ANSWER_COMPLETION)
    of_completion(&answer->completion, &subject);
  else if (answer->kind == ANSWER_INTERRUPT)
    of_queue(answer->interrupt.cqid, &subject);
  return nvt_window_takes(totals->window, &subject);
}
