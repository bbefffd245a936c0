/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/summary.h"

#include <string.h>

#include "trace/config_space.h"

char nvt_summary_direction(const struct nvt_record *record) {
  switch (record->header.type) {
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_WRITE:
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_MSIX_WRITE:
  case NVT_REC_COMMAND:
    return '>';
  case NVT_REC_CONFIG_READ: /* what is recorded is the answer */
  case NVT_REC_REG_READ:
  case NVT_REC_MSIX_READ:
  case NVT_REC_EVENT_INDEX:
  case NVT_REC_INTERRUPT:
  case NVT_REC_COMPLETION:
    return '<';
  case NVT_REC_DATA:
    return record->data.direction == NVT_V_data_direction_IN ? '<' : '>';
  case NVT_REC_DIGEST:
    return record->digest.direction == NVT_V_data_direction_IN ? '<' : '>';
  default:
    return ' ';
  }
}

static void number_of(struct nvt_text *text, const char *label, uint64_t value) {
  nvt_text_add(text, label);
  nvt_text_dec(text, value);
}

static void value_name(struct nvt_text *text, const char *record, const char *field,
                       uint64_t value) {
  const char *name = nvt_record_value_name(record, field, value);
  if (name != NULL) {
    nvt_text_add(text, name);
    return;
  }
  nvt_text_add(text, field);
  number_of(text, " ", value);
}

static void plural(struct nvt_text *text, uint64_t count, const char *what) {
  nvt_text_dec(text, count);
  nvt_text_add(text, " ");
  nvt_text_add(text, what);
  if (count != 1)
    nvt_text_add(text, "s");
}

static void doorbell(struct nvt_text *text, const struct nvt_view *view, const char *kind,
                     uint64_t value) {
  number_of(text, view->doorbell.is_cq ? "CQ " : "SQ ", view->doorbell.qid);
  nvt_text_add(text, view->doorbell.is_cq ? " head" : " tail");
  nvt_text_add(text, kind);
  number_of(text, " doorbell = ", value);
  const struct nvt_signal *signal = view->signal;
  if (signal == NULL)
    return;
  if (!signal->valid) {
    nvt_text_add(text, " (invalid: no such queue, or beyond it)");
    return;
  }
  nvt_text_add(text, " (+");
  nvt_text_dec(text, signal->count);
  nvt_text_add(text, ")");
}

static void reg(struct nvt_text *text, const struct nvt_record *record,
                const struct nvt_view *view) {
  const struct nvt_rec_access *access = &record->access;
  bool is_write = record->header.type == NVT_REC_REG_WRITE;
  struct nvt_view guess = {0};
  if (view == NULL && is_write && nvt_doorbell_at(access->offset, 0, &guess.doorbell)) {
    guess.is_doorbell = true; /* no session: at the usual stride */
    view = &guess;
  }
  if (view != NULL && view->is_doorbell) {
    doorbell(text, view, "", access->value);
  } else {
    nvt_text_add(text, is_write ? "Write " : "Read ");
    nvt_text_register(text, access->offset);
    nvt_text_add(text, " = ");
    nvt_text_hex(text, access->value, access->size * 2u);
    nvt_text_register_fields(text, access->offset, access->value, access->size);
  }
  if (access->access_flags & NVT_V_access_access_flags_REFUSED)
    nvt_text_add(text, " refused");
}

static void config(struct nvt_text *text, const struct nvt_rec_access *access,
                   const struct nvt_view *view, bool is_write) {
  const struct nvt_config_space *space = view != NULL ? view->config : NULL;
  struct nvt_config_place place;
  nvt_text_add(text, is_write ? "Configuration write " : "Configuration read ");
  nvt_text_hex(text, access->offset, 2);
  if (nvt_config_space_at(space, access->offset, &place) &&
      (place.reg != NULL || place.capability != NULL)) {
    nvt_text_add(text, " ");
    nvt_text_pci_register(text, space, access->offset, access->size);
  }
  nvt_text_add(text, " = ");
  nvt_text_hex(text, access->value, access->size * 2u);
}

static void msix(struct nvt_text *text, const struct nvt_rec_access *access, bool is_write) {
  /* PCI Express Base 6.0, section 7.7.2: 16 bytes an entry */
  static const char *const parts[] = {"address", "upper address", "data", "control"};
  bool is_pba = access->space == NVT_V_access_space_MSIX_PBA;
  nvt_text_add(text, is_pba ? "MSI-X pending bits " : "MSI-X table ");
  nvt_text_add(text, is_write ? "write" : "read");
  if (is_pba) {
    nvt_text_add(text, " ");
    nvt_text_hex(text, access->offset, 0);
  } else {
    number_of(text, " vector ", access->offset / 16);
    nvt_text_add(text, " ");
    nvt_text_add(text, parts[access->offset / 4 % 4]);
  }
  nvt_text_add(text, " = ");
  nvt_text_hex(text, access->value, access->size * 2u);
  if (!is_pba && access->offset % 16 == 12)
    nvt_text_add(text, access->value & 1 ? " masked" : " unmasked");
}

