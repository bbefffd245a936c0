/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static bool completed_before(const struct nvt_check_queue *sq, uint16_t cid) {
  for (unsigned i = 0; i < NVT_CHECK_DONE; i++)
    if (sq->done_record[i] != 0 && sq->done_cid[i] == cid)
      return true;
  return false;
}

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->command.record != 0 || run->sq == NULL)
    return;
  struct nvt_doorbell_id id = {.qid = exchange->sqid};
  bool absent = run->controller->whole && nvt_check_queue_view(run, id) == NULL;
  if (absent)
    nvt_check_report(run, 0, "completion with command id 0x%04x on SQ %u, which doesn't exist",
                     exchange->cid, exchange->sqid);
  else if (run->sq->from_start && !completed_before(run->sq, exchange->cid)) /* completion-twice */
    nvt_check_report(run, 0,
                     "completion with command id 0x%04x on SQ %u: no such command is "
                     "outstanding",
                     exchange->cid, exchange->sqid);
}

NVT_CHECK(completion_for_nothing,
          .info = {.id = "completion-for-nothing",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(COMMANDS),
                   .one_queue = true,
                   .spec = NVT_SPEC_BASE("4.2"),
                   .title = "a completion is for a command that isn't outstanding"},
          .on = NVT_ON(COMPLETION), .record = record);
