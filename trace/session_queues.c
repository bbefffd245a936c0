/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues come and go: Base 2.1, sections 3.3.1 and 5.2 (Create and Delete I/O
 * queue commands), and controller resets. */
#include <errno.h>
#include <string.h>

#include "trace/session_int.h"

struct nvt_queue *nvt_session_find_queue(const struct nvt_session *session, uint16_t controller,
                                         struct nvt_doorbell_id id) {
  const struct nvt_map_slot *slot = nvt_map_find(&session->queues, nvt_queue_key(controller, id));
  return slot != NULL ? slot->value : NULL;
}

int nvt_session_no_queue(const struct nvt_session *session) {
  return session->queue_count >= NVT_QUEUES_MAX ? 0 : -ENOMEM;
}

static struct nvt_queue *make(struct nvt_session *session, struct nvt_controller_node *controller,
                              struct nvt_doorbell_id id) {
  if (session->queue_count >= NVT_QUEUES_MAX)
    return NULL;
  struct nvt_map_slot *slot =
      nvt_map_get(&session->queues, nvt_queue_key(controller->state.controller, id));
  struct nvt_queue *queue = slot != NULL ? nvt_session_new_queue(session) : NULL;
  if (queue == NULL)
    return NULL;
  queue->view.qid = id.qid;
  queue->view.is_cq = id.is_cq;
  if (!nvt_session_begin_life(session, queue)) {
    nvt_session_free_queue(session, queue);
    return NULL;
  }
  slot->value = queue;
  session->queue_count++;
  queue->view.cqid = id.qid;
  queue->generation = session->generation++;
  queue->controller = controller;
  queue->lossy_until = controller->lossy_until;
  queue->previous = controller->last_queue;
  if (controller->last_queue != NULL)
    controller->last_queue->next = queue;
  else
    controller->queues = queue;
  controller->last_queue = queue;
  if (id.qid != 0)
    controller->state.queues++;
  return queue;
}

struct nvt_queue *nvt_session_need_queue(struct nvt_session *session,
                                         struct nvt_controller_node *controller,
                                         struct nvt_doorbell_id id) {
  struct nvt_queue *queue = nvt_session_find_queue(session, controller->state.controller, id);
  return queue != NULL ? queue : make(session, controller, id);
}

struct nvt_queue *nvt_session_create_queue(struct nvt_session *session,
                                           struct nvt_controller_node *controller,
                                           struct nvt_doorbell_id id, uint32_t entries,
                                           uint64_t base) {
  struct nvt_queue *old = nvt_session_find_queue(session, controller->state.controller, id);
  if (old != NULL)
    nvt_session_delete_queue(session, old);
  struct nvt_queue *queue = make(session, controller, id);
  if (queue == NULL)
    return NULL;
  queue->view.entries = entries;
  queue->view.base = base;
  queue->view.head_known = queue->view.tail_known = true;
  queue->view.phase = true;
  return queue;
}

void nvt_session_set_vector(struct nvt_session *session, struct nvt_queue *queue, uint16_t vector) {
  nvt_session_unwait(session, queue);
  queue->view.vector = vector;
  queue->view.vector_known = true;
}

void nvt_session_delete_queue(struct nvt_session *session, struct nvt_queue *queue) {
  struct nvt_controller_node *controller = queue->controller;
  nvt_session_end_life(queue, NVT_QUEUE_UNTRACED, session->now.record);
  if (queue->view.is_cq) {
    nvt_session_unwait(session, queue);
    while (queue->list.first != NULL)
      nvt_session_retire(session, queue);
  } else {
    while (queue->list.first != NULL)
      nvt_session_cancel(session, queue, queue->list.first, NVT_EXCHANGE_RESET);
    while (queue->doorbells != NULL)
      nvt_session_drop_doorbell(session, queue);
  }
  struct nvt_doorbell_id id = {.qid = queue->view.qid, .is_cq = queue->view.is_cq};
  struct nvt_map_slot *slot =
      nvt_map_find(&session->queues, nvt_queue_key(controller->state.controller, id));
  if (slot != NULL)
    slot->value = NULL;
  if (queue->previous != NULL)
    queue->previous->next = queue->next;
  else
    controller->queues = queue->next;
  if (queue->next != NULL)
    queue->next->previous = queue->previous;
  else
    controller->last_queue = queue->previous;
  if (queue->view.qid != 0)
    controller->state.queues--;
  session->queue_count--;
  nvt_session_free_queue(session, queue);
}

