/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/engine.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/sender.h"
#include "replay/engine_int.h"
#include "replay/limits.h"
#include "replay/pass_int.h"

#define SENDER_BYTES                                                                               \
  131072u /* a buffer has so many at least: commands that failed may ask for more */
#define SENDER_SECONDS 30.0

/* As the trace had it, or as much of it as there is. */
static struct nvt_sender_setup sender_of(const struct nvt_engine *e) {
  uint64_t bytes = SENDER_BYTES;
  uint32_t queues = 1;
  if (e->needs != NULL && e->needs->transfer > bytes)
    bytes = e->needs->transfer;
  if (e->needs != NULL && e->needs->highest > 1)
    queues = e->needs->highest;
  return (struct nvt_sender_setup){
      .queues = queues < NVT_SENDER_QUEUES_MAX ? queues : NVT_SENDER_QUEUES_MAX,
      .depth = e->totals->depth + 1u, /* one for the second of a fused pair */
      .bytes = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX,
      .timeout = SENDER_SECONDS,
  };
}

static bool open_target(struct nvt_engine *e, const struct nvt_record *meta, char *why,
                        size_t whylen) {
  const struct nvt_observer observer = {
      .ctx = e,
      .fetched = nvt_engine_fetched,
      .finished = nvt_engine_finished,
      .moved = nvt_engine_moved,
      .posted = nvt_engine_posted,
      .interrupt = nvt_engine_interrupted,
      .event = nvt_engine_happened,
      .listening = nvt_engine_listening,
  };
  const struct nvt_sender_setup sender = sender_of(e);
  const struct nvt_target_setup setup = {
      .controller = meta->header.controller,
      .pci_address = meta->header.pci_address,
      .meta = &e->meta,
      .details = &e->details,
      .address = e->address,
      .pin = nvt_feed_find_pin(e->feed, meta->header.controller),
      .observer = &observer,
      .remap = e->totals->remap,
      .sender = &sender,
  };
  return e->ops->open(&setup, &e->target, why, whylen);
}

/* What the target says of itself is asked before the first step, where it may be told. */
static bool check_limits(struct nvt_engine *e, char *why, size_t whylen) {
  uint8_t flags;
  if (e->ops->pass != NULL)
    return nvt_engine_pass_fits(e, why, whylen);
  if (e->needs == NULL ||
      e->ops->read(e->target, NVT_V_access_space_BAR0, NVT_REG_CAP, 8, &e->target_cap, &flags) != 0)
    return true;
  return nvt_limits_cap(e->needs, e->target_cap, why, whylen) &&
         (e->ops->vectors == NULL ||
          nvt_limits_vectors(e->needs, e->ops->vectors(e->target), why, whylen));
}

static bool drive(struct nvt_engine *e, char *why, size_t whylen) {
  if (e->ops->sender == NULL)
    return true;
  e->order = nvt_pass_order_create(e);
  if (e->order == NULL)
    snprintf(why, whylen, "out of memory");
  return e->order != NULL;
}

const char *nvt_engine_refused(const struct nvt_engine *e) {
  return e->refused[0] != '\0' ? e->refused : NULL;
}

static bool follow_namespace(struct nvt_engine *e, const struct nvt_meta_namespace *from) {
  struct replay_namespace *space = nvt_engine_namespace(e, from->nsid);
  if (space == NULL) {
    struct replay_namespace *bigger = reallocarray(e->spaces, e->space_count + 1u, sizeof(*bigger));
    if (bigger == NULL)
      return false;
    e->spaces = bigger;
    space = &e->spaces[e->space_count++];
  } else {
    nvt_blocks_destroy(space->known);
  }
  *space = (struct replay_namespace){
      .nsid = from->nsid,
      .block_size = from->block_size,
      .blocks = from->blocks,
      .asynchronous = from->asynchronous,
      .keeps_nothing = strncmp(from->backend, "null:", 5) == 0,
      /* Without payload in the trace nothing is ever compared with it. */
      .known =
          e->meta.data_mode != NVT_V_meta_data_mode_NONE ? nvt_blocks_create(from->blocks) : NULL,
  };
  return true;
}

static bool follow_namespaces(struct nvt_engine *e) {
  for (uint32_t i = 0; i < e->details.namespace_count; i++)
    if (!follow_namespace(e, &e->details.namespaces[i]))
      return false;
  return true;
}

