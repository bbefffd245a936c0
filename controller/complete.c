/* SPDX-License-Identifier: BSD-2-Clause */
/* Completions: status, taps, the entry's way into guest memory. */
#include <errno.h>
#include <string.h>

#include "controller/controller_int.h"
#include "controller/tap_int.h"

void nvt_request_free(struct request *r) {
  struct nvt_controller *c = r->c;
  struct pool *pool = r->index < c->admin_pool.count ? &c->admin_pool : &c->io_pool;
  if (unlikely(r->bounced))
    nvt_bounce_free(r);
  if (r->state != REQUEST_AER)
    c->outstanding--;
  r->state = REQUEST_FREE;
  r->sq = NULL;
  r->next = pool->free;
  pool->free = r;
}

struct request *nvt_request_find(struct nvt_controller *c, uint16_t sqid, uint16_t cid) {
  const struct pool *pool = sqid == 0 ? &c->admin_pool : &c->io_pool;
  for (uint32_t i = 0; i < pool->count; i++) {
    struct request *r = &pool->all[i];
    if (r->state != REQUEST_FREE && r->sq != NULL && r->cqe.sqid == sqid && r->cqe.cid == cid)
      return r;
  }
  return NULL;
}

/* Would the same command fail again? Base 2.1, section 4.2.3: Do Not Retry. */
static bool useless_to_retry(nvt_status status) {
  if (status >> 8 == NVT_SCT_COMMAND_SPECIFIC)
    return status != NVT_SC_ABORT_LIMIT_EXCEEDED && status != NVT_SC_AER_LIMIT_EXCEEDED;
  switch (status) {
  case NVT_SC_INVALID_OPCODE:
  case NVT_SC_INVALID_FIELD:
  case NVT_SC_INVALID_NAMESPACE_OR_FORMAT:
  case NVT_SC_COMMAND_SEQUENCE_ERROR:
  case NVT_SC_INVALID_PRP_OFFSET:
  case NVT_SC_INVALID_SGL_SEGMENT_DESCRIPTOR:
  case NVT_SC_INVALID_NUMBER_OF_SGL_DESCRIPTORS:
  case NVT_SC_DATA_SGL_LENGTH_INVALID:
  case NVT_SC_SGL_DESCRIPTOR_TYPE_INVALID:
  case NVT_SC_LBA_OUT_OF_RANGE:
  case NVT_SC_NAMESPACE_WRITE_PROTECTED:
    return true;
  default:
    return false;
  }
}

/* What the error log is told of: not the answers that a host asked for. */
static bool worth_logging(nvt_status status) {
  return status != NVT_SC_COMPARE_FAILURE && status != NVT_SC_ABORTED_BY_REQUEST &&
         status != NVT_SC_ABORTED_SQ_DELETION;
}

static __attribute__((noinline)) uint16_t failed(struct request *r, nvt_status status) {
  struct nvt_controller *c = r->c;
  uint16_t full = status;
  if (useless_to_retry(status))
    full |= NVT_STATUS_DNR;
  if (status >> 8 == NVT_SCT_MEDIA && status != NVT_SC_COMPARE_FAILURE)
    c->media_errors++;
  if (!worth_logging(status))
    return full;
  full |= NVT_STATUS_MORE;
  uint64_t lba = r->cqe.sqid == 0 ? 0 : (uint64_t)r->sqe.cdw11 << 32 | r->sqe.cdw10;
  nvt_error_log(c, r->cqe.sqid, r->cqe.cid, (uint16_t)(full << 1), lba, r->sqe.nsid);
  return full;
}

void nvt_finish(struct request *r, nvt_status status) {
  if (unlikely(r->sq == NULL)) { /* its queue went in a reset */
    nvt_request_free(r);
    return;
  }
  if (likely(status == NVT_SC_SUCCESS)) {
    r->cqe.status = 0;
    if (unlikely(r->range_count != 0)) {
      bool in = r->cqe.sqid == 0 ? r->sqe.opcode != NVT_ADMIN_SET_FEATURES
                                 : r->sqe.opcode == NVT_NVM_READ;
      if (in) {
        nvt_data_taps(r, NVT_DIRECTION_IN);
        if (unlikely(r->bounced))
          status = nvt_bounce_out(r);
        if (unlikely(status != NVT_SC_SUCCESS))
          r->cqe.status = failed(r, status);
      }
    }
  } else {
    r->cqe.status = failed(r, status);
  }
  nvt_post(r);
}

