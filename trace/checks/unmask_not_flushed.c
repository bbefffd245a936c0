/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>

#include "trace/checks_int.h"

#define VECTORS 2048u

struct state {
  uint8_t masked[VECTORS / 8];  /* by a write in the trace */
  uint8_t pending[VECTORS / 8]; /* unmasked, and nothing was read since */
  uint32_t count;               /* of those pending */
  struct nvt_moment write;      /* the last such one */
};

static void table_written(struct state *state, const struct nvt_check_run *run) {
  const struct nvt_rec_access *access = &run->record->access;
  bool upper = access->size == 8 && access->offset % 16 == 8;
  uint64_t offset = access->offset + (upper ? 4 : 0);
  uint64_t control = upper ? access->value >> 32 : access->value;
  if (access->space != NVT_V_access_space_MSIX_TABLE || offset % 16 != 12 || offset / 16 >= VECTORS)
    return;
  uint8_t *masked = &state->masked[offset / 16 / 8];
  uint8_t *pending = &state->pending[offset / 16 / 8];
  uint8_t bit = (uint8_t)(1u << offset / 16 % 8);
  if ((control & 1) != 0) {
    *masked |= bit;
    state->count -= (*pending & bit) != 0;
    *pending = (uint8_t)(*pending & ~bit);
  } else if ((*masked & bit) != 0) {
    state->count += (*pending & bit) == 0;
    *pending |= bit;
    *masked = (uint8_t)(*masked & ~bit);
    state->write = run->now;
  }
}

static void completion(struct state *state, struct nvt_check_run *run) {
  const struct nvt_queue_view *view =
      state->count != 0 && run->cq != NULL ? nvt_check_queue_view(run, run->cq->id) : NULL;
  if (view == NULL || !view->vector_known || view->vector >= VECTORS)
    return;
  uint8_t *pending = &state->pending[view->vector / 8];
  uint8_t bit = (uint8_t)(1u << view->vector % 8);
  if ((*pending & bit) == 0)
    return;
  *pending = (uint8_t)(*pending & ~bit);
  state->count--;
  nvt_check_report_at(
      run, run->now, state->write.record,
      "completion on CQ %u, whose vector %u was unmasked and nothing read since: the "
      "write may not have arrived, and the interrupt may be lost",
      view->qid, view->vector);
}

static void record(struct nvt_check_run *run) {
  struct state *state = nvt_check_controller_state(run);
  switch (run->record->header.type) {
  case NVT_REC_MSIX_WRITE:
    table_written(state, run);
    break;
  case NVT_REC_COMPLETION:
    completion(state, run);
    break;
  default:
    if (state->count != 0) /* a read of the device pushes the writes before it */
      memset(state->pending, 0, sizeof(state->pending));
    state->count = 0;
    break;
  }
}

NVT_CHECK(unmask_not_flushed,
          .info = {.id = "unmask-not-flushed",
                   .severity = NVT_SEVERITY_NOTE,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_PCIE("3.5"),
                   .title = "a vector is unmasked, and no read makes sure that the write arrived "
                            "before the next completion"},
          .on = NVT_ON(MSIX_WRITE) | NVT_ON(MSIX_READ) | NVT_ON(REG_READ) | NVT_ON(COMPLETION),
          .record = record, .controller_state = sizeof(struct state));