void nvt_session_reset(struct nvt_session *session, struct nvt_controller_node *controller) {
  while (controller->queues != NULL) {
    nvt_session_end_life(controller->queues, NVT_QUEUE_RESET, session->now.record);
    nvt_session_delete_queue(session, controller->queues);
  }
  controller->whole = true;
}

/* Its commands ended, or will, where the trace doesn't show it. */
static void forget_commands(struct nvt_session *session, struct nvt_queue *queue) {
  while (!queue->view.is_cq && queue->list.first != NULL)
    nvt_session_cancel(session, queue, queue->list.first, NVT_EXCHANGE_UNTRACED);
}

void nvt_session_stopped(struct nvt_session *session, struct nvt_controller_node *controller) {
  while (controller->queues != NULL) {
    forget_commands(session, controller->queues);
    nvt_session_delete_queue(session, controller->queues);
  }
  controller->whole = false;
}

int nvt_session_admin_queues(struct nvt_session *session, struct nvt_controller_node *controller,
                             bool created_here) {
  const struct nvt_doorbell_id sq = {.qid = 0, .is_cq = false};
  const struct nvt_doorbell_id cq = {.qid = 0, .is_cq = true};
  uint64_t aqa, asq, acq;
  nvt_image_value(&controller->registers, NVT_ROW_AQA, &aqa);
  nvt_image_value(&controller->registers, NVT_ROW_ASQ, &asq);
  nvt_image_value(&controller->registers, NVT_ROW_ACQ, &acq);
  /* No queue of one entry exists: AQA = 0 means that the trace doesn't have it. */
  uint32_t sq_entries = aqa != 0 ? (uint32_t)NVT_GET(aqa, AQA_ASQS) + 1 : 0;
  uint32_t cq_entries = aqa != 0 ? (uint32_t)NVT_GET(aqa, AQA_ACQS) + 1 : 0;
  struct nvt_queue *submission = nvt_session_create_queue(session, controller, sq, sq_entries, asq);
  if (submission == NULL)
    return nvt_session_no_queue(session);
  struct nvt_queue *queue = nvt_session_create_queue(session, controller, cq, cq_entries, acq);
  if (queue == NULL)
    return nvt_session_no_queue(session);
  if (created_here) {
    submission->life->created = queue->life->created = session->now.record;
    nvt_session_attach(session, submission, queue);
  }
  nvt_session_set_vector(session, queue, 0);
  return 0;
}

/* A snapshot in the middle, where another trace may begin, of a queue that was followed without a
 * loss: its commands go on. */
static bool says_nothing_new(const struct nvt_controller_node *controller,
                             const struct nvt_queue *queue, const struct nvt_rec_queue *state) {
  const struct nvt_queue_view *view = &queue->view;
  bool interrupts = (state->queue_flags & NVT_V_queue_queue_flags_INTERRUPTS) != 0;
  bool loses_vector = view->is_cq && view->vector_known && !interrupts;
  return queue->lossy_until == controller->lossy_until && view->base == state->base &&
         view->entries == state->entries && !loses_vector &&
         (controller->state.left_out != 0 ||
          (view->head == state->head && view->tail == state->tail));
}

