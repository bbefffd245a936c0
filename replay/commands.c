/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands: put into the target's submission queue, fetched, executed. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nvme/names.h"
#include "replay/engine_int.h"

void nvt_engine_unlink(struct nvt_engine *e, struct nvt_replay_command *command) {
  if (!command->in_target)
    return;
  command->in_target = false;
  if (command->previous != NULL)
    command->previous->next = command->next;
  else
    e->in_target = command->next;
  if (command->next != NULL)
    command->next->previous = command->previous;
  nvt_feed_drop(e->feed, command);
}

static void link_in(struct nvt_engine *e, struct nvt_replay_command *command) {
  command->in_target = true;
  command->previous = NULL;
  command->next = e->in_target;
  if (e->in_target != NULL)
    e->in_target->previous = command;
  e->in_target = command;
  nvt_feed_hold(command);
}

void nvt_engine_forget_commands(struct nvt_engine *e) {
  while (e->in_target != NULL)
    nvt_engine_unlink(e, e->in_target);
}

struct nvt_replay_command *nvt_engine_find(struct nvt_engine *e, uint16_t sqid, uint16_t cid) {
  struct nvt_replay_command *oldest = NULL;
  if (e->current != NULL && e->current->in_target && e->current->command.sqid == sqid &&
      e->current->command.sqe.cid == cid)
    return e->current;
  /* Newest first: of equal ids, which a host shouldn't have, the oldest counts. */
  for (struct nvt_replay_command *c = e->in_target; c != NULL; c = c->next)
    if (c->command.sqid == sqid && c->command.sqe.cid == cid)
      oldest = c;
  return oldest;
}

enum nvt_fetch_wish nvt_engine_fetched(void *engine, uint64_t handle,
                                       struct nvt_rec_command *fetched, struct nvt_cqe *cqe) {
  struct nvt_engine *e = engine;
  struct nvt_replay_command *command = e->current;
  if (command == NULL || command->in_target || command->executed) {
    nvt_findings_number(&e->totals->findings, e->record, "command", 0, fetched->sqe.cid, 4,
                        "the target fetched a command of submission queue %u that the trace "
                        "doesn't have here",
                        fetched->sqid);
    return NVT_WISH_DROP;
  }
  const struct nvt_rec_command *recorded = &command->command;
  struct {
    const char *field;
    uint64_t was, is;
  } fields[] = {{"command.sqid", recorded->sqid, fetched->sqid},
                {"command.cqid", recorded->cqid, fetched->cqid},
                {"command.slot", recorded->slot, fetched->slot},
                {"command.head", recorded->head, fetched->head}};
  nvt_engine_compared(e);
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
    if (fields[i].was != fields[i].is)
      nvt_findings_number(&e->totals->findings, command->record, fields[i].field, fields[i].was,
                          fields[i].is, 0, "fetch of %s (queue %u, cid 0x%04x) differs",
                          nvt_replay_command_name(command), recorded->sqid, recorded->sqe.cid);
  if (fetched->slot == recorded->slot &&
      memcmp(&fetched->sqe, &recorded->sqe, sizeof(recorded->sqe)) != 0)
    nvt_findings_add(&e->totals->findings, command->record, "command.sqe", "as recorded", "other",
                     "the target fetched another entry than lies in slot %u of queue %u",
                     recorded->slot, recorded->sqid);
  /* Whatever lay in its slot: what is executed is what was recorded. */
  fetched->sqe = recorded->sqe;
  command->handle = handle;
  link_in(e, command);
  if (command->dropped) {
    nvt_engine_excuse(e, NVT_EXCEPTION_PLUGIN);
    return NVT_WISH_DROP;
  }
  if ((command->imposed || command->impose) && command->completion_record != 0) {
    nvt_engine_excuse(e, command->impose ? NVT_EXCEPTION_HELD_ORDER : NVT_EXCEPTION_PLUGIN);
    cqe->dw0 = command->completion.cqe.dw0;
    cqe->dw1 = command->completion.cqe.dw1;
    cqe->status = command->completion.cqe.status;
    return NVT_WISH_COMPLETE;
  }
  return NVT_WISH_EXECUTE;
}

static struct nvt_replay_command *by_handle(struct nvt_engine *e, uint64_t handle) {
  if (e->current != NULL && e->current->in_target && e->current->handle == handle)
    return e->current;
  for (struct nvt_replay_command *c = e->in_target; c != NULL; c = c->next)
    if (c->handle == handle)
      return c;
  return NULL;
}

