/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells and interrupts: which commands each stands for. A tail doorbell
 * announces the entries between its value and the one before; a head doorbell
 * acknowledges completions likewise; a message covers all that was posted to the
 * queues of its vector since the last one.
 */
#include <errno.h>
#include <string.h>

#include "trace/session_int.h"

/* Of this record; kept only where the session keeps. NULL: no memory. */
static struct nvt_signal_node *signal_here(struct nvt_session *session,
                                           const struct nvt_controller_node *controller) {
  struct nvt_signal_node *node = &session->scratch;
  if (session->options.keep)
    node = nvt_session_new_signal(session);
  else
    memset(node, 0, sizeof(*node));
  if (node == NULL)
    return NULL;
  node->pub.at = session->now;
  node->pub.controller = controller->state.controller;
  return node;
}

static void measured(const struct nvt_session *session, struct nvt_exchange *exchange,
                     enum nvt_stage stage) {
  if (session->options.measured != NULL)
    session->options.measured(session->options.measured_ctx, exchange, stage);
}

static void stands_for(const struct nvt_session *session, struct nvt_signal *signal,
                       struct nvt_exchange *exchange) {
  if (!session->options.keep)
    return;
  signal->known++;
  if (signal->first == NULL)
    signal->first = exchange;
  signal->last = exchange;
}

/* Of several queues, one after the other: the first and the last by their completions. */
static void covers(const struct nvt_session *session, struct nvt_signal *signal,
                   struct nvt_exchange *exchange) {
  if (!session->options.keep)
    return;
  signal->known++;
  if (signal->first == NULL || exchange->completion.record < signal->first->completion.record)
    signal->first = exchange;
  if (signal->last == NULL || exchange->completion.record > signal->last->completion.record)
    signal->last = exchange;
}

/* Entries from `from` to `to` of a ring; where its size isn't known, those up to
 * a wrap aren't counted. */
static uint32_t distance(const struct nvt_queue *queue, uint32_t from, uint32_t to) {
  if (to >= from)
    return to - from;
  return queue->view.entries > from ? queue->view.entries - from + to : to;
}

void nvt_session_drop_doorbell(struct nvt_session *session, struct nvt_queue *sq) {
  struct nvt_signal_node *node = sq->doorbells;
  sq->doorbells = node->next;
  if (sq->doorbells == NULL)
    sq->last_doorbell = NULL;
  sq->doorbell_count--;
  session->doorbell_count--;
  nvt_session_free_signal(session, node);
}

/* A tail doorbell waits until all that it announced has been fetched. */
static int announce(struct nvt_session *session, struct nvt_queue *sq,
                    struct nvt_signal_node **signal, bool lasting_already) {
  struct nvt_signal_node *node = *signal;
  struct nvt_signal *pub = &node->pub;
  node->anywhere = !sq->view.tail_known;
  pub->previous = sq->view.tail_known ? sq->view.tail : pub->value;
  pub->count = distance(sq, pub->previous, pub->value);
  sq->view.tail = (uint16_t)pub->value;
  sq->view.tail_known = true;
  if (pub->count == 0 && !node->anywhere)
    return 0;
  if (!lasting_already) {
    struct nvt_signal_node *lasting = nvt_session_new_signal(session);
    if (lasting == NULL)
      return -ENOMEM;
    *lasting = *node;
    *signal = node = lasting;
  }
  if (sq->doorbell_count >= NVT_LIST_MAX ||
      (session->doorbell_count >= NVT_DOORBELLS_MAX && sq->doorbells != NULL))
    nvt_session_drop_doorbell(session, sq);
  node->next = NULL;
  if (sq->last_doorbell != NULL)
    sq->last_doorbell->next = node;
  else
    sq->doorbells = node;
  sq->last_doorbell = node;
  sq->doorbell_count++;
  session->doorbell_count++;
  return 0;
}

int nvt_session_announced_before(struct nvt_session *session, struct nvt_queue *sq) {
  uint16_t tail = sq->view.tail;
  if (sq->view.head == tail)
    return 0;
  struct nvt_signal_node *node = nvt_session_new_signal(session);
  if (node == NULL)
    return -ENOMEM;
  node->pub = (struct nvt_signal){.doorbell = {.qid = sq->view.qid},
                                  .controller = sq->controller->state.controller,
                                  .value = tail,
                                  .valid = true};
  sq->view.tail = sq->view.head;
  return announce(session, sq, &node, true);
}

uint32_t nvt_session_announced(const struct nvt_queue *sq) {
  return sq->doorbells != NULL ? distance(sq, sq->view.head, sq->view.tail) : 0;
}

void nvt_session_announced_by(struct nvt_session *session, struct nvt_queue *sq, uint16_t slot,
                              struct nvt_exchange *exchange) {
  while (sq->doorbells != NULL) {
    struct nvt_signal_node *node = sq->doorbells;
    struct nvt_signal *pub = &node->pub;
    if (node->anywhere) {
      node->anywhere = false;
      pub->previous = slot;
      pub->count = distance(sq, slot, pub->value);
    }
    if (nvt_in_ring(pub->previous, pub->value, slot)) {
      exchange->doorbell = pub->at;
      stands_for(session, pub, exchange);
      uint32_t next = slot + 1u;
      if (next == pub->value || (next == sq->view.entries && pub->value == 0))
        nvt_session_drop_doorbell(session, sq);
      return;
    }
    nvt_session_drop_doorbell(session, sq);
  }
}

