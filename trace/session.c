/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "trace/session_int.h"

int nvt_session_create(const struct nvt_session_options *options, struct nvt_session **out) {
  struct nvt_session *session = calloc(1, sizeof(*session));
  if (session == NULL)
    return -ENOMEM;
  if (options != NULL)
    session->options = *options;
  uint64_t seed = 0;
  if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
    seed = (uint64_t)(uintptr_t)session * 0x9e3779b97f4a7c15u;
  nvt_map_init(&session->controllers, seed);
  nvt_map_init(&session->queues, seed);
  nvt_map_init(&session->commands, seed);
  nvt_map_init(&session->namespaces, seed);
  nvt_map_init(&session->vectors, seed);
  nvt_map_init(&session->formats, seed);
  if (session->options.ranges) {
    session->ranges = nvt_ranges_new(NVT_RANGES_MAX, seed);
    if (session->ranges == NULL) {
      free(session);
      return -ENOMEM;
    }
  }
  *out = session;
  return 0;
}

void nvt_session_destroy(struct nvt_session *session) {
  if (session == NULL)
    return;
  while (session->first_controller != NULL) {
    struct nvt_controller_node *node = session->first_controller;
    session->first_controller = node->next;
    free(node->config);
    free(node->msix);
    free(node);
  }
  nvt_map_free(&session->controllers);
  nvt_map_free(&session->queues);
  nvt_map_free(&session->commands);
  nvt_map_free(&session->namespaces);
  nvt_map_free(&session->vectors);
  nvt_session_free_formats(session);
  nvt_ranges_free(session->ranges);
  nvt_session_free_slabs(session);
  free(session);
}

static struct nvt_controller_node *controller_of(struct nvt_session *session,
                                                 const struct nvt_rec_header *header) {
  if (session->recent != NULL && session->recent->state.controller == header->controller)
    return session->recent;
  struct nvt_map_slot *slot = nvt_map_get(&session->controllers, header->controller);
  if (slot == NULL)
    return NULL;
  if (slot->value == NULL) {
    struct nvt_controller_node *node = nvt_session_new_controller(session);
    if (node == NULL)
      return NULL;
    node->state.controller = header->controller;
    node->state.epoch = header->epoch;
    slot->value = node;
  }
  session->recent = slot->value;
  return session->recent;
}

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end) {
  uint64_t from = a > b ? a : b;
  uint64_t to = a_end < b_end ? a_end : b_end;
  return from < to ? to - from : 0;
}

static uint64_t add_capped(uint64_t a, uint64_t b) {
  return b > UINT64_MAX - a ? UINT64_MAX : a + b;
}

/* A gap in the sequence is either what a loss record, before or after it, accounts
 * for, or it is a finding. A smaller number than the last is a recorder's new start. */
static void follow_sequence(struct nvt_controller_node *controller, const struct nvt_record *record,
                            struct nvt_view *view) {
  uint64_t seq = record->header.seq;
  if (record->header.type == NVT_REC_LOSS) {
    controller->loss_first = record->loss.first_seq;
    controller->loss_end = add_capped(record->loss.first_seq, record->loss.count);
    uint64_t known = overlap(controller->gap_first, controller->gap_end, controller->loss_first,
                             controller->loss_end);
    controller->gap_end = controller->gap_first = 0;
    if (known > record->loss.count || nvt_record_left_out(record))
      known = record->loss.count;
    controller->state.lost = add_capped(controller->state.lost, record->loss.count - known);
    controller->lossy_until = record->number;
  }
  if (controller->seen && seq > controller->next_seq) {
    uint64_t missing = seq - controller->next_seq;
    missing -= overlap(controller->next_seq, seq, controller->loss_first, controller->loss_end);
    if (missing > 0) {
      view->seq_gap = true;
      view->missing = missing;
      controller->gap_first = controller->next_seq;
      controller->gap_end = seq;
      controller->state.lost = add_capped(controller->state.lost, missing);
    }
    controller->lossy_until = record->number;
  }
  controller->seen = true;
  controller->next_seq = add_capped(seq, 1);
}

