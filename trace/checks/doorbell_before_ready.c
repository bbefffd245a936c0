/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  if (!run->view->is_doorbell)
    return;
  const struct nvt_check_registers *registers = &run->controller->registers;
  struct nvt_doorbell_id id = run->view->doorbell;
  const char *kind = id.is_cq ? "CQ" : "SQ";
  if (!registers->cc_known)
    return;
  if (NVT_GET(registers->cc, CC_EN) == 0)
    nvt_check_report(run, registers->switched.record,
                     "%s %u doorbell is written while CC.EN is 0: the controller has no queues",
                     kind, id.qid);
  else if (registers->enabled_here && !registers->ready_seen)
    nvt_check_report(run, registers->switched.record,
                     "%s %u doorbell is written before CSTS.RDY = 1 was read; CC.EN was set in "
                     "record %llu",
                     kind, id.qid, (unsigned long long)registers->switched.record);
}

NVT_CHECK(doorbell_before_ready,
          .info = {.id = "doorbell-before-ready",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.5.1"),
                   .title = "a doorbell is written before the controller is ready"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL), .record = record);
