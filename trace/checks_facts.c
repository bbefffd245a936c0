/* SPDX-License-Identifier: BSD-2-Clause */
/* What is known of a controller and its queues, kept for all rules alike. */
#include <string.h>

#include "trace/checks_int.h"
#include "trace/text.h"

bool nvt_check_is_snapshot(const struct nvt_record *record) {
  return (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
}

bool nvt_check_is_refused(const struct nvt_record *record) {
  return (record->access.access_flags & NVT_V_access_access_flags_REFUSED) != 0;
}

bool nvt_check_touches(const struct nvt_record *record, uint32_t offset, uint32_t size) {
  return nvt_access_touches(&record->access, offset, size);
}

bool nvt_check_register(const struct nvt_record *record, uint32_t offset, uint32_t size,
                        uint64_t *value) {
  const struct nvt_rec_access *access = &record->access;
  if (!nvt_check_touches(record, offset, size) || access->offset > offset ||
      access->offset + access->size < offset + size)
    return false;
  uint64_t shifted = access->value >> 8 * (offset - access->offset);
  *value = size < 8 ? shifted & ((UINT64_C(1) << 8 * size) - 1) : shifted;
  return true;
}

bool nvt_check_is_write(const struct nvt_check_run *run) {
  return run->record->header.type == NVT_REC_REG_WRITE && !run->view->is_doorbell &&
         run->record->access.space == NVT_V_access_space_BAR0 &&
         !nvt_check_is_snapshot(run->record) && !nvt_check_is_refused(run->record);
}

bool nvt_check_is_access(const struct nvt_record *record) {
  unsigned type = record->header.type;
  return (type >= NVT_REC_CONFIG_READ && type <= NVT_REC_SHADOW_DOORBELL) ||
         type == NVT_REC_MSIX_READ || type == NVT_REC_MSIX_WRITE;
}

void nvt_check_opcode(const struct nvt_exchange *exchange, char *out, size_t size) {
  struct nvt_text text;
  nvt_text_init(&text, out, size);
  nvt_text_opcode(&text, (enum nvt_opcode_set)exchange->set, nvt_exchange_code(exchange));
}

struct nvt_check_queue *nvt_check_queue(struct nvt_check_run *run, struct nvt_doorbell_id id) {
  return nvt_checks_find_queue(run->checks, run->controller, id);
}

const struct nvt_queue_view *nvt_check_queue_view(const struct nvt_check_run *run,
                                                  struct nvt_doorbell_id id) {
  return nvt_session_queue(run->session, run->controller->id, id);
}

void nvt_check_forget(struct nvt_check_controller *controller) {
  controller->generation++;
  controller->whole = false;
  controller->active = false;
  controller->queues_asked = false;
  controller->granted_sqs = controller->granted_cqs = 0;
  controller->interference = (struct nvt_moment){0};
  controller->registers = (struct nvt_check_registers){0};
}

/* The queues are gone, and it is known that they are; EN is 0. */
static void reset(struct nvt_check_controller *controller, bool cleared_by_host) {
  struct nvt_check_registers kept = controller->registers;
  nvt_check_forget(controller);
  controller->whole = true;
  controller->registers.cc_known = true;
  controller->registers.cc = kept.cc & ~(uint32_t)NVT_PUT(1, CC_EN);
  if (cleared_by_host) { /* it is the host's to wait for RDY = 0 then */
    controller->registers.disabled_here = kept.disabled_here;
    controller->registers.switched = kept.switched;
    controller->registers.unready_seen = kept.unready_seen;
    controller->registers.csts_known = kept.csts_known;
    controller->registers.csts = kept.csts;
  }
}

static void lose(struct nvt_check_run *run) {
  nvt_check_forget(run->controller);
  nvt_check_forget_drive(run->controller, true);
  run->controller->lost = run->now.record;
}

static void follow_epoch(struct nvt_check_run *run) {
  struct nvt_check_controller *controller = run->controller;
  uint32_t epoch = run->record->header.epoch;
  if (controller->seen && controller->epoch != epoch) {
    const struct nvt_check_registers *registers = &controller->registers;
    reset(controller, registers->cc_known && NVT_GET(registers->cc, CC_EN) == 0);
  }
  controller->seen = true;
  controller->epoch = epoch;
}

/* --- registers --- */

static void enabled(struct nvt_check_run *run) {
  static const struct nvt_doorbell_id admin[2] = {{.qid = 0, .is_cq = false},
                                                  {.qid = 0, .is_cq = true}};
  struct nvt_check_registers *registers = &run->controller->registers;
  run->controller->whole = true;
  registers->enabled_here = true;
  registers->disabled_here = false;
  registers->ready_seen = false;
  registers->switched = run->now;
  for (unsigned i = 0; i < 2; i++) {
    struct nvt_check_queue *queue = nvt_check_queue(run, admin[i]);
    const struct nvt_queue_view *view = nvt_check_queue_view(run, admin[i]);
    if (queue == NULL || view == NULL)
      continue;
    nvt_check_queue_clear(run->checks, queue);
    queue->exists = queue->from_start = true;
    queue->entries = view->entries;
    queue->created = run->now.record;
  }
}

static void disabled(struct nvt_check_run *run, bool known) {
  struct nvt_check_registers *registers = &run->controller->registers;
  registers->disabled_here = known;
  registers->unready_seen = false;
  registers->switched = run->now;
  reset(run->controller, true);
}

static void written_cc(struct nvt_check_run *run, uint32_t cc) {
  struct nvt_check_controller *controller = run->controller;
  struct nvt_check_registers *registers = &controller->registers;
  bool known = registers->cc_known;
  bool was = NVT_GET(registers->cc, CC_EN) != 0;
  bool is = NVT_GET(cc, CC_EN) != 0;
  if (NVT_GET(cc, CC_SHN) != 0 && NVT_GET(registers->cc, CC_SHN) == 0) {
    registers->shutdown = run->now;
    registers->shutdown_seen = false;
  }
  registers->cc_known = true;
  /* What a filter left out may have been its activity. */
  bool idle = !controller->active && (controller->left_out & ~NVT_NEEDS(LISTS)) == 0;
  if (is && (known ? !was : idle)) {
    registers->cc = cc;
    enabled(run);
  } else if (!is && (was || !known)) {
    disabled(run, known && was);
  }
  controller->registers.cc = cc;
}

static void saw_cc(struct nvt_check_run *run, uint32_t cc) {
  struct nvt_check_registers *registers = &run->controller->registers;
  if (registers->cc_known && NVT_GET(registers->cc, CC_EN) != NVT_GET(cc, CC_EN))
    nvt_check_forget(run->controller); /* it changed where the trace doesn't show it */
  registers->cc_known = true;
  registers->cc = cc;
}

static void saw_csts(struct nvt_check_run *run, uint32_t csts) {
  struct nvt_check_registers *registers = &run->controller->registers;
  bool ready = NVT_GET(csts, CSTS_RDY) != 0;
  registers->csts_known = true;
  registers->csts = csts;
  registers->ready_seen = ready;
  if (!ready)
    registers->unready_seen = true;
  if (NVT_GET(csts, CSTS_SHST) == 2)
    registers->shutdown_seen = true;
}

static void follow_register(struct nvt_check_run *run) {
  const struct nvt_record *record = run->record;
  struct nvt_check_controller *controller = run->controller;
  bool write = record->header.type == NVT_REC_REG_WRITE;
  bool snapshot = nvt_check_is_snapshot(record);
  if (record->access.space != NVT_V_access_space_BAR0 || nvt_check_is_refused(record))
    return;
  controller->last_write = write ? record->access.offset : controller->last_write;
  if (run->view->is_doorbell) {
    controller->active = true;
    return;
  }
  const struct nvt_controller_state *state = nvt_session_controller(run->session, controller->id);
  uint64_t value;
  if (!write && nvt_check_register(record, NVT_REG_CAP, 8, &value)) {
    controller->cap = value;
    controller->cap_known = true;
  }
  if (snapshot && nvt_check_touches(record, NVT_REG_CC, 4))
    controller->whole = true;
  if (nvt_check_touches(record, NVT_REG_CC, 4)) {
    if (write && !snapshot)
      written_cc(run, state->cc);
    else if (nvt_check_register(record, NVT_REG_CC, 4, &value))
      saw_cc(run, (uint32_t)value);
  }
  if ((!write || snapshot) && nvt_check_register(record, NVT_REG_CSTS, 4, &value))
    saw_csts(run, (uint32_t)value);
}

/* --- events and verdicts --- */

static void follow_event(struct nvt_check_run *run) {
  struct nvt_check_controller *controller = run->controller;
  switch (run->record->event.event) {
  case NVT_V_event_event_ATTACH:
    /* A recorder gives a new host a controller that is reset. */
    controller->registers.cc_known = true;
    break;
  case NVT_V_event_event_DETACH:
    nvt_check_forget(controller);
    break;
  case NVT_V_event_event_CONTROLLER_RESET:
    reset(controller, true);
    break;
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    reset(controller, false);
    controller->registers.cc = 0;
    controller->registers.unready_seen = true;
    break;
  case NVT_V_event_event_TRACE_STOPPED:
  case NVT_V_event_event_RECOVERED:
  case NVT_V_event_event_MIGRATE_IN:
  case NVT_V_event_event_MIGRATE_OUT:
  case NVT_V_event_event_REMOVED:
  case NVT_V_event_event_RETURNED:
    nvt_check_forget(controller);
    nvt_check_forget_drive(controller, true);
    break;
  case NVT_V_event_event_NS_ADDED:
  case NVT_V_event_event_NS_REMOVED:
  case NVT_V_event_event_NS_RESIZED:
    nvt_check_forget_drive(controller, false);
    break;
  default:
    break;
  }
}

static void follow_verdict(struct nvt_check_run *run) {
  const struct nvt_rec_verdict *verdict = &run->record->verdict;
  struct nvt_check_controller *controller = run->controller;
  if (verdict->verdict == NVT_V_verdict_verdict_LOADED ||
      verdict->verdict == NVT_V_verdict_verdict_UNLOADED)
    return;
  /* The controller didn't get the CC that the record of the write has. */
  if (verdict->tap == NVT_V_verdict_tap_REGWRITE && controller->last_write < NVT_REG_CC + 4 &&
      controller->last_write + 8 > NVT_REG_CC)
    nvt_check_forget(controller);
  controller->interference = run->now;
  memcpy(controller->plugin, verdict->plugin, sizeof(verdict->plugin));
  controller->plugin[sizeof(verdict->plugin)] = '\0';
}

/* --- queues --- */

static struct nvt_check_queue *queue_of(struct nvt_check_run *run, uint16_t qid, bool is_cq) {
  return nvt_check_queue(run, (struct nvt_doorbell_id){.qid = qid, .is_cq = is_cq});
}

static void find_queues(struct nvt_check_run *run) {
  const struct nvt_record *record = run->record;
  switch (record->header.type) {
  case NVT_REC_REG_WRITE:
  case NVT_REC_SHADOW_DOORBELL:
    if (!run->view->is_doorbell)
      break;
    *(run->view->doorbell.is_cq ? &run->cq : &run->sq) = nvt_check_queue(run, run->view->doorbell);
    break;
  case NVT_REC_COMMAND:
    run->sq = queue_of(run, record->command.sqid, false);
    run->cq = queue_of(run, record->command.cqid, true);
    break;
  case NVT_REC_COMPLETION:
    run->sq = queue_of(run, record->completion.sqid, false);
    run->cq = queue_of(run, record->completion.cqid, true);
    break;
  case NVT_REC_INTERRUPT:
    run->cq = queue_of(run, record->interrupt.cqid, true);
    break;
  default:
    break;
  }
}

void nvt_check_facts_before(struct nvt_check_run *run) {
  const struct nvt_record *record = run->record;
  follow_epoch(run);
  if (run->view->seq_gap)
    lose(run);
  run->before = run->controller->registers;
  switch (record->header.type) {
  case NVT_REC_META:
    if (run->controller->left_out != record->meta.left_out_flags)
      nvt_check_forget(run->controller);
    run->controller->left_out = record->meta.left_out_flags;
    nvt_check_learn_meta(run->controller, record);
    break;
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
    follow_register(run);
    break;
  case NVT_REC_COMMAND:
  case NVT_REC_COMPLETION:
  case NVT_REC_SHADOW_DOORBELL:
    run->controller->active = true;
    break;
  case NVT_REC_LOSS: /* or left out by a trigger: nothing is known either, until the snapshot */
    lose(run);
    break;
  case NVT_REC_EVENT:
    follow_event(run);
    break;
  case NVT_REC_VERDICT:
    follow_verdict(run);
    break;
  case NVT_REC_DATA:
    if (run->view->exchange != NULL)
      nvt_check_learn_data(run->controller, record, run->view->exchange);
    break;
  default:
    break;
  }
  find_queues(run);
}

static void created(struct nvt_check_run *run, const struct nvt_sqe *sqe, bool is_cq) {
  struct nvt_check_queue *queue = queue_of(run, (uint16_t)sqe->cdw10, is_cq);
  if (queue == NULL)
    return;
  nvt_check_queue_clear(run->checks, queue);
  queue->exists = queue->from_start = true;
  queue->entries = (sqe->cdw10 >> 16) + 1;
  queue->created = run->now.record;
  if (is_cq)
    return;
  queue->cqid = (uint16_t)(sqe->cdw11 >> 16);
  struct nvt_check_queue *cq = queue_of(run, queue->cqid, true);
  if (cq != NULL)
    cq->attached++;
}

static void deleted(struct nvt_check_run *run, const struct nvt_sqe *sqe, bool is_cq) {
  struct nvt_check_queue *queue = queue_of(run, (uint16_t)sqe->cdw10, is_cq);
  if (queue == NULL)
    return;
  if (!is_cq && queue->from_start) {
    struct nvt_check_queue *cq = queue_of(run, queue->cqid, true);
    if (cq != NULL && cq->attached > 0)
      cq->attached--;
  }
  nvt_check_queue_clear(run->checks, queue);
}

static void asked(struct nvt_check_controller *controller, const struct nvt_exchange *exchange) {
  if ((uint8_t)exchange->sqe.cdw10 != NVT_FEATURE_NUMBER_OF_QUEUES)
    return;
  controller->queues_asked = true;
  controller->granted_sqs = (exchange->cqe.dw0 & 0xffff) + 1;
  controller->granted_cqs = (exchange->cqe.dw0 >> 16) + 1;
}

static void admin_done(struct nvt_check_run *run, const struct nvt_exchange *exchange) {
  const struct nvt_sqe *sqe = &exchange->sqe;
  if (NVT_CQE_STATUS(exchange->cqe.status) != NVT_SC_SUCCESS)
    return;
  switch (sqe->opcode) {
  case NVT_ADMIN_CREATE_IO_SQ:
  case NVT_ADMIN_CREATE_IO_CQ:
    created(run, sqe, sqe->opcode == NVT_ADMIN_CREATE_IO_CQ);
    break;
  case NVT_ADMIN_DELETE_IO_SQ:
  case NVT_ADMIN_DELETE_IO_CQ:
    deleted(run, sqe, sqe->opcode == NVT_ADMIN_DELETE_IO_CQ);
    break;
  case NVT_ADMIN_SET_FEATURES:
    asked(run->controller, exchange);
    break;
  case NVT_ADMIN_FORMAT_NVM:
  case NVT_ADMIN_NS_MANAGEMENT:
  case NVT_ADMIN_NS_ATTACHMENT:
  case NVT_ADMIN_CAPACITY_MANAGEMENT:
    nvt_check_forget_drive(run->controller, false);
    break;
  case NVT_ADMIN_FIRMWARE_COMMIT:
    nvt_check_forget_drive(run->controller, true);
    break;
  default:
    break;
  }
}

static void note_done(struct nvt_check_run *run) {
  if (run->sq == NULL)
    return;
  run->sq->done_cid[run->sq->done_next] = run->record->completion.cqe.cid;
  run->sq->done_record[run->sq->done_next] = run->now.record;
  run->sq->done_next = (run->sq->done_next + 1) % NVT_CHECK_DONE;
}

void nvt_check_facts_after(struct nvt_check_run *run) {
  const struct nvt_record *record = run->record;
  const struct nvt_exchange *exchange = run->view->exchange;
  switch (record->header.type) {
  case NVT_REC_COMPLETION:
    if (exchange != NULL && exchange->command.record != 0)
      note_done(run);
    if (record->completion.sqid == 0 && exchange != NULL && exchange->command.record != 0)
      admin_done(run, exchange);
    break;
  case NVT_REC_QUEUE_STATE: {
    struct nvt_check_queue *queue = queue_of(run, record->queue.qid, record->queue.is_cq != 0);
    if (queue != NULL) {
      nvt_check_queue_clear(run->checks, queue);
      queue->exists = true;
      queue->entries = record->queue.entries;
    }
    if (nvt_check_is_snapshot(record))
      run->controller->whole = true;
    break;
  }
  default:
    break;
  }
}
