/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many commands at a time, in dependency order (replay/order.h), by the built-in driver. Commands
 * are gathered until there are as many as may be outstanding; then what may be issued is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/sender.h"
#include "nvme/names.h"
#include "nvme/ranges.h"
#include "replay/order.h"
#include "replay/pace.h"
#include "replay/pass_int.h"
#include "replay/remap.h"

#define GATHERED_BYTES (UINT64_C(8) << 20) /* well below what the feed may hold */

struct nvt_pass_order {
  struct nvt_engine *e;
  struct nvt_order *order;
  struct nvt_sender *sender;
  struct nvt_pass *slots; /* of the sender */
  uint32_t depth;
  uint32_t outstanding;
  uint64_t gathered;              /* bytes of data that waiting commands hold */
  uint8_t left[NVT_ORDER_WINDOW]; /* of each number: commands that aren't completed */
  uint64_t started;               /* when the first was sent; 0: none was */
  bool gone;                      /* the target answers no more */
};

struct nvt_pass_order *nvt_pass_order_create(struct nvt_engine *e) {
  struct nvt_pass_order *o = calloc(1, sizeof(*o));
  if (o == NULL)
    return NULL;
  o->e = e;
  o->depth = e->totals->depth;
  o->sender = e->ops->sender(e->target);
  o->slots = calloc(o->depth + 1u, sizeof(*o->slots));
  o->order = nvt_order_create();
  if (o->slots != NULL && o->order != NULL)
    return o;
  nvt_pass_order_destroy(o);
  return NULL;
}

void nvt_pass_order_destroy(struct nvt_pass_order *o) {
  uint32_t id;
  void *user[2];
  if (o == NULL)
    return;
  /* What was cut off on the way is the feed's again. */
  for (uint32_t i = 0; o->slots != NULL && i <= o->depth; i++)
    nvt_feed_drop(o->e->feed, o->slots[i].command);
  if (o->order != NULL)
    nvt_order_end(o->order);
  while (o->order != NULL && nvt_order_next(o->order, &id, user)) {
    nvt_feed_drop(o->e->feed, user[0]);
    nvt_feed_drop(o->e->feed, user[1]);
    nvt_order_done(o->order, id);
  }
  nvt_order_destroy(o->order);
  free(o->slots);
  free(o);
}

/* What the order depends on. */
static struct nvt_order_command describe(const struct nvt_replay_command *command,
                                         enum nvt_pass_kind kind) {
  static const enum nvt_order_fused fused[] = {NVT_ORDER_ALONE, NVT_ORDER_FIRST, NVT_ORDER_SECOND,
                                               NVT_ORDER_ALONE};
  const struct nvt_sqe *sqe = &command->command.sqe;
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  struct nvt_order_command out = {.queue = command->command.sqid,
                                  .nsid = sqe->nsid,
                                  .writes = kind == NVT_PASS_WRITES,
                                  .barrier = kind == NVT_PASS_SETS,
                                  .user = (void *)(uintptr_t)command};
  if (set == NVT_SET_ADMIN)
    return out;
  out.fused = fused[sqe->flags & 3];
  out.flush = sqe->opcode == NVT_NVM_FLUSH;
  if (nvt_command_range_of(set, sqe->opcode) == NVT_RANGE_ENTRY)
    nvt_command_range(sqe, &out.first, &out.count);
  else if (kind == NVT_PASS_WRITES) /* somewhere in its namespace */
    out.count = UINT64_MAX;
  return out;
}

static uint64_t bytes_of(const struct nvt_replay_command *command) {
  uint64_t bytes = 0;
  for (const struct nvt_chunk *chunk = command->chunks; chunk != NULL; chunk = chunk->next)
    bytes += chunk->held;
  return bytes;
}

static void done(struct nvt_pass_order *o, struct nvt_replay_command *command, uint32_t id) {
  nvt_feed_drop(o->e->feed, command);
  if (--o->left[id] == 0)
    nvt_order_done(o->order, id);
}

static void unsent(struct nvt_pass_order *o, struct nvt_replay_command *command, uint32_t id) {
  nvt_pass_unsent(o->e, command);
  done(o, command, id);
}

static void told(struct nvt_pass_order *o, struct nvt_replay_command *command, int failed) {
  const char *error = nvt_sender_error(o->sender);
  o->gone = true;
  nvt_findings_add(&o->e->totals->findings, command != NULL ? command->record : o->e->record,
                   "target", "answers", strerror(-failed),
                   "the target can't be driven any further: %s; nothing is sent from here on",
                   error[0] != '\0' ? error : strerror(-failed));
}

/* What waits for its turn in the device's queues, if there is anything. */
static void reap(struct nvt_pass_order *o) {
  unsigned slot;
  nvt_status status;
  uint32_t dw0;
  int got;
  while ((got = nvt_sender_reap(o->sender, &slot, &status, &dw0)) == 1) {
    struct nvt_pass pass = o->slots[slot];
    o->slots[slot].command = NULL;
    o->outstanding--;
    nvt_pass_conclude(o->e, &pass, 0, status, dw0, nvt_sender_buffer(o->sender, slot));
    nvt_sender_put(o->sender, slot);
    done(o, pass.command, pass.order);
  }
  if (got == 0)
    return;
  for (uint32_t i = 0; i <= o->depth; i++)
    if (o->slots[i].command != NULL) {
      if (!o->gone)
        told(o, o->slots[i].command, got);
      unsent(o, o->slots[i].command, o->slots[i].order);
      o->slots[i].command = NULL;
    }
  o->outstanding = 0;
  if (!o->gone)
    told(o, NULL, got);
}

