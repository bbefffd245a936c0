/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->sqid != 0 || exchange->command.record == 0 ||
      (exchange->sqe.opcode != NVT_ADMIN_CREATE_IO_CQ &&
       exchange->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ))
    return;
  struct nvt_doorbell_id id = {.qid = (uint16_t)exchange->sqe.cdw10,
                               .is_cq = exchange->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ};
  const struct nvt_check_queue *queue = nvt_check_queue(run, id);
  if (queue != NULL && queue->exists && id.qid != 0)
    nvt_check_report_at(run, exchange->command, queue->created,
                        "I/O %s Queue %u is created, and it exists already",
                        id.is_cq ? "Completion" : "Submission", id.qid);
}

NVT_CHECK(queue_created_twice,
          .info = {.id = "queue-created-twice",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("5.2.1"),
                   .title = "an I/O queue is created that exists"},
          .on = NVT_ON(COMPLETION), .record = record);
