/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  uint32_t next; /* the entry after the last one fetched */
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *sq = run->sq;
  const struct nvt_queue_view *view = sq != NULL ? nvt_check_queue_view(run, sq->id) : NULL;
  if (view == NULL || !sq->from_start || sq->entries == 0)
    return;
  struct state *state = nvt_check_queue_state(run, sq);
  uint32_t slot = run->record->command.slot;
  if (slot == state->next && slot == view->tail)
    nvt_check_report(
        run, 0,
        "command on SQ %u is fetched from entry %u, and no tail doorbell has announced "
        "it",
        sq->id.qid, slot);
  state->next = slot + 1 < sq->entries ? slot + 1 : 0;
}

NVT_CHECK(fetch_past_tail,
          .info = {.id = "fetch-past-tail",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(DOORBELLS),
                   .one_queue = true,
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a command is fetched that no tail doorbell announced"},
          .on = NVT_ON(COMMAND), .record = record, .queue_state = sizeof(struct state));
