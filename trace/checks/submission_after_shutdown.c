/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_check_registers *registers = &run->controller->registers;
  const struct nvt_signal *signal = run->view->signal;
  if (!run->view->is_doorbell || run->view->doorbell.is_cq || signal == NULL ||
      signal->count == 0 || !registers->cc_known || NVT_GET(registers->cc, CC_EN) == 0 ||
      NVT_GET(registers->cc, CC_SHN) == 0 || registers->shutdown.record == 0)
    return;
  nvt_check_report(run, registers->shutdown.record,
                   "SQ %u tail doorbell announces %u command%s after a shutdown was asked for in "
                   "record %llu",
                   run->view->doorbell.qid, signal->count, signal->count == 1 ? "" : "s",
                   (unsigned long long)registers->shutdown.record);
}

NVT_CHECK(submission_after_shutdown,
          .info = {.id = "submission-after-shutdown",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("3.6.1"),
                   .title = "commands are submitted after a shutdown was asked for"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL), .record = record);
