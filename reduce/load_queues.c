/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small model of queues, followed while the trace is loaded: which doorbell announced a command,
 * which interrupt told of a completion, which doorbell acknowledged it; and where the recording
 * has something else than that explains, which is kept as a step beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "reduce/reduce_int.h"

/* What was known of a queue before a reset isn't any more. */
static void refresh(const struct nvt_trace *t, struct nvt_queue *q) {
  if (q->life == t->lives[q->controller])
    return;
  q->life = t->lives[q->controller];
  q->entries = 0;
  q->waits = 0;
  q->due = NVT_REDUCE_NONE;
  q->made_by = NVT_REDUCE_NONE;
}

struct nvt_queue *nvt_reduce_queue(struct nvt_trace *t, uint16_t controller, uint16_t qid,
                                   bool is_cq, uint32_t *index) {
  uint32_t *bucket = &t->buckets[(qid * 2u + is_cq + controller * 97u) % 4096];
  for (uint32_t i = *bucket; i != NVT_REDUCE_NONE; i = t->queues[i].hash_next)
    if (t->queues[i].qid == qid && t->queues[i].is_cq == is_cq &&
        t->queues[i].controller == controller) {
      *index = i;
      refresh(t, &t->queues[i]);
      return &t->queues[i];
    }
  if (t->queue_count == t->queue_room) {
    uint32_t room = t->queue_room != 0 ? t->queue_room * 2 : 64;
    struct nvt_queue *bigger = reallocarray(t->queues, room, sizeof(*bigger));
    if (bigger == NULL)
      return NULL;
    t->queues = bigger;
    t->queue_room = room;
  }
  *index = t->queue_count++;
  t->queues[*index] = (struct nvt_queue){.controller = controller,
                                         .qid = qid,
                                         .is_cq = is_cq,
                                         .hash_next = *bucket,
                                         .life = t->lives[controller],
                                         .made_by = NVT_REDUCE_NONE,
                                         .due = NVT_REDUCE_NONE};
  *bucket = *index;
  return &t->queues[*index];
}

static bool wait_for(struct nvt_queue *q, uint32_t item) {
  if (q->waits == q->room) {
    uint32_t room = q->room != 0 ? q->room * 2 : 64;
    uint32_t *bigger = reallocarray(NULL, room, sizeof(*bigger));
    if (bigger == NULL)
      return false;
    for (uint32_t i = 0; i < q->waits; i++)
      bigger[i] = q->waiting[(q->first + i) % q->room];
    free(q->waiting);
    q->waiting = bigger;
    q->room = room;
    q->first = 0;
  }
  q->waiting[(q->first + q->waits++) % q->room] = item;
  return true;
}

static uint32_t take_waiting(struct nvt_queue *q) {
  if (q->waits == 0)
    return NVT_REDUCE_NONE;
  uint32_t item = q->waiting[q->first];
  q->first = (q->first + 1) % q->room;
  q->waits--;
  return item;
}

bool nvt_make_queue(struct nvt_trace *t, const struct nvt_making *making, uint32_t unit,
                    bool interrupts) {
  if (t->making_count == t->making_room) {
    uint32_t room = t->making_room != 0 ? t->making_room * 2 : 64;
    struct nvt_making *bigger = reallocarray(t->makings, room, sizeof(*bigger));
    if (bigger == NULL)
      return false;
    t->makings = bigger;
    t->making_room = room;
  }
  t->makings[t->making_count++] = *making;
  struct nvt_queue *q = &t->queues[making->queue];
  q->entries = making->entries;
  q->head = making->head;
  q->tail = making->tail;
  q->posted = making->posted;
  q->acked = 0;
  q->phase = making->phase;
  q->interrupts = interrupts;
  q->made_by = unit;
  q->due = NVT_REDUCE_NONE;
  q->waits = 0;
  uint32_t before =
      q->is_cq ? making->posted : (making->tail + making->entries - making->head) % making->entries;
  for (uint32_t i = 0; i < before; i++)
    if (!wait_for(q, NVT_REDUCE_NONE))
      return false;
  return true;
}

void nvt_forget_queues(struct nvt_trace *t, uint16_t controller) {
  t->lives[controller]++;
}

/* Doorbells of which nothing came, of those that still wait: they stay what they are. */
static bool follow_tail(struct nvt_trace *t, uint32_t item, uint32_t index, uint32_t value) {
  struct nvt_queue *q = &t->queues[index];
  struct nvt_item *it = &t->items[item];
  uint32_t count = (value + q->entries - q->tail) % q->entries;
  q->tail = value;
  it->role = NVT_ROLE_FREE_TAIL; /* until one is fetched */
  it->queue = index;
  it->count = count;
  for (uint32_t i = 0; i < count; i++)
    if (!wait_for(q, item))
      return false;
  return true;
}