int nvt_engine_add_namespace(struct nvt_engine *e, uint16_t controller,
                             const struct nvt_rec_event *event) {
  struct nvt_meta_namespace ns = {
      .nsid = event->code, .block_size = 512, .blocks = event->size / 512};
  const struct nvt_record *record = nvt_feed_peek_meta(e->feed, controller);
  struct nvt_meta details;
  char why[256];
  if (record != NULL &&
      nvt_meta_parse(record->tail, record->tail_length, &details, why, sizeof(why))) {
    for (uint32_t i = 0; i < details.namespace_count; i++)
      if (details.namespaces[i].nsid == event->code)
        ns = details.namespaces[i];
    nvt_meta_clear(&details);
  }
  if (ns.nsid == 0 || ns.nsid > NVT_META_NAMESPACES_MAX || ns.blocks == 0 || ns.block_size == 0)
    return -EINVAL;
  int failed = e->ops->add_namespace(e->target, &ns);
  if (failed == 0 && !follow_namespace(e, &ns))
    failed = -ENOMEM;
  return failed;
}

int nvt_engine_resize_namespace(struct nvt_engine *e, const struct nvt_rec_event *event) {
  int failed = e->ops->happen(e->target, event);
  struct replay_namespace *space = nvt_engine_namespace(e, event->code);
  if (failed || space == NULL || space->block_size == 0)
    return failed;
  space->blocks = event->size / space->block_size;
  space->known = nvt_blocks_resize(space->known, space->blocks);
  return 0;
}

bool nvt_engine_create(const struct nvt_record *meta, const struct nvt_target_ops *ops,
                       const char *address, struct nvt_feed *feed, struct nvt_replay_totals *totals,
                       struct nvt_engine **out, char *why, size_t whylen) {
  struct nvt_engine *e = calloc(1, sizeof(*e));
  snprintf(why, whylen, "out of memory");
  if (e == NULL)
    return false;
  e->ops = ops;
  e->address = address;
  e->feed = feed;
  e->totals = totals;
  e->meta = meta->meta;
  e->record = meta->number;
  for (uint32_t i = 0; totals->needs != NULL && i < totals->needs->controller_count; i++)
    if (totals->needs->controllers[i].id == meta->header.controller)
      e->needs = &totals->needs->controllers[i];
  e->queues = calloc(NVT_ENGINE_QUEUES, sizeof(*e->queues));
  e->answers = calloc(NVT_ANSWERS_MAX, sizeof(*e->answers));
  if (e->queues == NULL || e->answers == NULL || nvt_memory_create(ops->outside, &e->memory) != 0 ||
      !nvt_meta_parse(meta->tail, meta->tail_length, &e->details, why, whylen) ||
      !follow_namespaces(e) || !open_target(e, meta, why, whylen) ||
      !check_limits(e, why, whylen) || !drive(e, why, whylen)) {
    nvt_engine_destroy(e);
    return false;
  }
  *out = e;
  return true;
}

void nvt_engine_destroy(struct nvt_engine *e) {
  if (e == NULL)
    return;
  nvt_engine_forget_commands(e);
  nvt_pass_order_destroy(e->order);
  if (e->target != NULL)
    e->ops->close(e->target);
  nvt_memory_destroy(e->memory);
  for (uint32_t i = 0; e->spaces != NULL && i < e->space_count; i++)
    nvt_blocks_destroy(e->spaces[i].known);
  free(e->spaces);
  nvt_meta_clear(&e->details);
  free(e->answers);
  free(e->queues);
  free(e);
}

/* Where a trace doesn't tell its guest memory, this much is made around an address. */
#define WINDOW (UINT64_C(1) << 40)

void nvt_engine_need_memory(struct nvt_engine *e, uint64_t address) {
  struct nvt_memory_place place;
  uint64_t start = address & ~(WINDOW - 1);
  if (e->maps_seen || nvt_memory_has(e->memory, address) || e->ops->dma_map == NULL ||
      nvt_memory_map(e->memory, start, WINDOW, &place) != 0)
    return;
  e->maps_made = true;
  if (e->ops->dma_map(e->target, start, WINDOW, &place, true, true) != 0)
    nvt_memory_unmap(e->memory, start, WINDOW);
}

uint64_t nvt_engine_page(const struct nvt_engine *e) {
  uint32_t cc;
  memcpy(&cc, e->registers + NVT_REG_CC, sizeof(cc));
  return UINT64_C(4096) << NVT_GET(cc, CC_MPS);
}

void nvt_engine_stimulus(struct nvt_engine *e) {
  e->last_stimulus = e->record;
  nvt_memory_relax(e->memory);
}

