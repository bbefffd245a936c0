/* SPDX-License-Identifier: BSD-2-Clause */
/* From command to command, and a queue's life. */
#include <string.h>

#include "trace/session_int.h"

/* --- queues --- */

bool nvt_session_begin_life(struct nvt_session *session, struct nvt_queue *queue) {
  queue->life = session->options.keep ? nvt_session_new_kept(session, sizeof(struct nvt_queue_life))
                                      : &queue->life_here;
  if (queue->life == NULL)
    return false;
  queue->life->qid = queue->view.qid;
  queue->life->is_cq = queue->view.is_cq;
  return true;
}

void nvt_session_end_life(struct nvt_queue *queue, enum nvt_queue_end end, uint64_t record) {
  if (queue->life->end != NVT_QUEUE_THERE)
    return;
  queue->life->end = end;
  queue->life->ended = record;
}

void nvt_session_attach(struct nvt_session *session, struct nvt_queue *sq,
                        const struct nvt_queue *cq) {
  if (cq == NULL)
    return;
  struct nvt_queue_life *of = cq->life, *life = sq->life;
  life->cq_created = of->created;
  if (!session->options.keep)
    return;
  if (of->last_sq != NULL)
    of->last_sq->next_sq = life;
  else
    of->first_sq = life;
  of->last_sq = life;
}

void nvt_session_use_life(const struct nvt_session *session, struct nvt_queue *queue) {
  struct nvt_queue_life *life = queue->life;
  if (life->count++ == 0)
    life->first = session->now.record;
  life->last = session->now.record;
}

/* --- Abort --- */

void nvt_session_note_recent(const struct nvt_session *session, struct nvt_map_slot *slot,
                             struct nvt_exchange_node *node) {
  /* What isn't kept is used again: of that only the number is left. */
  slot->recent = session->options.keep ? (void *)node : (void *)(uintptr_t)node->pub.command.record;
}

static void link_abort(struct nvt_session *session, struct nvt_exchange_node *node) {
  struct nvt_exchange *abort = &node->pub;
  struct nvt_doorbell_id id = {.qid = (uint16_t)abort->sqe.cdw10};
  uint16_t cid = (uint16_t)(abort->sqe.cdw10 >> 16);
  struct nvt_queue *sq = nvt_session_find_queue(session, abort->controller, id);
  struct nvt_map_slot *slot =
      sq != NULL ? nvt_map_find(&session->commands, sq->generation << 16 | cid) : NULL;
  if (slot == NULL)
    return;
  struct nvt_exchange_node *victim = slot->value;
  if (victim == NULL && session->options.keep)
    victim = slot->recent;
  if (victim == NULL) {
    abort->victim = (uintptr_t)slot->recent;
    abort->outcome = NVT_ABORT_BEFORE;
    return;
  }
  if (victim == node)
    return;
  abort->victim = victim->pub.command.record;
  abort->outcome = (uint8_t)nvt_abort_outcome(abort, &victim->pub);
  victim->pub.aborted_by = abort->command.record;
  victim->aborter = node;
}

void nvt_session_tell_aborter(struct nvt_exchange_node *node) {
  struct nvt_exchange_node *aborter = node->aborter;
  /* Its memory may be another command's by now, but is one's. */
  if (aborter != NULL && aborter->pub.command.record == node->pub.aborted_by)
    aborter->pub.outcome = (uint8_t)nvt_abort_outcome(&aborter->pub, &node->pub);
}

enum nvt_abort_outcome nvt_abort_outcome(const struct nvt_exchange *abort,
                                         const struct nvt_exchange *victim) {
  switch (victim->end) {
  case NVT_EXCHANGE_OPEN:
    return NVT_ABORT_OUTSTANDING;
  case NVT_EXCHANGE_COMPLETED:
    if (victim->completion.record < abort->command.record)
      return NVT_ABORT_BEFORE;
    return NVT_CQE_STATUS(victim->cqe.status) == NVT_SC_ABORTED_BY_REQUEST ? NVT_ABORT_ABORTED
                                                                           : NVT_ABORT_AFTER;
  case NVT_EXCHANGE_RESET:
    return NVT_ABORT_RESET;
  default:
    return NVT_ABORT_NEVER;
  }
}

