/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool told;
};

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  const struct nvt_check_controller *controller = run->controller;
  if (command->sqid != 0 || controller->queues_asked || !controller->registers.enabled_here ||
      (command->sqe.opcode != NVT_ADMIN_CREATE_IO_CQ &&
       command->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ))
    return;
  struct state *state = nvt_check_controller_state(run);
  if (!state->told)
    nvt_check_report(
        run, controller->registers.switched.record,
        "I/O queue %u is created, and since CC.EN was set Set Features, Number of Queues "
        "hasn't succeeded: the host doesn't know how many it may create",
        command->sqe.cdw10 & 0xffff);
  state->told = true;
}

NVT_CHECK(
    queues_without_set_features,
    .info = {.id = "queues-without-set-features",
             .severity = NVT_SEVERITY_NOTE,
             .needs = NVT_NEEDS(COMMANDS),
             .spec = NVT_SPEC_BASE("3.5.1"),
             .title =
                 "I/O queues are created without Set Features, Number of Queues: firmware does it"},
    .on = NVT_ON(COMMAND), .record = record, .controller_state = sizeof(struct state));