static uint32_t get32(const struct nvt_controller_node *controller, enum nvt_register_row row) {
  uint64_t value;
  nvt_image_value(&controller->registers, row, &value);
  return (uint32_t)value;
}

static int follow_register(struct nvt_session *session, struct nvt_controller_node *controller,
                           const struct nvt_record *record, bool is_write, struct nvt_view *view) {
  const struct nvt_rec_access *access = &record->access;
  bool snapshot = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  nvt_image_access(&controller->registers, access->offset, access->value, access->size,
                   is_write && !snapshot);
  if (access->offset < 8 && (!is_write || snapshot))
    nvt_image_value(&controller->registers, NVT_ROW_CAP, &controller->state.cap);
  controller->state.csts = get32(controller, NVT_ROW_CSTS);
  uint32_t cc_before = controller->state.cc;
  uint64_t before = NVT_GET(cc_before, CC_EN);
  controller->state.cc = get32(controller, NVT_ROW_CC);
  uint64_t after = NVT_GET(controller->state.cc, CC_EN);
  if (snapshot) {
    controller->whole |= nvt_access_touches(access, NVT_REG_CC, 4);
    struct nvt_doorbell_id admin = {.qid = 0};
    bool there = nvt_session_find_queue(session, controller->state.controller, admin) != NULL;
    return after != 0 && before == 0 && !there
               ? nvt_session_admin_queues(session, controller, false)
               : 0;
  }
  if (before != 0 && after == 0)
    nvt_session_reset_here(session, controller, true, view);
  if (is_write)
    nvt_session_changed_cc(session, controller, cc_before, view);
  else if (access->offset <= NVT_REG_CSTS && access->offset + access->size > NVT_REG_CSTS)
    nvt_session_saw_csts(session, controller, view);
  if (before == 0 && after != 0 && is_write) {
    controller->whole = true;
    return nvt_session_admin_queues(session, controller, true);
  }
  return 0;
}

static int follow_access(struct nvt_session *session, struct nvt_controller_node *controller,
                         const struct nvt_record *record, struct nvt_view *view) {
  const struct nvt_rec_access *access = &record->access;
  bool is_write = record->header.type == NVT_REC_REG_WRITE;
  bool refused = (access->access_flags & NVT_V_access_access_flags_REFUSED) != 0;
  if (access->space != NVT_V_access_space_BAR0)
    return 0;
  if (access->offset < NVT_REG_DOORBELLS)
    return refused ? 0 : follow_register(session, controller, record, is_write, view);
  struct nvt_doorbell_id id;
  unsigned dstrd = (unsigned)NVT_GET(controller->state.cap, CAP_DSTRD);
  if (!is_write || !nvt_doorbell_at(access->offset, dstrd, &id))
    return 0;
  /* Bits 31:16 of a doorbell are reserved (PCIe Transport 1.1, section 3.1.2.1). */
  uint32_t value = access->value <= UINT32_MAX ? (uint32_t)access->value : UINT32_MAX;
  return nvt_session_doorbell(session, controller, record, id, value, refused, view);
}

/* Without memory for it, capabilities have no names: nothing else. */
static void follow_config(struct nvt_session *session, struct nvt_controller_node *controller,
                          const struct nvt_record *record) {
  if (controller->config == NULL && session->config_count < NVT_CONFIG_SPACES_MAX) {
    controller->config = malloc(sizeof(*controller->config));
    if (controller->config == NULL)
      return;
    nvt_config_space_init(controller->config);
    session->config_count++;
  }
  if (controller->config != NULL)
    nvt_config_space_record(controller->config, record);
}