static void interrupt(struct nvt_text *text, const struct nvt_rec_interrupt *message,
                      const struct nvt_view *view) {
  if (message->mode == NVT_V_interrupt_mode_PIN)
    nvt_text_add(text, "Interrupt pin");
  else
    number_of(text, "MSI-X vector ", message->vector);
  number_of(text, " CQ ", message->cqid);
  nvt_text_add(text, " ");
  value_name(text, "interrupt", "state", message->state);
  if (view != NULL && view->signal != NULL && view->signal->count > 0) {
    nvt_text_add(text, " (");
    plural(text, view->signal->count, "completion");
    nvt_text_add(text, ")");
  }
}

static void completion(struct nvt_text *text, const struct nvt_record *record,
                       const struct nvt_view *view) {
  const struct nvt_rec_completion *body = &record->completion;
  nvt_text_add(text, "Completion ");
  enum nvt_opcode_set set = view != NULL ? view->set : nvt_set_of(body->sqid, 0, NVT_SET_NVM);
  const struct nvt_exchange *exchange =
      view != NULL && view->exchange != NULL && view->exchange->command.record != 0 ? view->exchange
                                                                                    : NULL;
  uint8_t code = exchange != NULL ? nvt_exchange_code(exchange) : body->opcode;
  nvt_text_opcode(text, set, code);
  number_of(text, " sq ", body->sqid);
  nvt_text_add(text, " cid ");
  nvt_text_hex(text, body->cqe.cid, 4);
  nvt_text_add(text, " ");
  nvt_text_status_in(text, set, NVT_CQE_STATUS(body->cqe.status));
  if (NVT_CQE_DNR(body->cqe.status))
    nvt_text_add(text, " dnr");
  if (NVT_CQE_MORE(body->cqe.status))
    nvt_text_add(text, " more");
  if (body->cqe.dw0 != 0) {
    nvt_text_add(text, " dw0 ");
    nvt_text_hex(text, body->cqe.dw0, 0);
  }
  if (body->cqe.dw0 != 0 || body->cqe.dw1 != 0)
    nvt_text_result(text, set, code, exchange != NULL ? &exchange->sqe : NULL, &body->cqe);
  number_of(text, " sqhd ", body->cqe.sqhd);
  uint64_t ns;
  if (view != NULL && view->exchange != NULL &&
      nvt_exchange_stage(view->exchange, NVT_STAGE_TOTAL, &ns)) {
    nvt_text_add(text, " ");
    nvt_text_duration(text, ns);
  } else if (view != NULL) {
    nvt_text_add(text, " (of no command in this trace)");
  }
}

static void data(struct nvt_text *text, const struct nvt_rec_data *body) {
  value_name(text, "data", "kind", body->kind);
  number_of(text, " sq ", body->sqid);
  nvt_text_add(text, " cid ");
  nvt_text_hex(text, body->cid, 4);
  nvt_text_add(text, " ");
  plural(text, body->true_length, "byte");
  if (body->captured_length != body->true_length)
    number_of(text, ", kept ", body->captured_length);
  nvt_text_add(text, " at ");
  nvt_text_hex(text, body->address, 0);
  number_of(text, " offset ", body->offset);
}

static void trigger(struct nvt_text *text, const struct nvt_rec_event *body) {
  if (body->code == 0) {
    nvt_text_add(text, " by hand");
    return;
  }
  number_of(text, " ", body->code);
  number_of(text, ", time ", body->size);
  number_of(text, ", by sequence number ", body->address);
}

static void digest(struct nvt_text *text, const struct nvt_record *record) {
  const struct nvt_rec_digest *body = &record->digest;
  struct nvt_record data_record;
  nvt_record_digest_as_data(record, &data_record);
  data_record.data.captured_length = body->true_length; /* what was kept is said below */
  data(text, &data_record.data);
  nvt_text_add(text, ": ");
  switch (body->algorithm) {
  case NVT_V_digest_algorithm_SAME:
    number_of(text, "same as sequence number ", body->same_as);
    if (body->same_offset != 0)
      number_of(text, " from byte ", body->same_offset);
    break;
  case NVT_V_digest_algorithm_CRC32C:
    nvt_text_add(text, "CRC-32C ");
    if (record->tail_length >= sizeof(uint32_t)) {
      uint32_t first;
      memcpy(&first, record->tail, sizeof(first));
      nvt_text_hex(text, first, 8);
    }
    if (body->digest_length > sizeof(uint32_t))
      number_of(text, " and more, of ", body->digest_length / sizeof(uint32_t));
    break;
  case NVT_V_digest_algorithm_FILL:
    nvt_text_add(text, "filled with ");
    nvt_text_hex(text, body->fill, 16);
    break;
  default:
    number_of(text, "algorithm ", body->algorithm);
    break;
  }
}

