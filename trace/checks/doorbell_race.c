/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

#define SAME_NS 1000000u /* two writes of one doorbell, by two that don't know of each other */
#define PAIR_NS 100000u  /* the two doorbells of a pair: drives that mind have less */

struct queue_state {
  struct nvt_check_stuck stuck; /* submission queue */
  uint64_t near;                /* record of the head doorbell just before the last tail doorbell */
  uint16_t head;                /* as completions last told the host */
  bool written;
  uint32_t older; /* the value before the last one */
  struct nvt_moment last;
};

/* Does a write take the doorbell back, to a value of a moment ago, where it can't go? */
static bool goes_back(const struct queue_state *state, const struct nvt_check_run *run,
                      const struct nvt_check_queue *queue, uint32_t value, uint32_t before) {
  const struct nvt_queue_view *view = nvt_check_queue_view(run, queue->id);
  uint32_t entries = queue->entries;
  if (view == NULL || !state->written || value >= entries || before >= entries ||
      state->older >= entries || state->head >= entries || value == before ||
      run->now.time_ns - state->last.time_ns > SAME_NS || run->now.time_ns < state->last.time_ns)
    return false;
  if (nvt_check_distance(value, before, entries) >
      nvt_check_distance(state->older, before, entries))
    return false;
  uint32_t added = nvt_check_distance(before, value, entries);
  return queue->id.is_cq
             ? view->tail < entries && added > nvt_check_distance(before, view->tail, entries)
             : added + nvt_check_distance(state->head, before, entries) >= entries;
}

static void written(struct nvt_check_run *run, struct nvt_check_queue *queue) {
  const struct nvt_signal *signal = run->view->signal;
  const struct nvt_queue_view *view = nvt_check_queue_view(run, queue->id);
  if (view == NULL || signal == NULL || !queue->from_start || queue->entries == 0)
    return;
  struct queue_state *state = nvt_check_queue_state(run, queue);
  /* The session hasn't followed one that the controller refused. */
  uint32_t before = signal->valid ? signal->previous : queue->id.is_cq ? view->head : view->tail;
  if (goes_back(state, run, queue, signal->value, before))
    nvt_check_report(run, state->last.record,
                     "%s %u %s doorbell goes back from %u to %u within %llu us: two write it, and "
                     "the older value comes last",
                     queue->id.is_cq ? "CQ" : "SQ", queue->id.qid,
                     queue->id.is_cq ? "head" : "tail", before, signal->value,
                     (unsigned long long)((run->now.time_ns - state->last.time_ns) / 1000));
  state->written = true;
  state->older = before;
  state->last = run->now;
}

/* Was the head doorbell of its pair written just before the tail doorbell? */
static void note_pair(struct nvt_check_run *run, struct queue_state *state) {
  struct nvt_check_queue *cq =
      nvt_check_queue(run, (struct nvt_doorbell_id){.qid = run->sq->cqid, .is_cq = true});
  const struct queue_state *head = cq != NULL ? nvt_check_queue_state(run, cq) : NULL;
  bool near = head != NULL && head->written && run->now.time_ns >= head->last.time_ns &&
              run->now.time_ns - head->last.time_ns < PAIR_NS;
  state->near = near ? head->last.record : 0;
}

static void record(struct nvt_check_run *run) {
  if (run->view->is_doorbell && run->cq != NULL)
    written(run, run->cq);
  if (run->sq == NULL)
    return;
  struct queue_state *state = nvt_check_queue_state(run, run->sq);
  if (run->record->header.type == NVT_REC_COMPLETION) {
    state->head = run->record->completion.cqe.sqhd;
    return;
  }
  if (run->view->is_doorbell) {
    written(run, run->sq);
    note_pair(run, state);
  }
  nvt_check_stuck_seen(run, &state->stuck);
}

static void due(struct nvt_check_run *run, struct nvt_check_queue *sq) {
  struct queue_state *state = nvt_check_queue_state(run, sq);
  uint64_t waited;
  const struct nvt_queue_view *cq =
      nvt_check_queue_view(run, (struct nvt_doorbell_id){.qid = sq->cqid, .is_cq = true});
  /* With completions that aren't acknowledged there are likelier reasons. */
  if (nvt_check_stuck_due(run, sq, &state->stuck, &waited) && state->near != 0 && cq != NULL &&
      cq->outstanding == 0)
    nvt_check_report_at(run, state->stuck.doorbell, state->near,
                        "SQ %u: what this doorbell announced isn't fetched, and the head doorbell "
                        "of CQ %u was written just before it, in record %llu: some drives don't "
                        "see the second",
                        sq->id.qid, sq->cqid, (unsigned long long)state->near);
}

NVT_CHECK(
    doorbell_race,
    .info = {.id = "doorbell-race",
             .severity = NVT_SEVERITY_NOTE,
             .needs = NVT_NEEDS(DOORBELLS),
             .spec = NVT_SPEC_PCIE("3.1.2.1"),
             .title = "doorbells are written at nearly the same time, and one of them is lost "
                      "or overtaken"},
    .on = NVT_ON(REG_WRITE) | NVT_ON(SHADOW_DOORBELL) | NVT_ON(COMMAND) | NVT_ON(COMPLETION),
    .record = record, .due = due, .queue_state = sizeof(struct queue_state));
