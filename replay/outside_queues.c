/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues: what the host's commands make of them, and what the controller puts into them. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "replay/outside_int.h"

/* A command that isn't done by then is waited for no longer; it may still come. Where many aren't,
 * the wait gets shorter. */
#define COMMAND_MS 2000u
#define COMMAND_MS_LEAST 50u
#define QUIET_MS 20u

static uint64_t written(const struct nvt_target *o, unsigned offset, size_t size) {
  uint64_t value = 0;
  memcpy(&value, o->registers + offset, size);
  return value;
}

void nvt_outside_forget(struct nvt_target *o) {
  while (o->commands != NULL) {
    struct outside_command *next = o->commands->next;
    free(o->commands);
    o->commands = next;
  }
  memset(o->sqs, 0, OUTSIDE_QUEUES * sizeof(*o->sqs));
  memset(o->cqs, 0, OUTSIDE_QUEUES * sizeof(*o->cqs));
  memset(o->waiting, 0, sizeof(o->waiting));
  memset(o->due, 0, sizeof(o->due));
  o->last_cq = 0;
  o->fatal = false;
}

/* Hosts empty a queue before they give it to a controller; in no trace is that to be seen. */
static void empty(struct nvt_target *o, uint64_t base, uint32_t entries) {
  uint64_t room, left = UINT64_C(16) * entries;
  while (left > 0) {
    uint8_t *at = nvt_outside_at(o, base, &room);
    if (at == NULL)
      return;
    room = room < left ? room : left;
    memset(at, 0, (size_t)room);
    base += room;
    left -= room;
  }
}

static struct outside_cq new_cq(uint64_t base, uint32_t entries, uint16_t vector, bool interrupts) {
  return (struct outside_cq){.base = base,
                             .entries = entries,
                             .phase = true,
                             .told_phase = true,
                             .vector = vector,
                             .interrupts = interrupts};
}

void nvt_outside_queues_enabled(struct nvt_target *o) {
  uint32_t aqa = (uint32_t)written(o, NVT_REG_AQA, 4);
  o->sqs[0] = (struct outside_sq){.base = written(o, NVT_REG_ASQ, 8) & ~UINT64_C(0xfff),
                                  .entries = (uint32_t)NVT_GET(aqa, AQA_ASQS) + 1,
                                  .shift = 6};
  o->cqs[0] = new_cq(written(o, NVT_REG_ACQ, 8) & ~UINT64_C(0xfff),
                     (uint32_t)NVT_GET(aqa, AQA_ACQS) + 1, 0, true);
}

void nvt_outside_queues_emptied(struct nvt_target *o) {
  nvt_outside_forget(o);
  empty(o, written(o, NVT_REG_ACQ, 8) & ~UINT64_C(0xfff),
        (uint32_t)NVT_GET(written(o, NVT_REG_AQA, 4), AQA_ACQS) + 1);
}

/* Create and Delete, which succeeded. */
static void follow(struct nvt_target *o, const struct outside_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  uint16_t id = (uint16_t)sqe->cdw10;
  uint32_t entries = (sqe->cdw10 >> 16) + 1;
  unsigned shift = (unsigned)NVT_GET(written(o, NVT_REG_CC, 4), CC_IOSQES);
  if (command->command.sqid != 0 || NVT_CQE_STATUS(command->cqe.status) != NVT_SC_SUCCESS ||
      id == 0)
    return;
  switch (sqe->opcode) {
  case NVT_ADMIN_CREATE_IO_CQ:
    o->cqs[id] = new_cq(sqe->prp1, entries, (uint16_t)(sqe->cdw11 >> 16), (sqe->cdw11 & 2) != 0);
    if (id > o->last_cq)
      o->last_cq = id;
    break;
  case NVT_ADMIN_CREATE_IO_SQ:
    o->sqs[id] = (struct outside_sq){.base = sqe->prp1,
                                     .entries = entries,
                                     .shift = shift < 6 ? 6 : shift,
                                     .cqid = (uint16_t)(sqe->cdw11 >> 16)};
    break;
  case NVT_ADMIN_DELETE_IO_CQ:
    o->cqs[id] = (struct outside_cq){0};
    break;
  case NVT_ADMIN_DELETE_IO_SQ:
    o->sqs[id] = (struct outside_sq){0};
    break;
  default:
    break;
  }
}

/* As far as the recorded host went on, but no further than completions were seen: where the target
 * lacks some it would take the head for invalid, or its queue would fill up. */
static uint32_t acknowledged(struct outside_cq *cq, uint32_t value) {
  uint32_t seen = (cq->slot + cq->entries - cq->rung) % cq->entries;
  cq->owed += (value + cq->entries - cq->head) % cq->entries;
  uint32_t moves = cq->owed < seen ? cq->owed : seen;
  cq->owed = (cq->owed - moves) % cq->entries;
  cq->head = value;
  cq->rung = (cq->rung + moves) % cq->entries;
  return cq->rung;
}

