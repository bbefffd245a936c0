/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands and their completions. */
#include <errno.h>
#include <string.h>

#include "trace/session_int.h"

bool nvt_exchange_stage(const struct nvt_exchange *exchange, enum nvt_stage stage, uint64_t *ns) {
  const struct nvt_moment *from = &exchange->command;
  const struct nvt_moment *to = &exchange->completion;
  switch (stage) {
  case NVT_STAGE_TOTAL:
  case NVT_STAGE_EXECUTE:
    break;
  case NVT_STAGE_FETCH:
    from = &exchange->doorbell;
    to = &exchange->command;
    break;
  case NVT_STAGE_INTERRUPT:
    from = &exchange->completion;
    to = &exchange->interrupt;
    break;
  case NVT_STAGE_ACKNOWLEDGE:
    from = &exchange->completion;
    to = &exchange->acknowledge;
    break;
  case NVT_STAGE_COUNT:
    return false;
  }
  if (from->record == 0 || to->record == 0 || to->time_ns < from->time_ns)
    return false;
  *ns = to->time_ns - from->time_ns;
  return true;
}

uint64_t nvt_stage_record(const struct nvt_exchange *exchange, enum nvt_stage stage) {
  return stage == NVT_STAGE_FETCH ? exchange->command.record : exchange->completion.record;
}

const char *nvt_stage_name(enum nvt_stage stage) {
  static const char *const names[NVT_STAGE_COUNT] = {
      [NVT_STAGE_TOTAL] = "total",
      [NVT_STAGE_FETCH] = "fetch",
      [NVT_STAGE_EXECUTE] = "execute",
      [NVT_STAGE_INTERRUPT] = "interrupt",
      [NVT_STAGE_ACKNOWLEDGE] = "acknowledge",
  };
  return (unsigned)stage < NVT_STAGE_COUNT ? names[stage] : NULL;
}

static void append(struct nvt_exchange_list *list, struct nvt_exchange_node *node) {
  node->next = NULL;
  node->previous = list->last;
  if (list->last != NULL)
    list->last->next = node;
  else
    list->first = node;
  list->last = node;
}

static void take_out(struct nvt_exchange_list *list, struct nvt_exchange_node *node) {
  if (node->previous != NULL)
    node->previous->next = node->next;
  else
    list->first = node->next;
  if (node->next != NULL)
    node->next->previous = node->previous;
  else
    list->last = node->previous;
}

void nvt_session_end(struct nvt_session *session, struct nvt_exchange_node *node) {
  if (session->options.ended != NULL)
    session->options.ended(session->options.ended_ctx, &node->pub);
  if (session->options.keep)
    return;
  node->next = session->ended_exchanges;
  session->ended_exchanges = node;
}

static bool without_doorbells(const struct nvt_controller_node *controller) {
  return (controller->state.left_out & NVT_V_meta_left_out_flags_DOORBELLS) != 0;
}

static uint64_t command_key(const struct nvt_queue *sq, uint16_t cid) {
  return sq->generation << 16 | cid;
}

static void open(struct nvt_controller_node *controller, struct nvt_exchange_node *node) {
  node->earlier = controller->youngest;
  if (controller->youngest != NULL)
    controller->youngest->later = node;
  else
    controller->oldest = node;
  controller->youngest = node;
  controller->state.outstanding++;
}

static void not_open(struct nvt_controller_node *controller, struct nvt_exchange_node *node) {
  if (node->earlier != NULL)
    node->earlier->later = node->later;
  else
    controller->oldest = node->later;
  if (node->later != NULL)
    node->later->earlier = node->earlier;
  else
    controller->youngest = node->earlier;
  controller->state.outstanding--;
}

/* node is the oldest outstanding one of its cid. */
static void not_outstanding(struct nvt_session *session, struct nvt_queue *sq,
                            struct nvt_exchange_node *node) {
  take_out(&sq->list, node);
  struct nvt_map_slot *slot = nvt_map_find(&session->commands, command_key(sq, node->pub.cid));
  if (slot != NULL) {
    slot->value = node->younger;
    if (node->younger != NULL)
      node->younger->youngest = node->youngest;
  }
  sq->view.outstanding--;
  not_open(sq->controller, node);
}

