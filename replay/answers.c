/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the target answers waits here until the trace comes to it. Completions are
 * matched in the order of their completion queue, interrupts in that of their
 * vector, events by what they are.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nvme/names.h"
#include "replay/differences.h"
#include "replay/engine_int.h"
#include "replay/limits.h"

static struct answer *at(struct nvt_engine *e, size_t index) {
  return &e->answers[(e->answer_first + index) % NVT_ANSWERS_MAX];
}

static void status_text(char *text, size_t size, const struct nvt_cqe *cqe) {
  const char *name = nvt_status_name(NVT_CQE_STATUS(cqe->status));
  snprintf(text, size, "0x%04x %s", cqe->status >> 1, name != NULL ? name : "");
}

static void report_counted(struct nvt_engine *e, struct answer *answer) {
  char is[48];
  if (answer->record >= e->last_stimulus && e->record == UINT64_MAX) {
    nvt_engine_excuse(e, NVT_EXCEPTION_LAST_MOMENT);
    return;
  }
  if (answer->kind == ANSWER_INTERRUPT && nvt_engine_told_before(e, answer->interrupt.cqid)) {
    nvt_engine_excuse(e, NVT_EXCEPTION_EARLIER);
    return;
  }
  switch (answer->kind) {
  case ANSWER_COMPLETION: {
    const struct nvt_rec_completion *c = &answer->completion;
    status_text(is, sizeof(is), &c->cqe);
    nvt_findings_add(&e->totals->findings, answer->record, "completion", "none", is,
                     "the target completed cid 0x%04x of queue %u, which the trace hasn't",
                     c->cqe.cid, c->cqe.sqid);
    break;
  }
  case ANSWER_INTERRUPT:
    snprintf(is, sizeof(is), "vector %u state %u", answer->interrupt.vector,
             answer->interrupt.state);
    nvt_findings_add(&e->totals->findings, answer->record, "interrupt", "none", is,
                     "the target sent an interrupt for completion queue %u that the trace hasn't",
                     answer->interrupt.cqid);
    break;
  case ANSWER_EVENT:
    snprintf(is, sizeof(is), "event %u code 0x%" PRIx32, answer->event.event, answer->event.code);
    nvt_findings_add(&e->totals->findings, answer->record, "event", "none", is,
                     "the target told of an event that the trace hasn't (address 0x%" PRIx64 ")",
                     answer->event.address);
    break;
  }
}

static void report(struct nvt_engine *e, struct answer *answer) {
  struct nvt_findings *findings = &e->totals->findings;
  bool muted = findings->muted;
  answer->taken = true;
  findings->muted = answer->ignored;
  report_counted(e, answer);
  findings->muted = muted;
}

static void pop(struct nvt_engine *e) {
  if (!at(e, 0)->taken)
    report(e, at(e, 0));
  e->answer_first = (e->answer_first + 1) % NVT_ANSWERS_MAX;
  e->answer_count--;
}

/* Those that are done with go, and those that nothing will ask for any more. */
static void tidy(struct nvt_engine *e) {
  while (e->answer_count > 0 && (at(e, 0)->taken || e->record - at(e, 0)->record > NVT_ANSWER_AGE))
    pop(e);
  if (e->answer_count == 0)
    e->answer_first = 0; /* the ring's start is what is in the cache */
}

/* `command`: what it is the completion of, if that is known. */
static void push(struct nvt_engine *e, struct answer answer,
                 const struct nvt_replay_command *command) {
  if (e->answer_count == NVT_ANSWERS_MAX)
    pop(e);
  answer.record = e->record;
  answer.ignored = !nvt_engine_judges(e, &answer, command);
  *at(e, e->answer_count++) = answer;
}

void nvt_engine_forget_answers(struct nvt_engine *e) {
  e->answer_count = 0;
}

void nvt_engine_report_extra(struct nvt_engine *e, const struct answer *until) {
  uint64_t record = e->record;
  if (until == NULL)
    e->record = UINT64_MAX;
  for (size_t i = 0; i < e->answer_count && at(e, i) != until; i++)
    if (!at(e, i)->taken)
      report(e, at(e, i));
  e->record = record;
  tidy(e);
}

