/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/restore.h"

#include <errno.h>

#include "controller/controller_int.h"

static uint32_t distance(uint32_t from, uint32_t to, uint32_t size) {
  return to >= from ? to - from : to + size - from;
}

static int restore_cq(struct nvt_controller *c, const struct nvt_queue_info *info) {
  struct cq *cq = &c->cqs[info->qid];
  if (info->interrupts && info->vector >= c->vectors)
    return -EINVAL;
  if (info->qid != 0)
    nvt_cq_open(c, info->qid, info->base, info->entries, info->interrupts, info->vector);
  cq->head = info->head;
  cq->tail = info->tail;
  cq->phase = info->phase;
  /* Commands that are fetched again take theirs. */
  cq->room = cq->size - 1 - distance(info->head, info->tail, info->entries);
  return 0;
}

static int restore_sq(struct nvt_controller *c, const struct nvt_queue_info *info) {
  struct sq *sq = &c->sqs[info->qid];
  if (info->cqid >= NVT_QUEUES_MAX || !c->cqs[info->cqid].exists)
    return -EINVAL;
  if (info->qid != 0)
    nvt_sq_open(c, info->qid, &c->cqs[info->cqid], info->base, info->entries);
  sq->head = info->head;
  sq->tail = info->tail;
  return 0;
}

int nvt_controller_restore_queue(struct nvt_controller *c, const struct nvt_queue_info *info) {
  if (!c->ready)
    return -EAGAIN;
  if (info->qid >= NVT_QUEUES_MAX || info->qid > c->io_queues || info->entries < 2 ||
      info->entries > NVT_GET(c->cap, CAP_MQES) + 1 || info->head >= info->entries ||
      info->tail >= info->entries)
    return -EINVAL;
  bool exists = info->is_cq ? c->cqs[info->qid].exists : c->sqs[info->qid].exists;
  if (exists != (info->qid == 0))
    return exists ? -EEXIST : -EINVAL;
  uint32_t size = info->is_cq ? c->cqs[0].size : c->sqs[0].size;
  if (info->qid == 0 && info->entries != size)
    return -EINVAL;
  return info->is_cq ? restore_cq(c, info) : restore_sq(c, info);
}

void nvt_controller_restore_due(struct nvt_controller *c, uint16_t cqid) {
  struct cq *cq = cqid < NVT_QUEUES_MAX ? &c->cqs[cqid] : NULL;
  if (cq == NULL || !cq->exists || cq->due)
    return;
  cq->due = true;
  c->due[c->due_count++] = cq;
}

void nvt_controller_restore_told(struct nvt_controller *c, uint16_t vector) {
  unsigned kept = 0;
  for (unsigned i = 0; i < c->due_count; i++) {
    struct cq *cq = c->due[i];
    cq->due = cq->vector != vector;
    if (cq->due)
      c->due[kept++] = cq;
  }
  c->due_count = kept;
  if (kept == 0)
    nvt_pin_update(c);
}