void nvt_session_cancel(struct nvt_session *session, struct nvt_queue *sq,
                        struct nvt_exchange_node *node, enum nvt_exchange_end end) {
  not_outstanding(session, sq, node);
  node->pub.end = end;
  node->pub.cancel = session->now;
  nvt_session_tell_aborter(node);
  struct nvt_change *reset = sq->controller->resetting;
  if (end == NVT_EXCHANGE_RESET) {
    if (reset != NULL) {
      uint64_t record = node->pub.command.record;
      reset->first = reset->count++ == 0 || record < reset->first ? record : reset->first;
      reset->last = record > reset->last ? record : reset->last;
    }
    nvt_session_failed(session, &node->pub);
  }
  nvt_session_end(session, node);
}

void nvt_session_retire(struct nvt_session *session, struct nvt_queue *cq) {
  struct nvt_exchange_node *node = cq->list.first;
  take_out(&cq->list, node);
  cq->view.outstanding--;
  session->unacknowledged--;
  /* A queue's memory is used again for queues only, so that this look is safe. */
  if (node->sq != NULL && node->sq->generation == node->sq_generation)
    node->sq->unacknowledged--;
  if (cq->uncovered == node) {
    cq->uncovered = node->next;
    cq->uncovered_count--;
  }
  nvt_session_end(session, node);
}

static uint16_t next_slot(const struct nvt_queue *queue, uint16_t slot) {
  uint16_t next = (uint16_t)(slot + 1u);
  return queue->view.entries != 0 && next >= queue->view.entries ? 0 : next;
}

static struct nvt_exchange_node *oldest_of(const struct nvt_session *session,
                                           const struct nvt_queue *sq, uint16_t cid) {
  const struct nvt_map_slot *slot = nvt_map_find(&session->commands, command_key(sq, cid));
  return slot != NULL ? slot->value : NULL;
}

/* A snapshot in the middle, where another trace may begin, has a command that is known. */
static bool is_known(const struct nvt_exchange_node *node, const struct nvt_record *record) {
  return node != NULL && nvt_is_snapshot(record) && node->pub.command.time_ns == record->time_ns &&
         memcmp(&node->pub.sqe, &record->command.sqe, sizeof(node->pub.sqe)) == 0;
}

/* Likewise; they come in order. */
static bool is_posted(const struct nvt_queue *cq, const struct nvt_record *record) {
  const struct nvt_exchange_node *last = cq != NULL ? cq->list.last : NULL;
  if (last == NULL)
    return false;
  return last->pub.completion.time_ns > record->time_ns ||
         (last->pub.completion.time_ns == record->time_ns && last->slot == record->completion.slot);
}

