/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->sqid != 0 || exchange->command.record == 0 ||
      !run->controller->whole ||
      (exchange->sqe.opcode != NVT_ADMIN_DELETE_IO_CQ &&
       exchange->sqe.opcode != NVT_ADMIN_DELETE_IO_SQ))
    return;
  struct nvt_doorbell_id id = {.qid = (uint16_t)exchange->sqe.cdw10,
                               .is_cq = exchange->sqe.opcode == NVT_ADMIN_DELETE_IO_CQ};
  const struct nvt_check_queue *queue = nvt_check_queue(run, id);
  if (id.qid == 0 || (queue != NULL && !queue->exists))
    nvt_check_report_at(run, exchange->command, run->now.record,
                        "I/O %s Queue %u is deleted, and %s",
                        id.is_cq ? "Completion" : "Submission", id.qid,
                        id.qid == 0 ? "that is the admin queue" : "there is no such queue");
}

NVT_CHECK(absent_queue_deleted,
          .info = {.id = "absent-queue-deleted",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("5.2.4"),
                   .title = "an I/O queue is deleted that doesn't exist"},
          .on = NVT_ON(COMPLETION), .record = record);
