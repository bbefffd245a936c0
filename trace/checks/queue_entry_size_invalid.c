/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  const struct nvt_check_controller *controller = run->controller;
  bool is_cq = command->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ;
  if (command->sqid != 0 || !controller->registers.cc_known ||
      (!is_cq && command->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ))
    return;
  uint32_t cc = controller->registers.cc;
  unsigned size = (unsigned)(is_cq ? NVT_GET(cc, CC_IOCQES) : NVT_GET(cc, CC_IOSQES));
  unsigned range = is_cq ? controller->limits.cqes : controller->limits.sqes; /* most, least */
  unsigned least = controller->limits.known ? range & 15 : is_cq ? 4 : 6;
  unsigned most = controller->limits.known ? range >> 4 : 15;
  if (size >= least && size <= most)
    return;
  nvt_check_report(run, 0,
                   "I/O %s Queue %u is created while CC.%s is %u: entries of %u bytes; they have "
                   "at least %u",
                   is_cq ? "Completion" : "Submission", command->sqe.cdw10 & 0xffff,
                   is_cq ? "IOCQES" : "IOSQES", size, 1u << size, 1u << least);
}

NVT_CHECK(queue_entry_size_invalid,
          .info = {.id = "queue-entry-size-invalid",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("3.1.4.5"),
                   .title = "an I/O queue is created, and CC has an entry size that the controller "
                            "doesn't have"},
          .on = NVT_ON(COMMAND), .record = record);
