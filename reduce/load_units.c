/* SPDX-License-Identifier: BSD-2-Clause */
/* What unit a record is of, and what that unit needs. */
#include <stdlib.h>
#include <string.h>

#include "nvme/names.h"
#include "nvme/ranges.h"
#include "reduce/load_int.h"

static uint32_t add_unit(struct nvt_trace *t, uint8_t kind, uint16_t controller) {
  if (t->unit_count == t->unit_room) {
    uint32_t room = t->unit_room != 0 ? t->unit_room * 2 : 4096;
    struct nvt_unit *bigger = reallocarray(t->units, room, sizeof(*bigger));
    if (bigger == NULL)
      return NVT_REDUCE_NONE;
    t->units = bigger;
    t->unit_room = room;
  }
  t->units[t->unit_count] =
      (struct nvt_unit){.first = t->item_count - 1,
                        .needs = {NVT_REDUCE_NONE, NVT_REDUCE_NONE, NVT_REDUCE_NONE},
                        .queue = NVT_REDUCE_NONE,
                        .controller = controller,
                        .kind = kind};
  return t->unit_count++;
}

static struct nvt_host *find_host(struct nvt_loader *l, uint16_t id) {
  for (uint32_t i = l->host_count; i-- > 0;)
    if (l->hosts[i].id == id)
      return &l->hosts[i];
  struct nvt_host *bigger = reallocarray(l->hosts, l->host_count + 1u, sizeof(*bigger));
  if (bigger == NULL)
    return NULL;
  l->hosts = bigger;
  struct nvt_host *h = &l->hosts[l->host_count++];
  *h = (struct nvt_host){.id = id,
                         .meta = NVT_REDUCE_NONE,
                         .setup = NVT_REDUCE_NONE,
                         .enable = NVT_REDUCE_NONE,
                         .last_write = NVT_REDUCE_NONE,
                         .last_config = NVT_REDUCE_NONE,
                         .caused = NVT_REDUCE_NONE,
                         .before = NVT_REDUCE_NONE};
  return h;
}

static uint32_t *youngest(struct nvt_loader *l, uint16_t controller, uint16_t sqid, uint16_t cid) {
  uint64_t key = (uint64_t)controller << 32 | (uint32_t)sqid << 16 | cid;
  return &l->commands[key * UINT64_C(0x9e3779b97f4a7c15) >> 48];
}
_Static_assert(NVT_LOAD_BUCKETS == 1u << 16, "a bucket's number has 16 bits");

#define LOOKED_AT 4096u /* commands in a bucket: with more, a record is its own unit */

/* The youngest command of that name since the last reset. */
static uint32_t find_command(struct nvt_loader *l, const struct nvt_host *h, uint16_t sqid,
                             uint16_t cid, bool only_open) {
  uint32_t unit = *youngest(l, h->id, sqid, cid);
  for (unsigned i = 0; i < LOOKED_AT && unit != NVT_REDUCE_NONE; i++) {
    const struct nvt_unit *u = &l->trace->units[unit];
    if (u->controller == h->id && u->sqid == sqid && u->cid == cid)
      return u->life == h->life && (u->open || !only_open) ? unit : NVT_REDUCE_NONE;
    unit = u->older;
  }
  return NVT_REDUCE_NONE;
}

static uint32_t made_by(struct nvt_trace *t, uint16_t controller, uint32_t qid, bool is_cq) {
  uint32_t index;
  const struct nvt_queue *q = nvt_reduce_queue(t, controller, (uint16_t)qid, is_cq, &index);
  return q != NULL ? q->made_by : NVT_REDUCE_NONE;
}

/* --- commands --- */

static void describe(struct nvt_trace *t, struct nvt_unit *u, const struct nvt_sqe *sqe) {
  uint32_t qid = sqe->cdw10 & 0xffff, index;
  if (u->sqid != 0) {
    u->nsid = sqe->nsid;
    u->queue = t->items[u->first].queue;
    if (nvt_command_range_of(NVT_SET_NVM, sqe->opcode) == NVT_RANGE_ENTRY)
      nvt_command_range(sqe, &u->lba, &u->blocks);
    return;
  }
  switch (sqe->opcode) {
  case NVT_ADMIN_CREATE_IO_SQ:
    u->needs[2] = made_by(t, u->controller, sqe->cdw11 >> 16, true);
    break;
  case NVT_ADMIN_DELETE_IO_SQ:
  case NVT_ADMIN_DELETE_IO_CQ:
    u->needs[2] = made_by(t, u->controller, qid, sqe->opcode == NVT_ADMIN_DELETE_IO_CQ);
    break;
  case NVT_ADMIN_CREATE_IO_CQ:
    break;
  default:
    return;
  }
  /* A completion queue counts with the submission queue of its number. */
  if (nvt_reduce_queue(t, u->controller, (uint16_t)qid, false, &index) != NULL)
    u->queue = index;
}