static void event(struct nvt_text *text, const struct nvt_rec_event *body) {
  value_name(text, "event", "event", body->event);
  switch (body->event) {
  case NVT_V_event_event_DMA_MAP:
  case NVT_V_event_event_DMA_UNMAP:
  case NVT_V_event_event_DMA_FAULT:
    nvt_text_add(text, " ");
    nvt_text_hex(text, body->address, 0);
    nvt_text_add(text, " size ");
    nvt_text_hex(text, body->size, 0);
    if (body->event == NVT_V_event_event_DMA_MAP) {
      nvt_text_add(text, body->code & 1 ? " read" : "");
      nvt_text_add(text, body->code & 2 ? " write" : "");
    }
    break;
  case NVT_V_event_event_NS_ADDED:
  case NVT_V_event_event_NS_REMOVED:
    number_of(text, " nsid ", body->code);
    break;
  case NVT_V_event_event_TRIGGER:
    trigger(text, body);
    break;
  case NVT_V_event_event_NS_RESIZED:
    number_of(text, " nsid ", body->code);
    number_of(text, " size ", body->size);
    break;
  case NVT_V_event_event_IRQ_SETUP:
    number_of(text, " first vector ", body->address);
    number_of(text, " count ", body->size);
    nvt_text_add(text, " flags ");
    nvt_text_hex(text, body->code, 0);
    break;
  default:
    if (body->qid != 0 && nvt_event_has_queue(body->event))
      number_of(text, " queue ", body->qid);
    if (body->code != 0) {
      nvt_text_add(text, " code ");
      nvt_text_hex(text, body->code, 0);
    }
    if (body->address != 0) {
      nvt_text_add(text, " address ");
      nvt_text_hex(text, body->address, 0);
    }
    if (body->size != 0)
      number_of(text, " size ", body->size);
    break;
  }
}

/* Of what a plug-in's process died: docs/trace-format.md, verdict. */
static void death(struct nvt_text *text, uint16_t cause) {
  static const char *const causes[] = {NULL, " (signal ", " (exit status ", " (no answer in time)",
                                       " (wrote over shared memory)"};
  unsigned kind = cause >> 8;
  if (kind == 0 || kind >= sizeof(causes) / sizeof(causes[0]))
    return;
  if (kind > 2) {
    nvt_text_add(text, causes[kind]);
    return;
  }
  number_of(text, causes[kind], cause & 0xffu);
  nvt_text_add(text, ")");
}

static void verdict(struct nvt_text *text, const struct nvt_rec_verdict *body) {
  nvt_text_add(text, "Plug-in ");
  nvt_text_quote(text, body->plugin, strnlen(body->plugin, sizeof(body->plugin)));
  nvt_text_add(text, ": ");
  value_name(text, "verdict", "verdict", body->verdict);
  if (body->verdict == NVT_V_verdict_verdict_LOADED ||
      body->verdict == NVT_V_verdict_verdict_UNLOADED)
    return;
  if (body->verdict == NVT_V_verdict_verdict_DIED)
    death(text, body->status);
  if (body->cid != UINT16_MAX || body->sqid != 0)
    number_of(text, " sq ", body->sqid);
  if (body->cid != UINT16_MAX) {
    nvt_text_add(text, " cid ");
    nvt_text_hex(text, body->cid, 4);
  }
  nvt_text_add(text, " at ");
  value_name(text, "verdict", "tap", body->tap);
  if (body->verdict == NVT_V_verdict_verdict_COMPLETED) {
    nvt_text_add(text, " ");
    nvt_text_status(text, body->status & 0x7ffu);
  }
}

static void queue_state(struct nvt_text *text, const struct nvt_rec_queue *body) {
  number_of(text, body->is_cq ? "CQ " : "SQ ", body->qid);
  number_of(text, " of ", body->entries);
  nvt_text_add(text, " entries at ");
  nvt_text_hex(text, body->base, 0);
  number_of(text, " head ", body->head);
  number_of(text, " tail ", body->tail);
  number_of(text, body->is_cq ? " vector " : " CQ ", body->is_cq ? body->vector : body->cqid);
}

