/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->sqid != 0 || exchange->command.record == 0 ||
      exchange->sqe.opcode != NVT_ADMIN_DELETE_IO_CQ)
    return;
  struct nvt_doorbell_id id = {.qid = (uint16_t)exchange->sqe.cdw10, .is_cq = true};
  const struct nvt_check_queue *cq = nvt_check_queue(run, id);
  if (cq != NULL && cq->attached != 0)
    nvt_check_report_at(run, exchange->command, run->now.record,
                        "I/O Completion Queue %u is deleted, and %u submission queue%s it", id.qid,
                        cq->attached, cq->attached == 1 ? " uses" : "s use");
}

NVT_CHECK(cq_deleted_in_use,
          .info = {.id = "cq-deleted-in-use",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("5.2.3"),
                   .title = "a completion queue is deleted before its submission queues"},
          .on = NVT_ON(COMPLETION), .record = record);