static uint32_t take_command(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                             const struct nvt_record *record) {
  struct nvt_trace *t = l->trace;
  uint32_t unit = add_unit(t, NVT_UNIT_COMMAND, h->id);
  if (unit == NVT_REDUCE_NONE || !nvt_follow_command(t, item, record))
    return NVT_REDUCE_NONE;
  const struct nvt_sqe *sqe = &record->command.sqe;
  uint32_t creator = made_by(t, h->id, record->command.sqid, false);
  struct nvt_unit *u = &t->units[unit];
  u->sqid = record->command.sqid;
  u->cid = sqe->cid;
  u->opcode = sqe->opcode;
  u->open = true;
  u->needs[0] = creator;
  u->needs[1] = h->enable;
  describe(t, u, sqe);
  uint32_t *bucket = youngest(l, h->id, u->sqid, u->cid);
  u->life = h->life;
  u->older = *bucket;
  *bucket = unit;
  return unit;
}

static bool created(struct nvt_loader *l, uint32_t item, uint32_t unit, uint16_t controller) {
  struct nvt_trace *t = l->trace;
  const struct nvt_unit *u = &t->units[unit];
  bool is_cq = u->opcode == NVT_ADMIN_CREATE_IO_CQ;
  if (u->sqid != 0 || (!is_cq && u->opcode != NVT_ADMIN_CREATE_IO_SQ))
    return true;
  struct nvt_record command;
  nvt_reduce_record(t, u->first, &command);
  uint32_t dw10 = command.command.sqe.cdw10;
  struct nvt_making making = {.item = item, .entries = (dw10 >> 16) + 1, .phase = true};
  return nvt_reduce_queue(t, controller, dw10 & 0xffff, is_cq, &making.queue) != NULL &&
         nvt_make_queue(t, &making, unit, (command.command.sqe.cdw11 & 2) != 0);
}

static uint32_t take_completion(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                                const struct nvt_record *record) {
  struct nvt_trace *t = l->trace;
  const struct nvt_rec_completion *c = &record->completion;
  bool snapshot = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0 && !h->under_way;
  uint32_t unit = snapshot ? made_by(t, h->id, c->cqid, true)
                  : h->caused != NVT_REDUCE_NONE
                      ? h->caused
                      : find_command(l, h, c->cqe.sqid, c->cqe.cid, true);
  if (!nvt_follow_completion(t, item, record))
    return NVT_REDUCE_NONE;
  if (unit == NVT_REDUCE_NONE) {
    unit = add_unit(t, NVT_UNIT_OTHER, h->id);
    if (unit != NVT_REDUCE_NONE)
      t->units[unit].needs[0] = made_by(t, h->id, c->cqid, true);
    return unit;
  }
  if (t->units[unit].kind == NVT_UNIT_COMMAND && h->caused == NVT_REDUCE_NONE)
    t->units[unit].open = false;
  if (NVT_CQE_STATUS(c->cqe.status) == NVT_SC_SUCCESS && !created(l, item, unit, h->id))
    return NVT_REDUCE_NONE;
  return unit;
}

/* --- registers --- */

static bool make_admin(struct nvt_loader *l, struct nvt_host *h, uint32_t item, uint32_t unit) {
  uint32_t aqa;
  memcpy(&aqa, h->registers + NVT_REG_AQA, sizeof(aqa));
  struct nvt_making sq = {.item = item, .entries = (uint32_t)NVT_GET(aqa, AQA_ASQS) + 1};
  struct nvt_making cq = {
      .item = item, .entries = (uint32_t)NVT_GET(aqa, AQA_ACQS) + 1, .phase = true};
  return nvt_reduce_queue(l->trace, h->id, 0, false, &sq.queue) != NULL &&
         nvt_reduce_queue(l->trace, h->id, 0, true, &cq.queue) != NULL &&
         nvt_make_queue(l->trace, &cq, unit, true) && nvt_make_queue(l->trace, &sq, unit, true);
}

