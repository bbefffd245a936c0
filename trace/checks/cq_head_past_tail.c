/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *cq = run->cq;
  const struct nvt_signal *signal = run->view->signal;
  if (cq == NULL || !cq->from_start || cq->entries == 0 || signal == NULL)
    return;
  const struct nvt_queue_view *view = nvt_check_queue_view(run, cq->id);
  if (view == NULL)
    return;
  /* The session hasn't followed one that the controller refused. */
  uint32_t before = signal->valid ? signal->previous : view->head;
  if (view->tail >= cq->entries || before >= cq->entries || signal->value >= cq->entries)
    return;
  uint32_t posted = nvt_check_distance(before, view->tail, cq->entries);
  uint32_t taken = nvt_check_distance(before, signal->value, cq->entries);
  if (taken > posted)
    nvt_check_report(run, 0,
                     "CQ %u head doorbell goes from %u to %u, and the controller has posted up to "
                     "%u: completions are acknowledged that aren't there",
                     cq->id.qid, before, signal->value, view->tail);
}

NVT_CHECK(cq_head_past_tail,
          .info = {.id = "cq-head-past-tail",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(DOORBELLS),
                   .spec = NVT_SPEC_BASE("3.3.1.2.1"),
                   .title = "a head doorbell acknowledges completions that weren't posted"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL), .record = record);
