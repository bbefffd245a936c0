/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_signal *signal = run->view->signal;
  if (!run->view->is_doorbell || signal == NULL)
    return;
  struct nvt_doorbell_id id = run->view->doorbell;
  const struct nvt_queue_view *queue = nvt_check_queue_view(run, id);
  if (queue == NULL || queue->entries == 0 || signal->value < queue->entries)
    return;
  nvt_check_report(run, 0, "%s %u %s doorbell is written with %u; the queue has entries 0 to %u",
                   id.is_cq ? "CQ" : "SQ", id.qid, id.is_cq ? "head" : "tail", signal->value,
                   queue->entries - 1);
}

NVT_CHECK(doorbell_out_of_range,
          .info = {.id = "doorbell-out-of-range",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_PCIE("3.1.2.1"),
                   .title = "a doorbell is written with a value that isn't an entry of its queue"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL), .record = record);