/* The registers that enable it are one unit. */
static uint32_t take_register(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                              const struct nvt_record *record) {
  const struct nvt_rec_access *a = &record->access;
  struct nvt_trace *t = l->trace;
  uint32_t before, after;
  if (a->offset >= sizeof(h->registers) || a->size > 8 ||
      sizeof(h->registers) - a->offset < a->size)
    return add_unit(t, NVT_UNIT_OTHER, h->id);
  memcpy(&before, h->registers + NVT_REG_CC, sizeof(before));
  memcpy(h->registers + a->offset, &a->value, a->size);
  memcpy(&after, h->registers + NVT_REG_CC, sizeof(after));
  bool admin = a->offset >= NVT_REG_AQA && a->offset < NVT_REG_ACQ + 8u;
  bool enables = NVT_GET(before, CC_EN) == 0 && NVT_GET(after, CC_EN) != 0;
  bool snapshot = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  if (!admin && !enables) {
    if (NVT_GET(before, CC_EN) != 0 && NVT_GET(after, CC_EN) == 0)
      nvt_forget_queues(t, h->id);
    return add_unit(t, NVT_UNIT_OTHER, h->id);
  }
  if (h->setup == NVT_REDUCE_NONE) {
    h->setup = add_unit(t, NVT_UNIT_ENABLE, h->id);
    if (h->setup == NVT_REDUCE_NONE)
      return h->setup;
    h->written = 0;
  }
  uint32_t unit = h->setup;
  if (admin)
    h->written |= ((1ull << a->size) - 1) << (a->offset - NVT_REG_AQA);
  if (enables) {
    if (h->written != 0xfffff && h->enable != unit)
      t->units[unit].needs[0] = h->enable; /* what isn't written again is as it was */
    h->enable = unit;
    h->setup = NVT_REDUCE_NONE;
    if (!snapshot && !make_admin(l, h, item, unit))
      return NVT_REDUCE_NONE;
  }
  return unit;
}

static uint32_t take_doorbell(struct nvt_loader *l, struct nvt_host *h, uint32_t item, uint16_t qid,
                              bool is_cq, uint64_t value) {
  struct nvt_trace *t = l->trace;
  uint32_t unit = add_unit(t, NVT_UNIT_OTHER, h->id);
  uint32_t maker = made_by(t, h->id, qid, is_cq);
  if (unit == NVT_REDUCE_NONE)
    return unit;
  t->items[item].unit = unit;
  if (!nvt_follow_doorbell(t, item, qid, is_cq, value > UINT16_MAX ? UINT32_MAX : (uint32_t)value))
    return NVT_REDUCE_NONE;
  t->units[unit].needs[0] = maker;
  if (t->items[item].role == NVT_ROLE_ACK)
    t->units[unit].kind = NVT_UNIT_ACK;
  return unit;
}

static uint32_t take_access(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                            const struct nvt_record *record) {
  const struct nvt_rec_access *a = &record->access;
  struct nvt_trace *t = l->trace;
  struct nvt_doorbell_id id;
  uint32_t unit;
  bool refused = (a->access_flags & NVT_V_access_access_flags_REFUSED) != 0;
  switch (record->header.type) {
  case NVT_REC_REG_WRITE:
    if (!refused && nvt_doorbell_at(a->offset, h->dstrd, &id))
      unit = take_doorbell(l, h, item, id.qid, id.is_cq, a->value);
    else
      unit = refused ? add_unit(t, NVT_UNIT_OTHER, h->id) : take_register(l, h, item, record);
    h->last_write = unit;
    return unit;
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    unit = add_unit(t, NVT_UNIT_MSIX, h->id);
    return unit;
  case NVT_REC_CONFIG_WRITE:
    /* Behind the header stand capabilities: MSI-X among them. */
    h->last_config = add_unit(t, a->offset >= 0x40 ? NVT_UNIT_MSIX : NVT_UNIT_OTHER, h->id);
    return h->last_config;
  default:
    return add_unit(t, NVT_UNIT_OTHER, h->id);
  }
}

/* --- what isn't the host's --- */

static uint32_t or_own(struct nvt_loader *l, const struct nvt_host *h, uint32_t unit) {
  return unit != NVT_REDUCE_NONE ? unit : add_unit(l->trace, NVT_UNIT_OTHER, h->id);
}

static void close_commands(struct nvt_loader *l, struct nvt_host *h) {
  nvt_forget_queues(l->trace, h->id);
  h->life++;
}

