/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool armed;
  uint64_t since_ns;          /* of the last thing that moved */
  struct nvt_moment doorbell; /* the last one */
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *sq = run->sq;
  const struct nvt_queue_view *view = sq != NULL ? nvt_check_queue_view(run, sq->id) : NULL;
  if (view == NULL || !sq->from_start)
    return;
  struct state *state = nvt_check_queue_state(run, sq);
  state->since_ns = run->now.time_ns;
  if (run->record->header.type != NVT_REC_COMMAND)
    state->doorbell = run->now;
  if (!state->armed && state->doorbell.record != 0 && view->head != view->tail)
    state->armed = nvt_check_arm(run, sq, NVT_CHECK_FETCH_NS);
}

static void due(struct nvt_check_run *run, struct nvt_check_queue *sq) {
  struct state *state = nvt_check_queue_state(run, sq);
  const struct nvt_queue_view *view = nvt_check_queue_view(run, sq->id);
  state->armed = false;
  if (view == NULL || view->head == view->tail)
    return;
  uint64_t waited = run->now.time_ns > state->since_ns ? run->now.time_ns - state->since_ns : 0;
  /* A controller that works on others may take its time. */
  if (view->outstanding != 0 || waited < NVT_CHECK_FETCH_NS) {
    uint64_t left = waited < NVT_CHECK_FETCH_NS ? NVT_CHECK_FETCH_NS - waited : NVT_CHECK_FETCH_NS;
    state->armed = nvt_check_arm(run, sq, left);
    return;
  }
  const struct nvt_queue_view *cq =
      nvt_check_queue_view(run, (struct nvt_doorbell_id){.qid = sq->cqid, .is_cq = true});
  nvt_check_report_at(
      run, state->doorbell, 0,
      "SQ %u: %llu ms after this doorbell, entry %u isn't fetched; the tail is %u, no "
      "command is outstanding on the queue, and %u completions on CQ %u aren't "
      "acknowledged",
      sq->id.qid, (unsigned long long)(waited / 1000000), view->head, view->tail,
      cq != NULL ? cq->outstanding : 0, sq->cqid);
}

NVT_CHECK(entry_not_fetched,
          .info = {.id = "entry-not-fetched",
                   .severity = NVT_SEVERITY_WARNING,
                   .sequence = true,
                   .needs = NVT_NEEDS(DOORBELLS),
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a command that a doorbell announced isn't fetched, with none "
                            "outstanding on the queue"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL) | NVT_ON(COMMAND), .record = record,
          .due = due, .queue_state = sizeof(struct state));