/* Store the entry; its last dword, with the phase, last. */
static void store(struct nvt_controller *c, struct cq *cq, const struct nvt_cqe *cqe) {
  uint64_t half[2];
  memcpy(half, cqe, sizeof(half));
  if (likely(cq->host != NULL)) {
    uint64_t *to = (uint64_t *)(void *)(cq->host + (size_t)cq->tail * sizeof(*cqe));
    __atomic_store_n(&to[0], half[0], __ATOMIC_RELAXED);
    __atomic_store_n(&to[1], half[1], __ATOMIC_RELEASE);
    return;
  }
  uint64_t address = cq->base + (uint64_t)cq->tail * sizeof(*cqe);
  uint8_t *to = nvt_dma_whole(c, address, sizeof(*cqe), true);
  if (to == NULL) {
    nvt_dma_fault(c, cq->id, address, sizeof(*cqe));
    nvt_fatal(c, FATAL_POST);
    return;
  }
  memcpy(to, cqe, 12);
  __atomic_thread_fence(__ATOMIC_RELEASE);
  memcpy(to + 12, (const uint8_t *)cqe + 12, 4);
}

void nvt_publish(struct nvt_controller *c, struct cq *cq, const struct nvt_cqe *cqe) {
  store(c, cq, cqe);
  if (++cq->tail == cq->size) {
    cq->tail = 0;
    cq->phase = !cq->phase;
  }
  if (!cq->due) {
    cq->due = true;
    c->due[c->due_count++] = cq;
  }
}

void nvt_writeback_event(struct nvt_controller *c, struct cq *cq, struct nvt_sqe *sqe,
                         struct nvt_cqe *cqe, uint16_t sq_tail, struct nvt_tap_event *event) {
  nvt_tap_begin(c, TAP_OF(cqe->sqid, WRITEBACK), event);
  event->command.sqid = cqe->sqid;
  event->command.cqid = cq->id;
  event->command.slot = (uint16_t)cq->tail;
  event->command.head = (uint16_t)cq->head;
  event->command.tail = sq_tail;
  event->command.sqe = sqe;
  event->command.cqe = cqe;
}

static __attribute__((noinline)) bool writeback_tap(struct request *r, struct cq *cq) {
  struct nvt_controller *c = r->c;
  struct nvt_tap_event event;
  nvt_writeback_event(c, cq, &r->sqe, &r->cqe, (uint16_t)r->sq->tail, &event);
  event.command.handle = r->handle;
  r->in_callback = true;
  enum nvt_verdict verdict = nvt_tap_fire(c->plugins, &event);
  r->in_callback = false;
  if (r->sq == NULL) { /* the callback reset the controller */
    nvt_request_free(r);
    return false;
  }
  switch (verdict) {
  case NVT_VERDICT_CONTINUE:
  case NVT_VERDICT_COMPLETE:
    /* The phase is the controller's, whatever a plug-in made of it. */
    r->cqe.status = (uint16_t)((r->cqe.status & ~1u) | (cq->phase ? 1 : 0));
    return true;
  case NVT_VERDICT_HOLD:
    r->cqe.status >>= 1;
    if (r->state == REQUEST_AER)
      c->outstanding++;
    r->state = REQUEST_HELD_WRITEBACK;
    r->holder = event.decided_by;
    return false;
  case NVT_VERDICT_DROP:
    cq->room++;
    nvt_request_free(r);
    return false;
  }
  return true;
}

void nvt_post(struct request *r) {
  struct nvt_controller *c = r->c;
  struct sq *sq = r->sq;
  if (unlikely(sq == NULL || c->fatal)) { /* a reset took the queue, or nothing is posted */
    nvt_request_free(r);
    return;
  }
  struct cq *cq = sq->cq;
  r->cqe.sqhd = (uint16_t)sq->head;
  r->cqe.status = (uint16_t)(r->cqe.status << 1 | (cq->phase ? 1 : 0));
  if (tap_on(c, TAP_OF(r->cqe.sqid, WRITEBACK)) && !writeback_tap(r, cq))
    return;
  nvt_publish(r->c, sq->cq, &r->cqe);
  nvt_request_free(r);
}

