/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool known;
  uint32_t next;
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *cq = run->cq;
  if (cq == NULL || cq->entries == 0)
    return;
  struct state *state = nvt_check_queue_state(run, cq);
  uint32_t slot = run->record->completion.slot;
  if ((state->known || cq->from_start) && slot != state->next)
    nvt_check_report(run, 0, "completion on CQ %u is posted in entry %u; the next one is %u",
                     cq->id.qid, slot, state->next);
  state->known = true;
  state->next = slot + 1 < cq->entries ? slot + 1 : 0;
}

NVT_CHECK(completion_out_of_place,
          .info = {.id = "completion-out-of-place",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a completion is posted in another entry than the next one"},
          .on = NVT_ON(COMPLETION), .record = record, .queue_state = sizeof(struct state));
