/* SPDX-License-Identifier: BSD-2-Clause */
/* The device thread's loop: doorbells, fetch, execute, interrupt. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "controller/controller_int.h"
#include "controller/restore.h"
#include "controller/tap_int.h"

#define BUDGET 256u /* commands a poll fetches when the caller names no bound */
#define BURST 64u   /* of one queue in turn, where the host sets no limit (AB = 7) */

uint64_t nvt_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void nvt_enter(struct nvt_controller *c) {
  c->depth++;
}

void nvt_leave(struct nvt_controller *c) {
  if (unlikely(c->releases) && c->depth == 1 && c->plugins->depth == 0)
    nvt_releases_run(c);
  if (--c->depth == 0 && c->due_count != 0 && !c->manual)
    nvt_interrupts_send(c);
}

void nvt_fatal(struct nvt_controller *c, enum fatal_reason reason) {
  if (c->fatal)
    return;
  c->fatal = true;
  c->csts |= (uint32_t)NVT_PUT(1, CSTS_CFS);
  nvt_event(c, EVENT_FATAL, 0, reason, 0, 0);
}

/* Base 2.1, section 4.1.1: over PCIe the data of admin commands is described by PRPs, and PSDT 11b
 * is reserved. MPTR, which tells 01b from 10b, is nothing without metadata. */
static bool pointer_allowed(const struct request *r) {
  unsigned psdt = NVT_SQE_PSDT(r->sqe.flags);
  return psdt == 0 || (r->c->sgl && r->cqe.sqid != 0 && psdt != 3);
}

static void execute(struct request *r) {
  const struct command_row *table = r->cqe.sqid == 0 ? nvt_admin_commands : nvt_io_commands;
  const struct command_row *row = &table[r->sqe.opcode];
  nvt_status status;
  if (unlikely(row->execute == NULL))
    status = NVT_SC_INVALID_OPCODE;
  else if (unlikely(NVT_SQE_FUSE(r->sqe.flags) != 0 || !pointer_allowed(r)))
    status = NVT_SC_INVALID_FIELD; /* fused operations aren't claimed */
  else
    status = row->execute(r);
  if (status != NVT_PENDING)
    nvt_finish(r, status);
}

/* Fire the decode or execute tap. True: go on with the command. */
static __attribute__((noinline)) bool command_tap(struct request *r, enum nvt_tap_id id,
                                                  uint16_t slot, enum request_state held) {
  struct nvt_controller *c = r->c;
  struct sq *sq = r->sq;
  struct nvt_tap_event event;
  nvt_tap_begin(c, id, &event);
  event.command.sqid = sq->id;
  event.command.cqid = sq->cq->id;
  event.command.slot = slot;
  event.command.head = (uint16_t)sq->head;
  event.command.tail = (uint16_t)sq->tail;
  event.command.sqe = &r->sqe;
  event.command.cqe = &r->cqe;
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
    return true;
  case NVT_VERDICT_COMPLETE:
    r->cqe.status >>= 1;
    nvt_post(r);
    return false;
  case NVT_VERDICT_HOLD:
    r->state = held;
    r->holder = event.decided_by;
    return false;
  case NVT_VERDICT_DROP:
    sq->cq->room++;
    nvt_request_free(r);
    return false;
  }
  return true;
}

void nvt_execute(struct request *r) {
  bool asked = r->state == REQUEST_HELD_EXECUTE;
  r->state = REQUEST_ACTIVE;
  /* Its slot is known to the decode tap alone: the head may have gone on since. */
  if (tap_on(r->c, TAP_OF(r->cqe.sqid, EXECUTE)) && !asked &&
      !command_tap(r, TAP_OF(r->cqe.sqid, EXECUTE), 0, REQUEST_HELD_EXECUTE))
    return;
  execute(r);
}

/* Fetch and start the entry at the head. The caller has seen that there is one, that
 * its completion has a slot, and that a request is free. False: fatal. */
static bool fetch(struct nvt_controller *c, struct sq *sq, struct pool *pool) {
  const uint8_t *from;
  if (likely(sq->host != NULL)) {
    from = sq->host + ((size_t)sq->head << sq->shift);
  } else {
    uint64_t address = sq->base + ((uint64_t)sq->head << sq->shift);
    from = nvt_dma_whole(c, address, sizeof(struct nvt_sqe), false);
    if (from == NULL) {
      nvt_dma_fault(c, sq->id, address, sizeof(struct nvt_sqe));
      nvt_fatal(c, FATAL_FETCH);
      return false;
    }
  }
  struct request *r = pool->free;
  pool->free = r->next;
  memcpy(&r->sqe, from, sizeof(r->sqe));
  /* From here on the copy is the command, whatever the guest writes into its entry. */
  __asm__ volatile("" ::: "memory");
  uint16_t slot = (uint16_t)sq->head;
  sq->head = sq->head + 1 == sq->size ? 0 : sq->head + 1;
  sq->cq->room--;
  c->outstanding++;
  r->sq = sq;
  r->state = REQUEST_ACTIVE;
  r->cqe = (struct nvt_cqe){.sqid = sq->id, .cid = r->sqe.cid};
  r->range_count = 0;
  r->released = false;
  r->handle = ++c->sequence << HANDLE_SEQUENCE | c->slot << NVT_HANDLE_SLOT | r->index;
  if (!tap_on(c, TAP_OF(sq->id, DECODE)) ||
      command_tap(r, TAP_OF(sq->id, DECODE), slot, REQUEST_HELD_DECODE))
    nvt_execute(r);
  return true;
}

static uint32_t waiting(const struct sq *sq) {
  return sq->tail >= sq->head ? sq->tail - sq->head : sq->tail + sq->size - sq->head;
}