static void acknowledge(struct nvt_session *session, struct nvt_queue *cq,
                        struct nvt_signal *signal) {
  uint32_t value = signal->value;
  signal->previous = cq->view.head_known ? cq->view.head : value;
  signal->count = distance(cq, signal->previous, value);
  cq->view.head = (uint16_t)value;
  cq->view.head_known = true;
  if (signal->previous == value)
    return;
  while (cq->list.first != NULL) {
    struct nvt_exchange_node *node = cq->list.first;
    if (nvt_in_ring(signal->previous, value, node->slot)) {
      node->pub.acknowledge = session->now;
      stands_for(session, signal, &node->pub);
      measured(session, &node->pub, NVT_STAGE_ACKNOWLEDGE);
    } else if (nvt_in_ring(value, cq->view.tail, node->slot)) {
      break;
    } /* else it stands where none can: it would be in the way for ever */
    nvt_session_retire(session, cq);
  }
}

int nvt_session_doorbell(struct nvt_session *session, struct nvt_controller_node *controller,
                         const struct nvt_record *record, struct nvt_doorbell_id id, uint32_t value,
                         bool refused, struct nvt_view *view) {
  (void)record;
  struct nvt_signal_node *node = signal_here(session, controller);
  if (node == NULL)
    return -ENOMEM;
  node->pub.doorbell = id;
  node->pub.value = value;
  node->pub.previous = value;
  view->is_doorbell = true;
  view->doorbell = id;
  view->signal = &node->pub;
  struct nvt_queue *queue = nvt_session_find_queue(session, controller->state.controller, id);
  if (queue == NULL && !controller->whole && !refused) {
    queue = nvt_session_need_queue(session, controller, id);
    if (queue == NULL)
      return nvt_session_no_queue(session);
  }
  if (queue != NULL) {
    view->queue = queue->life;
    node->pub.queue = session->options.keep ? queue->life : NULL;
  }
  uint32_t entries = queue != NULL && queue->view.entries != 0 ? queue->view.entries : 65536;
  node->pub.valid = queue != NULL && !refused && value < entries;
  if (!node->pub.valid)
    return 0;
  if (id.is_cq) {
    acknowledge(session, queue, &node->pub);
    return 0;
  }
  int error = announce(session, queue, &node, session->options.keep);
  view->signal = &node->pub;
  return error;
}

/* --- interrupts --- */

static uint64_t vector_key(const struct nvt_queue *cq) {
  return (uint64_t)cq->controller->state.controller << 16 | cq->view.vector;
}

int nvt_session_wait(struct nvt_session *session, struct nvt_queue *cq,
                     struct nvt_exchange_node *node) {
  if (cq->uncovered == NULL)
    cq->uncovered = node;
  cq->uncovered_count++;
  if (cq->waiting || !cq->view.vector_known)
    return 0;
  struct nvt_map_slot *slot = nvt_map_get(&session->vectors, vector_key(cq));
  if (slot == NULL)
    return -ENOMEM;
  cq->previous_waiting = NULL;
  cq->next_waiting = slot->value;
  if (cq->next_waiting != NULL)
    cq->next_waiting->previous_waiting = cq;
  slot->value = cq;
  cq->waiting = true;
  return 0;
}

void nvt_session_unwait(struct nvt_session *session, struct nvt_queue *cq) {
  if (!cq->waiting)
    return;
  cq->waiting = false;
  if (cq->next_waiting != NULL)
    cq->next_waiting->previous_waiting = cq->previous_waiting;
  if (cq->previous_waiting != NULL) {
    cq->previous_waiting->next_waiting = cq->next_waiting;
    return;
  }
  struct nvt_map_slot *slot = nvt_map_find(&session->vectors, vector_key(cq));
  if (slot != NULL)
    slot->value = cq->next_waiting;
}

static void cover(struct nvt_session *session, struct nvt_queue *cq, struct nvt_signal *signal) {
  nvt_session_unwait(session, cq);
  for (struct nvt_exchange_node *node = cq->uncovered; node != NULL; node = node->next) {
    node->pub.interrupt = session->now;
    covers(session, signal, &node->pub);
    measured(session, &node->pub, NVT_STAGE_INTERRUPT);
  }
  signal->count += cq->uncovered_count;
  cq->uncovered = NULL;
  cq->uncovered_count = 0;
}

/* One of a snapshot is of its queue alone, and older than what was posted since. */
static void cover_before(struct nvt_session *session, struct nvt_queue *cq,
                         struct nvt_signal *signal) {
  if (cq != NULL && cq->uncovered != NULL &&
      cq->uncovered->pub.completion.time_ns <= session->now.time_ns)
    cover(session, cq, signal);
}

int nvt_session_interrupt(struct nvt_session *session, struct nvt_controller_node *controller,
                          const struct nvt_record *record, struct nvt_view *view) {
  const struct nvt_rec_interrupt *interrupt = &record->interrupt;
  struct nvt_signal_node *node = signal_here(session, controller);
  if (node == NULL)
    return -ENOMEM;
  struct nvt_signal *signal = &node->pub;
  signal->vector = interrupt->vector;
  signal->valid = true;
  view->signal = signal;
  struct nvt_doorbell_id id = {.qid = interrupt->cqid, .is_cq = true};
  struct nvt_queue *cq = nvt_session_find_queue(session, controller->state.controller, id);
  if (cq != NULL) {
    view->queue = cq->life;
    signal->queue = session->options.keep ? cq->life : NULL;
  }
  if (interrupt->state != NVT_V_interrupt_state_SENT) {
    signal->count = cq != NULL ? cq->uncovered_count : 0;
    return 0;
  }
  if (nvt_is_snapshot(record)) {
    cover_before(session, cq, signal);
    return 0;
  }
  if (cq != NULL)
    cover(session, cq, signal);
  const struct nvt_map_slot *slot = nvt_map_find(
      &session->vectors, (uint64_t)controller->state.controller << 16 | interrupt->vector);
  while (slot != NULL && slot->value != NULL)
    cover(session, slot->value, signal);
  return 0;
}
