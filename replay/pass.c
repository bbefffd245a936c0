/* SPDX-License-Identifier: BSD-2-Clause */
/* Replay into a target that takes whole commands, and shows nothing but what they answer. */
#include <stdio.h>

#include "nvme/names.h"
#include "replay/pass_int.h"

/* What was written meanwhile isn't known: one difference, and no block is what the trace says. */
static void check_losses(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  bool lost = record->header.type == NVT_REC_LOSS && record->loss.count > 0;
  if (!lost && item->missing == 0 && !nvt_record_left_out(record))
    return;
  if (e->order != NULL)
    nvt_pass_order_drain(e->order);
  nvt_findings_number(&e->totals->findings, e->record, "loss",
                      lost ? record->loss.count : item->missing, 0, 0,
                      "records are missing here: what they wrote isn't known");
  for (uint32_t i = 0; i < e->space_count; i++)
    nvt_blocks_set(e->spaces[i].known, 0, e->spaces[i].blocks, false);
}

/* Which of two that were in flight together came first isn't known, where a namespace completes out
 * of order. */
static void find_races(struct nvt_engine *e, struct nvt_replay_command *command) {
  const struct replay_namespace *space = nvt_engine_namespace(e, command->command.sqe.nsid);
  if (space == NULL || !space->asynchronous || command->command.sqid == 0)
    return;
  struct nvt_replay_command *other;
  for (size_t i = 0; (other = nvt_feed_meanwhile(e->feed, command, &i)) != NULL;)
    nvt_engine_race(e, command, other);
}

void nvt_engine_pass(struct nvt_engine *e, const struct nvt_feed_item *item) {
  struct nvt_replay_command *command = item->command;
  struct nvt_pass pass;
  check_losses(e, item);
  if (item->record.header.type != NVT_REC_COMMAND || command == NULL)
    return;
  e->totals->commands++;
  enum nvt_opcode_set set = (enum nvt_opcode_set)command->set;
  command->direction =
      (uint8_t)nvt_opcode_direction(set, nvt_command_code(set, &command->command.sqe));
  enum nvt_pass_kind kind = nvt_pass_kind_of(e, command);
  if (kind != NVT_PASS_NONE)
    nvt_feed_look_ahead(e->feed, command, false);
  if (kind == NVT_PASS_WRITES && !e->totals->may_write && !e->totals->read_only) {
    snprintf(e->refused, sizeof(e->refused),
             "%s would overwrite what is on the drive: --yes-destroy-data lets it, --read-only "
             "reads the same blocks instead",
             nvt_replay_command_name(command));
    return;
  }
  /* The recorded controller didn't execute it, or nobody knows what it answered. */
  bool unknown = command->imposed || command->dropped || command->completion_record == 0;
  if (kind != NVT_PASS_NONE)
    find_races(e, command);
  if (kind == NVT_PASS_NONE || unknown) {
    nvt_pass_unsent(e, command);
  } else if (e->order != NULL) {
    nvt_pass_order_add(e->order, command, kind);
  } else {
    nvt_engine_prepare_data(e, command);
    if (!nvt_pass_make(e, command, kind, &pass) || !nvt_pass_send(e, &pass, 0))
      nvt_pass_unsent(e, command);
  }
}
