/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

#define VECTORS 2048u /* of the largest MSI-X table */
#define BUCKETS 64u

struct controller_state {
  uint8_t unmasked[VECTORS / 8]; /* known to be: a write says so, or a message was sent */
  /* Record of the last interrupt of the vectors of a bucket: two that share one hide each other's
   * loss, and never make one up. */
  uint64_t last[BUCKETS];
  uint64_t changed_ns; /* a vector's mask was written */
};

struct queue_state {
  bool waiting; /* something is posted that no interrupt covers, and that isn't acknowledged */
  bool armed;
  struct nvt_moment since;  /* the first such one */
  struct nvt_moment latest; /* the last one posted */
};

static void set_unmasked(struct controller_state *state, uint64_t vector, bool unmasked) {
  if (vector >= VECTORS)
    return;
  uint8_t bit = (uint8_t)(1u << vector % 8);
  uint8_t *byte = &state->unmasked[vector / 8];
  *byte = (uint8_t)(unmasked ? *byte | bit : *byte & ~bit);
}

/* Vector Control is the last dword of a vector's 16 bytes. */
static void table_written(struct controller_state *state, const struct nvt_check_run *run) {
  const struct nvt_rec_access *access = &run->record->access;
  uint64_t offset = access->offset;
  uint64_t value = access->value;
  if (access->size == 8 && offset % 16 == 8) {
    offset += 4;
    value >>= 32;
  }
  if (access->space != NVT_V_access_space_MSIX_TABLE || offset % 16 != 12)
    return;
  set_unmasked(state, offset / 16, (value & 1) == 0);
  state->changed_ns = run->now.time_ns;
}

static void interrupt(struct controller_state *state, const struct nvt_check_run *run) {
  const struct nvt_rec_interrupt *message = &run->record->interrupt;
  state->last[message->vector % BUCKETS] = run->now.record;
  if (message->state == NVT_V_interrupt_state_SENT)
    set_unmasked(state, message->vector, true);
}

static bool covered(const struct controller_state *state, const struct queue_state *queue,
                    const struct nvt_queue_view *view) {
  return state->last[view->vector % BUCKETS] > queue->since.record;
}

static void posted(struct controller_state *state, struct nvt_check_run *run) {
  struct nvt_check_queue *cq = run->cq;
  const struct nvt_queue_view *view = cq != NULL ? nvt_check_queue_view(run, cq->id) : NULL;
  if (view == NULL || !view->vector_known)
    return;
  struct queue_state *queue = nvt_check_queue_state(run, cq);
  queue->latest = run->now;
  if (!queue->waiting || covered(state, queue, view))
    queue->since = run->now;
  queue->waiting = true;
  if (!queue->armed)
    queue->armed = nvt_check_arm(run, cq, NVT_CHECK_INTERRUPT_NS);
}

/* How long it has waited where it needn't wait; 0: it need. */
static uint64_t waited(const struct controller_state *state, const struct queue_state *queue,
                       const struct nvt_queue_view *view, uint64_t now_ns) {
  if (!queue->waiting || view->vector >= VECTORS || covered(state, queue, view) ||
      (state->unmasked[view->vector / 8] & 1u << view->vector % 8) == 0)
    return 0;
  uint64_t since = queue->since.time_ns;
  uint64_t from = since > state->changed_ns ? since : state->changed_ns;
  return now_ns > from ? now_ns - from : 0;
}

static void tell(struct nvt_check_run *run, const struct queue_state *queue,
                 const struct nvt_queue_view *view, uint64_t ns) {
  struct nvt_moment at = {.record = queue->since.record,
                          .time_ns = queue->since.record == queue->latest.record
                                         ? queue->latest.time_ns
                                         : queue->since.time_ns};
  nvt_check_report_at(
      run, at, 0,
      "completion on CQ %u: vector %u, which is unmasked, has sent no interrupt, and "
      "the host didn't acknowledge it for %llu ms",
      view->qid, view->vector, (unsigned long long)(ns / 1000000));
}

static void acknowledged(const struct controller_state *state, struct nvt_check_run *run) {
  const struct nvt_queue_view *view = nvt_check_queue_view(run, run->cq->id);
  struct queue_state *queue = nvt_check_queue_state(run, run->cq);
  if (!queue->waiting || view == NULL || !view->vector_known)
    return;
  uint64_t ns = waited(state, queue, view, run->now.time_ns);
  if (ns >= NVT_CHECK_INTERRUPT_NS)
    tell(run, queue, view, ns); /* the host has looked by itself */
  queue->waiting = view->outstanding != 0;
  queue->since = (struct nvt_moment){.record = queue->latest.record, .time_ns = run->now.time_ns};
}

static void record(struct nvt_check_run *run) {
  struct controller_state *state = nvt_check_controller_state(run);
  switch (run->record->header.type) {
  case NVT_REC_MSIX_WRITE:
    table_written(state, run);
    break;
  case NVT_REC_INTERRUPT:
    interrupt(state, run);
    break;
  case NVT_REC_COMPLETION:
    posted(state, run);
    break;
  default:
    if (run->cq != NULL)
      acknowledged(state, run);
    break;
  }
}

static void due(struct nvt_check_run *run, struct nvt_check_queue *cq) {
  const struct controller_state *state = nvt_check_controller_state(run);
  struct queue_state *queue = nvt_check_queue_state(run, cq);
  const struct nvt_queue_view *view = nvt_check_queue_view(run, cq->id);
  queue->armed = false;
  if (view == NULL || !view->vector_known)
    return;
  if (covered(state, queue, view))
    queue->waiting = false;
  if (!queue->waiting)
    return;
  uint64_t ns = waited(state, queue, view, run->now.time_ns);
  if (ns < NVT_CHECK_INTERRUPT_NS) {
    queue->armed = nvt_check_arm(run, cq, NVT_CHECK_INTERRUPT_NS - ns);
    return;
  }
  queue->waiting = false;
  tell(run, queue, view, ns);
}

NVT_CHECK(
    missing_interrupt,
    .info = {.id = "missing-interrupt",
             .severity = NVT_SEVERITY_ERROR,
             .sequence = true,
             .needs = NVT_NEEDS(INTERRUPTS) | NVT_NEEDS(DOORBELLS),
             .spec = NVT_SPEC_PCIE("3.5"),
             .title =
                 "a completion waits on a queue with interrupts enabled and no interrupt comes"},
    .on = NVT_ON(COMPLETION) | NVT_ON(INTERRUPT) | NVT_ON(MSIX_WRITE) | NVT_ON(REG_WRITE) |
          NVT_ON(SHADOW_DOORBELL),
    .record = record, .due = due, .controller_state = sizeof(struct controller_state),
    .queue_state = sizeof(struct queue_state));
