/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool known;
  uint32_t next;
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *sq = run->sq;
  if (sq == NULL || sq->entries == 0)
    return;
  struct state *state = nvt_check_queue_state(run, sq);
  uint32_t slot = run->record->command.slot;
  if ((state->known || sq->from_start) && slot != state->next)
    nvt_check_report(run, 0, "command on SQ %u is fetched from entry %u; the next one is %u",
                     sq->id.qid, slot, state->next);
  state->known = true;
  state->next = slot + 1 < sq->entries ? slot + 1 : 0;
}

NVT_CHECK(fetch_out_of_order,
          .info = {.id = "fetch-out-of-order",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(COMMANDS),
                   .one_queue = true,
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a command is fetched from another entry than the next one"},
          .on = NVT_ON(COMMAND), .record = record, .queue_state = sizeof(struct state));
