/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/match_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/commands_int.h"
#include "capture/select_int.h"
#include "trace/record.h"

struct nvt_match {
  const struct nvt_trigger *triggers;
  unsigned count;
  uint32_t wanted;               /* record types that matter, by bit */
  bool numbered;                 /* a trigger waits for a number */
  bool only_failed;              /* of completions, success meets nothing */
  struct nvt_commands *commands; /* NULL: completions tell enough */
};
_Static_assert(NVT_REC_COUNT <= 32, "a bit for each type");

static uint32_t types_of(const struct nvt_trigger *trigger) {
  switch (trigger->kind) {
  case NVT_TRIGGER_COMMAND:
    return 1u << NVT_REC_COMMAND;
  case NVT_TRIGGER_COMPLETION:
    return 1u << NVT_REC_COMPLETION;
  case NVT_TRIGGER_EVENT:
    return 1u << NVT_REC_EVENT;
  case NVT_TRIGGER_REGISTER:
    return 1u << NVT_REC_REG_WRITE;
  default:
    return 0;
  }
}

/* A completion has queue, opcode and status: for more its command is needed. */
static bool needs_command(const struct nvt_trigger *trigger) {
  const struct nvt_trace_filter *filter = &trigger->commands;
  return trigger->kind == NVT_TRIGGER_COMPLETION &&
         (filter->slower || filter->range_count > 0 || filter->by_nsid);
}

int nvt_match_create(const struct nvt_trigger *triggers, unsigned count, struct nvt_match **out) {
  *out = NULL;
  struct nvt_match *match = calloc(1, sizeof(*match));
  if (match == NULL)
    return -ENOMEM;
  match->triggers = triggers;
  match->count = count;
  bool commands = false;
  match->only_failed = true;
  for (unsigned i = 0; i < count; i++) {
    match->wanted |= types_of(&triggers[i]);
    match->numbered |= triggers[i].kind == NVT_TRIGGER_RECORD;
    commands |= needs_command(&triggers[i]);
    if (triggers[i].kind == NVT_TRIGGER_COMPLETION && nvt_select_status(&triggers[i].commands, 0))
      match->only_failed = false;
  }
  if (commands) {
    match->wanted |= 1u << NVT_REC_COMMAND;
    match->commands = nvt_commands_create();
  }
  if (commands && match->commands == NULL) {
    nvt_match_destroy(match);
    return -ENOMEM;
  }
  *out = match;
  return 0;
}

void nvt_match_destroy(struct nvt_match *match) {
  if (match == NULL)
    return;
  nvt_commands_destroy(match->commands);
  free(match);
}

struct seen { /* a record, and its command, where that is known */
  const struct nvt_record *record;
  const struct nvt_sqe *sqe;
  uint64_t took_ns;
};

static bool of_completion(const struct nvt_trigger *trigger, const struct seen *seen) {
  const struct nvt_trace_filter *filter = &trigger->commands;
  const struct nvt_rec_completion *body = &seen->record->completion;
  const struct nvt_sqe as_far_as_known = {.opcode = body->opcode};
  if (seen->sqe == NULL && needs_command(trigger))
    return false;
  const struct nvt_sqe *sqe = seen->sqe != NULL ? seen->sqe : &as_far_as_known;
  return nvt_select_status(filter, NVT_CQE_STATUS(body->cqe.status)) &&
         (!filter->slower || nvt_select_slow(filter, body->sqid, sqe, seen->took_ns)) &&
         nvt_select_command(filter, body->sqid, sqe);
}

static bool meets(const struct nvt_trigger *trigger, const struct seen *seen) {
  const struct nvt_record *record = seen->record;
  if ((types_of(trigger) >> record->header.type & 1) == 0)
    return false;
  switch (record->header.type) {
  case NVT_REC_COMMAND:
    return nvt_select_command(&trigger->commands, record->command.sqid, seen->sqe);
  case NVT_REC_COMPLETION:
    return of_completion(trigger, seen);
  case NVT_REC_EVENT:
    return record->event.event < 64 && (trigger->events >> record->event.event & 1) != 0;
  default:
    return nvt_access_touches(&record->access, trigger->offset, trigger->size);
  }
}

/* What most records are, told without taking them apart. */
static bool means_nothing(const struct nvt_match *match, const uint8_t *bytes, size_t captured) {
  struct nvt_rec_completion body;
  if (captured < sizeof(struct nvt_rec_header) || bytes[5] >= NVT_REC_COUNT ||
      (match->wanted >> bytes[5] & 1) == 0)
    return true;
  if (bytes[5] != NVT_REC_COMPLETION || !match->only_failed || match->commands != NULL ||
      bytes[6] != sizeof(struct nvt_rec_header) ||
      captured < sizeof(struct nvt_rec_header) + sizeof(body))
    return false;
  memcpy(&body, bytes + sizeof(struct nvt_rec_header), sizeof(body));
  return NVT_CQE_STATUS(body.cqe.status) == 0;
}

uint32_t nvt_match(struct nvt_match *match, const uint8_t *bytes, size_t captured, uint64_t ns,
                   uint64_t number) {
  uint32_t met = 0;
  for (unsigned i = 0; match->numbered && i < match->count; i++)
    if (match->triggers[i].kind == NVT_TRIGGER_RECORD && match->triggers[i].record == number)
      met |= 1u << i;
  struct nvt_record record;
  if (means_nothing(match, bytes, captured) ||
      nvt_record_parse(bytes, captured, &record) != NVT_PARSE_OK ||
      (record.header.flags & NVT_V_header_flags_SNAPSHOT) != 0)
    return met;
  struct nvt_kept_command command = {.ns = ns};
  struct seen seen = {.record = &record};
  if (record.header.type == NVT_REC_COMMAND) {
    seen.sqe = &record.command.sqe;
    command.body = record.command;
    if (match->commands != NULL)
      nvt_commands_put(match->commands, record.header.controller, record.command.sqid,
                       command.body.sqe.cid, &command);
  } else if (record.header.type == NVT_REC_COMPLETION && match->commands != NULL &&
             nvt_commands_take(match->commands, record.header.controller, record.completion.sqid,
                               record.completion.cqe.cid, &command)) {
    seen.sqe = &command.body.sqe;
    seen.took_ns = ns > command.ns ? ns - command.ns : 0;
  }
  for (unsigned i = 0; i < match->count; i++)
    if (meets(&match->triggers[i], &seen))
      met |= 1u << i;
  return met;
}
