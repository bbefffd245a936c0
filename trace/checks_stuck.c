/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries that a tail doorbell announced and that aren't fetched, for rules that tell of them. */
#include "trace/checks_int.h"

void nvt_check_stuck_seen(struct nvt_check_run *run, struct nvt_check_stuck *stuck) {
  struct nvt_check_queue *sq = run->sq;
  const struct nvt_queue_view *view = nvt_check_queue_view(run, sq->id);
  if (view == NULL || !sq->from_start)
    return;
  stuck->since_ns = run->now.time_ns;
  if (run->record->header.type != NVT_REC_COMMAND)
    stuck->doorbell = run->now;
  if (!stuck->armed && stuck->doorbell.record != 0 && view->head != view->tail)
    stuck->armed = nvt_check_arm(run, sq, NVT_CHECK_FETCH_NS);
}

bool nvt_check_stuck_due(struct nvt_check_run *run, struct nvt_check_queue *sq,
                         struct nvt_check_stuck *stuck, uint64_t *waited) {
  const struct nvt_queue_view *view = nvt_check_queue_view(run, sq->id);
  stuck->armed = false;
  if (view == NULL || view->head == view->tail)
    return false;
  *waited = run->now.time_ns > stuck->since_ns ? run->now.time_ns - stuck->since_ns : 0;
  /* A controller that works on others may take its time. */
  if (view->outstanding == 0 && *waited >= NVT_CHECK_FETCH_NS)
    return true;
  uint64_t left = *waited < NVT_CHECK_FETCH_NS ? NVT_CHECK_FETCH_NS - *waited : NVT_CHECK_FETCH_NS;
  stuck->armed = nvt_check_arm(run, sq, left);
  return false;
}
