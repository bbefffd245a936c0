/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_completion *completion = &run->record->completion;
  if (run->sq == NULL || !run->sq->from_start || completion->cqid == run->sq->cqid)
    return;
  nvt_check_report(run, run->sq->created,
                   "completion of a command on SQ %u is posted to CQ %u; the queue was created "
                   "with CQ %u",
                   completion->sqid, completion->cqid, run->sq->cqid);
}

NVT_CHECK(
    completion_wrong_queue,
    .info = {.id = "completion-wrong-queue",
             .severity = NVT_SEVERITY_ERROR,
             .spec = NVT_SPEC_BASE("3.3.1.2"),
             .title =
                 "a completion is posted to another completion queue than its submission queue's"},
    .on = NVT_ON(COMPLETION), .record = record);
