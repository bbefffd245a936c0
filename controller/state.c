/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/state.h"

#include "controller/controller_int.h"

void nvt_controller_registers(const struct nvt_controller *c, struct nvt_registers *out) {
  *out = (struct nvt_registers){.cap = c->cap,
                                .asq = c->asq,
                                .acq = c->acq,
                                .vs = NVT_VERSION,
                                .intms = c->intms,
                                .cc = c->cc,
                                .csts = c->csts,
                                .aqa = c->aqa,
                                .removed = c->removed};
}

static uint32_t between(uint32_t from, uint32_t to, uint32_t size) {
  return to >= from ? to - from : to + size - from;
}

static uint32_t outstanding(const struct nvt_controller *c, const struct sq *sq) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < c->admin_pool.count + c->io_pool.count; i++)
    count += c->requests[i].state != REQUEST_FREE && c->requests[i].sq == sq;
  return count;
}

bool nvt_controller_queue(const struct nvt_controller *c, unsigned i, struct nvt_queue_info *out) {
  if (i < c->cq_count) {
    const struct cq *cq = c->cq_list[i];
    *out = (struct nvt_queue_info){.qid = cq->id,
                                   .cqid = cq->id,
                                   .vector = cq->vector,
                                   .is_cq = true,
                                   .interrupts = cq->interrupts,
                                   .phase = cq->phase,
                                   .base = cq->base,
                                   .entries = cq->size,
                                   .head = cq->head,
                                   .tail = cq->tail,
                                   .outstanding = between(cq->head, cq->tail, cq->size)};
    return true;
  }
  i -= c->cq_count;
  if (i >= c->sq_count)
    return false;
  const struct sq *sq = c->sq_list[i];
  *out = (struct nvt_queue_info){.qid = sq->id,
                                 .cqid = sq->cq->id,
                                 .base = sq->base,
                                 .entries = sq->size,
                                 .head = sq->head,
                                 .tail = sq->tail,
                                 .outstanding = outstanding(c, sq)};
  return true;
}

bool nvt_controller_window(const struct nvt_controller *c, unsigned i,
                           struct nvt_window_info *out) {
  if (i >= c->window_count)
    return false;
  const struct window *window = &c->windows[i];
  uint64_t more = window->last - window->first;
  *out = (struct nvt_window_info){.address = window->first,
                                  .size = more == UINT64_MAX ? more : more + 1,
                                  .readable = window->readable,
                                  .writable = window->writable};
  return true;
}

bool nvt_controller_msix(const struct nvt_controller *c, uint16_t vector,
                         struct nvt_msix_info *out) {
  if (vector >= c->vectors)
    return false;
  const struct msix_entry *entry = &c->msix[vector];
  *out = (struct nvt_msix_info){
      .address = entry->address, .data = entry->data, .control = entry->control};
  return c->msix_touched[vector] || entry->address != 0 || entry->data != 0;
}
