/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace that begins in the middle of a session: its snapshot (docs/trace-format.md) is put into
 * the target. What the target says of that nobody recorded, so it is forgotten.
 */
#include <errno.h>
#include <string.h>

#include "replay/engine_int.h"

static bool is_snapshot(const struct nvt_record *record) {
  return (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
}

/* Records that may stand beside a snapshot. */
static bool is_aside(const struct nvt_record *record) {
  switch (record->header.type) {
  case NVT_REC_META:
  case NVT_REC_ANNOTATION:
    return true;
  case NVT_REC_VERDICT:
    return record->verdict.verdict == NVT_V_verdict_verdict_LOADED;
  default:
    return false;
  }
}

/* As in a snapshot in the middle: the target isn't as the recorded controller was. */
static void give_up(struct nvt_engine *e, int error) {
  nvt_engine_blind(e, "snapshot", "start of session",
                   "the trace starts in the middle of a session, which the target can't take over "
                   "(%s)",
                   strerror(-error));
}

static void restore_queue(struct nvt_engine *e, const struct nvt_record *record) {
  const struct nvt_rec_queue *queue = &record->queue;
  nvt_engine_need_memory(e, queue->base);
  int failed = e->ops->restore != NULL ? e->ops->restore(e->target, record) : -ENOTSUP;
  if (failed == -EAGAIN) { /* of a controller whose registers the trace didn't know any more */
    nvt_engine_excuse(e, NVT_EXCEPTION_EARLIER);
    e->blind = true;
  } else if (failed)
    give_up(e, failed);
  else if (queue->is_cq == 0)
    e->queues[queue->qid] =
        (struct submission_queue){.base = queue->base,
                                  .entries = queue->entries,
                                  .shift = queue->qid == 0 ? 6 : nvt_engine_entry_shift(e)};
}

static void restore_event(struct nvt_engine *e, const struct nvt_record *record) {
  switch (record->event.event) {
  case NVT_V_event_event_ATTACH:
  case NVT_V_event_event_DMA_MAP:
  case NVT_V_event_event_IRQ_SETUP:
    nvt_engine_event(e, record);
    break;
  case NVT_V_event_event_FATAL:
    e->fatal_due = true;
    break;
  case NVT_V_event_event_READY:
    e->ready_due = false;
    break;
  case NVT_V_event_event_SHUTDOWN:
    e->shutdown_due = false;
    break;
  default:
    break;
  }
}

static void note_status(struct nvt_engine *e, const struct nvt_rec_access *access) {
  if (access->offset != NVT_REG_CSTS)
    return;
  if (NVT_GET(access->value, CSTS_RDY) != 0)
    e->ready_due = false;
  if (NVT_GET(access->value, CSTS_SHST) == 2)
    e->shutdown_due = false;
  e->fatal_due |= NVT_GET(access->value, CSTS_CFS) != 0;
}

static void restore_record(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  switch (record->header.type) {
  case NVT_REC_REG_READ:
    note_status(e, &record->access);
    break;
  case NVT_REC_VERDICT:
    nvt_engine_verdict(e, record);
    break;
  case NVT_REC_CONFIG_READ: /* what the target answers is compared when the trace reads it */
  case NVT_REC_MSIX_READ:
    break;
  case NVT_REC_CONFIG_WRITE:
    nvt_engine_write(e, record, NVT_V_access_space_CONFIG);
    break;
  case NVT_REC_REG_WRITE:
    nvt_engine_write(e, record, NVT_V_access_space_BAR0);
    break;
  case NVT_REC_MSIX_WRITE:
    nvt_engine_write(e, record, record->access.space);
    break;
  case NVT_REC_EVENT:
    restore_event(e, record);
    break;
  case NVT_REC_QUEUE_STATE:
    restore_queue(e, record);
    break;
  case NVT_REC_COMMAND:
    nvt_engine_restore_command(e, item);
    break;
  case NVT_REC_COMPLETION:
    e->due_before[record->completion.cqid / 64] |= UINT64_C(1) << record->completion.cqid % 64;
    if (e->ops->restore != NULL)
      (void)e->ops->restore(e->target, record);
    break;
  case NVT_REC_INTERRUPT:
    e->due_before[record->interrupt.cqid / 64] &= ~(UINT64_C(1) << record->interrupt.cqid % 64);
    if (e->ops->restore != NULL)
      (void)e->ops->restore(e->target, record);
    break;
  default:
    break;
  }
}

/* The target does at once what the recorded controller was asked for just before. */
static void begin(struct nvt_engine *e, uint64_t record) {
  const struct nvt_rec_event ready = {.event = NVT_V_event_event_READY};
  const struct nvt_rec_event shutdown = {.event = NVT_V_event_event_SHUTDOWN};
  const struct nvt_record fatal = {.header = {.type = NVT_REC_EVENT},
                                   .event = {.event = NVT_V_event_event_FATAL}};
  uint32_t cc;
  memcpy(&cc, e->registers + NVT_REG_CC, sizeof(cc));
  e->begun = record;
  /* Before a reset CSTS may have been seen last. */
  if (e->fatal_due && NVT_GET(cc, CC_EN) != 0 && !e->blind && e->ops->inject != NULL) {
    (void)e->ops->inject(e->target, NVT_V_verdict_tap_DEVICE_EVENT, &fatal);
    nvt_engine_forget_answers(e);
  }
  if (e->ready_due) {
    nvt_engine_happened(e, &ready);
    e->csts_loose |= (uint32_t)NVT_PUT(1, CSTS_RDY);
  }
  if (e->shutdown_due) {
    nvt_engine_happened(e, &shutdown);
    e->csts_loose |= (uint32_t)NVT_PUT(3, CSTS_SHST);
  }
}

bool nvt_engine_restore(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  if (e->begun != 0 || (is_aside(record) && !is_snapshot(record)))
    return false;
  if (!is_snapshot(record) || item->missing > 0) {
    begin(e, record->number);
    return false;
  }
  e->restored = e->taken_over = true;
  if (!e->blind)
    restore_record(e, item);
  e->ready_due |= nvt_engine_take_event(e, NVT_V_event_event_READY) != NULL;
  e->shutdown_due |= nvt_engine_take_event(e, NVT_V_event_event_SHUTDOWN) != NULL;
  nvt_engine_forget_answers(e);
  e->csts_loose = 0;
  e->due_reset = 0;
  return true;
}

bool nvt_engine_restore_completion(struct nvt_engine *e, const struct nvt_replay_command *command,
                                   const struct nvt_record *record) {
  const struct nvt_rec_completion *was = &record->completion;
  uint8_t tap =
      was->cqe.sqid == 0 ? NVT_V_verdict_tap_ADMIN_WRITEBACK : NVT_V_verdict_tap_IO_WRITEBACK;
  if (!e->restored || e->ops->inject == NULL)
    return false;
  if (command != NULL) {
    /* An event whose cause was before, or which the host asked for before. */
    if (was->cqe.sqid != 0 || was->opcode != NVT_ADMIN_ASYNC_EVENT_REQUEST)
      return false;
    tap = NVT_V_verdict_tap_DEVICE_EVENT;
  } else if (!e->taken_over) {
    return false;
  }
  if (e->ops->inject(e->target, tap, record) != 0)
    return false;
  nvt_engine_excuse(e, NVT_EXCEPTION_EARLIER);
  return true;
}

bool nvt_engine_from_before(const struct nvt_engine *e, const struct nvt_replay_command *command) {
  if (command->earlier)
    return true;
  if (command->command.sqid != 0)
    return false;
  switch (command->command.sqe.opcode) {
  case NVT_ADMIN_GET_FEATURES:
    return e->taken_over;
  case NVT_ADMIN_GET_LOG_PAGE:
    return e->restored;
  default:
    return false;
  }
}

bool nvt_engine_told_before(struct nvt_engine *e, uint16_t cqid) {
  uint64_t bit = UINT64_C(1) << cqid % 64;
  bool due = (e->due_before[cqid / 64] & bit) != 0;
  e->due_before[cqid / 64] &= ~bit;
  return due;
}
