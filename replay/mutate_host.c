/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A run: a host that does an input's steps to a target. What wasn't changed is done as a sound
 * host would do it now: doorbells ring for what is there, and completions are taken, wherever the
 * queues stand by then. What was changed is done as it stands.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "replay/mutate_host_int.h"

#define WINDOW (UINT64_C(1) << 40) /* made around an address where the trace tells no memory */
#define DRAIN_MAX 128u             /* entries fetched of each queue at the end */

static void found(struct nvt_host *h, const char *kind, const char *text) {
  h->report->found(h->report->ctx, h->at + 1, kind, text);
}

static void watch_found(void *ctx, const char *kind, const char *text) {
  found(ctx, kind, text);
}

/* A target that is seen from outside can't tell when it is done, and each time that it is waited
 * for costs: it was waited for with its command, and is once more at the end. */
static void settle(struct nvt_host *h) {
  if (!h->ops->outside)
    h->ops->settle(h->target);
}

/* --- accesses --- */

/* The access, and then what came of it: that is the order in which they count. */
static void tell_access(struct nvt_host *h, uint8_t type, const struct nvt_rec_access *access) {
  struct nvt_record record = {.access = *access};
  h->collecting = false;
  nvt_watch_record(h->watch, (enum nvt_record_type)type, &record);
  for (size_t i = 0; i < h->collected_count; i++)
    nvt_watch_record(h->watch, (enum nvt_record_type)h->collected[i].header.type, &h->collected[i]);
  h->collected_count = 0;
}

static uint64_t read_register(struct nvt_host *h, uint64_t offset, uint8_t size) {
  uint64_t value = 0;
  uint8_t flags;
  if (h->ops->read(h->target, NVT_V_access_space_BAR0, offset, size, &value, &flags) != 0)
    return 0;
  return value;
}

/* What the controller took, not what was written, says where its admin queues are. */
static void note_registers(struct nvt_host *h) {
  uint32_t cc = (uint32_t)read_register(h, NVT_REG_CC, 4);
  bool was = NVT_GET(h->cc, CC_EN) != 0, is = NVT_GET(cc, CC_EN) != 0;
  h->cc = cc;
  if (was && !is)
    nvt_host_forget_queues(h);
  if (!is || h->sqs[0].entries != 0)
    return;
  uint64_t aqa = read_register(h, NVT_REG_AQA, 4);
  uint64_t base = read_register(h, NVT_REG_ACQ, 8) & ~UINT64_C(0xfff);
  h->sqs[0] = (struct nvt_host_queue){.base = read_register(h, NVT_REG_ASQ, 8) & ~UINT64_C(0xfff),
                                      .entries = (uint32_t)NVT_GET(aqa, AQA_ASQS) + 1,
                                      .shift = 6};
  h->cqs[0] =
      (struct nvt_host_queue){.base = base, .entries = (uint32_t)NVT_GET(aqa, AQA_ACQS) + 1};
  nvt_host_need_memory(h, h->sqs[0].base);
  nvt_host_need_memory(h, base);
  nvt_canary_allow(h->canary, base, UINT64_C(16) * h->cqs[0].entries);
}

void nvt_host_access(struct nvt_host *h, uint8_t type, struct nvt_rec_access access) {
  bool write =
      type == NVT_REC_CONFIG_WRITE || type == NVT_REC_REG_WRITE || type == NVT_REC_MSIX_WRITE;
  uint8_t flags = 0;
  bool sized = access.size == 1 || access.size == 2 || access.size == 4 || access.size == 8;
  if (!sized || access.offset % access.size != 0 || access.space > NVT_V_access_space_MSIX_PBA ||
      (h->ops->own_config && access.space == NVT_V_access_space_CONFIG))
    return;
  h->ops->flush_interrupts(h->target);
  h->collecting = true;
  int failed = write ? h->ops->write(h->target, access.space, access.offset, access.size,
                                     access.value, &flags)
                     : h->ops->read(h->target, access.space, access.offset, access.size,
                                    &access.value, &flags);
  access.access_flags = failed ? NVT_V_access_access_flags_REFUSED : flags;
  tell_access(h, type, &access);
  if (write && access.space != NVT_V_access_space_MSIX_TABLE &&
      (access.space == NVT_V_access_space_CONFIG || access.offset < NVT_REG_DOORBELLS))
    note_registers(h);
}

void nvt_host_ring(struct nvt_host *h, struct nvt_doorbell_id id, uint32_t value) {
  const struct nvt_rec_access access = {.offset = nvt_doorbell_offset(id, h->dstrd),
                                        .value = value,
                                        .size = 4,
                                        .space = NVT_V_access_space_BAR0};
  nvt_host_access(h, NVT_REC_REG_WRITE, access);
  if (id.qid >= NVT_HOST_QUEUES)
    return;
  struct nvt_host_queue *queue = id.is_cq ? &h->cqs[id.qid] : &h->sqs[id.qid];
  if (value < queue->entries)
    *(id.is_cq ? &queue->head : &queue->tail) = value;
}

