/* SPDX-License-Identifier: BSD-2-Clause */
/* Create and Delete I/O queues: Base 2.1, sections 5.2.1 to 5.2.4. */
#include "controller/controller_int.h"

/* Number of Queues (feature 07h) as granted; identifiers run from 1 to it. */
static uint32_t granted_sqs(const struct nvt_controller *c) {
  return (c->features.queues & 0xffff) + 1;
}
static uint32_t granted_cqs(const struct nvt_controller *c) {
  return (c->features.queues >> 16) + 1;
}

static nvt_status check_ring(const struct request *r) {
  uint32_t qsize = r->sqe.cdw10 >> 16; /* zero-based */
  if (qsize == 0 || qsize > NVT_GET(r->c->cap, CAP_MQES))
    return NVT_SC_INVALID_QUEUE_SIZE;
  if ((r->sqe.cdw11 & 1) == 0)
    return NVT_SC_INVALID_FIELD; /* CAP.CQR: only physically contiguous queues */
  if ((r->sqe.prp1 & ((1ULL << r->c->page_shift) - 1)) != 0)
    return NVT_SC_INVALID_PRP_OFFSET;
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_create_cq(struct request *r) {
  struct nvt_controller *c = r->c;
  uint16_t qid = (uint16_t)r->sqe.cdw10;
  uint16_t vector = (uint16_t)(r->sqe.cdw11 >> 16);
  bool interrupts = (r->sqe.cdw11 & 2) != 0;
  if (qid == 0 || qid > granted_cqs(c) || c->cqs[qid].exists)
    return NVT_SC_INVALID_QUEUE_ID;
  nvt_status status = check_ring(r);
  if (status != NVT_SC_SUCCESS)
    return status;
  if (NVT_GET(c->cc, CC_IOCQES) != 4)
    return NVT_SC_INVALID_QUEUE_SIZE; /* the entry size hasn't been set */
  if (interrupts && vector >= c->vectors)
    return NVT_SC_INVALID_INTERRUPT_VECTOR;
  nvt_cq_open(c, qid, r->sqe.prp1, (r->sqe.cdw10 >> 16) + 1, interrupts, vector);
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_create_sq(struct request *r) {
  struct nvt_controller *c = r->c;
  uint16_t qid = (uint16_t)r->sqe.cdw10;
  uint16_t cqid = (uint16_t)(r->sqe.cdw11 >> 16);
  if (qid == 0 || qid > granted_sqs(c) || c->sqs[qid].exists)
    return NVT_SC_INVALID_QUEUE_ID;
  if (cqid == 0 || cqid >= NVT_QUEUES_MAX || !c->cqs[cqid].exists)
    return NVT_SC_CQ_INVALID;
  nvt_status status = check_ring(r);
  if (status != NVT_SC_SUCCESS)
    return status;
  if (NVT_GET(c->cc, CC_IOSQES) != c->sqe_shift)
    return NVT_SC_INVALID_QUEUE_SIZE;
  nvt_sq_open(c, qid, &c->cqs[cqid], r->sqe.prp1, (r->sqe.cdw10 >> 16) + 1);
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_delete_sq(struct request *r) {
  struct nvt_controller *c = r->c;
  uint16_t qid = (uint16_t)r->sqe.cdw10;
  if (qid == 0 || qid >= NVT_QUEUES_MAX || !c->sqs[qid].exists)
    return NVT_SC_INVALID_QUEUE_ID;
  struct sq *sq = &c->sqs[qid];
  /* Nothing of this queue may be under way once it is gone: what a backend has is waited
   * for, what a plug-in holds is aborted. What was not fetched never will be. */
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  for (uint32_t i = 0; i < c->io_pool.count; i++) {
    struct request *held = &c->io_pool.all[i];
    if (held->state == REQUEST_FREE || held->sq != sq)
      continue;
    held->state = REQUEST_ACTIVE;
    nvt_finish(held, NVT_SC_ABORTED_SQ_DELETION);
    if (held->state != REQUEST_FREE && held->sq == sq) { /* held again: it is too late for that */
      sq->cq->room++;
      nvt_request_free(held);
    }
  }
  if (sq->exists) /* else a callback reset the controller */
    nvt_sq_close(c, sq);
  return NVT_SC_SUCCESS;
}

nvt_status nvt_admin_delete_cq(struct request *r) {
  struct nvt_controller *c = r->c;
  uint16_t qid = (uint16_t)r->sqe.cdw10;
  if (qid == 0 || qid >= NVT_QUEUES_MAX || !c->cqs[qid].exists)
    return NVT_SC_INVALID_QUEUE_ID;
  if (c->cqs[qid].sqs != 0)
    return NVT_SC_INVALID_QUEUE_DELETION;
  nvt_cq_close(c, &c->cqs[qid]);
  return NVT_SC_SUCCESS;
}
