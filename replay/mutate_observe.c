/* SPDX-License-Identifier: BSD-2-Clause */
/* What a mutated run's target does: told to the watch, and followed as far as a host has to. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "replay/mutate_host_int.h"

static void tell(struct nvt_host *h, enum nvt_record_type type, const struct nvt_record *record) {
  if (h->over)
    return;
  if (!h->collecting) {
    nvt_watch_record(h->watch, type, record);
  } else if (h->collected_count < NVT_HOST_COLLECTED) {
    h->collected[h->collected_count] = *record;
    h->collected[h->collected_count++].header.type = (uint8_t)type;
  }
}

void nvt_host_forget_queues(struct nvt_host *h) {
  memset(h->sqs, 0, sizeof(h->sqs));
  memset(h->cqs, 0, sizeof(h->cqs));
}

static enum nvt_fetch_wish fetched(void *ctx, uint64_t handle, struct nvt_rec_command *command,
                                   struct nvt_cqe *cqe) {
  struct nvt_host *h = ctx;
  const struct nvt_record record = {.command = *command};
  (void)handle;
  (void)cqe;
  h->report->commands++;
  nvt_canary_allow_command(h->canary, command->sqid, &command->sqe,
                           UINT64_C(4096) << NVT_GET(h->cc, CC_MPS));
  if (command->sqid < NVT_HOST_QUEUES)
    h->sqs[command->sqid].head = command->head;
  if (command->sqid == 0)
    h->creates[h->next_create++ % NVT_HOST_CREATES] = command->sqe;
  tell(h, NVT_REC_COMMAND, &record);
  return NVT_WISH_EXECUTE;
}

static bool finished(void *ctx, uint64_t handle, const struct nvt_cqe *cqe) {
  (void)ctx;
  (void)handle;
  (void)cqe;
  return false;
}

/* The watch knows each byte that was written, where it differs from what was there; this one says
 * so at once, and of equal bytes too. Of a target that is seen from outside it is made up. */
static void moved(void *ctx, const struct nvt_rec_data *data, const uint8_t *bytes) {
  struct nvt_host *h = ctx;
  char text[128];
  (void)bytes;
  if (h->ops->outside || h->moved_outside || data->direction != NVT_V_data_direction_IN ||
      nvt_canary_allows(h->canary, data->address, data->true_length))
    return;
  h->moved_outside = true;
  snprintf(text, sizeof(text),
           "%" PRIu32 " bytes for command 0x%04x of SQ %u go to 0x%" PRIx64
           ", which no command named",
           data->true_length, data->cid, data->sqid, data->address);
  h->report->found(h->report->ctx, h->at + 1, "memory", text);
}

/* Create and Delete that succeeded make and end queues. */
static void follow(struct nvt_host *h, uint16_t cid) {
  const struct nvt_sqe *sqe = NULL;
  for (unsigned i = 1; i <= NVT_HOST_CREATES && i <= h->next_create && sqe == NULL; i++)
    if (h->creates[(h->next_create - i) % NVT_HOST_CREATES].cid == cid)
      sqe = &h->creates[(h->next_create - i) % NVT_HOST_CREATES];
  if (sqe == NULL)
    return;
  uint16_t id = (uint16_t)sqe->cdw10;
  uint32_t shift = (uint32_t)NVT_GET(h->cc, CC_IOSQES);
  struct nvt_host_queue made = {.base = sqe->prp1, .entries = (sqe->cdw10 >> 16) + 1};
  if (id == 0 || id >= NVT_HOST_QUEUES)
    return;
  switch (sqe->opcode) {
  case NVT_ADMIN_CREATE_IO_CQ:
    h->cqs[id] = made;
    break;
  case NVT_ADMIN_CREATE_IO_SQ:
    made.shift = shift < 6 ? 6 : shift;
    made.cqid = (uint16_t)(sqe->cdw11 >> 16);
    h->sqs[id] = made;
    break;
  case NVT_ADMIN_DELETE_IO_CQ:
    h->cqs[id].entries = 0;
    break;
  case NVT_ADMIN_DELETE_IO_SQ:
    h->sqs[id] = (struct nvt_host_queue){0};
    break;
  default:
    break;
  }
}

static void posted(void *ctx, const struct nvt_rec_completion *completion) {
  struct nvt_host *h = ctx;
  const struct nvt_record record = {.completion = *completion};
  if (completion->cqid < NVT_HOST_QUEUES && h->cqs[completion->cqid].entries > 0)
    h->cqs[completion->cqid].tail = (completion->slot + 1u) % h->cqs[completion->cqid].entries;
  tell(h, NVT_REC_COMPLETION, &record);
  if (completion->sqid != 0)
    return;
  h->last_cid = completion->cqe.cid;
  h->last_status = NVT_CQE_STATUS(completion->cqe.status);
  if (h->last_status == NVT_SC_SUCCESS)
    follow(h, completion->cqe.cid);
}