static void take_completions(struct nvt_host *h, uint16_t cqid) {
  struct nvt_host_queue *cq = &h->cqs[cqid];
  if (cq->entries > 0 && cq->head != cq->tail) {
    nvt_host_ring(h, (struct nvt_doorbell_id){.qid = cqid, .is_cq = true}, cq->tail);
    settle(h);
  }
}

/* Commands that the host puts into the queue before it rings its doorbell the next time. */
static uint32_t commands_until_next(const struct nvt_host *h, uint16_t sqid) {
  uint32_t count = 0;
  for (size_t i = h->at + 1; i < h->in->count; i++) {
    const struct nvt_step *step = &h->in->steps[i];
    struct nvt_doorbell_id id;
    if (step->record.header.type == NVT_REC_COMMAND && step->record.command.sqid == sqid)
      count++;
    else if (nvt_step_is_doorbell(h->in, step, &id) && !id.is_cq && id.qid == sqid)
      break;
  }
  return count;
}

static void doorbell(struct nvt_host *h, struct nvt_doorbell_id id, const struct nvt_step *step) {
  if (step->raw || id.qid >= NVT_HOST_QUEUES) {
    nvt_host_ring(h, id, (uint32_t)step->record.access.value);
    return;
  }
  if (id.is_cq) {
    take_completions(h, id.qid);
    return;
  }
  const struct nvt_host_queue *sq = &h->sqs[id.qid];
  if (sq->entries < 2)
    return;
  uint32_t room = sq->entries - 1 - (sq->tail + sq->entries - sq->head) % sq->entries;
  uint32_t count = commands_until_next(h, id.qid);
  if (room > 0 && count > 0)
    nvt_host_ring(h, id, (sq->tail + (count < room ? count : room)) % sq->entries);
}

/* --- commands --- */

int nvt_host_step(struct nvt_host *h, uint16_t sqid) {
  uint16_t cqid = h->sqs[sqid].cqid;
  const struct nvt_host_queue *cq = &h->cqs[cqid < NVT_HOST_QUEUES ? cqid : 0];
  if (cq->entries > 0 && (cq->tail + 1) % cq->entries == cq->head)
    take_completions(h, cqid < NVT_HOST_QUEUES ? cqid : 0);
  int fetched = h->ops->step(h->target, sqid);
  settle(h);
  return fetched;
}

static void command(struct nvt_host *h, const struct nvt_step *step) {
  uint16_t sqid = step->record.command.sqid;
  if (sqid >= NVT_HOST_QUEUES || h->sqs[sqid].entries == 0)
    return;
  for (uint32_t i = 0; i < step->data_count; i++) {
    nvt_host_need_memory(h, step->data[i].data.address);
    (void)nvt_canary_write(h->canary, step->data[i].data.address, step->data[i].bytes,
                           step->data[i].data.captured_length);
  }
  struct nvt_host_queue *sq = &h->sqs[sqid];
  bool pending = sq->head != sq->tail;
  uint64_t slot = pending ? sq->head : sq->tail;
  nvt_host_need_memory(h, step->record.command.sqe.prp1);
  nvt_host_need_memory(h, step->record.command.sqe.prp2);
  (void)nvt_canary_write(h->canary, sq->base + (slot << sq->shift), &step->record.command.sqe,
                         sizeof(struct nvt_sqe));
  if (!pending)
    nvt_host_ring(h, (struct nvt_doorbell_id){.qid = sqid}, (sq->tail + 1) % sq->entries);
  (void)nvt_host_step(h, sqid);
}

/* What is still in the queues: entries that were announced, and are old ones. */
static void drain(struct nvt_host *h) {
  for (uint16_t id = 0; id < NVT_HOST_QUEUES; id++)
    for (unsigned n = 0; n < DRAIN_MAX && h->sqs[id].head != h->sqs[id].tail; n++)
      if (nvt_host_step(h, id) <= 0)
        break;
}

/* --- what happens from outside --- */

static void map(struct nvt_host *h, const struct nvt_rec_event *event) {
  if (h->maps_made) {
    h->ops->dma_unmap(h->target, 0, UINT64_MAX);
    nvt_canary_unmap(h->canary, 0, UINT64_MAX);
    h->maps_made = false;
  }
  h->maps_seen = true;
  nvt_host_map(h, event->address, event->size, (event->code & 1) != 0, (event->code & 2) != 0);
}