static void follow_head(struct nvt_trace *t, uint32_t item, uint32_t index, uint32_t value) {
  struct nvt_queue *q = &t->queues[index];
  uint32_t count = (value + q->entries - q->head) % q->entries;
  if (count > q->waits || count == 0)
    return;
  struct nvt_item *it = &t->items[item];
  for (uint32_t i = 0; i < count; i++)
    it->link = take_waiting(q);
  q->head = value;
  q->acked += count;
  it->role = NVT_ROLE_ACK;
  it->queue = index;
  it->count = q->acked;
}

bool nvt_follow_doorbell(struct nvt_trace *t, uint32_t item, uint16_t qid, bool is_cq,
                         uint32_t value) {
  struct nvt_record record;
  nvt_reduce_record(t, item, &record);
  uint32_t index;
  struct nvt_queue *q = nvt_reduce_queue(t, record.header.controller, qid, is_cq, &index);
  if (q == NULL)
    return false;
  if (value >= q->entries)
    return true; /* of no queue, or invalid: it stays as it is */
  if (!is_cq && q->waits + (value + q->entries - q->tail) % q->entries >= q->entries)
    return true; /* more than it has room for */
  if (!is_cq)
    return value == q->tail || follow_tail(t, item, index, value);
  follow_head(t, item, index, value);
  return true;
}

bool nvt_follow_command(struct nvt_trace *t, uint32_t item, const struct nvt_record *record) {
  uint32_t index;
  struct nvt_queue *q =
      nvt_reduce_queue(t, record->header.controller, record->command.sqid, false, &index);
  if (q == NULL)
    return false;
  struct nvt_item *it = &t->items[item];
  it->queue = index;
  if (q->entries == 0 || (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
    return true;
  it->role = NVT_ROLE_COMMAND;
  it->link = take_waiting(q);
  if (it->link != NVT_REDUCE_NONE) {
    t->items[it->link].role = NVT_ROLE_TAIL;
    t->items[it->link].unit = NVT_REDUCE_NONE;
    t->items[it->link].fetched++;
  }
  it->off[0] = (int32_t)record->command.slot - (int32_t)q->head;
  q->head = (q->head + 1) % q->entries;
  it->off[1] = (int32_t)record->command.head - (int32_t)q->head;
  it->off[2] = (int32_t)record->command.tail - (int32_t)q->tail;
  return true;
}

bool nvt_follow_completion(struct nvt_trace *t, uint32_t item, const struct nvt_record *record) {
  const struct nvt_rec_completion *c = &record->completion;
  uint32_t sq_index, index;
  struct nvt_queue *q = nvt_reduce_queue(t, record->header.controller, c->sqid, false, &sq_index);
  q = q != NULL ? nvt_reduce_queue(t, record->header.controller, c->cqid, true, &index) : NULL;
  if (q == NULL)
    return false;
  if (q->entries == 0 || (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
    return true;
  const struct nvt_queue *sq = &t->queues[sq_index];
  struct nvt_item *it = &t->items[item];
  it->role = NVT_ROLE_COMPLETION;
  it->queue = index;
  it->sq = sq_index;
  it->off[0] = (int32_t)c->slot - (int32_t)q->tail;
  it->off[1] = (int32_t)c->head - (int32_t)q->head;
  it->off[2] = (int32_t)c->cqe.sqhd - (int32_t)sq->head;
  it->off_phase = NVT_CQE_PHASE(c->cqe.status) != q->phase;
  q->posted++;
  q->tail = (q->tail + 1) % q->entries;
  if (q->tail == 0)
    q->phase = !q->phase;
  if (q->interrupts) {
    it->link = q->due;
    q->due = item;
  }
  return wait_for(q, item);
}

void nvt_follow_interrupt(struct nvt_trace *t, uint32_t item, const struct nvt_record *record) {
  struct nvt_item *it = &t->items[item];
  it->msix = record->interrupt.mode == NVT_V_interrupt_mode_MSIX;
  uint32_t index;
  struct nvt_queue *q =
      nvt_reduce_queue(t, record->header.controller, record->interrupt.cqid, true, &index);
  if (q == NULL || q->due == NVT_REDUCE_NONE ||
      record->interrupt.state == NVT_V_interrupt_state_DEASSERTED)
    return;
  it->role = NVT_ROLE_INTERRUPT;
  it->unit = NVT_REDUCE_NONE;
  while (q->due != NVT_REDUCE_NONE) {
    struct nvt_item *completion = &t->items[q->due];
    q->due = completion->link;
    completion->link = item;
  }
}
