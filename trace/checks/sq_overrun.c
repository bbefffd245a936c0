/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  uint16_t head; /* as completions last told the host */
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *sq = run->sq;
  if (sq == NULL || !sq->from_start || sq->entries == 0)
    return;
  struct state *state = nvt_check_queue_state(run, sq);
  if (run->record->header.type == NVT_REC_COMPLETION) {
    state->head = run->record->completion.cqe.sqhd;
    return;
  }
  const struct nvt_signal *signal = run->view->signal;
  const struct nvt_queue_view *view = nvt_check_queue_view(run, sq->id);
  if (signal == NULL || view == NULL)
    return;
  /* The session hasn't followed one that the controller refused. */
  uint32_t before = signal->valid ? signal->previous : view->tail;
  if (state->head >= sq->entries || signal->value >= sq->entries || before >= sq->entries)
    return;
  uint32_t used = nvt_check_distance(state->head, before, sq->entries);
  uint32_t added = nvt_check_distance(before, signal->value, sq->entries);
  if (used + added >= sq->entries)
    nvt_check_report(run, 0,
                     "SQ %u tail doorbell goes from %u to %u, over the head %u that completions "
                     "told: commands that weren't fetched are overwritten",
                     sq->id.qid, before, signal->value, state->head);
}

NVT_CHECK(
    sq_overrun,
    .info =
        {.id = "sq-overrun",
         .severity = NVT_SEVERITY_ERROR,
         .needs = NVT_NEEDS(DOORBELLS),
         .one_queue = true,
         .spec = NVT_SPEC_BASE("3.3.1.5"),
         .title =
             "a tail doorbell announces more commands than the submission queue has free entries"},
    .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL) | NVT_ON(COMPLETION), .record = record,
    .queue_state = sizeof(struct state));