int nvt_session_queue_state(struct nvt_session *session, struct nvt_controller_node *controller,
                            const struct nvt_rec_queue *state) {
  struct nvt_doorbell_id id = {.qid = state->qid, .is_cq = state->is_cq != 0};
  struct nvt_queue *queue = nvt_session_find_queue(session, controller->state.controller, id);
  bool interrupts = id.is_cq && (state->queue_flags & NVT_V_queue_queue_flags_INTERRUPTS) != 0;
  if (queue != NULL && says_nothing_new(controller, queue, state)) {
    if (interrupts && (!queue->view.vector_known || queue->view.vector != state->vector))
      nvt_session_set_vector(session, queue, state->vector);
    return 0;
  }
  if (queue != NULL)
    forget_commands(session, queue);
  queue = nvt_session_create_queue(session, controller, id, state->entries, state->base);
  if (queue == NULL)
    return nvt_session_no_queue(session);
  queue->view.cqid = id.is_cq ? state->qid : state->cqid;
  queue->view.head = state->head;
  queue->view.tail = state->tail;
  queue->view.phase = (state->queue_flags & NVT_V_queue_queue_flags_PHASE) != 0;
  if (interrupts)
    nvt_session_set_vector(session, queue, state->vector);
  bool told = (controller->state.left_out & NVT_V_meta_left_out_flags_DOORBELLS) == 0;
  return !id.is_cq && told ? nvt_session_announced_before(session, queue) : 0;
}

static int created(struct nvt_session *session, struct nvt_controller_node *controller,
                   struct nvt_exchange *exchange, bool is_cq, struct nvt_view *view) {
  const struct nvt_sqe *sqe = &exchange->sqe;
  struct nvt_doorbell_id id = {.qid = (uint16_t)sqe->cdw10, .is_cq = is_cq};
  if (id.qid == 0)
    return 0;
  struct nvt_queue *queue =
      nvt_session_create_queue(session, controller, id, (sqe->cdw10 >> 16) + 1, sqe->prp1);
  if (queue == NULL)
    return nvt_session_no_queue(session);
  queue->life->created = exchange->command.record;
  view->made = queue->life;
  if (session->options.keep)
    exchange->made = queue->life;
  if (!is_cq) {
    queue->view.cqid = (uint16_t)(sqe->cdw11 >> 16);
    struct nvt_doorbell_id cq = {.qid = queue->view.cqid, .is_cq = true};
    nvt_session_attach(session, queue,
                       nvt_session_find_queue(session, controller->state.controller, cq));
  } else if ((sqe->cdw11 & 2) != 0) {
    nvt_session_set_vector(session, queue, (uint16_t)(sqe->cdw11 >> 16));
  }
  return 0;
}

int nvt_session_admin_done(struct nvt_session *session, struct nvt_controller_node *controller,
                           struct nvt_exchange *exchange, struct nvt_view *view) {
  struct nvt_doorbell_id id = {.qid = (uint16_t)exchange->sqe.cdw10};
  switch (exchange->sqe.opcode) {
  case NVT_ADMIN_CREATE_IO_SQ:
    return created(session, controller, exchange, false, view);
  case NVT_ADMIN_CREATE_IO_CQ:
    return created(session, controller, exchange, true, view);
  case NVT_ADMIN_DELETE_IO_CQ:
    id.is_cq = true;
    break;
  case NVT_ADMIN_DELETE_IO_SQ:
    break;
  default:
    return 0;
  }
  struct nvt_queue *queue = nvt_session_find_queue(session, controller->state.controller, id);
  if (queue == NULL || id.qid == 0)
    return 0;
  nvt_session_end_life(queue, NVT_QUEUE_DELETED, exchange->command.record);
  view->made = queue->life; /* until another queue takes its place: not by this record */
  if (session->options.keep)
    exchange->made = queue->life;
  nvt_session_delete_queue(session, queue);
  return 0;
}

const struct nvt_queue_view *nvt_session_queue(const struct nvt_session *session,
                                               uint16_t controller, struct nvt_doorbell_id id) {
  struct nvt_queue *queue = nvt_session_find_queue(session, controller, id);
  return queue != NULL ? &queue->view : NULL;
}
