/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool known;
  bool pending;            /* the last command was the first of two */
  struct nvt_moment first; /* that */
};

static void record(struct nvt_check_run *run) {
  struct nvt_check_queue *sq = run->sq;
  const struct nvt_exchange *exchange = run->view->exchange;
  if (sq == NULL || exchange == NULL)
    return;
  struct state *state = nvt_check_queue_state(run, sq);
  unsigned fuse = NVT_SQE_FUSE(exchange->sqe.flags);
  if (state->pending && fuse != 2)
    nvt_check_report_at(run, state->first, run->now.record,
                        "the first command of a fused operation on SQ %u isn't followed by its "
                        "second one",
                        sq->id.qid);
  else if (fuse == 2 && !state->pending && (state->known || sq->from_start))
    nvt_check_report(run, 0,
                     "the second command of a fused operation on SQ %u doesn't follow a first one",
                     sq->id.qid);
  state->known = true;
  state->pending = fuse == 1;
  state->first = run->now;
}

NVT_CHECK(fused_alone,
          .info = {.id = "fused-alone",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(COMMANDS),
                   .one_queue = true,
                   .spec = NVT_SPEC_BASE("3.4.2"),
                   .title = "the two commands of a fused operation aren't next to each other"},
          .on = NVT_ON(COMMAND), .record = record, .queue_state = sizeof(struct state));