/* Ask those on the fetch tap. */
static __attribute__((noinline)) bool may_fetch(struct nvt_controller *c, struct sq *sq) {
  struct nvt_tap_event event;
  nvt_tap_begin(c, TAP_OF(sq->id, FETCH), &event);
  event.fetch.sqid = sq->id;
  event.fetch.cqid = sq->cq->id;
  event.fetch.head = (uint16_t)sq->head;
  event.fetch.tail = (uint16_t)sq->tail;
  event.fetch.unacknowledged = nvt_cq_posted(sq->cq);
  bool held = nvt_tap_fire(c->plugins, &event) == NVT_VERDICT_HOLD;
  if (held && !sq->stalled)
    nvt_tap_announce(c->plugins, &event, event.decided_by, VERDICT_HELD);
  if (!held && sq->stalled)
    nvt_tap_announce(c->plugins, &event, event.decided_by, VERDICT_RELEASED);
  sq->stalled = held;
  return !held;
}

static unsigned fetch_burst(struct nvt_controller *c, struct sq *sq, unsigned most) {
  struct pool *pool = sq->id == 0 ? &c->admin_pool : &c->io_pool;
  unsigned n = 0;
  uint32_t count = waiting(sq);
  if (count > most)
    count = most;
  if (sq->host != NULL) {
    /* The host's core has just written these lines: ask for them all before the first is
     * needed. */
    for (uint32_t i = 0; i < count && i < 16 && sq->head + i < sq->size; i++)
      __builtin_prefetch(sq->host + ((size_t)(sq->head + i) << sq->shift));
  }
  /* A command may delete the queue, reset or be fatal: look again each time. */
  while (n < count && sq->exists && sq->head != sq->tail && sq->cq->room != 0 &&
         pool->free != NULL && !c->fatal) {
    if (tap_on(c, TAP_OF(sq->id, FETCH)) && !may_fetch(c, sq))
      break;
    if (unlikely(!sq->exists || pool->free == NULL)) /* a callback reset the controller */
      break;
    if (!fetch(c, sq, pool))
      break;
    n++;
  }
  return n;
}

static unsigned fetch_all(struct nvt_controller *c, unsigned budget) {
  unsigned ab = c->features.arbitration & 7;
  unsigned burst = ab == 7 ? BURST : 1u << ab;
  unsigned total = 0;
  for (bool more = true; more && total < budget;) {
    more = false;
    unsigned count = c->sq_count;
    for (unsigned i = 0; i < count && total < budget && c->sq_count != 0; i++) {
      if (c->next_sq >= c->sq_count)
        c->next_sq = 0;
      struct sq *sq = c->sq_list[c->next_sq++];
      if (sq->head == sq->tail)
        continue;
      unsigned most = budget - total < burst ? budget - total : burst;
      unsigned got = fetch_burst(c, sq, most);
      total += got;
      more |= got == most;
    }
  }
  return total;
}

static void keep_alive_check(struct nvt_controller *c) {
  if (nvt_now_ms() >= c->keep_alive_deadline)
    nvt_fatal(c, FATAL_KEEP_ALIVE);
}

unsigned nvt_controller_poll(struct nvt_controller *c, unsigned budget) {
  if (c->depth != 0)
    return 0; /* called from a tap */
  if (unlikely(c->plugins != NULL && __atomic_load_n(&c->plugins->busy, __ATOMIC_ACQUIRE)))
    c->done += nvt_host_work(c->plugins);
  nvt_enter(c);
  if (c->shared != NULL)
    nvt_doorbells_poll(c);
  if (c->loop != NULL)
    c->done += nvt_backend_poll(c->loop);
  if (unlikely(c->keep_alive_deadline != 0) && c->ready)
    keep_alive_check(c);
  if (likely(c->ready && !c->fatal && !c->manual))
    c->done += fetch_all(c, budget == 0 ? BUDGET : budget);
  /* Queued requests go out now and not with the next poll, which may be after a sleep. */
  if (c->loop != NULL)
    c->done += nvt_backend_poll(c->loop);
  nvt_leave(c);
  unsigned done = c->done;
  c->done = 0;
  return done;
}

int nvt_controller_step(struct nvt_controller *c, uint16_t sqid) {
  if (sqid >= NVT_QUEUES_MAX || !c->sqs[sqid].exists)
    return -ENOENT;
  nvt_enter(c);
  if (c->shared != NULL)
    nvt_doorbells_poll(c);
  unsigned n = 0;
  if (c->ready && !c->fatal)
    n = fetch_burst(c, &c->sqs[sqid], 1);
  nvt_leave(c);
  return (int)n;
}

int nvt_controller_restore_command(struct nvt_controller *c, uint16_t sqid, uint16_t slot) {
  if (sqid >= NVT_QUEUES_MAX || !c->sqs[sqid].exists)
    return -ENOENT;
  struct sq *sq = &c->sqs[sqid];
  uint32_t head = sq->head, tail = sq->tail;
  if (!c->ready || c->fatal || slot >= sq->size)
    return 0;
  sq->head = slot;
  sq->tail = slot + 1u == sq->size ? 0 : slot + 1u;
  nvt_enter(c);
  unsigned n = fetch_burst(c, sq, 1);
  nvt_leave(c);
  if (sq->exists) {
    sq->head = head;
    sq->tail = tail;
  }
  return (int)n;
}

void nvt_controller_set_manual(struct nvt_controller *c, bool manual) {
  c->manual = manual;
}

void nvt_controller_flush_interrupts(struct nvt_controller *c) {
  if (c->depth == 0 && c->due_count != 0)
    nvt_interrupts_send(c);
}
