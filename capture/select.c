/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/select_int.h"

#include <errno.h>
#include <stdlib.h>

#include "nvme/names.h"

/* Commands under way that are told apart by more than their queue. Where more than this many are,
 * the oldest of those that are in each other's way is forgotten: its completion is judged as that
 * of a command from before the start. */
enum { SLOTS = 8192, WAYS = 4 };

struct slot {
  uint64_t used; /* 0: free; else the number of the command, as they came */
  uint32_t controller;
  uint16_t sqid, cid;
  struct nvt_kept_command command;
};

struct nvt_select {
  struct nvt_trace_filter filter;
  uint64_t count;
  struct nvt_kept_command last;
  struct slot *slots; /* NULL: the queue alone decides */
};

int nvt_select_create(const struct nvt_trace_filter *filter, struct nvt_select **out) {
  *out = NULL;
  struct nvt_select *select = calloc(1, sizeof(*select));
  if (select == NULL)
    return -ENOMEM;
  select->filter = *filter;
  if (filter->by_opcode || filter->by_nsid || filter->errors) {
    select->slots = calloc(SLOTS, sizeof(*select->slots));
    if (select->slots == NULL) {
      free(select);
      return -ENOMEM;
    }
  }
  *out = select;
  return 0;
}

void nvt_select_destroy(struct nvt_select *select) {
  if (select == NULL)
    return;
  free(select->slots);
  free(select);
}

const struct nvt_trace_filter *nvt_select_filter(const struct nvt_select *select) {
  return &select->filter;
}

/* The command's own, or with `room` where it would go. NULL: it isn't there. */
static struct slot *find(struct nvt_select *select, uint32_t controller, uint16_t sqid,
                         uint16_t cid, bool room) {
  uint64_t key = (uint64_t)controller << 32 | (uint32_t)sqid << 16 | cid;
  struct slot *set = &select->slots[(key * 0x9e3779b97f4a7c15u) >> 51 & ~(uint64_t)(WAYS - 1)];
  _Static_assert(SLOTS == 1 << 13, "51 bits are left out of 64");
  struct slot *oldest = set;
  for (unsigned i = 0; i < WAYS; i++) {
    if (set[i].used != 0 && set[i].controller == controller && set[i].sqid == sqid &&
        set[i].cid == cid)
      return &set[i];
    if (set[i].used < oldest->used)
      oldest = &set[i];
  }
  return room ? oldest : NULL;
}

static bool queue_passes(const struct nvt_trace_filter *filter, uint16_t qid) {
  if ((filter->admin && qid != 0) || (filter->io && qid == 0))
    return false;
  for (unsigned i = 0; i < filter->queue_count; i++)
    if (filter->queues[i] == qid)
      return true;
  return filter->queue_count == 0;
}

/* Without these nothing that follows on their queues can be read. */
static bool makes_queues(uint16_t sqid, const struct nvt_sqe *sqe) {
  return sqid == 0 &&
         (sqe->opcode == NVT_ADMIN_CREATE_IO_SQ || sqe->opcode == NVT_ADMIN_CREATE_IO_CQ ||
          sqe->opcode == NVT_ADMIN_DELETE_IO_SQ || sqe->opcode == NVT_ADMIN_DELETE_IO_CQ);
}

static bool command_passes(const struct nvt_trace_filter *filter, uint16_t sqid,
                           const struct nvt_sqe *sqe) {
  const uint8_t *opcodes = filter->opcodes[sqid != 0];
  return queue_passes(filter, sqid) &&
         (!filter->by_opcode || (opcodes[sqe->opcode / 8] >> sqe->opcode % 8 & 1) != 0) &&
         (!filter->by_nsid || sqe->nsid == filter->nsid);
}

