/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  if (!run->view->is_doorbell || !run->controller->whole)
    return;
  const struct nvt_check_registers *registers = &run->controller->registers;
  if (registers->cc_known && NVT_GET(registers->cc, CC_EN) == 0)
    return; /* doorbell-before-ready says it */
  struct nvt_doorbell_id id = run->view->doorbell;
  if (nvt_check_queue_view(run, id) != NULL)
    return;
  nvt_check_report(run, 0, "%s %u %s doorbell is written, and there is no such queue",
                   id.is_cq ? "CQ" : "SQ", id.qid, id.is_cq ? "head" : "tail");
}

NVT_CHECK(doorbell_absent_queue,
          .info = {.id = "doorbell-absent-queue",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_PCIE("3.1.2.1"),
                   .title = "a doorbell of a queue that doesn't exist is written"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL), .record = record);