static bool may_be_late(struct nvt_engine *e, const struct nvt_replay_command *command) {
  bool waits =
      command->command.sqid == 0 && command->command.sqe.opcode == NVT_ADMIN_ASYNC_EVENT_REQUEST;
  if (command->held || (command->earlier && !waits))
    return true;
  if (command->command.sqid == 0)
    return false;
  if (command->command.sqe.nsid == UINT32_MAX) {
    for (uint32_t i = 0; i < e->space_count; i++)
      if (e->spaces[i].asynchronous)
        return true;
    return false;
  }
  const struct replay_namespace *space = nvt_engine_namespace(e, command->command.sqe.nsid);
  return space != NULL && space->asynchronous;
}

/* Of I/O submission queues: as CC.IOSQES has it, where that can be. */
unsigned nvt_engine_entry_shift(const struct nvt_engine *e) {
  uint32_t cc;
  memcpy(&cc, e->registers + NVT_REG_CC, sizeof(cc));
  unsigned shift = (unsigned)NVT_GET(cc, CC_IOSQES);
  return shift < 6 ? 6 : shift;
}

bool nvt_engine_finished(void *engine, uint64_t handle, const struct nvt_cqe *cqe) {
  struct nvt_engine *e = engine;
  struct nvt_replay_command *command = by_handle(e, handle);
  if (command == NULL || command->kept)
    return false;
  const struct nvt_sqe *sqe = &command->command.sqe;
  nvt_status status = NVT_CQE_STATUS(cqe->status);
  nvt_engine_data_done(e, command, status);
  if (command->command.sqid == 0 && sqe->opcode == NVT_ADMIN_CREATE_IO_SQ &&
      status == NVT_SC_SUCCESS)
    e->queues[sqe->cdw10 & 0xffff] = (struct submission_queue){
        .base = sqe->prp1, .entries = (sqe->cdw10 >> 16) + 1, .shift = nvt_engine_entry_shift(e)};
  command->kept = may_be_late(e, command);
  if (command->kept)
    nvt_engine_excuse(e, command->earlier ? NVT_EXCEPTION_EARLIER
                         : command->held  ? NVT_EXCEPTION_PLUGIN
                                          : NVT_EXCEPTION_HELD_ORDER);
  return command->kept;
}

/* The entry into its slot. */
static bool place(struct nvt_engine *e, const struct nvt_replay_command *command) {
  const struct nvt_rec_command *recorded = &command->command;
  const struct submission_queue *queue = &e->queues[recorded->sqid];
  if (queue->entries == 0) {
    nvt_findings_number(&e->totals->findings, e->record, "command.sqid", recorded->sqid, 0, 0,
                        "%s of submission queue %u, which the trace hasn't created in the target",
                        nvt_replay_command_name(command), recorded->sqid);
    return false;
  }
  if (recorded->slot >= queue->entries) {
    nvt_findings_number(&e->totals->findings, e->record, "command.slot", recorded->slot,
                        queue->entries - 1, 0, "slot of %s lies beyond submission queue %u",
                        nvt_replay_command_name(command), recorded->sqid);
    return false;
  }
  uint64_t address;
  if (__builtin_add_overflow(queue->base, (uint64_t)recorded->slot << queue->shift, &address))
    address = UINT64_MAX;
  nvt_engine_need_memory(e, address);
  if (nvt_memory_write(e->memory, address, &recorded->sqe, sizeof(recorded->sqe)))
    return true;
  nvt_findings_number(&e->totals->findings, e->record, "command.sqe", address, 0, 1,
                      "submission queue %u isn't in guest memory at that address", recorded->sqid);
  return false;
}

/* The next to be completed in the recording of those of a queue that we keep back. */
static struct nvt_replay_command *first_kept(struct nvt_engine *e, uint16_t sqid) {
  struct nvt_replay_command *first = NULL;
  for (struct nvt_replay_command *c = e->in_target; c != NULL; c = c->next)
    if (c->kept && !c->held && c->command.sqid == sqid && c->completion_record != 0 &&
        (first == NULL || c->completion_record < first->completion_record))
      first = c;
  return first;
}

void nvt_engine_release(struct nvt_engine *e, struct nvt_replay_command *command) {
  e->current = command;
  nvt_feed_hold(command);
  e->ops->release(e->target, command->handle);
  nvt_engine_unlink(e, command); /* posted or, in a controller that has failed, never to be */
  e->current = NULL;
  nvt_feed_drop(e->feed, command);
}

/* The one that a completion is of whose identifiers are of none, or of another: the
 * oldest that the trace has no completion of. */
static struct nvt_replay_command *without_completion(struct nvt_engine *e,
                                                     const struct nvt_rec_completion *was) {
  struct nvt_replay_command *oldest = NULL;
  for (struct nvt_replay_command *c = e->in_target; c != NULL; c = c->next)
    if (c->kept && c->completion_record == 0 && c->command.cqid == was->cqid)
      oldest = c; /* the newest is first */
  return oldest;
}