static enum nvt_selected command(struct nvt_select *select, const struct nvt_tap_event *event,
                                 uint64_t ns) {
  const struct nvt_sqe *sqe = event->command.sqe;
  uint16_t sqid = event->command.sqid;
  bool passes = command_passes(&select->filter, sqid, sqe);
  if (select->slots != NULL && passes) {
    struct slot *slot = find(select, event->controller, sqid, sqe->cid, true);
    *slot = (struct slot){.used = ++select->count,
                          .controller = event->controller,
                          .sqid = sqid,
                          .cid = sqe->cid,
                          .command = {.ns = ns,
                                      .body = {.sqid = sqid,
                                               .cqid = event->command.cqid,
                                               .slot = event->command.slot,
                                               .head = event->command.head,
                                               .tail = event->command.tail,
                                               .sqe = *sqe}}};
  } else if (select->slots != NULL) {
    struct slot *stale = find(select, event->controller, sqid, sqe->cid, false);
    if (stale != NULL)
      stale->used = 0;
  }
  if (makes_queues(sqid, sqe))
    return NVT_SELECT_YES;
  return passes && !select->filter.errors ? NVT_SELECT_YES : NVT_SELECT_NO;
}

static enum nvt_selected completion(struct nvt_select *select, const struct nvt_tap_event *event,
                                    const struct nvt_kept_command **kept) {
  const struct nvt_sqe *sqe = event->command.sqe;
  uint16_t sqid = event->command.sqid;
  struct slot *slot =
      select->slots == NULL ? NULL : find(select, event->controller, sqid, sqe->cid, false);
  bool passes = slot != NULL || command_passes(&select->filter, sqid, sqe);
  if (slot != NULL) {
    select->last = slot->command;
    slot->used = 0;
  }
  if (makes_queues(sqid, sqe))
    return NVT_SELECT_YES;
  if (!select->filter.errors || !passes)
    return passes ? NVT_SELECT_YES : NVT_SELECT_NO;
  if (NVT_CQE_STATUS(event->command.cqe->status) == 0)
    return NVT_SELECT_NO;
  *kept = &select->last;
  return slot != NULL ? NVT_SELECT_BOTH : NVT_SELECT_YES;
}

/* Data and verdicts: the command is known by its identifier alone. */
static bool of_command(struct nvt_select *select, uint16_t controller, uint16_t sqid,
                       uint16_t cid) {
  if (select->slots == NULL)
    return queue_passes(&select->filter, sqid);
  return !select->filter.errors && find(select, controller, sqid, cid, false) != NULL;
}

static bool access_passes(const struct nvt_trace_filter *filter,
                          const struct nvt_tap_event *event) {
  struct nvt_doorbell_id doorbell;
  if (!nvt_doorbell_at(event->access.offset, 0, &doorbell)) /* the model's stride is 0 */
    return true;
  return !filter->no_doorbells && queue_passes(filter, doorbell.qid);
}

enum nvt_selected nvt_select(struct nvt_select *select, const struct nvt_tap_event *event,
                             uint64_t ns, const struct nvt_kept_command **kept) {
  const struct nvt_trace_filter *filter = &select->filter;
  bool passes = true;
  switch (event->tap) {
  case NVT_TAP_ADMIN_DECODE:
  case NVT_TAP_IO_DECODE:
    return command(select, event, ns);
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK:
    return completion(select, event, kept);
  case NVT_TAP_REGREAD:
  case NVT_TAP_REGWRITE:
    passes = access_passes(filter, event);
    break;
  case NVT_TAP_SHADOW:
    passes = !filter->no_doorbells && queue_passes(filter, event->shadow.qid);
    break;
  case NVT_TAP_PCI_MSIX:
    passes = !filter->no_interrupts && queue_passes(filter, event->interrupt.cqid);
    break;
  case NVT_TAP_ADMIN_MEMORY:
  case NVT_TAP_IO_MEMORY:
    passes = of_command(select, event->controller, event->data.sqid, event->data.cid);
    break;
  case NVT_TAP_VERDICT:
    passes = event->verdict.cid == UINT16_MAX ||
             of_command(select, event->controller, event->verdict.sqid, event->verdict.cid);
    break;
  default:
    break;
  }
  return passes ? NVT_SELECT_YES : NVT_SELECT_NO;
}