int nvt_session_command(struct nvt_session *session, struct nvt_controller_node *controller,
                        const struct nvt_record *record, struct nvt_view *view) {
  const struct nvt_rec_command *command = &record->command;
  struct nvt_doorbell_id id = {.qid = command->sqid};
  struct nvt_queue *sq = nvt_session_need_queue(session, controller, id);
  if (sq == NULL)
    return nvt_session_no_queue(session);
  struct nvt_exchange_node *known = oldest_of(session, sq, command->sqe.cid);
  if (is_known(known, record)) {
    view->exchange = &known->pub;
    view->queue = sq->life;
    return 0;
  }
  if (sq->view.outstanding >= NVT_LIST_MAX)
    nvt_session_cancel(session, sq, sq->list.first, NVT_EXCHANGE_UNFINISHED);
  struct nvt_exchange_node *node = nvt_session_new_exchange(session);
  struct nvt_map_slot *slot =
      node != NULL ? nvt_map_get(&session->commands, command_key(sq, command->sqe.cid)) : NULL;
  if (slot == NULL)
    return -ENOMEM;
  struct nvt_exchange_node *oldest = slot->value;
  if (oldest != NULL && oldest->pub.command.record < controller->lossy_until) {
    /* Its completion is among what was lost: the host wouldn't use the id again. */
    nvt_session_cancel(session, sq, oldest, NVT_EXCHANGE_UNFINISHED);
    oldest = slot->value;
  }
  struct nvt_exchange *exchange = &node->pub;
  exchange->controller = controller->state.controller;
  exchange->epoch = controller->state.epoch;
  exchange->sqid = command->sqid;
  exchange->cqid = command->cqid;
  exchange->cid = command->sqe.cid;
  exchange->reuse = slot->count++;
  exchange->command = session->now;
  exchange->sqe = command->sqe;
  exchange->set = (uint8_t)view->set;
  exchange->page_shift = (uint8_t)(12 + NVT_GET(controller->state.cc, CC_MPS));
  exchange->duplicate_cid = oldest != NULL;
  if (oldest != NULL) {
    oldest->youngest->younger = node;
    oldest->youngest = node;
  } else {
    slot->value = node;
    node->youngest = node;
  }
  nvt_session_note_recent(session, slot, node);
  append(&sq->list, node);
  node->sq_slot = command->slot;
  exchange->depth = ++sq->view.outstanding;
  open(controller, node);
  sq->view.cqid = command->cqid;
  if (!nvt_is_snapshot(record)) { /* else the queue's state has told what came after it, too */
    sq->view.head = next_slot(sq, command->slot);
    sq->view.head_known = true;
    nvt_session_announced_by(session, sq, command->slot, exchange);
  }
  exchange->in_flight = exchange->depth + nvt_session_announced(sq);
  if (!without_doorbells(controller))
    exchange->in_flight += sq->unacknowledged;
  nvt_session_size(session, controller, exchange);
  nvt_session_link(session, sq, node, nvt_is_snapshot(record));
  view->exchange = exchange;
  view->queue = sq->life;
  return 0;
}

struct nvt_exchange *nvt_session_outstanding(const struct nvt_session *session, uint16_t controller,
                                             uint16_t sqid, uint16_t cid) {
  struct nvt_doorbell_id id = {.qid = sqid};
  const struct nvt_queue *sq = nvt_session_find_queue(session, controller, id);
  struct nvt_exchange_node *node = sq != NULL ? oldest_of(session, sq, cid) : NULL;
  return node != NULL ? &node->pub : NULL;
}

const struct nvt_exchange *nvt_session_outstanding_command(const struct nvt_session *session,
                                                           uint16_t controller, uint16_t sqid,
                                                           uint16_t cid) {
  return nvt_session_outstanding(session, controller, sqid, cid);
}

size_t nvt_session_outstanding_commands(const struct nvt_session *session, uint16_t controller,
                                        const struct nvt_exchange **out, size_t max) {
  const struct nvt_map_slot *slot = nvt_map_find(&session->controllers, controller);
  const struct nvt_controller_node *node = slot != NULL ? slot->value : NULL;
  size_t count = 0;
  for (const struct nvt_exchange_node *at = node != NULL ? node->oldest : NULL;
       at != NULL && count < max; at = at->later)
    out[count++] = &at->pub;
  return count;
}