const char *nvt_abort_outcome_name(enum nvt_abort_outcome outcome) {
  static const char *const names[NVT_ABORT_COUNT] = {
      [NVT_ABORT_OUTSTANDING] = "outstanding",
      [NVT_ABORT_ABORTED] = "aborted",
      [NVT_ABORT_BEFORE] = "had completed before",
      [NVT_ABORT_AFTER] = "completed all the same",
      [NVT_ABORT_RESET] = "ended by a reset or with its queue",
      [NVT_ABORT_NEVER] = "never completed",
  };
  return (unsigned)outcome < NVT_ABORT_COUNT ? names[outcome] : NULL;
}

/* --- ranges --- */

static bool range_of(const struct nvt_session *session, const struct nvt_exchange *exchange,
                     struct nvt_range *range) {
  return nvt_ranges_of(session->ranges, exchange->controller, (enum nvt_opcode_set)exchange->set,
                       &exchange->sqe, range);
}

static void add_range(struct nvt_session *session, struct nvt_exchange *exchange,
                      const struct nvt_range *range) {
  /* Without memory it has no links: nothing else. */
  (void)nvt_ranges_add(session->ranges, range, exchange->command.record, &exchange->range_first,
                       &exchange->range_previous);
}

void nvt_session_ranges(struct nvt_session *session) {
  while (session->first_unranged != NULL) {
    struct nvt_exchange_node *node = session->first_unranged;
    struct nvt_range range;
    if (range_of(session, &node->pub, &range))
      add_range(session, &node->pub, &range);
    session->first_unranged = node->next_unranged;
  }
  session->last_unranged = NULL;
}

static void link_range(struct nvt_session *session, struct nvt_exchange_node *node) {
  struct nvt_exchange *exchange = &node->pub;
  struct nvt_range range;
  if (!range_of(session, exchange, &range))
    return;
  uint64_t number = exchange->command.record;
  if (!session->options.keep) {
    add_range(session, exchange, &range);
  } else {
    if (session->last_unranged != NULL)
      session->last_unranged->next_unranged = node;
    else
      session->first_unranged = node;
    session->last_unranged = node;
  }
  void *failed = NULL;
  exchange->retry_of = nvt_ranges_retry(session->ranges, &range, exchange->sqe.opcode, &failed);
  if (failed != NULL)
    ((struct nvt_exchange *)failed)->retried_in = number;
}

void nvt_session_failed(struct nvt_session *session, struct nvt_exchange *exchange) {
  struct nvt_range range;
  if (session->ranges != NULL && exchange->command.record != 0 &&
      range_of(session, exchange, &range))
    nvt_ranges_failed(session->ranges, &range, exchange->sqe.opcode, exchange->command.record,
                      session->options.keep ? exchange : NULL);
}

void nvt_session_link(struct nvt_session *session, struct nvt_queue *sq,
                      struct nvt_exchange_node *node, bool snapshot) {
  struct nvt_exchange *exchange = &node->pub;
  if (session->options.keep)
    exchange->queue = sq->life;
  if (!snapshot) { /* else others came after it */
    nvt_session_use_life(session, sq);
    exchange->has_previous = sq->fetched && session->now.time_ns >= sq->fetch_ns;
    if (exchange->has_previous)
      exchange->since_previous_ns = session->now.time_ns - sq->fetch_ns;
    sq->fetched = true;
    sq->fetch_ns = session->now.time_ns;
  }
  if (exchange->set == NVT_SET_ADMIN && exchange->sqe.opcode == NVT_ADMIN_ABORT)
    link_abort(session, node);
  if (session->ranges != NULL)
    link_range(session, node);
}