void nvt_engine_posted(void *engine, const struct nvt_rec_completion *completion) {
  struct nvt_engine *e = engine;
  struct nvt_replay_command *command =
      nvt_engine_find(e, completion->cqe.sqid, completion->cqe.cid);
  if (!e->blind)
    push(e, (struct answer){.kind = ANSWER_COMPLETION, .completion = *completion}, command);
  if (command != NULL && e->needs != NULL && completion->cqe.sqid == 0 &&
      command->command.sqe.opcode == NVT_ADMIN_SET_FEATURES &&
      (command->command.sqe.cdw10 & 0xff) == NVT_FEATURE_NUMBER_OF_QUEUES &&
      NVT_CQE_STATUS(completion->cqe.status) == NVT_SC_SUCCESS)
    (void)nvt_limits_queues(e->needs, completion->cqe.dw0, e->refused, sizeof(e->refused));
  if (command != NULL) {
    command->posted = true;
    nvt_engine_unlink(e, command);
  }
}

void nvt_engine_interrupted(void *engine, const struct nvt_rec_interrupt *interrupt) {
  struct nvt_engine *e = engine;
  if (!e->blind)
    push(e, (struct answer){.kind = ANSWER_INTERRUPT, .interrupt = *interrupt}, NULL);
}

void nvt_engine_happened(void *engine, const struct nvt_rec_event *event) {
  struct nvt_engine *e = engine;
  switch (event->event) {
  case NVT_V_event_event_CONTROLLER_RESET:
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    nvt_engine_forget_commands(e);
    break;
  case NVT_V_event_event_READY:
  case NVT_V_event_event_SHUTDOWN:
  case NVT_V_event_event_FATAL:
  case NVT_V_event_event_DMA_FAULT:
  case NVT_V_event_event_DOORBELL_FAULT:
    break;
  default: /* what the engine itself asked for */
    return;
  }
  push(e, (struct answer){.kind = ANSWER_EVENT, .event = *event}, NULL);
}

bool nvt_engine_listening(void *engine, uint16_t vector) {
  struct nvt_engine *e = engine;
  uint8_t state;
  /* One that is pending already stays so without another record. */
  if (!nvt_feed_peek_interrupt(e->feed, vector, &state))
    return (e->deaf[vector / 64] >> (vector % 64) & 1) == 0;
  if (state != NVT_V_interrupt_state_SENT)
    nvt_engine_excuse(e, NVT_EXCEPTION_LISTENING);
  return state == NVT_V_interrupt_state_SENT;
}

static struct answer *take(struct answer *answer) {
  answer->taken = true;
  return answer;
}

struct answer *nvt_engine_take_event(struct nvt_engine *e, uint16_t event) {
  for (size_t i = 0; i < e->answer_count; i++)
    if (at(e, i)->kind == ANSWER_EVENT && !at(e, i)->taken && at(e, i)->event.event == event)
      return take(at(e, i));
  return NULL;
}

static struct answer *take_interrupt(struct nvt_engine *e, uint16_t vector) {
  for (size_t i = 0; i < e->answer_count; i++)
    if (at(e, i)->kind == ANSWER_INTERRUPT && !at(e, i)->taken &&
        at(e, i)->interrupt.vector == vector)
      return take(at(e, i));
  return NULL;
}

bool nvt_engine_lose_interrupt(struct nvt_engine *e, uint16_t cqid) {
  for (size_t i = 0; i < e->answer_count; i++)
    if (at(e, i)->kind == ANSWER_INTERRUPT && !at(e, i)->taken &&
        at(e, i)->interrupt.cqid == cqid) {
      take(at(e, i));
      return true;
    }
  return false;
}

/* The completion that the trace has next on this queue: the one with its identifiers,
 * even when others came before it in the target, which are then overtaken; else the
 * first. */
static struct answer *take_completion(struct nvt_engine *e, const struct nvt_rec_completion *was) {
  struct answer *first = NULL;
  for (size_t i = 0; i < e->answer_count; i++) {
    struct answer *answer = at(e, i);
    if (answer->kind != ANSWER_COMPLETION || answer->taken || answer->completion.cqid != was->cqid)
      continue;
    if (answer->completion.cqe.sqid == was->cqe.sqid &&
        answer->completion.cqe.cid == was->cqe.cid) {
      for (size_t j = 0; first != NULL && j < i; j++)
        if (at(e, j)->kind == ANSWER_COMPLETION && at(e, j)->completion.cqid == was->cqid)
          at(e, j)->overtaken = true;
      return take(answer);
    }
    if (first == NULL && !answer->overtaken)
      first = answer;
  }
  return first != NULL ? take(first) : NULL;
}