int nvt_outside_doorbell(struct nvt_target *o, struct nvt_doorbell_id id, uint32_t value) {
  struct outside_sq *sq = &o->sqs[id.qid];
  struct outside_cq *cq = &o->cqs[id.qid];
  if (!id.is_cq && sq->entries > 0 && value < sq->entries) {
    sq->tail = value;
    return 0;
  }
  if (id.is_cq && cq->entries > 0 && value < cq->entries)
    value = acknowledged(cq, value);
  return nvt_outside_bar(o, true, nvt_doorbell_offset(id, o->dstrd), &value, sizeof(value));
}

/* --- completions --- */

static void tell(struct nvt_target *o, struct outside_command *command) {
  const struct nvt_rec_command *c = &command->command;
  struct outside_cq *cq = &o->cqs[c->cqid];
  struct nvt_cqe cqe = command->cqe;
  if (command->sqhd_fits)
    cqe.sqhd = (uint16_t)(o->sqs[c->sqid].entries > 0 ? o->sqs[c->sqid].next : cqe.sqhd);
  cqe.status = (uint16_t)((cqe.status & ~1u) | cq->told_phase);
  const struct nvt_rec_completion completion = {.sqid = c->sqid,
                                                .cqid = c->cqid,
                                                .slot = (uint16_t)cq->told_slot,
                                                .head = (uint16_t)cq->head,
                                                .opcode = c->sqe.opcode,
                                                .cqe = cqe};
  if (cq->entries > 0 && ++cq->told_slot == cq->entries) {
    cq->told_slot = 0;
    cq->told_phase = !cq->told_phase;
  }
  if (cq->interrupts)
    (command->signalled ? o->due : o->waiting)[cq->vector % OUTSIDE_VECTORS] = true;
  o->observer.posted(o->observer.ctx, &completion);
}

static void unlink_command(struct nvt_target *o, struct outside_command *command) {
  struct outside_command **link = &o->commands;
  while (*link != command)
    link = &(*link)->next;
  *link = command->next;
  free(command);
}

static void arrived(struct nvt_target *o, struct outside_command *command) {
  follow(o, command);
  if (command->nothing) {
    unlink_command(o, command);
    return;
  }
  nvt_outside_moved(o, command);
  if (o->observer.finished(o->observer.ctx, command->handle, &command->cqe))
    return; /* until release() */
  tell(o, command);
  unlink_command(o, command);
}

/* The oldest of those that it may be of. */
static struct outside_command *command_of(struct nvt_target *o, const struct nvt_cqe *cqe) {
  struct outside_command *oldest = NULL;
  for (struct outside_command *c = o->commands; c != NULL; c = c->next)
    if (!c->done && !c->superseded && c->command.sqid == cqe->sqid &&
        c->command.sqe.cid == cqe->cid)
      oldest = c;
  return oldest;
}

static void take(struct nvt_target *o, uint16_t cqid, const struct nvt_cqe *cqe) {
  struct outside_command *command = command_of(o, cqe);
  if (command == NULL) { /* of nothing that was asked */
    struct outside_command stray = {
        .command = {.sqid = cqe->sqid, .cqid = cqid, .sqe = {.cid = cqe->cid}}, .cqe = *cqe};
    tell(o, &stray);
    return;
  }
  const struct outside_sq *sq = &o->sqs[cqe->sqid];
  uint32_t behind = sq->entries == 0 ? 0 : (cqe->sqhd + sq->entries - command->slot) % sq->entries;
  uint32_t most = sq->entries == 0 ? 0 : (sq->next + sq->entries - command->slot) % sq->entries;
  command->sqhd_fits = cqe->sqhd < sq->entries && behind > 0 && behind <= most;
  command->cqe = *cqe;
  command->done = true;
  arrived(o, command);
}

bool nvt_outside_poll(struct nvt_target *o) {
  bool any = false;
  for (uint32_t id = 0; id <= o->last_cq; id++) {
    struct outside_cq *cq = &o->cqs[id];
    /* No longer than a lap: one that never ends isn't to hold us. */
    for (uint32_t n = cq->entries; n > 0 && cq->entries > 0; n--) {
      uint64_t room;
      const uint8_t *at = nvt_outside_at(o, cq->base + UINT64_C(16) * cq->slot, &room);
      if (at == NULL || room < sizeof(struct nvt_cqe))
        break;
      const uint16_t *status = (const uint16_t *)(const void *)(at + 14);
      if ((__atomic_load_n(status, __ATOMIC_ACQUIRE) & 1u) != cq->phase)
        break;
      struct nvt_cqe cqe;
      memcpy(&cqe, at, sizeof(cqe));
      if (++cq->slot == cq->entries) {
        cq->slot = 0;
        cq->phase = !cq->phase;
      }
      take(o, (uint16_t)id, &cqe);
      any = true;
    }
  }
  return any;
}