void nvt_host_map(struct nvt_host *h, uint64_t iova, uint64_t len, bool readable, bool writable) {
  struct nvt_memory_place place;
  if (nvt_canary_map(h->canary, iova, len, &place) == 0 &&
      h->ops->dma_map(h->target, iova, len, &place, readable, writable) != 0)
    nvt_canary_unmap(h->canary, iova, len);
  /* Queues may stand where no memory was until now. */
  for (unsigned i = 0; i < NVT_HOST_QUEUES; i++)
    if (h->cqs[i].entries > 0)
      nvt_canary_allow(h->canary, h->cqs[i].base, UINT64_C(16) * h->cqs[i].entries);
}

void nvt_host_need_memory(struct nvt_host *h, uint64_t address) {
  if (h->maps_seen || nvt_canary_has(h->canary, address))
    return;
  h->maps_made = true;
  nvt_host_map(h, address & ~(WINDOW - 1), WINDOW, true, true);
}

static void add_namespace(struct nvt_host *h, const struct nvt_rec_event *event) {
  struct nvt_meta_namespace ns = {
      .nsid = event->code, .block_size = 512, .blocks = event->size / 512};
  for (uint32_t i = 0; i < h->in->details.namespace_count; i++)
    if (h->in->details.namespaces[i].nsid == event->code)
      ns = h->in->details.namespaces[i];
  if (ns.nsid != 0 && ns.nsid <= NVT_META_NAMESPACES_MAX && ns.blocks != 0)
    (void)h->ops->add_namespace(h->target, &ns);
}

static void event(struct nvt_host *h, const struct nvt_rec_event *event) {
  h->ops->flush_interrupts(h->target);
  switch (event->event) {
  case NVT_V_event_event_DMA_MAP:
    map(h, event);
    break;
  case NVT_V_event_event_DMA_UNMAP:
    if (h->ops->dma_unmap(h->target, event->address, event->size) == 0)
      nvt_canary_unmap(h->canary, event->address, event->size);
    break;
  case NVT_V_event_event_NS_ADDED:
    add_namespace(h, event);
    break;
  default:
    h->detached = event->event == NVT_V_event_event_DETACH ||
                  (h->detached && event->event != NVT_V_event_event_ATTACH);
    (void)h->ops->happen(h->target, event);
    note_registers(h);
    break;
  }
}

static void step(struct nvt_host *h, const struct nvt_step *step) {
  struct nvt_doorbell_id id;
  if (nvt_step_is_doorbell(h->in, step, &id))
    doorbell(h, id, step);
  else if (step->record.header.type == NVT_REC_COMMAND)
    command(h, step);
  else if (step->record.header.type == NVT_REC_EVENT)
    event(h, &step->record.event);
  else
    nvt_host_access(h, step->record.header.type, step->record.access);
  settle(h);
}

/* --- life --- */

static void end(struct nvt_host *h) {
  uint64_t where;
  char text[96];
  drain(h);
  h->ops->settle(h->target);
  h->ops->flush_interrupts(h->target);
  if (nvt_canary_broken(h->canary, &where)) {
    snprintf(text, sizeof(text), "wrote guest memory at 0x%" PRIx64 ", which no command named",
             where);
    found(h, "memory", text);
  }
  nvt_watch_finish(h->watch);
  nvt_host_still_works(h);
}

static bool open_target(struct nvt_host *h, const char *address, char *why, size_t whylen) {
  const struct nvt_observer observer = nvt_host_observer(h);
  const struct nvt_target_setup setup = {.controller = h->in->meta.header.controller,
                                         .pci_address = h->in->meta.header.pci_address,
                                         .meta = &h->in->meta.meta,
                                         .details = &h->in->details,
                                         .address = address,
                                         .observer = &observer};
  return h->ops->open(&setup, &h->target, why, whylen);
}

bool nvt_input_run(const struct nvt_input *in, const struct nvt_target_ops *ops,
                   const char *address, struct nvt_run_report *report, char *why, size_t whylen) {
  struct nvt_host *h = calloc(1, sizeof(*h));
  snprintf(why, whylen, "out of memory");
  if (h == NULL)
    return false;
  uint64_t cap = in->meta.meta.cap != 0 ? in->meta.meta.cap : in->details.cap;
  h->in = in;
  h->ops = ops;
  h->report = report;
  h->dstrd = (unsigned)NVT_GET(cap, CAP_DSTRD);
  h->canary = nvt_canary_create();
  h->watch = nvt_watch_create(watch_found, h);
  bool opened = h->canary != NULL && h->watch != NULL && open_target(h, address, why, whylen);
  if (opened) {
    nvt_watch_record(h->watch, NVT_REC_META, &in->meta);
    for (h->at = 0; h->at < in->count; h->at++)
      step(h, &in->steps[h->at]);
    h->at = in->count - 1;
    end(h);
    ops->close(h->target);
  }
  nvt_watch_destroy(h->watch);
  nvt_canary_destroy(h->canary);
  free(h);
  return opened;
}