void nvt_engine_blind(struct nvt_engine *e, const char *field, const char *expected,
                      const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  /* A filter doesn't hide that nothing is compared. */
  struct nvt_findings *findings = &e->totals->findings;
  bool muted = findings->muted;
  findings->muted = false;
  e->untold = (struct nvt_finding){.record = e->record, .field = field};
  snprintf(e->untold.expected, sizeof(e->untold.expected), "%s", expected);
  snprintf(e->untold.text, sizeof(e->untold.text),
           "%.180s; nothing can be compared from here until the next controller reset", text);
  e->blind = true;
  if (!e->totals->outside)
    nvt_engine_tell_blind(e);
  findings->muted = muted;
  nvt_engine_forget_answers(e);
}

void nvt_engine_tracing_stopped(struct nvt_engine *e) {
  if (!e->blind)
    nvt_engine_blind(e, "tracing", "stopped",
                     "tracing was stopped here, and what happened meanwhile isn't in the trace");
  for (uint32_t i = 0; i < e->space_count; i++)
    nvt_blocks_set(e->spaces[i].known, 0, e->spaces[i].blocks, false);
}

/* A snapshot in the middle, where another trace may begin: it repeats what is known. */
static bool repeats(struct nvt_engine *e, const struct nvt_record *record) {
  bool snapshot = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  if (!snapshot && record->header.type != NVT_REC_META)
    e->under_way = true;
  bool new_queue = record->header.type == NVT_REC_QUEUE_STATE && !record->queue.is_cq &&
                   e->queues[record->queue.qid].entries == 0;
  return snapshot && e->under_way && !e->blind && !new_queue;
}

static void check_losses(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  char count[32];
  if (e->blind)
    return; /* told already */
  if (nvt_record_left_out(record)) {
    nvt_engine_tracing_stopped(e);
  } else if (record->header.type == NVT_REC_LOSS && record->loss.count > 0) {
    snprintf(count, sizeof(count), "%llu", (unsigned long long)record->loss.count);
    nvt_engine_blind(e, "loss", count, "the recorder lost %s records here", count);
  } else if (item->missing > 0) {
    snprintf(count, sizeof(count), "%llu", (unsigned long long)item->missing);
    nvt_engine_blind(e, "seq", count, "%s records are missing before this one", count);
  } else if ((record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0 &&
             record->header.type == NVT_REC_QUEUE_STATE) {
    nvt_engine_blind(e, "snapshot", "start of session",
                     "the trace starts in the middle of a session, and a target can't take over "
                     "queues that it didn't see created");
  }
}

void nvt_engine_take(struct nvt_engine *e, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  e->record = record->number;
  nvt_engine_judge(e, item);
  if (e->ops->pass != NULL) {
    nvt_engine_pass(e, item);
    return;
  }
  if (nvt_engine_restore(e, item) || (item->missing == 0 && repeats(e, record)))
    return;
  check_losses(e, item);
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
    nvt_engine_read(e, record, NVT_V_access_space_CONFIG);
    break;
  case NVT_REC_CONFIG_WRITE:
    nvt_engine_write(e, record, NVT_V_access_space_CONFIG);
    break;
  case NVT_REC_REG_READ:
    nvt_engine_read(e, record, NVT_V_access_space_BAR0);
    break;
  case NVT_REC_REG_WRITE:
    nvt_engine_write(e, record, NVT_V_access_space_BAR0);
    break;
  case NVT_REC_MSIX_READ:
    nvt_engine_read(e, record, record->access.space);
    break;
  case NVT_REC_MSIX_WRITE:
    nvt_engine_write(e, record, record->access.space);
    break;
  case NVT_REC_SHADOW_DOORBELL:
    /* The host wrote its memory: the target finds it there. */
    nvt_engine_need_memory(e, record->shadow.address);
    nvt_memory_write(e->memory, record->shadow.address, &record->shadow.value,
                     sizeof(record->shadow.value));
    break;
  case NVT_REC_EVENT_INDEX:
    nvt_engine_excuse(e, NVT_EXCEPTION_EVENT_INDEX);
    break;
  case NVT_REC_INTERRUPT:
    nvt_engine_interrupt(e, record);
    break;
  case NVT_REC_COMMAND:
    nvt_engine_command(e, item);
    break;
  case NVT_REC_COMPLETION:
    nvt_engine_completion(e, item);
    break;
  case NVT_REC_EVENT:
    nvt_engine_event(e, record);
    break;
  case NVT_REC_VERDICT:
    nvt_engine_verdict(e, record);
    break;
  default: /* meta, data, loss, annotation, queue state: taken by the feed or above */
    break;
  }
}

void nvt_engine_forgive(struct nvt_engine *e) {
  nvt_engine_forget_answers(e);
}

void nvt_engine_finish(struct nvt_engine *e) {
  if (e->order != NULL)
    nvt_pass_order_drain(e->order);
  e->totals->findings.muted = false; /* each answer knows whether it counts */
  if (!e->blind)
    nvt_engine_report_extra(e, NULL);
}