/* Without memory for it, nothing is told of MSI-X: nothing else. */
static void follow_msix(struct nvt_session *session, struct nvt_controller_node *controller,
                        const struct nvt_record *record) {
  if (controller->msix == NULL && session->msix_count < NVT_CONFIG_SPACES_MAX &&
      record->header.type != NVT_REC_EVENT) {
    controller->msix = calloc(1, sizeof(*controller->msix));
    session->msix_count += controller->msix != NULL;
  }
  if (controller->msix != NULL)
    nvt_msix_record(controller->msix, controller->config, record);
}

static void reset_by_event(struct nvt_session *session, struct nvt_controller_node *controller,
                           bool always, struct nvt_view *view) {
  nvt_session_reset_here(session, controller, always, view);
  nvt_image_clear(&controller->registers, NVT_ROW_CC);
  controller->state.cc = 0;
  controller->state.condition = NVT_CONDITION_DISABLED;
}

/* What happens from here to the next snapshot isn't in the trace. */
static void follow_stop(struct nvt_session *session, struct nvt_controller_node *controller) {
  nvt_session_stopped(session, controller);
  memset(controller->changes, 0, sizeof(controller->changes));
}

static void follow_event(struct nvt_session *session, struct nvt_controller_node *controller,
                         const struct nvt_record *record, struct nvt_view *view) {
  switch (record->event.event) {
  case NVT_V_event_event_CONTROLLER_RESET: /* a register asked for it, just before */
    if (controller->state.outstanding == 0)
      view->change = controller->changes[NVT_CHANGE_RESET];
    reset_by_event(session, controller, view->change == NULL, view);
    break;
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    reset_by_event(session, controller, true, view);
    break;
  case NVT_V_event_event_READY:
  case NVT_V_event_event_SHUTDOWN:
    nvt_session_told(session, controller, record->event.event, view);
    break;
  case NVT_V_event_event_TRACE_STOPPED:
  case NVT_V_event_event_RECOVERED:
    follow_stop(session, controller);
    break;
  default:
    break;
  }
}

/* Where the command isn't known. */
static enum nvt_opcode_set set_of_queue(uint16_t sqid) {
  return sqid == 0 ? NVT_SET_ADMIN : NVT_SET_NVM;
}

static int take_data(struct nvt_session *session, struct nvt_controller_node *controller,
                     const struct nvt_record *record, struct nvt_view *view) {
  view->set = set_of_queue(record->data.sqid);
  view->exchange = nvt_session_outstanding(session, record->header.controller, record->data.sqid,
                                           record->data.cid);
  if (view->exchange == NULL)
    return 0;
  view->set = (enum nvt_opcode_set)view->exchange->set;
  nvt_session_sizes_data(session, controller, view->exchange, record);
  return nvt_session_sets_data(session, view->exchange, record);
}

