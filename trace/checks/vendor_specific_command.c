/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  uint8_t told[2][256 / 8]; /* by admin and I/O, opcode */
};

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_command *command = &run->record->command;
  uint8_t opcode = command->sqe.opcode;
  bool io = command->sqid != 0;
  if (opcode < (io ? 0x80 : 0xc0))
    return;
  struct state *state = nvt_check_controller_state(run);
  uint8_t bit = (uint8_t)(1u << opcode % 8);
  uint8_t *told = &state->told[io][opcode / 8];
  if ((*told & bit) == 0)
    nvt_check_report(run, 0,
                     "vendor specific %s opcode 0x%02x on SQ %u (told once for each opcode)",
                     io ? "I/O" : "admin", opcode, command->sqid);
  *told |= bit;
}

NVT_CHECK(vendor_specific_command,
          .info = {.id = "vendor-specific-command",
                   .severity = NVT_SEVERITY_NOTE,
                   .spec = NVT_SPEC_BASE("5"),
                   .title = "a vendor specific command is used"},
          .on = NVT_ON(COMMAND), .record = record, .controller_state = sizeof(struct state));
