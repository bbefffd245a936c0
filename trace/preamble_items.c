/* SPDX-License-Identifier: BSD-2-Clause */
/* What is under way where a piece begins: outstanding commands, completions that the host hasn't
 * acknowledged, and the interrupts that told of these. */
#include <stdlib.h>

#include "trace/preamble_int.h"

static bool add_item(struct nvt_preamble_writing *w, const struct nvt_preamble_item *item) {
  if (w->count == w->space) {
    size_t space = w->space != 0 ? w->space * 2 : 64;
    struct nvt_preamble_item *bigger = reallocarray(w->items, space, sizeof(*bigger));
    if (bigger == NULL)
      return false;
    w->items = bigger;
    w->space = space;
  }
  w->items[w->count++] = *item;
  return true;
}

static bool wants(const struct nvt_preamble_writing *w, const struct nvt_exchange *exchange) {
  return w->out->wants_command == NULL || w->out->wants_command(w->out->ctx, exchange);
}

static bool gather_posted(struct nvt_preamble_writing *w, const struct nvt_controller_node *node,
                          const struct nvt_queue *cq) {
  bool fine = true;
  for (const struct nvt_exchange_node *at = cq->list.first; fine && at != NULL; at = at->next) {
    const struct nvt_exchange *exchange = &at->pub;
    struct nvt_preamble_item item = {.record = exchange->completion.record,
                                     .time_ns = exchange->completion.time_ns,
                                     .controller = node,
                                     .node = at,
                                     .queue = cq};
    if (!wants(w, exchange))
      continue;
    fine = add_item(w, &item);
    if (fine && exchange->interrupt.record != 0) {
      item.record = exchange->interrupt.record;
      item.time_ns = exchange->interrupt.time_ns;
      item.interrupt = true;
      fine = add_item(w, &item);
    }
  }
  return fine;
}

bool nvt_preamble_gather_items(struct nvt_preamble_writing *w,
                               const struct nvt_controller_node *node) {
  bool fine = true;
  for (const struct nvt_exchange_node *at = node->oldest; fine && at != NULL; at = at->later)
    if (wants(w, &at->pub)) {
      struct nvt_preamble_item item = {.record = at->pub.command.record,
                                       .time_ns = at->pub.command.time_ns,
                                       .controller = node,
                                       .node = at};
      fine = add_item(w, &item);
    }
  for (const struct nvt_queue *q = node->queues; fine && q != NULL; q = q->next)
    if (q->view.is_cq)
      fine = gather_posted(w, node, q);
  return fine;
}

static int by_record(const void *a, const void *b) {
  const struct nvt_preamble_item *x = a, *y = b;
  if (x->record != y->record)
    return x->record < y->record ? -1 : 1;
  /* An interrupt of several queues. */
  return x->queue < y->queue ? -1 : x->queue > y->queue;
}

static int put_command(struct nvt_preamble_writing *w, const struct nvt_preamble_item *item) {
  const struct nvt_exchange *exchange = &item->node->pub;
  struct nvt_doorbell_id id = {.qid = exchange->sqid};
  const struct nvt_queue *sq =
      nvt_session_find_queue(w->preamble->session, exchange->controller, id);
  uint32_t next = item->node->sq_slot + 1u;
  struct nvt_rec_command body = {.sqid = exchange->sqid,
                                 .cqid = exchange->cqid,
                                 .slot = item->node->sq_slot,
                                 .sqe = exchange->sqe};
  body.head = (uint16_t)(sq != NULL && next == sq->view.entries ? 0 : next);
  body.tail = sq != NULL ? sq->view.tail : body.head;
  return nvt_preamble_put_body(w, item->time_ns, NVT_REC_COMMAND, &body);
}

static int put_completion(struct nvt_preamble_writing *w, const struct nvt_preamble_item *item) {
  const struct nvt_exchange *exchange = &item->node->pub;
  struct nvt_rec_completion body = {.sqid = exchange->sqid,
                                    .cqid = exchange->cqid,
                                    .slot = item->node->slot,
                                    .head = item->queue->view.head,
                                    .opcode = exchange->sqe.opcode,
                                    .cqe = exchange->cqe};
  return nvt_preamble_put_body(w, item->time_ns, NVT_REC_COMPLETION, &body);
}

static int put_interrupt(struct nvt_preamble_writing *w, const struct nvt_preamble_item *item) {
  const struct nvt_queue_view *view = &item->queue->view;
  struct nvt_rec_interrupt body = {.vector = view->vector, .cqid = view->qid};
  return nvt_preamble_put_body(w, item->time_ns, NVT_REC_INTERRUPT, &body);
}

int nvt_preamble_put_items(struct nvt_preamble_writing *w) {
  int error = 0;
  const struct nvt_preamble_item *told = NULL; /* several completions have the same interrupt */
  for (size_t i = 0; error == 0 && i < w->count; i++) {
    const struct nvt_preamble_item *item = &w->items[i];
    if (item->interrupt && told != NULL && told->record == item->record &&
        told->queue == item->queue)
      continue;
    nvt_preamble_set_base(w, item->controller);
    told = item->interrupt ? item : told;
    error = item->interrupt       ? put_interrupt(w, item)
            : item->queue != NULL ? put_completion(w, item)
                                  : put_command(w, item);
  }
  return error;
}

void nvt_preamble_sort_items(struct nvt_preamble_writing *w) {
  if (w->count != 0)
    qsort(w->items, w->count, sizeof(*w->items), by_record);
}