static enum nvt_tap_id held_at(const struct request *r) {
  if (r->state == REQUEST_HELD_DECODE)
    return TAP_OF(r->cqe.sqid, DECODE);
  return r->state == REQUEST_HELD_EXECUTE ? TAP_OF(r->cqe.sqid, EXECUTE)
                                          : TAP_OF(r->cqe.sqid, WRITEBACK);
}

static void released_event(struct request *r, nvt_status status) {
  struct nvt_controller *c = r->c;
  if (!tap_on(c, NVT_TAP_VERDICT))
    return;
  struct nvt_tap_event event;
  nvt_tap_begin(c, NVT_TAP_VERDICT, &event);
  event.verdict.sqid = r->cqe.sqid;
  event.verdict.cid = r->cqe.cid;
  event.verdict.verdict = VERDICT_RELEASED;
  event.verdict.status = status;
  event.verdict.plugin = r->holder != NULL ? r->holder : "";
  event.verdict.tap = (uint8_t)held_at(r);
  (void)nvt_tap_fire(c->plugins, &event);
}

/* -ENOENT: a callback reset the controller. */
static int go_on(struct request *r) {
  bool executed = r->state == REQUEST_HELD_WRITEBACK;
  r->released = true; /* once is enough */
  released_event(r, r->cqe.status & 0x7ff);
  if (r->sq == NULL)
    return -ENOENT;
  r->released = false;
  r->holder = NULL;
  if (r->answered || executed) {
    r->state = REQUEST_ACTIVE;
    nvt_post(r);
  } else {
    nvt_execute(r);
  }
  return 0;
}

static bool is_held(const struct request *r) {
  return r->sq != NULL && (r->state == REQUEST_HELD_DECODE || r->state == REQUEST_HELD_EXECUTE ||
                           r->state == REQUEST_HELD_WRITEBACK);
}

void nvt_releases_run(struct nvt_controller *c) {
  c->releases = false;
  for (uint32_t i = 0; i < c->admin_pool.count + c->io_pool.count; i++) {
    struct request *r = &c->requests[i];
    if (r->released && is_held(r))
      (void)go_on(r);
  }
}

static struct request *by_handle(struct nvt_controller *c, uint64_t handle) {
  uint32_t index = (uint32_t)(handle & 0xffff);
  if (index >= c->admin_pool.count + c->io_pool.count)
    return NULL;
  struct request *r = &c->requests[index];
  return r->handle == handle && r->sq != NULL ? r : NULL;
}

struct request *nvt_request_by_handle(struct nvt_controller *c, uint64_t handle) {
  struct request *r = by_handle(c, handle);
  return r != NULL && (r->in_callback || is_held(r)) ? r : NULL;
}

void nvt_release_holder(struct nvt_controller *c, const char *holder, const struct nvt_cqe *cqe) {
  for (uint32_t i = 0; i < c->admin_pool.count + c->io_pool.count; i++) {
    struct request *r = &c->requests[i];
    if (is_held(r) && r->holder == holder && !r->released)
      (void)nvt_command_release(c, r->handle, cqe);
  }
}

int nvt_command_release(struct nvt_controller *c, uint64_t handle, const struct nvt_cqe *cqe) {
  struct request *r = by_handle(c, handle);
  if (r == NULL || !is_held(r) || r->released)
    return -ENOENT;
  r->answered = cqe != NULL;
  if (cqe != NULL) {
    r->cqe.dw0 = cqe->dw0;
    r->cqe.dw1 = cqe->dw1;
    r->cqe.status = cqe->status >> 1;
  }
  if (c->plugins->depth != 0) {
    /* Another command is half way through its list of pages, or to its slot. */
    r->released = c->releases = true;
    c->done++;
    return 0;
  }
  nvt_enter(c);
  int error = go_on(r);
  nvt_leave(c);
  return error;
}
