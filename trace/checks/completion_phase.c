/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool known;
  uint32_t slot; /* of the last one */
  unsigned phase;
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *cq = run->cq;
  if (cq == NULL || cq->entries == 0)
    return;
  struct state *state = nvt_check_queue_state(run, cq);
  uint32_t slot = run->record->completion.slot;
  unsigned phase = NVT_CQE_PHASE(run->record->completion.cqe.status);
  bool follows = state->known && slot == (state->slot + 1) % cq->entries;
  bool first = !state->known && cq->from_start && slot == 0;
  unsigned expected = first ? 1 : slot == 0 ? !state->phase : state->phase;
  if ((follows || first) && phase != expected)
    nvt_check_report(run, 0,
                     "completion on CQ %u in entry %u has phase %u; this lap's is %u: the host "
                     "doesn't see it as new",
                     cq->id.qid, slot, phase, expected);
  state->known = true;
  state->slot = slot;
  state->phase = follows || first ? expected : phase;
}

NVT_CHECK(completion_phase,
          .info = {.id = "completion-phase",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("4.2.4"),
                   .title = "a completion has the phase of the lap before"},
          .on = NVT_ON(COMPLETION), .record = record, .queue_state = sizeof(struct state));
