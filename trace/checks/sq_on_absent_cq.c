/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->sqid != 0 || exchange->command.record == 0 ||
      exchange->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ)
    return;
  struct nvt_doorbell_id cq = {.qid = (uint16_t)(exchange->sqe.cdw11 >> 16), .is_cq = true};
  if (cq.qid != 0 && (!run->controller->whole || nvt_check_queue_view(run, cq) != NULL))
    return;
  nvt_check_report_at(run, exchange->command, run->now.record,
                      "I/O Submission Queue %u is created on CQ %u, which %s",
                      exchange->sqe.cdw10 & 0xffff, cq.qid,
                      cq.qid == 0 ? "is the admin queue" : "doesn't exist");
}

NVT_CHECK(
    sq_on_absent_cq,
    .info = {.id = "sq-on-absent-cq",
             .severity = NVT_SEVERITY_ERROR,
             .spec = NVT_SPEC_BASE("5.2.2"),
             .title = "a submission queue is created on a completion queue that doesn't exist"},
    .on = NVT_ON(COMPLETION), .record = record);