/* By itself, and waited for: what isn't an I/O command, or is too large for the target and wasn't
 * for the recorded controller. */
static bool send_alone(struct nvt_pass_order *o, struct nvt_pass *pass) {
  uint32_t most = nvt_sender_transfer(o->sender);
  const struct nvt_replay_command *command = pass->command;
  if (command->set != NVT_SET_ADMIN &&
      (most == 0 || pass->size <= most ||
       NVT_CQE_STATUS(command->completion.cqe.status) != NVT_SC_SUCCESS))
    return false;
  if (!nvt_pass_send(o->e, pass, most))
    nvt_pass_unsent(o->e, pass->command);
  if (nvt_sender_error(o->sender)[0] != '\0' && !o->gone)
    told(o, pass->command, -EIO);
  return true;
}

static void issue(struct nvt_pass_order *o, struct nvt_replay_command *command, uint32_t id) {
  struct nvt_pass pass;
  bool muted = o->e->totals->findings.muted;
  o->gathered -= bytes_of(command);
  if (o->gone) {
    unsent(o, command, id);
    return;
  }
  o->e->totals->findings.muted = command->muted;
  nvt_engine_prepare_data(o->e, command);
  /* What is larger than any buffer failed in the recording. */
  bool made = nvt_pass_make(o->e, command, nvt_pass_kind_of(o->e, command), &pass) &&
              pass.size <= nvt_sender_bytes(o->sender);
  bool alone = made && send_alone(o, &pass);
  int slot = made && !alone ? nvt_sender_take(o->sender) : -EAGAIN;
  if (slot >= 0 && nvt_pass_fill(o->e, &pass, nvt_sender_buffer(o->sender, (unsigned)slot))) {
    uint32_t queue = (command->command.sqid - 1u) % nvt_sender_queues(o->sender);
    uint8_t *buffer = nvt_sender_buffer(o->sender, (unsigned)slot);
    const struct nvt_sqe sqe =
        nvt_remap_command(o->e->totals->remap, false, &pass.sqe, buffer, pass.size);
    while (!nvt_sender_submit(o->sender, (unsigned)slot, queue, &sqe, pass.size) && !o->gone) {
      nvt_sender_ring(o->sender);
      reap(o);
    }
    pass.order = id;
    o->slots[slot] = pass;
    o->outstanding++;
    o->e->totals->sent++;
  } else {
    if (slot >= 0)
      nvt_sender_put(o->sender, (unsigned)slot);
    if (alone)
      done(o, command, id);
    else
      unsent(o, command, id);
  }
  o->e->totals->findings.muted = muted;
}

/* Whatever may be issued is; whatever was answered is taken. False: nothing is left to do. */
static bool step(struct nvt_pass_order *o) {
  uint32_t id;
  void *user[2];
  /* One more than may be outstanding is there for the second of a fused pair. */
  while (o->outstanding < o->depth && nvt_order_next(o->order, &id, user)) {
    if (o->started == 0)
      o->started = nvt_pace_now();
    o->left[id] = user[1] != NULL ? 2 : 1;
    issue(o, user[0], id);
    if (user[1] != NULL)
      issue(o, user[1], id);
  }
  if (o->outstanding > o->e->totals->deepest)
    o->e->totals->deepest = o->outstanding;
  if (o->outstanding > 0) {
    nvt_sender_ring(o->sender);
    reap(o);
  }
  return o->outstanding > 0 || nvt_order_waiting(o->order) > 0;
}

void nvt_pass_order_add(struct nvt_pass_order *o, struct nvt_replay_command *command,
                        enum nvt_pass_kind kind) {
  const struct nvt_order_command described = describe(command, kind);
  command->muted = o->e->totals->findings.muted;
  while (!nvt_order_add(o->order, &described)) {
    if (step(o))
      continue;
    nvt_order_end(o->order); /* nobody's second is going to come as long as there is no room */
    if (!step(o)) {          /* it isn't room that is wanting */
      nvt_pass_unsent(o->e, command);
      return;
    }
  }
  nvt_feed_hold(command);
  o->gathered += bytes_of(command);
  while ((nvt_order_waiting(o->order) >= o->depth || o->gathered > GATHERED_BYTES) && step(o))
    ;
}

void nvt_pass_order_drain(struct nvt_pass_order *o) {
  nvt_order_end(o->order);
  while (step(o))
    ;
  /* What another controller's took at the same time counts once. */
  struct nvt_replay_totals *totals = o->e->totals;
  uint64_t now = nvt_pace_now(),
           from = o->started > totals->driven_end ? o->started : totals->driven_end;
  if (o->started == 0)
    return;
  totals->driven_ns += now - from;
  totals->driven_end = now;
}
