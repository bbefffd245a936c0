/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/select_int.h"

#include <errno.h>
#include <stdlib.h>

#include "nvme/names.h"
#include "nvme/ranges.h"

struct nvt_select {
  struct nvt_trace_filter filter;
  struct nvt_kept_command last;
  bool waits; /* commands are kept until they end */
  /* Those under way that are told apart by more than their queue; NULL: the queue alone decides.
   * The completion of one that was forgotten is judged as that of a command from before the start.
   */
  struct nvt_commands *table;
};

int nvt_select_create(const struct nvt_trace_filter *filter, struct nvt_select **out) {
  *out = NULL;
  struct nvt_select *select = calloc(1, sizeof(*select));
  if (select == NULL)
    return -ENOMEM;
  select->filter = *filter;
  select->waits = nvt_trace_filter_waits(filter);
  if (nvt_trace_filter_looks(filter) || nvt_trace_filter_waits(filter)) {
    select->table = nvt_commands_create();
    if (select->table == NULL) {
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
  nvt_commands_destroy(select->table);
  free(select);
}

const struct nvt_trace_filter *nvt_select_filter(const struct nvt_select *select) {
  return &select->filter;
}

uint8_t nvt_select_left_out(const struct nvt_select *select) {
  const struct nvt_trace_filter *filter = &select->filter;
  return (uint8_t)((filter->no_doorbells ? NVT_V_meta_left_out_flags_DOORBELLS : 0u) |
                   (filter->no_interrupts ? NVT_V_meta_left_out_flags_INTERRUPTS : 0u) |
                   (nvt_trace_filter_commands(filter) ? NVT_V_meta_left_out_flags_COMMANDS : 0u) |
                   (filter->no_lists ? NVT_V_meta_left_out_flags_LISTS : 0u) |
                   (nvt_trace_filter_queues(filter) ? NVT_V_meta_left_out_flags_QUEUES : 0u));
}

bool nvt_select_queue(const struct nvt_trace_filter *filter, uint16_t qid) {
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

/* What isn't to be seen in the entry is taken for one of them: too much can be left out later. */
static bool range_passes(const struct nvt_trace_filter *filter, uint16_t sqid,
                         const struct nvt_sqe *sqe) {
  uint64_t first, count;
  switch (nvt_command_range_of(sqid == 0 ? NVT_SET_ADMIN : NVT_SET_NVM, sqe->opcode)) {
  case NVT_RANGE_ENTRY:
    nvt_command_range(sqe, &first, &count);
    for (unsigned i = 0; i < filter->range_count; i++) {
      const struct nvt_filter_range *range = &filter->ranges[i];
      if (first <= range->last && (first >= range->first || range->first - first < count))
        return true;
    }
    return false;
  case NVT_RANGE_ELSEWHERE:
    return true;
  case NVT_RANGE_NONE:
    break;
  }
  return false;
}

/* As far as the command itself tells. */
bool nvt_select_command(const struct nvt_trace_filter *filter, uint16_t sqid,
                        const struct nvt_sqe *sqe) {
  const uint8_t *opcodes = filter->opcodes[sqid != 0];
  return !filter->no_commands && nvt_select_queue(filter, sqid) &&
         (!filter->by_opcode || (opcodes[sqe->opcode / 8] >> sqe->opcode % 8 & 1) != 0) &&
         (!filter->by_nsid || sqe->nsid == filter->nsid) &&
         (filter->range_count == 0 || range_passes(filter, sqid, sqe));
}

bool nvt_select_status(const struct nvt_trace_filter *filter, nvt_status status) {
  if (filter->errors && status == NVT_SC_SUCCESS)
    return false;
  for (unsigned i = 0; i < filter->status_count; i++)
    if (filter->statuses[i] == status)
      return true;
  return filter->status_count == 0;
}

/* An event request waits until something happens: that isn't slow. */
bool nvt_select_slow(const struct nvt_trace_filter *filter, uint16_t sqid,
                     const struct nvt_sqe *sqe, uint64_t took_ns) {
  return (sqid != 0 || sqe->opcode != NVT_ADMIN_ASYNC_EVENT_REQUEST) && took_ns > filter->slower_ns;
}

/* Of a command from before the start nobody knows. */
static bool is_slow(const struct nvt_trace_filter *filter, const struct nvt_kept_command *kept,
                    uint64_t ns) {
  return kept != NULL && ns > kept->ns &&
         nvt_select_slow(filter, kept->body.sqid, &kept->body.sqe, ns - kept->ns);
}

static enum nvt_selected command(struct nvt_select *select, const struct nvt_tap_event *event,
                                 uint64_t ns) {
  const struct nvt_sqe *sqe = event->command.sqe;
  uint16_t sqid = event->command.sqid;
  bool passes = nvt_select_command(&select->filter, sqid, sqe);
  if (select->table != NULL && passes) {
    const struct nvt_kept_command kept = {.ns = ns,
                                          .body = {.sqid = sqid,
                                                   .cqid = event->command.cqid,
                                                   .slot = event->command.slot,
                                                   .head = event->command.head,
                                                   .tail = event->command.tail,
                                                   .sqe = *sqe}};
    nvt_commands_put(select->table, event->controller, sqid, sqe->cid, &kept);
  } else if (select->table != NULL) {
    struct nvt_kept_command stale;
    (void)nvt_commands_take(select->table, event->controller, sqid, sqe->cid, &stale);
  }
  if (makes_queues(sqid, sqe))
    return NVT_SELECT_YES;
  return passes && !select->waits ? NVT_SELECT_YES : NVT_SELECT_NO;
}

static enum nvt_selected completion(struct nvt_select *select, const struct nvt_tap_event *event,
                                    uint64_t ns, const struct nvt_kept_command **kept) {
  const struct nvt_trace_filter *filter = &select->filter;
  const struct nvt_sqe *sqe = event->command.sqe;
  uint16_t sqid = event->command.sqid;
  bool known = select->table != NULL &&
               nvt_commands_take(select->table, event->controller, sqid, sqe->cid, &select->last);
  bool passes = known || nvt_select_command(filter, sqid, sqe);
  if (makes_queues(sqid, sqe))
    return NVT_SELECT_YES;
  if (!select->waits || !passes)
    return passes ? NVT_SELECT_YES : NVT_SELECT_NO;
  if (!nvt_select_status(filter, NVT_CQE_STATUS(event->command.cqe->status)) ||
      (filter->slower && !is_slow(filter, known ? &select->last : NULL, ns)))
    return NVT_SELECT_NO;
  *kept = &select->last;
  return known ? NVT_SELECT_BOTH : NVT_SELECT_YES;
}

/* Data and verdicts: the command is known by its identifier alone. */
static bool of_command(struct nvt_select *select, uint16_t controller, uint16_t sqid,
                       uint16_t cid) {
  if (select->table == NULL)
    return !select->filter.no_commands && nvt_select_queue(&select->filter, sqid);
  return !select->waits && nvt_commands_has(select->table, controller, sqid, cid);
}

/* With `metadata` none of it: payload isn't asked for, lists aren't wanted. */
static bool data_passes(struct nvt_select *select, const struct nvt_tap_event *event) {
  return !select->filter.no_lists &&
         of_command(select, event->controller, event->data.sqid, event->data.cid);
}

static bool access_passes(const struct nvt_trace_filter *filter,
                          const struct nvt_tap_event *event) {
  struct nvt_doorbell_id doorbell;
  if (!nvt_doorbell_at(event->access.offset, 0, &doorbell)) /* the model's stride is 0 */
    return true;
  return !filter->no_doorbells && nvt_select_queue(filter, doorbell.qid);
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
    return completion(select, event, ns, kept);
  case NVT_TAP_REGREAD:
  case NVT_TAP_REGWRITE:
    passes = access_passes(filter, event);
    break;
  case NVT_TAP_SHADOW:
    passes = !filter->no_doorbells && nvt_select_queue(filter, event->shadow.qid);
    break;
  case NVT_TAP_PCI_MSIX:
    passes = !filter->no_interrupts && nvt_select_queue(filter, event->interrupt.cqid);
    break;
  case NVT_TAP_ADMIN_MEMORY:
  case NVT_TAP_IO_MEMORY:
    passes = data_passes(select, event);
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
