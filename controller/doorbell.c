/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells, trapped or in a shared page: PCIe Transport 1.1, section 3.1.2. A bad
 * one is an asynchronous event (Base 2.1, figure 152), never more.
 */
#include "controller/controller_int.h"
#include "controller/pci_int.h"
#include "nvme/names.h"

enum { FAULT_REGISTER, FAULT_VALUE };

static uint64_t offset_of(uint16_t qid, bool is_cq) {
  return nvt_doorbell_offset((struct nvt_doorbell_id){.qid = qid, .is_cq = is_cq}, 0);
}

static volatile uint32_t *slot_of(struct nvt_controller *c, uint16_t qid, bool is_cq) {
  return &c->shared[(offset_of(qid, is_cq) - NVT_BAR0_DOORBELLS) / sizeof(uint32_t)];
}

void nvt_doorbell_forget(struct nvt_controller *c, uint16_t qid, bool is_cq) {
  if (c->shared != NULL)
    __atomic_store_n(slot_of(c, qid, is_cq), 0, __ATOMIC_RELEASE);
}

/* Entries that a head moved to `value` takes off; more than were posted can't be. */
static uint32_t consumed(const struct cq *cq, uint32_t value) {
  return value >= cq->head ? value - cq->head : value + cq->size - cq->head;
}
uint32_t nvt_cq_posted(const struct cq *cq) {
  return cq->tail >= cq->head ? cq->tail - cq->head : cq->tail + cq->size - cq->head;
}

static void fault(struct nvt_controller *c, uint16_t qid, uint32_t code, uint64_t offset,
                  uint32_t value) {
  nvt_event(c, EVENT_DOORBELL_FAULT, qid, code, offset, value);
  if (!c->ready)
    return; /* no request can be outstanding that it could be told to */
  uint16_t status = code == FAULT_REGISTER ? NVT_SC_INVALID_QUEUE_ID : NVT_SC_INVALID_QUEUE_SIZE;
  nvt_error_log(c, qid, 0xffff, (uint16_t)(status << 1), 0, 0);
  nvt_async_raise(c, code == FAULT_REGISTER ? ASYNC_DOORBELL_REGISTER : ASYNC_DOORBELL_VALUE);
}

static bool value_good(const struct sq *sq, const struct cq *cq, uint32_t value) {
  return (sq != NULL && value < sq->size) ||
         (cq != NULL && value < cq->size && consumed(cq, value) <= nvt_cq_posted(cq));
}

static void cq_head(struct nvt_controller *c, struct cq *cq, uint32_t value) {
  cq->room += consumed(cq, value);
  cq->head = value;
  if (unlikely(cq->id == 0))
    nvt_async_deliver(c);
  /* Set as long as the pin is asserted, and where it would be but for Interrupt Disable. */
  if (unlikely((c->config[PCI_STATUS] & PCI_STATUS_INTERRUPT) != 0))
    nvt_pin_update(c);
}

void nvt_doorbell_write(struct nvt_controller *c, uint64_t offset, uint32_t value, uint8_t flags) {
  struct nvt_doorbell_id id;
  struct sq *sq = NULL;
  struct cq *cq = NULL;
  bool known = nvt_doorbell_at(offset, 0, &id);
  if (known && c->ready && id.qid < NVT_QUEUES_MAX) {
    if (id.is_cq && c->cqs[id.qid].exists)
      cq = &c->cqs[id.qid];
    if (!id.is_cq && c->sqs[id.qid].exists)
      sq = &c->sqs[id.qid];
  }
  bool exists = sq != NULL || cq != NULL;
  bool good = value_good(sq, cq, value);
  if (!good)
    flags |= ACCESS_REFUSED;
  if (tap_on(c, NVT_TAP_REGWRITE)) {
    uint64_t wide = value;
    if (!nvt_access_event(c, NVT_TAP_REGWRITE, SPACE_BAR0, offset, 4, &wide, flags))
      return;
    value = (uint32_t)wide;
    if ((sq != NULL && !sq->exists) || (cq != NULL && !cq->exists))
      return; /* a callback reset the controller */
    good = value_good(sq, cq, value);
  }
  if (unlikely(!good)) {
    nvt_enter(c);
    fault(c, known ? id.qid : 0, exists ? FAULT_VALUE : FAULT_REGISTER, offset, value);
    nvt_leave(c);
    return;
  }
  c->done++;
  if (sq != NULL) {
    sq->tail = value;
    return;
  }
  nvt_enter(c);
  cq_head(c, cq, value);
  nvt_leave(c);
}

/* Only slots of queues that exist are looked at: the rest of the page is the host's.
 * Tails are read before heads and taken after them: a host acknowledges before it
 * submits, and with that order no tail is ever seen without the heads it followed. */
void nvt_doorbells_poll(struct nvt_controller *c) {
  for (unsigned i = 0; i < c->sq_count; i++)
    c->sq_list[i]->peeked = __atomic_load_n(slot_of(c, c->sq_list[i]->id, false), __ATOMIC_ACQUIRE);
  for (unsigned i = 0; i < c->cq_count; i++) {
    struct cq *cq = c->cq_list[i];
    uint32_t value = __atomic_load_n(slot_of(c, cq->id, true), __ATOMIC_ACQUIRE);
    if (value == cq->seen)
      continue;
    cq->seen = value;
    nvt_doorbell_write(c, offset_of(cq->id, true), value, ACCESS_POLLED);
  }
  for (unsigned i = 0; i < c->sq_count; i++) {
    struct sq *sq = c->sq_list[i];
    if (sq->peeked == sq->seen)
      continue;
    sq->seen = sq->peeked;
    nvt_doorbell_write(c, offset_of(sq->id, false), sq->peeked, ACCESS_POLLED);
  }
}

void nvt_controller_share_doorbells(struct nvt_controller *c, volatile uint32_t *doorbells) {
  c->shared = doorbells;
  if (doorbells == NULL)
    return;
  /* What a previous host left there isn't meant for these queues. */
  for (unsigned i = 0; i < NVT_BAR0_DOORBELLS_SIZE / sizeof(uint32_t); i++)
    doorbells[i] = 0;
  for (unsigned i = 0; i < c->sq_count; i++) {
    c->sq_list[i]->seen = c->sq_list[i]->tail;
    *slot_of(c, c->sq_list[i]->id, false) = c->sq_list[i]->tail;
  }
  for (unsigned i = 0; i < c->cq_count; i++) {
    c->cq_list[i]->seen = c->cq_list[i]->head;
    *slot_of(c, c->cq_list[i]->id, true) = c->cq_list[i]->head;
  }
}
