/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  uint32_t value; /* last written, plus one; 0: it isn't known */
};

static void record(struct nvt_check_run *run) {
  const struct nvt_signal *signal = run->view->signal;
  if (!run->view->is_doorbell || signal == NULL)
    return;
  struct nvt_doorbell_id id = run->view->doorbell;
  struct nvt_check_queue *queue = id.is_cq ? run->cq : run->sq;
  if (queue == NULL || nvt_check_queue_view(run, id) == NULL || !signal->valid)
    return;
  struct state *state = nvt_check_queue_state(run, queue);
  if (run->record->header.type != NVT_REC_REG_WRITE) {
    state->value = 0; /* a shadow doorbell's value is written to the register as well */
    return;
  }
  if (state->value == signal->value + 1)
    nvt_check_report(run, 0,
                     "%s %u %s doorbell is written with %u, which it was written with before: a "
                     "controller may take that for an invalid doorbell write",
                     id.is_cq ? "CQ" : "SQ", id.qid, id.is_cq ? "head" : "tail", signal->value);
  state->value = signal->value + 1;
}

NVT_CHECK(doorbell_same_value,
          .info = {.id = "doorbell-same-value",
                   .severity = NVT_SEVERITY_NOTE,
                   .needs = NVT_NEEDS(DOORBELLS),
                   .spec = NVT_SPEC_BASE("5.1.2"),
                   .title = "a doorbell is written with the value that it has"},
          .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL), .record = record,
          .queue_state = sizeof(struct state));
