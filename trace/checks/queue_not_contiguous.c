/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  bool is_cq = command->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ;
  if (command->sqid != 0 || (!is_cq && command->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ) ||
      (command->sqe.cdw11 & 1) != 0 || !run->controller->cap_known ||
      NVT_GET(run->controller->cap, CAP_CQR) == 0)
    return;
  nvt_check_report(run, 0,
                   "I/O %s Queue %u is created without PC: the controller wants queues that are "
                   "physically contiguous (CAP.CQR)",
                   is_cq ? "Completion" : "Submission", command->sqe.cdw10 & 0xffff);
}

NVT_CHECK(queue_not_contiguous,
          .info = {.id = "queue-not-contiguous",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.1"),
                   .title = "an I/O queue isn't physically contiguous, and CAP.CQR wants it"},
          .on = NVT_ON(COMMAND), .record = record);