bool nvt_engine_owed(const struct nvt_engine *e) {
  for (size_t i = 0; i < e->answer_count; i++)
    if (!e->answers[(e->answer_first + i) % NVT_ANSWERS_MAX].taken)
      return true;
  return false;
}

void nvt_engine_look_behind(struct nvt_engine *e, const struct nvt_feed_item *item, uint64_t last) {
  const struct nvt_record *record = &item->record;
  switch (record->header.type) {
  case NVT_REC_COMPLETION:
    for (size_t i = 0; i < e->answer_count; i++) {
      struct answer *answer = at(e, i);
      if (answer->kind == ANSWER_COMPLETION && !answer->taken && item->command != NULL &&
          item->command->record <= last &&
          answer->completion.cqe.sqid == record->completion.cqe.sqid &&
          answer->completion.cqe.cid == record->completion.cqe.cid)
        answer->taken = true;
    }
    break;
  case NVT_REC_INTERRUPT:
    (void)take_interrupt(e, record->interrupt.vector);
    break;
  case NVT_REC_EVENT:
    (void)nvt_engine_take_event(e, record->event.event);
    break;
  default:
    break;
  }
}

static void compare_completion(struct nvt_engine *e, const struct nvt_replay_command *command,
                               const struct nvt_rec_completion *was,
                               const struct nvt_rec_completion *is) {
  struct nvt_findings *findings = &e->totals->findings;
  if (memcmp(was, is, sizeof(*was)) == 0)
    return;
  const char *name =
      command != NULL && command->command.sqe.opcode == was->opcode
          ? nvt_replay_command_name(command)
          : nvt_opcode_name(nvt_set_of(was->cqe.sqid, was->opcode, NVT_SET_NVM), was->opcode);
  char what[96];
  snprintf(what, sizeof(what), "completion of %s, queue %u, cid 0x%04x",
           name != NULL ? name : "a command", was->cqe.sqid, was->cqe.cid);
  struct {
    const char *field;
    uint64_t was, is;
    int digits;
  } fields[] = {
      {"completion.sqid", was->sqid, is->sqid, 0},
      {"completion.cqid", was->cqid, is->cqid, 0},
      {"completion.slot", was->slot, is->slot, 0},
      {"completion.head", was->head, is->head, 0},
      {"completion.opcode", was->opcode, is->opcode, 2},
      {"completion.dw1", was->cqe.dw1, is->cqe.dw1, 8},
      {"completion.sqhd", was->cqe.sqhd, is->cqe.sqhd, 0},
      {"completion.cqe.sqid", was->cqe.sqid, is->cqe.sqid, 0},
      {"completion.cid", was->cqe.cid, is->cqe.cid, 4},
      {"completion.phase", NVT_CQE_PHASE(was->cqe.status), NVT_CQE_PHASE(is->cqe.status), 0},
  };
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
    if (fields[i].was != fields[i].is)
      nvt_findings_number(findings, e->record, fields[i].field, fields[i].was, fields[i].is,
                          fields[i].digits, "%s differs", what);
  bool status = was->cqe.status >> 1 != is->cqe.status >> 1, dw0 = was->cqe.dw0 != is->cqe.dw0;
  if (!status && !dw0)
    return;
  enum nvt_exception why;
  if (command != NULL && nvt_engine_outcome_excused(e, command, &why)) {
    nvt_engine_excuse(e, why);
    return;
  }
  if (status) {
    char expected[48], actual[48];
    status_text(expected, sizeof(expected), &was->cqe);
    status_text(actual, sizeof(actual), &is->cqe);
    nvt_findings_add(findings, e->record, "completion.status", expected, actual, "%s differs",
                     what);
  }
  if (dw0 && command != NULL && command->command.sqid == 0 &&
      nvt_difference_dw0(e->ops->name, &command->command.sqe))
    nvt_engine_excuse(e, NVT_EXCEPTION_MODEL);
  else if (dw0)
    nvt_findings_number(findings, e->record, "completion.dw0", was->cqe.dw0, is->cqe.dw0, 8,
                        "%s differs", what);
}

static struct answer *await_completion(struct nvt_engine *e, const struct nvt_rec_completion *was) {
  struct answer *answer = take_completion(e, was);
  if (answer == NULL) {
    e->ops->settle(e->target);
    answer = take_completion(e, was);
  }
  return answer;
}