static uint32_t take_event(struct nvt_loader *l, struct nvt_host *h,
                           const struct nvt_record *record) {
  uint32_t caused = h->caused;
  switch (record->event.event) {
  case NVT_V_event_event_READY:
    return or_own(l, h, caused != NVT_REDUCE_NONE ? caused : h->enable);
  case NVT_V_event_event_CONTROLLER_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
    close_commands(l, h);
    return or_own(l, h, caused != NVT_REDUCE_NONE ? caused : h->last_write);
  case NVT_V_event_event_FUNCTION_RESET:
    close_commands(l, h);
    memset(h->registers, 0, sizeof(h->registers));
    return or_own(l, h, h->last_config);
  case NVT_V_event_event_DEVICE_RESET:
    close_commands(l, h);
    memset(h->registers, 0, sizeof(h->registers));
    h->enable = NVT_REDUCE_NONE;
    return or_own(l, h, caused);
  case NVT_V_event_event_FATAL: /* of what, if of nothing before? */
    caused = or_own(l, h, caused != NVT_REDUCE_NONE ? caused : h->last_write);
    if (caused != NVT_REDUCE_NONE && caused != h->enable && caused != h->setup)
      l->trace->units[caused].needs[1] = h->enable;
    return caused;
  case NVT_V_event_event_SHUTDOWN:
    return or_own(l, h, caused != NVT_REDUCE_NONE ? caused : h->last_write);
  case NVT_V_event_event_DMA_FAULT:
  case NVT_V_event_event_DOORBELL_FAULT:
    return or_own(l, h, caused != NVT_REDUCE_NONE ? caused : h->before);
  case NVT_V_event_event_IRQ_SETUP:
    return add_unit(l->trace, NVT_UNIT_MSIX, h->id);
  default:
    return or_own(l, h, caused);
  }
}