static void interrupt(void *ctx, const struct nvt_rec_interrupt *interrupt) {
  const struct nvt_record record = {.interrupt = *interrupt};
  tell(ctx, NVT_REC_INTERRUPT, &record);
}

static void event(void *ctx, const struct nvt_rec_event *event) {
  struct nvt_host *h = ctx;
  const struct nvt_record record = {.event = *event};
  switch (event->event) {
  case NVT_V_event_event_CONTROLLER_RESET:
  case NVT_V_event_event_FUNCTION_RESET:
  case NVT_V_event_event_SUBSYSTEM_RESET:
  case NVT_V_event_event_DEVICE_RESET:
    nvt_host_forget_queues(h);
    break;
  default:
    break;
  }
  tell(h, NVT_REC_EVENT, &record);
}

static bool listening(void *ctx, uint16_t vector) {
  (void)ctx;
  (void)vector;
  return true;
}

struct nvt_observer nvt_host_observer(struct nvt_host *h) {
  return (struct nvt_observer){.ctx = h,
                               .fetched = fetched,
                               .finished = finished,
                               .moved = moved,
                               .posted = posted,
                               .interrupt = interrupt,
                               .event = event,
                               .listening = listening};
}

/* --- at the end --- */

#define AFTER_BASE UINT64_C(0x10000)
#define AFTER_CID 0x7e57u
#define AFTER_READS 1000u

static void write_register(struct nvt_host *h, uint64_t offset, uint8_t size, uint64_t value) {
  uint8_t flags;
  (void)h->ops->write(h->target, NVT_V_access_space_BAR0, offset, size, value, &flags);
}

static bool becomes_ready(struct nvt_host *h) {
  for (unsigned i = 0; i < AFTER_READS; i++) {
    uint64_t csts = 0;
    uint8_t flags;
    h->ops->settle(h->target);
    if (h->ops->read(h->target, NVT_V_access_space_BAR0, NVT_REG_CSTS, 4, &csts, &flags) != 0)
      return false;
    if (NVT_GET(csts, CSTS_RDY) != 0)
      return true;
  }
  return false;
}

static bool enable(struct nvt_host *h) {
  uint8_t flags;
  h->ops->dma_unmap(h->target, 0, UINT64_MAX);
  nvt_canary_unmap(h->canary, 0, UINT64_MAX);
  nvt_host_map(h, AFTER_BASE, 0x10000, true, true);
  if (!h->ops->own_config) /* memory and bus master enable */
    (void)h->ops->write(h->target, NVT_V_access_space_CONFIG, 4, 2, 6, &flags);
  write_register(h, NVT_REG_AQA, 4, 0x000f000f);
  write_register(h, NVT_REG_ASQ, 8, AFTER_BASE);
  write_register(h, NVT_REG_ACQ, 8, AFTER_BASE + 0x1000);
  write_register(h, NVT_REG_CC, 4, 0x00460001);
  return becomes_ready(h);
}

void nvt_host_still_works(struct nvt_host *h) {
  const struct nvt_rec_event attach = {.event = NVT_V_event_event_ATTACH};
  const struct nvt_rec_event reset = {.event = NVT_V_event_event_DEVICE_RESET};
  const struct nvt_sqe identify = {.opcode = NVT_ADMIN_IDENTIFY,
                                   .cid = AFTER_CID,
                                   .prp1 = AFTER_BASE + 0x2000,
                                   .cdw10 = NVT_CNS_CONTROLLER};
  h->over = true;
  if (h->detached)
    (void)h->ops->happen(h->target, &attach);
  if (h->ops->happen(h->target, &reset) != 0)
    return; /* this target has none */
  h->last_cid = 0;
  bool ready = enable(h);
  if (ready) {
    uint8_t flags;
    (void)nvt_canary_write(h->canary, AFTER_BASE, &identify, sizeof(identify));
    (void)h->ops->write(h->target, NVT_V_access_space_BAR0,
                        nvt_doorbell_offset((struct nvt_doorbell_id){0}, h->dstrd), 4, 1, &flags);
    (void)h->ops->step(h->target, 0);
    h->ops->settle(h->target);
  }
  if (!ready)
    h->report->found(h->report->ctx, 0, "dead", "doesn't become ready after a device reset");
  else if (h->last_cid != AFTER_CID || h->last_status != NVT_SC_SUCCESS)
    h->report->found(h->report->ctx, 0, "dead", "doesn't answer Identify after a device reset");
}
