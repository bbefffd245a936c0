/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  const struct nvt_controller_state *state =
      nvt_session_controller(run->session, run->controller->id);
  if (command->sqid != 0 || command->sqe.opcode != NVT_ADMIN_SET_FEATURES ||
      (command->sqe.cdw10 & 0xff) != NVT_FEATURE_NUMBER_OF_QUEUES || state->queues == 0)
    return;
  nvt_check_report(run, 0,
                   "Set Features, Number of Queues comes while %u I/O queues exist: it belongs "
                   "before the first is created",
                   state->queues);
}

NVT_CHECK(queue_count_set_late,
          .info = {.id = "queue-count-set-late",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("5.1.25.2.1"),
                   .title = "the number of queues is set when I/O queues exist"},
          .on = NVT_ON(COMMAND), .record = record);
