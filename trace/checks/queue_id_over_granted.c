/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  const struct nvt_check_controller *controller = run->controller;
  bool is_cq = command->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ;
  if (command->sqid != 0 || (!is_cq && command->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ))
    return;
  const char *kind = is_cq ? "Completion" : "Submission";
  uint32_t qid = command->sqe.cdw10 & 0xffff;
  uint32_t granted = is_cq ? controller->granted_cqs : controller->granted_sqs;
  if (qid == 0)
    nvt_check_report(run, 0, "I/O %s Queue 0 is created: that is the admin queue", kind);
  else if (controller->queues_asked && qid > granted)
    nvt_check_report(run, 0, "I/O %s Queue %u is created; the controller granted 1 to %u", kind,
                     qid, granted);
}

NVT_CHECK(queue_id_over_granted,
          .info = {.id = "queue-id-over-granted",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("5.1.25.2.1"),
                   .title = "an I/O queue is created with identifier 0, or over the number that "
                            "the controller granted"},
          .on = NVT_ON(COMMAND), .record = record);