static uint32_t take_interrupt(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                               const struct nvt_record *record) {
  struct nvt_trace *t = l->trace;
  if ((record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0 && !h->under_way)
    return or_own(l, h, made_by(t, h->id, record->interrupt.cqid, true));
  nvt_follow_interrupt(t, item, record);
  struct nvt_item *it = &t->items[item];
  if (it->role == NVT_ROLE_INTERRUPT && h->caused == NVT_REDUCE_NONE)
    return add_unit(t, NVT_UNIT_OTHER, h->id);
  if (record->interrupt.state == NVT_V_interrupt_state_DEASSERTED && item > 0 &&
      t->items[item - 1].role == NVT_ROLE_ACK) {
    it->role = NVT_ROLE_DEASSERT;
    it->link = item - 1;
    return h->before;
  }
  it->role = NVT_ROLE_PLAIN;
  if (h->caused != NVT_REDUCE_NONE)
    return h->caused;
  if (h->before != NVT_REDUCE_NONE && t->units[h->before].kind == NVT_UNIT_MSIX)
    return h->before;
  uint32_t unit = add_unit(t, it->msix ? NVT_UNIT_MSIX : NVT_UNIT_OTHER, h->id);
  uint32_t maker = made_by(t, h->id, record->interrupt.cqid, true);
  if (unit != NVT_REDUCE_NONE)
    t->units[unit].needs[0] = maker;
  return unit;
}

static uint32_t take_verdict(struct nvt_loader *l, struct nvt_host *h,
                             const struct nvt_record *record, uint32_t *caused) {
  const struct nvt_rec_verdict *v = &record->verdict;
  if (v->verdict == NVT_V_verdict_verdict_INJECTED)
    return *caused = add_unit(l->trace, NVT_UNIT_OTHER, h->id);
  if (v->verdict == NVT_V_verdict_verdict_LOADED || v->verdict == NVT_V_verdict_verdict_UNLOADED)
    return add_unit(l->trace, NVT_UNIT_OTHER, h->id);
  if (v->tap == NVT_V_verdict_tap_PCI_MSIX)
    return or_own(l, h, h->before);
  if (v->tap < NVT_V_verdict_tap_ADMIN_DECODE) { /* of the access that follows */
    return *caused = add_unit(l->trace, NVT_UNIT_OTHER, h->id);
  }
  return or_own(l, h, find_command(l, h, v->sqid, v->cid, false));
}

static uint32_t take_queue_state(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                                 const struct nvt_record *record) {
  const struct nvt_rec_queue *r = &record->queue;
  struct nvt_trace *t = l->trace;
  bool is_cq = r->is_cq != 0;
  if (h->under_way || r->entries == 0 || r->entries > UINT16_MAX + 1u || r->head >= r->entries ||
      r->tail >= r->entries)
    return add_unit(t, NVT_UNIT_OTHER, h->id);
  uint32_t unit = add_unit(t, NVT_UNIT_QUEUE, h->id);
  if (unit == NVT_REDUCE_NONE)
    return unit;
  t->units[unit].needs[0] = h->enable;
  t->units[unit].needs[1] = is_cq ? NVT_REDUCE_NONE : made_by(t, h->id, r->cqid, true);
  struct nvt_making making = {.item = item,
                              .entries = r->entries,
                              .head = r->head,
                              .tail = r->tail,
                              .phase = (r->queue_flags & NVT_V_queue_queue_flags_PHASE) != 0};
  making.posted = is_cq ? (r->tail + r->entries - r->head) % r->entries : 0;
  bool interrupts = (r->queue_flags & NVT_V_queue_queue_flags_INTERRUPTS) != 0;
  if (nvt_reduce_queue(t, h->id, r->qid, is_cq, &making.queue) == NULL ||
      !nvt_make_queue(t, &making, unit, interrupts))
    return NVT_REDUCE_NONE;
  return unit;
}

static uint32_t take_meta(struct nvt_loader *l, struct nvt_host *h,
                          const struct nvt_record *record) {
  h->counts = record->meta.data_mode == NVT_V_meta_data_mode_FULL ||
              record->meta.data_mode == NVT_V_meta_data_mode_CRC;
  h->dstrd = (uint8_t)NVT_GET(record->meta.cap, CAP_DSTRD);
  bool first = h->meta == NVT_REDUCE_NONE;
  uint32_t unit = add_unit(l->trace, first ? NVT_UNIT_META : NVT_UNIT_OTHER, h->id);
  if (first)
    h->meta = unit;
  return unit;
}

static uint32_t unit_of(struct nvt_loader *l, struct nvt_host *h, uint32_t item,
                        const struct nvt_record *record, uint32_t *caused) {
  switch (record->header.type) {
  case NVT_REC_META:
    return take_meta(l, h, record);
  case NVT_REC_SHADOW_DOORBELL:
    return take_doorbell(l, h, item, record->shadow.qid, record->shadow.is_cq != 0,
                         record->shadow.value);
  case NVT_REC_COMMAND:
    return take_command(l, h, item, record);
  case NVT_REC_COMPLETION:
    return take_completion(l, h, item, record);
  case NVT_REC_DATA:
  case NVT_REC_DIGEST: /* begins like data */
    l->trace->items[item].shortens = record->data.kind == NVT_V_data_kind_PAYLOAD;
    l->trace->items[item].may_go = l->trace->items[item].shortens && !h->counts;
    return or_own(l, h, find_command(l, h, record->data.sqid, record->data.cid, true));
  case NVT_REC_INTERRUPT:
    return take_interrupt(l, h, item, record);
  case NVT_REC_EVENT:
    return take_event(l, h, record);
  case NVT_REC_VERDICT:
    return take_verdict(l, h, record, caused);
  case NVT_REC_QUEUE_STATE:
    return take_queue_state(l, h, item, record);
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    if (h->caused != NVT_REDUCE_NONE)
      return h->caused;
    return take_access(l, h, item, record);
  default:
    return add_unit(l->trace, NVT_UNIT_OTHER, h->id);
  }
}

bool nvt_load_item(struct nvt_loader *l, const struct nvt_record *record) {
  struct nvt_trace *t = l->trace;
  uint32_t item = t->item_count - 1, caused = NVT_REDUCE_NONE;
  struct nvt_host *h = find_host(l, record->header.controller);
  if (h == NULL)
    return false;
  uint32_t unit = unit_of(l, h, item, record, &caused);
  if (unit == NVT_REDUCE_NONE)
    return false;
  struct nvt_item *it = &t->items[item];
  it->unit = it->role == NVT_ROLE_TAIL || it->role == NVT_ROLE_INTERRUPT ? NVT_REDUCE_NONE : unit;
  h->before = unit;
  h->caused = caused;
  if ((record->header.flags & NVT_V_header_flags_SNAPSHOT) == 0 &&
      record->header.type != NVT_REC_META && record->header.type != NVT_REC_ANNOTATION)
    h->under_way = true;
  return true;
}
