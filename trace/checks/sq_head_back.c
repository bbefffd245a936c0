/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool known;
  uint16_t head;
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *sq = run->sq;
  const struct nvt_exchange *exchange = run->view->exchange;
  const struct nvt_queue_view *view = sq != NULL ? nvt_check_queue_view(run, sq->id) : NULL;
  if (view == NULL || sq->entries == 0 || exchange == NULL || exchange->command.record == 0)
    return;
  struct state *state = nvt_check_queue_state(run, sq);
  uint32_t head = run->record->completion.cqe.sqhd;
  uint32_t before = state->head;
  bool known = (state->known || sq->from_start) && before < sq->entries && view->head < sq->entries;
  if (head >= sq->entries)
    nvt_check_report(run, 0, "SQ Head Pointer of SQ %u is %u; the queue has entries 0 to %u",
                     sq->id.qid, head, sq->entries - 1);
  else if (known && nvt_check_distance(before, head, sq->entries) >
                        nvt_check_distance(before, view->head, sq->entries))
    nvt_check_report(run, 0,
                     "SQ Head Pointer of SQ %u is %u; it was %u, and the controller has fetched "
                     "up to %u",
                     sq->id.qid, head, before, view->head);
  state->known = true;
  state->head = (uint16_t)head;
}

NVT_CHECK(sq_head_back,
          .info = {.id = "sq-head-back",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(COMMANDS),
                   .one_queue = true,
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a completion's SQ Head Pointer goes back, or beyond what was fetched"},
          .on = NVT_ON(COMPLETION), .record = record, .queue_state = sizeof(struct state));
