/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  bool is_cq = command->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ;
  if (command->sqid != 0 || (!is_cq && command->sqe.opcode != NVT_ADMIN_CREATE_IO_SQ))
    return;
  const char *kind = is_cq ? "Completion" : "Submission";
  uint32_t qid = command->sqe.cdw10 & 0xffff;
  uint32_t size = command->sqe.cdw10 >> 16; /* one less */
  uint32_t most = (uint32_t)NVT_GET(run->controller->cap, CAP_MQES);
  if (size == 0)
    nvt_check_report(run, 0, "I/O %s Queue %u is created with one entry; the least is 2", kind,
                     qid);
  else if (run->controller->cap_known && size > most)
    nvt_check_report(run, 0, "I/O %s Queue %u is created with %u entries; CAP.MQES allows %u", kind,
                     qid, size + 1, most + 1);
}

NVT_CHECK(queue_size_invalid,
          .info = {.id = "queue-size-invalid",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.1"),
                   .title = "an I/O queue is created with one entry, or more than CAP.MQES"},
          .on = NVT_ON(COMMAND), .record = record);