struct nvt_replay_command *nvt_engine_kept_for(struct nvt_engine *e,
                                               struct nvt_replay_command *command,
                                               const struct nvt_rec_completion *was) {
  if (command != NULL && command->posted)
    return NULL;
  if (command == NULL)
    command = nvt_engine_find(e, was->sqid, was->cqe.cid);
  if (command == NULL || !command->kept || !command->in_target)
    return without_completion(e, was);
  if (!command->twice || command->resolved)
    return command;
  /* Which of the two is it? The opcode may tell. */
  struct nvt_replay_command *other = without_completion(e, was);
  uint8_t mine = command->command.sqe.opcode;
  command->resolved = true;
  if (other == NULL || (mine == was->opcode && other->command.sqe.opcode != was->opcode))
    return command;
  return other;
}

/* Two admin commands look at commands under way: to the recorded controller they were
 * with a disk, to the target they are held by us. */
static void face_kept(struct nvt_engine *e, struct nvt_replay_command *command) {
  const struct nvt_sqe *sqe = &command->command.sqe;
  if (command->command.sqid != 0)
    return;
  if (sqe->opcode == NVT_ADMIN_DELETE_IO_SQ) {
    /* It waits for them. */
    struct nvt_replay_command *kept;
    while ((kept = first_kept(e, sqe->cdw10 & 0xffff)) != NULL)
      nvt_engine_release(e, kept);
  } else if (sqe->opcode == NVT_ADMIN_ABORT) {
    const struct nvt_replay_command *victim =
        nvt_engine_find(e, sqe->cdw10 & 0xffff, (uint16_t)(sqe->cdw10 >> 16));
    command->impose = victim != NULL && victim->kept && !victim->held;
  }
}

static bool needs_look_ahead(const struct nvt_replay_command *command) {
  uint8_t opcode = command->command.sqe.opcode;
  if (command->command.sqid == 0 && (opcode == NVT_ADMIN_DELETE_IO_SQ || opcode == NVT_ADMIN_ABORT))
    return true;
  return command->direction != NVT_DIRECTION_NONE;
}

/* Its direction, what the trace has of it, its entry and its data. False: that can't be. */
static bool prepare(struct nvt_engine *e, struct nvt_replay_command *command) {
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  command->direction =
      (uint8_t)nvt_opcode_direction(set, nvt_command_code(set, &command->command.sqe));
  nvt_feed_look_ahead(e->feed, command, !needs_look_ahead(command));
  face_kept(e, command);
  if (!place(e, command))
    return false;
  nvt_engine_prepare_data(e, command);
  return true;
}

static void executed(struct nvt_engine *e, struct nvt_replay_command *command) {
  e->current = NULL;
  command->executed = true;
  if (!command->in_target)
    nvt_feed_forget_data(e->feed, command);
}

void nvt_engine_restore_command(struct nvt_engine *e, const struct nvt_feed_item *item) {
  struct nvt_replay_command *command = item->command;
  if (command == NULL || !prepare(e, command))
    return;
  e->current = command;
  int failed = e->ops->restore(e->target, &item->record);
  executed(e, command);
  if (failed)
    nvt_findings_add(&e->totals->findings, e->record, "command", "under way", strerror(-failed),
                     "%s (queue %u, cid 0x%04x) was under way where the trace begins, and can't be "
                     "in the target",
                     nvt_replay_command_name(command), command->command.sqid,
                     command->command.sqe.cid);
}

void nvt_engine_command(struct nvt_engine *e, const struct nvt_feed_item *item) {
  struct nvt_replay_command *command = item->command;
  e->totals->commands++;
  e->last_stimulus = e->record;
  if (command == NULL || e->blind || !prepare(e, command))
    return;
  e->current = command;
  int stepped = e->ops->step(e->target, command->command.sqid);
  if (stepped == 0) {
    /* Something that the recorded controller had done may have been left for later. */
    e->ops->settle(e->target);
    stepped = e->ops->step(e->target, command->command.sqid);
  }
  executed(e, command);
  if (stepped == 0 && command->command.sqid == 0 &&
      (e->meta.left_out_flags & NVT_V_meta_left_out_flags_COMMANDS) != 0)
    nvt_engine_blind(e, "filter", "admin queue",
                     "a filter left out the admin queue, whose commands make the others");
  else if (stepped <= 0)
    nvt_findings_add(&e->totals->findings, e->record, "command", "fetched",
                     stepped == 0 ? "nothing to fetch" : "no such queue",
                     "the recorded controller fetched %s (queue %u, cid 0x%04x) here, the target "
                     "%s",
                     nvt_replay_command_name(command), command->command.sqid,
                     command->command.sqe.cid,
                     stepped == 0 ? "has nothing to fetch" : "has no such queue");
}