/* To its completion queue, until the host has acknowledged it. */
static int post(struct nvt_session *session, struct nvt_controller_node *controller,
                const struct nvt_rec_completion *completion, struct nvt_exchange_node *node,
                bool snapshot) {
  struct nvt_doorbell_id id = {.qid = completion->cqid, .is_cq = true};
  struct nvt_queue *cq = nvt_session_need_queue(session, controller, id);
  if (cq == NULL) {
    if (node->sq != NULL)
      node->sq->unacknowledged--;
    nvt_session_end(session, node);
    return nvt_session_no_queue(session);
  }
  /* Where no doorbell will tell, a queue that is full shows what was acknowledged. */
  uint32_t most = NVT_LIST_MAX;
  if (without_doorbells(controller) && cq->view.entries != 0)
    most = cq->view.entries > 1 ? cq->view.entries - 1 : 1;
  if (cq->view.outstanding >= most ||
      (session->unacknowledged >= NVT_UNACKNOWLEDGED_MAX && cq->list.first != NULL))
    nvt_session_retire(session, cq);
  node->slot = completion->slot;
  append(&cq->list, node);
  cq->view.outstanding++;
  session->unacknowledged++;
  if (snapshot) /* the queue's state has told the rest */
    return nvt_session_wait(session, cq, node);
  nvt_session_use_life(session, cq);
  if (!cq->view.head_known) {
    cq->view.head = completion->head;
    cq->view.head_known = true;
  }
  cq->view.tail = next_slot(cq, completion->slot);
  cq->view.tail_known = true;
  cq->view.phase = NVT_CQE_PHASE(completion->cqe.status) != (cq->view.tail == 0);
  return nvt_session_wait(session, cq, node);
}

static int admin_done(struct nvt_session *session, struct nvt_controller_node *controller,
                      struct nvt_exchange *exchange, struct nvt_view *view) {
  nvt_session_sizes_done(session, controller, &exchange->sqe);
  int error = nvt_session_admin_done(session, controller, exchange, view);
  return error != 0 ? error
                    : nvt_session_sets_done(session, exchange->controller, &exchange->sqe,
                                            exchange->cqe.dw0);
}

int nvt_session_completion(struct nvt_session *session, struct nvt_controller_node *controller,
                           const struct nvt_record *record, struct nvt_view *view) {
  const struct nvt_rec_completion *completion = &record->completion;
  struct nvt_doorbell_id id = {.qid = completion->sqid};
  struct nvt_queue *sq = nvt_session_find_queue(session, controller->state.controller, id);
  struct nvt_doorbell_id cq = {.qid = completion->cqid, .is_cq = true};
  if (nvt_is_snapshot(record) &&
      is_posted(nvt_session_find_queue(session, controller->state.controller, cq), record))
    return 0;
  bool snapshot = nvt_is_snapshot(record); /* then its command isn't in the trace */
  struct nvt_exchange_node *node =
      sq != NULL && !snapshot ? oldest_of(session, sq, completion->cqe.cid) : NULL;
  bool paired = node != NULL;
  if (paired) {
    not_outstanding(session, sq, node);
  } else {
    node = nvt_session_new_exchange(session);
    if (node == NULL)
      return -ENOMEM;
    node->pub.controller = controller->state.controller;
    node->pub.epoch = controller->state.epoch;
    node->pub.sqid = completion->sqid;
    node->pub.cid = completion->cqe.cid;
    node->pub.set = (uint8_t)view->set;
  }
  struct nvt_exchange *exchange = &node->pub;
  if (sq != NULL && (paired || snapshot)) {
    node->sq = sq;
    node->sq_generation = sq->generation;
    sq->unacknowledged++;
  }
  exchange->end = NVT_EXCHANGE_COMPLETED;
  exchange->cqid = completion->cqid;
  exchange->completion = session->now;
  exchange->cqe = completion->cqe;
  nvt_session_tell_aborter(node);
  view->exchange = exchange;
  view->set = (enum nvt_opcode_set)exchange->set;
  view->queue = sq != NULL ? sq->life : NULL;
  if (session->options.keep && sq != NULL)
    exchange->queue = sq->life;
  if (NVT_CQE_STATUS(completion->cqe.status) != NVT_SC_SUCCESS)
    nvt_session_failed(session, exchange);
  int error = post(session, controller, completion, node, snapshot);
  if (error == 0 && completion->sqid == 0 && exchange->command.record != 0 &&
      NVT_CQE_STATUS(completion->cqe.status) == NVT_SC_SUCCESS)
    error = admin_done(session, controller, exchange, view);
  return error;
}
