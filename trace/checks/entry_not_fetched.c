/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  if (run->sq != NULL)
    nvt_check_stuck_seen(run, nvt_check_queue_state(run, run->sq));
}

static void due(struct nvt_check_run *run, struct nvt_check_queue *sq) {
  struct nvt_check_stuck *stuck = nvt_check_queue_state(run, sq);
  uint64_t waited;
  if (!nvt_check_stuck_due(run, sq, stuck, &waited))
    return;
  const struct nvt_queue_view *view = nvt_check_queue_view(run, sq->id);
  const struct nvt_queue_view *cq =
      nvt_check_queue_view(run, (struct nvt_doorbell_id){.qid = sq->cqid, .is_cq = true});
  nvt_check_report_at(
      run, stuck->doorbell, 0,
      "SQ %u: %llu ms after this doorbell, entry %u isn't fetched; the tail is %u, no "
      "command is outstanding on the queue, and %u completions on CQ %u aren't "
      "acknowledged",
      sq->id.qid, (unsigned long long)(waited / 1000000), view->head, view->tail,
      cq != NULL ? cq->outstanding : 0, sq->cqid);
}

NVT_CHECK(entry_not_fetched,
          .info = {.id = "entry-not-fetched",
                   .severity = NVT_SEVERITY_WARNING,
                   .sequence = true,
                   .needs = NVT_NEEDS(DOORBELLS),
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a command that a doorbell announced isn't fetched, with none "
                            "outstanding on the queue"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL) | NVT_ON(COMMAND), .record = record,
          .due = due, .queue_state = sizeof(struct nvt_check_stuck));
