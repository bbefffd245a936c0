/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues: making and unmaking them, and where their rings are. */
#include <string.h>

#include "controller/controller_int.h"

static void sq_resolve(struct nvt_controller *c, struct sq *sq) {
  sq->host = nvt_dma_whole(c, sq->base, (uint64_t)sq->size << sq->shift, false);
}

static void cq_resolve(struct nvt_controller *c, struct cq *cq) {
  cq->host = nvt_dma_whole(c, cq->base, (uint64_t)cq->size * sizeof(struct nvt_cqe), true);
  if (((uintptr_t)cq->host & 15) != 0)
    cq->host = NULL; /* nvt_post() stores 8 bytes at once */
}

void nvt_queues_resolve(struct nvt_controller *c) {
  for (unsigned i = 0; i < c->sq_count; i++)
    sq_resolve(c, c->sq_list[i]);
  for (unsigned i = 0; i < c->cq_count; i++)
    cq_resolve(c, c->cq_list[i]);
}

void nvt_cq_open(struct nvt_controller *c, uint16_t id, uint64_t base, uint32_t size,
                 bool interrupts, uint16_t vector) {
  struct cq *cq = &c->cqs[id];
  *cq = (struct cq){
      .base = base,
      .size = size,
      .room = size - 1,
      .id = id,
      .vector = vector,
      .interrupts = interrupts,
      .exists = true,
      .phase = true,
  };
  cq_resolve(c, cq);
  c->cq_list[c->cq_count++] = cq;
  nvt_doorbell_forget(c, id, true);
}

void nvt_sq_open(struct nvt_controller *c, uint16_t id, struct cq *cq, uint64_t base,
                 uint32_t size) {
  struct sq *sq = &c->sqs[id];
  uint8_t shift = id == 0 ? 6 : c->sqe_shift;
  *sq = (struct sq){.cq = cq, .base = base, .size = size, .id = id, .shift = shift, .exists = true};
  sq_resolve(c, sq);
  cq->sqs++;
  c->sq_list[c->sq_count++] = sq;
  nvt_doorbell_forget(c, id, false);
}

void nvt_sq_close(struct nvt_controller *c, struct sq *sq) {
  for (unsigned i = 0; i < c->sq_count; i++) {
    if (c->sq_list[i] == sq) {
      memmove(&c->sq_list[i], &c->sq_list[i + 1], (--c->sq_count - i) * sizeof(struct sq *));
      break;
    }
  }
  sq->cq->sqs--;
  memset(sq, 0, sizeof(*sq));
}

void nvt_cq_close(struct nvt_controller *c, struct cq *cq) {
  for (unsigned i = 0; i < c->cq_count; i++) {
    if (c->cq_list[i] == cq) {
      memmove(&c->cq_list[i], &c->cq_list[i + 1], (--c->cq_count - i) * sizeof(struct cq *));
      break;
    }
  }
  for (unsigned i = 0; i < c->due_count; i++) {
    if (c->due[i] == cq) {
      c->due[i] = c->due[--c->due_count];
      break;
    }
  }
  memset(cq, 0, sizeof(*cq));
  nvt_pin_update(c);
}

void nvt_queues_clear(struct nvt_controller *c) {
  memset(c->sqs, 0, sizeof(c->sqs));
  memset(c->cqs, 0, sizeof(c->cqs));
  c->sq_count = c->cq_count = c->due_count = c->next_sq = 0;
}
