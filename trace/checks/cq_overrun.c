/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *cq = run->cq;
  const struct nvt_queue_view *view = cq != NULL ? nvt_check_queue_view(run, cq->id) : NULL;
  if (view == NULL || !cq->from_start || cq->entries < 2 || view->outstanding < cq->entries)
    return;
  nvt_check_report(run, 0,
                   "CQ %u of %u entries has %u completions that the host hasn't acknowledged: one "
                   "is overwritten",
                   cq->id.qid, cq->entries, view->outstanding);
}

NVT_CHECK(cq_overrun,
          .info = {.id = "cq-overrun",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(DOORBELLS),
                   .spec = NVT_SPEC_BASE("3.3.1.2.1"),
                   .title = "a completion is posted to a full completion queue"},
          .on = NVT_ON(COMPLETION), .record = record);