static int take(struct nvt_session *session, struct nvt_controller_node *controller,
                const struct nvt_record *record, struct nvt_view *view) {
  session->now = (struct nvt_moment){.record = record->number, .time_ns = record->time_ns};
  controller->state.pci_address = record->header.pci_address;
  if (controller->state.epoch != record->header.epoch) {
    reset_by_event(session, controller, false, view);
    controller->state.epoch = record->header.epoch;
  }
  follow_sequence(controller, record, view);
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_MSIX_WRITE:
    follow_config(session, controller, record);
    break;
  default:
    break;
  }
  view->config = controller->config;
  if (nvt_msix_concerns(record))
    follow_msix(session, controller, record);
  uint16_t id = controller->state.controller;
  switch (record->header.type) {
  case NVT_REC_META:
    controller->state.meta_seen = true;
    controller->state.cap = record->meta.cap;
    controller->state.left_out = record->meta.left_out_flags;
    nvt_image_access(&controller->registers, NVT_REG_CAP, record->meta.cap, 8, false);
    nvt_image_access(&controller->registers, NVT_REG_VS, record->meta.vs, 4, false);
    nvt_session_sizes_meta(session, controller, record);
    return 0;
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
    return follow_access(session, controller, record, view);
  case NVT_REC_SHADOW_DOORBELL: {
    struct nvt_doorbell_id doorbell = {.qid = record->shadow.qid,
                                       .is_cq = record->shadow.is_cq != 0};
    return nvt_session_doorbell(session, controller, record, doorbell, record->shadow.value, false,
                                view);
  }
  case NVT_REC_INTERRUPT:
    return nvt_session_interrupt(session, controller, record, view);
  case NVT_REC_COMMAND:
    view->set = nvt_session_set(session, controller, record->command.sqid, &record->command.sqe);
    return nvt_session_command(session, controller, record, view);
  case NVT_REC_COMPLETION:
    view->set = set_of_queue(record->completion.sqid);
    return nvt_session_completion(session, controller, record, view);
  case NVT_REC_DIGEST: {
    struct nvt_record data;
    nvt_record_digest_as_data(record, &data);
    return take_data(session, controller, &data, view);
  }
  case NVT_REC_DATA:
    return take_data(session, controller, record, view);
  case NVT_REC_VERDICT:
    view->set = set_of_queue(record->verdict.sqid);
    if (record->verdict.cid != UINT16_MAX) /* it is about a command */
      view->exchange =
          nvt_session_outstanding(session, id, record->verdict.sqid, record->verdict.cid);
    if (view->exchange != NULL)
      view->set = (enum nvt_opcode_set)view->exchange->set;
    return 0;
  case NVT_REC_EVENT:
    follow_event(session, controller, record, view);
    return 0;
  case NVT_REC_LOSS:
    if (nvt_record_left_out(record))
      follow_stop(session, controller);
    return 0;
  case NVT_REC_QUEUE_STATE:
    if (record->header.flags & NVT_V_header_flags_SNAPSHOT)
      controller->whole = true;
    return nvt_session_queue_state(session, controller, &record->queue);
  default:
    return 0;
  }
}

int nvt_session_record(struct nvt_session *session, const struct nvt_record *record,
                       struct nvt_view *view) {
  nvt_session_reclaim(session);
  memset(view, 0, sizeof(*view));
  struct nvt_controller_node *controller = controller_of(session, &record->header);
  if (controller == NULL)
    return -ENOMEM;
  int error = take(session, controller, record, view);
  nvt_session_condition(controller, record);
  return error;
}

void nvt_session_finish(struct nvt_session *session) {
  nvt_session_reclaim(session);
  session->now = (struct nvt_moment){0};
  for (struct nvt_controller_node *controller = session->first_controller; controller != NULL;
       controller = controller->next)
    for (struct nvt_queue *queue = controller->queues; queue != NULL; queue = queue->next)
      while (queue->list.first != NULL) {
        if (queue->view.is_cq)
          nvt_session_retire(session, queue);
        else
          nvt_session_cancel(session, queue, queue->list.first, NVT_EXCHANGE_UNFINISHED);
      }
}

static const struct nvt_controller_node *find_controller(const struct nvt_session *session,
                                                         uint16_t controller) {
  const struct nvt_map_slot *slot = nvt_map_find(&session->controllers, controller);
  return slot != NULL ? slot->value : NULL;
}

const struct nvt_config_space *nvt_session_config(const struct nvt_session *session,
                                                  uint16_t controller) {
  const struct nvt_controller_node *node = find_controller(session, controller);
  return node != NULL ? node->config : NULL;
}

const struct nvt_register_image *nvt_session_registers(const struct nvt_session *session,
                                                       uint16_t controller) {
  const struct nvt_controller_node *node = find_controller(session, controller);
  return node != NULL ? &node->registers : NULL;
}

const struct nvt_msix *nvt_session_msix(const struct nvt_session *session, uint16_t controller) {
  const struct nvt_controller_node *node = find_controller(session, controller);
  return node != NULL ? node->msix : NULL;
}

const struct nvt_controller_state *nvt_session_controller(const struct nvt_session *session,
                                                          uint16_t controller) {
  const struct nvt_controller_node *node = find_controller(session, controller);
  return node != NULL ? &node->state : NULL;
}