static void completed(struct nvt_engine *e, struct nvt_replay_command *command,
                      const struct nvt_record *record) {
  const struct nvt_rec_completion *was = &record->completion;
  struct answer *answer = await_completion(e, was);
  if (answer == NULL && nvt_engine_restore_completion(e, command, record))
    answer = take_completion(e, was);
  if (answer == NULL) {
    char expected[48];
    status_text(expected, sizeof(expected), &was->cqe);
    nvt_findings_add(&e->totals->findings, e->record, "completion", expected, "none",
                     "the target has no completion of queue %u, cid 0x%04x", was->cqe.sqid,
                     was->cqe.cid);
    return;
  }
  if (answer->overtaken)
    nvt_findings_number(&e->totals->findings, e->record, "completion.order", was->slot,
                        answer->completion.slot, 0,
                        "the target has cid 0x%04x of queue %u earlier in completion queue %u than "
                        "one that the trace has before it",
                        was->cqe.cid, was->cqe.sqid, was->cqid);
  compare_completion(e, command, was, &answer->completion);
  /* With a falsified identifier the record is of another command than its answer. */
  if (command != NULL && command->posted && answer->completion.cqe.cid == was->cqe.cid &&
      answer->completion.cqe.sqid == was->cqe.sqid)
    nvt_engine_compare_data(e, command);
  tidy(e);
}

void nvt_engine_completion(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_rec_completion *was = &item->record.completion;
  struct nvt_replay_command *command = item->command;
  if (e->blind)
    return;
  nvt_engine_compared(e);
  if (was->cqe.sqid == 0 && was->opcode == NVT_ADMIN_ASYNC_EVENT_REQUEST)
    nvt_engine_inject(e, NVT_V_verdict_tap_DEVICE_EVENT, &item->record);
  nvt_engine_inject(
      e, was->cqe.sqid == 0 ? NVT_V_verdict_tap_ADMIN_WRITEBACK : NVT_V_verdict_tap_IO_WRITEBACK,
      &item->record);
  struct nvt_replay_command *kept = nvt_engine_kept_for(e, command, was);
  if (kept != NULL) {
    command = kept;
    nvt_feed_hold(kept);
    nvt_engine_release(e, kept);
  }
  completed(e, command, &item->record);
  nvt_feed_drop(e->feed, kept);
}

void nvt_engine_interrupt(struct nvt_engine *e, const struct nvt_record *record) {
  const struct nvt_rec_interrupt *was = &record->interrupt;
  uint64_t bit = UINT64_C(1) << (was->vector % 64);
  if (was->state == NVT_V_interrupt_state_MASKED)
    e->deaf[was->vector / 64] |= bit;
  else
    e->deaf[was->vector / 64] &= ~bit;
  if (e->blind)
    return;
  if (e->ops->outside &&
      (was->mode != NVT_V_interrupt_mode_MSIX || was->state != NVT_V_interrupt_state_SENT)) {
    nvt_engine_excuse(e, NVT_EXCEPTION_UNSEEN);
    return;
  }
  nvt_engine_compared(e);
  nvt_engine_inject(e, NVT_V_verdict_tap_PCI_MSIX, record);
  struct answer *answer = take_interrupt(e, was->vector);
  if (answer == NULL) {
    e->ops->flush_interrupts(e->target);
    answer = take_interrupt(e, was->vector);
  }
  if (answer == NULL) {
    e->ops->settle(e->target);
    answer = take_interrupt(e, was->vector);
  }
  if (answer == NULL && e->restored && e->record == e->begun) {
    nvt_engine_excuse(e, NVT_EXCEPTION_EARLIER); /* its cause stands before the trace */
    return;
  }
  if (answer == NULL) {
    nvt_findings_number(&e->totals->findings, e->record, "interrupt", was->vector, 0, 0,
                        "the recorded controller sent vector %u for completion queue %u, the "
                        "target didn't",
                        was->vector, was->cqid);
    return;
  }
  const struct nvt_rec_interrupt *is = &answer->interrupt;
  struct {
    const char *field;
    uint64_t was, is;
    int digits;
  } fields[] = {
      {"interrupt.state", was->state, is->state, 0},
      {"interrupt.mode", was->mode, is->mode, 0},
      {"interrupt.cqid", was->cqid, is->cqid, 0},
      {"interrupt.address", was->address, is->address, 8},
      {"interrupt.data", was->data, is->data, 8},
  };
  for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
    if (fields[i].was != fields[i].is)
      nvt_findings_number(&e->totals->findings, e->record, fields[i].field, fields[i].was,
                          fields[i].is, fields[i].digits,
                          "interrupt of vector %u, completion queue %u, differs", was->vector,
                          was->cqid);
  tidy(e);
}