static void meta(struct nvt_text *text, const struct nvt_rec_meta *body) {
  nvt_text_printf(text, "Controller: NVMe %u.%u, ", body->vs >> 16, (body->vs >> 8) & 0xffu);
  plural(text, body->namespaces, "namespace");
  nvt_text_add(text, ", ");
  plural(text, body->vectors, "vector");
  nvt_text_add(text, ", doorbells ");
  value_name(text, "meta", "doorbells", body->doorbells);
  nvt_text_add(text, ", data ");
  value_name(text, "meta", "data_mode", body->data_mode);
}

static void body(struct nvt_text *text, const struct nvt_record *record,
                 const struct nvt_view *view) {
  struct nvt_view guess = {0};
  switch (record->header.type) {
  case NVT_REC_META:
    meta(text, &record->meta);
    break;
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
    config(text, &record->access, view, record->header.type == NVT_REC_CONFIG_WRITE);
    break;
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
    reg(text, record, view);
    break;
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    msix(text, &record->access, record->header.type == NVT_REC_MSIX_WRITE);
    break;
  case NVT_REC_SHADOW_DOORBELL:
    guess.doorbell =
        (struct nvt_doorbell_id){.qid = record->shadow.qid, .is_cq = record->shadow.is_cq != 0};
    doorbell(text, view != NULL ? view : &guess, " shadow", record->shadow.value);
    break;
  case NVT_REC_EVENT_INDEX:
    number_of(text, record->shadow.is_cq ? "CQ " : "SQ ", record->shadow.qid);
    number_of(text, " EventIdx = ", record->shadow.value);
    break;
  case NVT_REC_INTERRUPT:
    interrupt(text, &record->interrupt, view);
    break;
  case NVT_REC_COMMAND:
    nvt_text_command(
        text,
        view != NULL ? view->set
                     : nvt_set_of(record->command.sqid, record->command.sqe.opcode, NVT_SET_NVM),
        record->command.sqid, &record->command.sqe);
    if (view != NULL && view->exchange != NULL && view->exchange->duplicate_cid)
      nvt_text_add(text, " (cid is outstanding already)");
    break;
  case NVT_REC_COMPLETION:
    completion(text, record, view);
    break;
  case NVT_REC_DATA:
    data(text, &record->data);
    break;
  case NVT_REC_DIGEST:
    digest(text, record);
    break;
  case NVT_REC_EVENT:
    event(text, &record->event);
    break;
  case NVT_REC_VERDICT:
    verdict(text, &record->verdict);
    break;
  case NVT_REC_LOSS:
    plural(text, record->loss.count, "record");
    nvt_text_add(text, nvt_record_left_out(record) ? " not written: " : " lost: ");
    value_name(text, "loss", "reason", record->loss.reason);
    number_of(text, ", from sequence number ", record->loss.first_seq);
    break;
  case NVT_REC_ANNOTATION:
    nvt_text_quote(text, record->tail, record->tail_length);
    break;
  case NVT_REC_QUEUE_STATE:
    queue_state(text, &record->queue);
    break;
  default:
    number_of(text, "Record of type ", record->header.type);
    break;
  }
}

void nvt_summary(struct nvt_text *text, const struct nvt_record *record,
                 const struct nvt_view *view) {
  body(text, record, view);
  if (record->header.flags & NVT_V_header_flags_SNAPSHOT)
    nvt_text_add(text, " [snapshot]");
  if (view != NULL && view->seq_gap) {
    nvt_text_add(text, " [");
    plural(text, view->missing, "record");
    nvt_text_add(text, " missing before this one]");
  }
}

bool nvt_record_queue(const struct nvt_record *record, const struct nvt_view *view, uint16_t *qid) {
  switch (record->header.type) {
  case NVT_REC_COMMAND:
    *qid = record->command.sqid;
    return true;
  case NVT_REC_COMPLETION:
    *qid = record->completion.sqid;
    return true;
  case NVT_REC_DATA:
    *qid = record->data.sqid;
    return true;
  case NVT_REC_DIGEST:
    *qid = record->digest.sqid;
    return true;
  case NVT_REC_VERDICT:
    *qid = record->verdict.sqid;
    return true;
  case NVT_REC_INTERRUPT:
    *qid = record->interrupt.cqid;
    return true;
  case NVT_REC_QUEUE_STATE:
    *qid = record->queue.qid;
    return true;
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_EVENT_INDEX:
    *qid = record->shadow.qid;
    return true;
  case NVT_REC_EVENT:
    *qid = record->event.qid;
    return nvt_event_has_queue(record->event.event);
  default:
    *qid = view->doorbell.qid;
    return view->is_doorbell;
  }
}
