/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  const struct nvt_sqe *sqe = &command->sqe;
  if (command->sqid != 0 || sqe->opcode != NVT_ADMIN_CREATE_IO_CQ || (sqe->cdw11 & 2) == 0 ||
      run->controller->vectors == 0 || sqe->cdw11 >> 16 < run->controller->vectors)
    return;
  nvt_check_report(run, 0,
                   "I/O Completion Queue %u is created with vector %u; the controller has 0 to %u",
                   sqe->cdw10 & 0xffff, sqe->cdw11 >> 16, run->controller->vectors - 1u);
}

NVT_CHECK(
    vector_out_of_range,
    .info = {.id = "vector-out-of-range",
             .severity = NVT_SEVERITY_ERROR,
             .spec = NVT_SPEC_BASE("5.2.1"),
             .title =
                 "a completion queue is created with a vector that the controller doesn't have"},
    .on = NVT_ON(COMMAND), .record = record);