int nvt_outside_release(struct nvt_target *o, uint64_t handle) {
  for (struct outside_command *c = o->commands; c != NULL; c = c->next)
    if (c->handle == handle && c->done) {
      tell(o, c);
      unlink_command(o, c);
      return 0;
    }
  return -ENOENT;
}

/* --- stepping --- */

static bool waits_for_an_event(const struct nvt_rec_command *command) {
  return command->sqid == 0 && command->sqe.opcode == NVT_ADMIN_ASYNC_EVENT_REQUEST;
}

static bool under_way(const struct nvt_target *o, uint64_t handle) {
  for (const struct outside_command *c = o->commands; c != NULL; c = c->next)
    if (c->handle == handle && !c->done)
      return true;
  return false;
}

static void await(struct nvt_target *o, uint64_t handle) {
  uint64_t patience = COMMAND_MS >> o->impatience;
  uint64_t until =
      nvt_outside_now_ms() + (patience > COMMAND_MS_LEAST ? patience : COMMAND_MS_LEAST);
  unsigned spins = 0;
  while (under_way(o, handle)) {
    if (nvt_outside_poll(o))
      continue;
    nvt_outside_pause(o, &spins);
    if (spins % 64 != 0 || nvt_outside_now_ms() <= until)
      continue;
    o->impatience += o->impatience < 8;
    return;
  }
}

int nvt_outside_step(struct nvt_target *o, uint16_t sqid) {
  struct outside_sq *sq = &o->sqs[sqid];
  if (sq->entries == 0)
    return -ENOENT;
  if (sq->next == sq->tail)
    return 0;
  struct outside_command *command = calloc(1, sizeof(*command));
  if (command == NULL)
    return -ENOMEM;
  uint32_t slot = sq->next, after = slot + 1 == sq->entries ? 0 : slot + 1;
  uint64_t room;
  uint8_t *at = nvt_outside_at(o, sq->base + ((uint64_t)slot << sq->shift), &room);
  command->slot = slot;
  command->handle = ++o->handles;
  command->command = (struct nvt_rec_command){.sqid = sqid,
                                              .cqid = sq->cqid,
                                              .slot = (uint16_t)slot,
                                              .head = (uint16_t)after,
                                              .tail = (uint16_t)sq->tail};
  if (at != NULL && room >= sizeof(struct nvt_sqe)) {
    memcpy(&command->command.sqe, at, sizeof(struct nvt_sqe));
    struct nvt_cqe imposed = {0};
    enum nvt_fetch_wish wish =
        o->observer.fetched(o->observer.ctx, command->handle, &command->command, &imposed);
    command->nothing = wish != NVT_WISH_EXECUTE;
    memcpy(at, &command->command.sqe, sizeof(struct nvt_sqe));
  }
  const struct nvt_sqe *sqe = &command->command.sqe;
  if (sqid == 0 && sqe->opcode == NVT_ADMIN_CREATE_IO_CQ && (sqe->cdw11 & 1) != 0)
    empty(o, sqe->prp1, (sqe->cdw10 >> 16) + 1);
  /* The recorded host had an answer before it used an identifier again. */
  for (struct outside_command *c = o->commands; c != NULL; c = c->next)
    c->superseded |= !c->done && c->command.sqid == sqid && c->command.sqe.cid == sqe->cid;
  command->next = o->commands;
  o->commands = command;
  sq->next = after;
  uint64_t handle = command->handle;
  bool event = waits_for_an_event(&command->command);
  const struct nvt_doorbell_id id = {.qid = sqid};
  int failed = nvt_outside_bar(o, true, nvt_doorbell_offset(id, o->dstrd), &after, 4);
  if (failed)
    return failed;
  if (!event)
    await(o, handle);
  else
    (void)nvt_outside_poll(o);
  return 1;
}

/* Where nothing came many times there is less hope that something will. */
static uint64_t quiet_ms(const struct nvt_target *o) {
  unsigned shift = o->futile / 8;
  return QUIET_MS >> (shift < 4 ? shift : 4);
}

void nvt_outside_settle(struct nvt_target *o) {
  uint64_t until = nvt_outside_now_ms() + quiet_ms(o);
  unsigned spins = 0;
  bool any = false;
  do {
    if (nvt_outside_poll(o)) {
      until = nvt_outside_now_ms() + QUIET_MS;
      any = true;
    }
    nvt_outside_interrupts(o);
    nvt_outside_pause(o, &spins);
  } while (nvt_outside_now_ms() < until);
  o->futile = any ? 0 : o->futile + (o->futile < UINT_MAX);
}
