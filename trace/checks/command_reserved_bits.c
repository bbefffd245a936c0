/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

/* A host that talks to the drive by its vendor's means sets what the vendor wants set. */
struct state {
  bool vendors;
};

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || run->view->set >= NVT_SET_COUNT)
    return;
  const struct nvt_sqe *sqe = &exchange->sqe;
  struct state *state = nvt_check_controller_state(run);
  state->vendors |= exchange->sqid == 0 && sqe->opcode >= 0xc0;
  /* Before the trace it may have done so, too. */
  const struct nvt_check_queue *admin = nvt_check_queue(run, (struct nvt_doorbell_id){.qid = 0});
  if (state->vendors || admin == NULL || !admin->from_start)
    return;
  char name[64];
  if ((sqe->flags & 0x3c) != 0 || NVT_SQE_FUSE(sqe->flags) == 3) {
    nvt_check_opcode(exchange, name, sizeof(name));
    nvt_check_report(run, 0, "%s on SQ %u: byte 1 of the entry is 0x%02x, with reserved bits set",
                     name, exchange->sqid, sqe->flags);
  }
  uint32_t reserved[NVT_SQE_DWORDS];
  if (!nvt_command_reserved_bits(run->view->set, sqe, reserved))
    return;
  for (unsigned dword = 1; dword < NVT_SQE_DWORDS; dword++) {
    if (reserved[dword] == 0)
      continue;
    nvt_check_opcode(exchange, name, sizeof(name));
    nvt_check_report(run, 0, "%s on SQ %u: reserved bits 0x%08x of dword %u are set", name,
                     exchange->sqid, reserved[dword], dword);
  }
}

NVT_CHECK(command_reserved_bits,
          .info = {.id = "command-reserved-bits",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("4.1.1"),
                   .title = "a command has reserved bits set"},
          .on = NVT_ON(COMMAND), .record = record, .controller_state = sizeof(struct state));
