/* SPDX-License-Identifier: BSD-2-Clause */
/* One call, one record: checked, copied into the ring. */
#include <errno.h>
#include <string.h>

#include "embed/embed_int.h"
#include "nvme/nvme.h"

/* The public numbers are those of trace/record.def. */
#define SAME(name, value) _Static_assert((int)(name) == (int)(value), #name)
SAME(NVMETAP_CONFIG_READ, NVT_REC_CONFIG_READ);
SAME(NVMETAP_CONFIG_WRITE, NVT_REC_CONFIG_WRITE);
SAME(NVMETAP_REG_READ, NVT_REC_REG_READ);
SAME(NVMETAP_REG_WRITE, NVT_REC_REG_WRITE);
SAME(NVMETAP_MSIX_READ, NVT_REC_MSIX_READ);
SAME(NVMETAP_MSIX_WRITE, NVT_REC_MSIX_WRITE);
SAME(NVMETAP_POLLED, NVT_V_access_access_flags_POLLED);
SAME(NVMETAP_REFUSED, NVT_V_access_access_flags_REFUSED);
SAME(NVMETAP_PAYLOAD, NVT_V_data_kind_PAYLOAD);
SAME(NVMETAP_PRP_LIST, NVT_V_data_kind_PRP_LIST);
SAME(NVMETAP_SGL_SEGMENT, NVT_V_data_kind_SGL_SEGMENT);
SAME(NVMETAP_METADATA, NVT_V_data_kind_METADATA);
SAME(NVMETAP_TO_CONTROLLER, NVT_V_data_direction_OUT);
SAME(NVMETAP_TO_HOST, NVT_V_data_direction_IN);
SAME(NVMETAP_IRQ_SENT, NVT_V_interrupt_state_SENT);
SAME(NVMETAP_IRQ_MASKED, NVT_V_interrupt_state_MASKED);
SAME(NVMETAP_IRQ_DISABLED, NVT_V_interrupt_state_DISABLED);
SAME(NVMETAP_IRQ_DEASSERTED, NVT_V_interrupt_state_DEASSERTED);
#define EVENT(name) SAME(NVMETAP_##name, NVT_V_event_event_##name)
EVENT(ATTACH);
EVENT(DETACH);
EVENT(CONTROLLER_RESET);
EVENT(FUNCTION_RESET);
EVENT(SUBSYSTEM_RESET);
EVENT(DEVICE_RESET);
EVENT(DMA_MAP);
EVENT(DMA_UNMAP);
EVENT(MIGRATE_OUT);
EVENT(MIGRATE_IN);
EVENT(SHUTDOWN);
EVENT(READY);
EVENT(FATAL);
EVENT(IRQ_SETUP);
EVENT(NS_ADDED);
EVENT(NS_REMOVED);
EVENT(DMA_FAULT);
EVENT(DOORBELL_FAULT);
EVENT(NS_RESIZED);
EVENT(REMOVED);
EVENT(RETURNED);
_Static_assert(NVMETAP_TEXT_MAX == NVT_EMIT_TEXT_MAX, "the longest annotation");

static __attribute__((noinline, cold)) int lost(void) {
  return nvt_embed_refuse(-ENOSPC, "the ring is full, or writing has failed: the record is lost");
}

/* Record what the initialiser gives, in a call of its own: its result is the call's. */
#define PUT(controller, type, body_type, ...)                                                      \
  do {                                                                                             \
    struct nvt_emit *emit_ = nvt_embed_enter(controller);                                          \
    struct body_type *body_ = nvt_emit_begin(emit_, (controller)->who, type, sizeof(*body_));      \
    if (body_ != NULL) {                                                                           \
      *body_ = (struct body_type){__VA_ARGS__};                                                    \
      if (__builtin_expect((controller)->preamble, 0))                                             \
        nvt_emit_snapshot(body_);                                                                  \
      nvt_emit_end(emit_, type, sizeof(*body_));                                                   \
    }                                                                                              \
    nvt_embed_leave(controller);                                                                   \
    return __builtin_expect(body_ != NULL, 1) ? 0 : lost();                                        \
  } while (0)

static bool space_of(unsigned kind, uint8_t *space) {
  switch (kind) {
  case NVMETAP_CONFIG_READ:
  case NVMETAP_CONFIG_WRITE:
    *space = NVT_V_access_space_CONFIG;
    return true;
  case NVMETAP_REG_READ:
  case NVMETAP_REG_WRITE:
    *space = NVT_V_access_space_BAR0;
    return true;
  case NVMETAP_MSIX_READ:
  case NVMETAP_MSIX_WRITE:
    *space = NVT_V_access_space_MSIX_TABLE;
    return true;
  default:
    return false;
  }
}

int nvmetap_access(struct nvmetap_controller *controller, unsigned kind, uint64_t offset,
                   unsigned size, uint64_t value, unsigned flags) {
  uint8_t space;
  if (controller == NULL)
    return 0;
  if (!space_of(kind, &space))
    return nvt_embed_refuse(-EINVAL, "nvmetap_access(): no kind %u", kind);
  if (size != 1 && size != 2 && size != 4 && size != 8)
    return nvt_embed_refuse(-EINVAL, "nvmetap_access(): %u bytes: 1, 2, 4 or 8 are one access",
                            size);
  if ((flags & ~(unsigned)(NVMETAP_POLLED | NVMETAP_REFUSED)) != 0)
    return nvt_embed_refuse(-EINVAL, "nvmetap_access(): flags 0x%x", flags);
  if (size < 8)
    value &= (UINT64_C(1) << size * 8) - 1;
  PUT(controller, (enum nvt_record_type)kind, nvt_rec_access, .offset = offset, .value = value,
      .size = (uint8_t)size, .space = space, .access_flags = (uint8_t)flags);
}

int nvmetap_doorbell(struct nvmetap_controller *controller, uint16_t qid, bool is_cq,
                     uint32_t value, unsigned flags) {
  if (controller == NULL)
    return 0;
  if ((flags & ~(unsigned)(NVMETAP_POLLED | NVMETAP_REFUSED)) != 0)
    return nvt_embed_refuse(-EINVAL, "nvmetap_doorbell(): flags 0x%x", flags);
  uint64_t index = 2u * (uint64_t)qid + (is_cq ? 1 : 0);
  PUT(controller, NVT_REC_REG_WRITE, nvt_rec_access,
      .offset = NVT_REG_DOORBELLS + index * controller->stride, .value = value, .size = 4,
      .space = NVT_V_access_space_BAR0, .access_flags = (uint8_t)flags);
}

int nvmetap_shadow(struct nvmetap_controller *controller, bool event_index, uint16_t qid,
                   bool is_cq, uint64_t address, uint32_t value) {
  if (controller == NULL)
    return 0;
  enum nvt_record_type type = event_index ? NVT_REC_EVENT_INDEX : NVT_REC_SHADOW_DOORBELL;
  PUT(controller, type, nvt_rec_shadow, .address = address, .value = value, .qid = qid,
      .is_cq = is_cq);
}

/* What data is a block is known by its command. */
static __attribute__((noinline)) void expect_data(struct nvmetap_controller *controller,
                                                  uint16_t sqid, const struct nvt_sqe *sqe) {
  (void)nvt_embed_enter(controller);
  nvt_digests_command(controller->thread->digests, controller->who.controller, sqid, sqe);
  nvt_embed_leave(controller);
}

int nvmetap_command(struct nvmetap_controller *controller, uint16_t sqid, uint16_t cqid,
                    uint16_t slot, uint16_t head, uint16_t tail, const void *sqe) {
  if (controller == NULL)
    return 0;
  if (sqe == NULL)
    return nvt_embed_refuse(-EINVAL, "nvmetap_command(): no submission queue entry");
  struct nvt_sqe copy;
  memcpy(&copy, sqe, sizeof(copy)); /* it may lie anywhere */
  if (__builtin_expect(controller->thread->digests != NULL, 0) && sqid != 0)
    expect_data(controller, sqid, &copy);
  PUT(controller, NVT_REC_COMMAND, nvt_rec_command, .sqid = sqid, .cqid = cqid, .slot = slot,
      .head = head, .tail = tail, .sqe = copy);
}

int nvmetap_completion(struct nvmetap_controller *controller, uint16_t cqid, uint16_t slot,
                       uint16_t head, uint8_t opcode, const void *cqe) {
  if (controller == NULL)
    return 0;
  if (cqe == NULL)
    return nvt_embed_refuse(-EINVAL, "nvmetap_completion(): no completion queue entry");
  struct nvt_cqe copy;
  memcpy(&copy, cqe, sizeof(copy));
  PUT(controller, NVT_REC_COMPLETION, nvt_rec_completion, .sqid = copy.sqid, .cqid = cqid,
      .slot = slot, .head = head, .opcode = opcode, .cqe = copy);
}

int nvmetap_data(struct nvmetap_controller *controller, const struct nvmetap_data *data) {
  if (controller == NULL)
    return 0;
  if (data == NULL || (data->bytes == NULL && data->length > 0))
    return nvt_embed_refuse(-EINVAL, "nvmetap_data(): no bytes");
  if (data->kind > NVMETAP_METADATA ||
      (data->direction != NVMETAP_TO_CONTROLLER && data->direction != NVMETAP_TO_HOST))
    return nvt_embed_refuse(-EINVAL, "nvmetap_data(): kind %u, direction %u", data->kind,
                            data->direction);
  if (data->length > UINT64_MAX - data->offset)
    return nvt_embed_refuse(-EINVAL, "nvmetap_data(): %u bytes at offset %llu end nowhere",
                            data->length, (unsigned long long)data->offset);
  if (data->length == 0)
    return 0;
  const struct nvt_rec_data what = {.sqid = data->sqid,
                                    .cid = data->cid,
                                    .kind = data->kind,
                                    .direction = data->direction,
                                    .address = data->address,
                                    .offset = data->offset,
                                    .true_length = data->length};
  struct nvt_emit *emit = nvt_embed_enter(controller);
  struct nvt_digests *digests = controller->thread->digests;
  int error = digests != NULL ? nvt_digests_data(digests, emit, controller->who, &what, data->bytes)
                              : nvt_emit_data(emit, controller->who, &controller->recorder->data,
                                              &what, data->bytes);
  nvt_embed_leave(controller);
  return error == 0 ? 0 : lost();
}

int nvmetap_interrupt(struct nvmetap_controller *controller, uint16_t vector, uint16_t cqid,
                      unsigned state, uint64_t address, uint32_t message) {
  if (controller == NULL)
    return 0;
  unsigned what = state & ~(unsigned)NVMETAP_IRQ_PIN;
  if (what > NVMETAP_IRQ_DEASSERTED)
    return nvt_embed_refuse(-EINVAL, "nvmetap_interrupt(): no state 0x%x", state);
  uint8_t mode = what != state ? NVT_V_interrupt_mode_PIN : NVT_V_interrupt_mode_MSIX;
  PUT(controller, NVT_REC_INTERRUPT, nvt_rec_interrupt, .address = address, .data = message,
      .vector = vector, .state = (uint8_t)what, .mode = mode, .cqid = cqid);
}

static bool is_reset(unsigned event) {
  return event >= NVMETAP_CONTROLLER_RESET && event <= NVMETAP_DEVICE_RESET;
}

int nvmetap_event(struct nvmetap_controller *controller, unsigned event, uint16_t qid,
                  uint32_t code, uint64_t address, uint64_t size) {
  if (controller == NULL)
    return 0;
  if (event < NVMETAP_ATTACH || event > NVMETAP_RETURNED)
    return nvt_embed_refuse(-EINVAL, "nvmetap_event(): no event %u", event);
  struct nvt_emit *emit = nvt_embed_enter(controller);
  struct nvt_emit_who who = controller->who;
  if (is_reset(event)) /* lost or not: its own record is the last of the epoch */
    controller->who.epoch++;
  struct nvt_rec_event *body = nvt_emit_begin(emit, who, NVT_REC_EVENT, sizeof(*body));
  if (body != NULL) {
    *body = (struct nvt_rec_event){
        .event = (uint16_t)event, .qid = qid, .code = code, .address = address, .size = size};
    if (controller->preamble)
      nvt_emit_snapshot(body);
    nvt_emit_end(emit, NVT_REC_EVENT, sizeof(*body));
  }
  nvt_embed_leave(controller);
  return body != NULL ? 0 : lost();
}

int nvmetap_annotate(struct nvmetap_controller *controller, const char *text) {
  if (controller == NULL)
    return 0;
  if (text == NULL)
    return nvt_embed_refuse(-EINVAL, "nvmetap_annotate(): no text");
  int error = nvt_emit_annotation(nvt_embed_enter(controller), controller->who, text);
  nvt_embed_leave(controller);
  if (error == -EINVAL)
    return nvt_embed_refuse(error, "nvmetap_annotate(): more than %u bytes", NVMETAP_TEXT_MAX);
  return error == 0 ? 0 : lost();
}

int nvmetap_queue(struct nvmetap_controller *controller, const struct nvmetap_queue *queue) {
  if (controller == NULL)
    return 0;
  if (queue == NULL || queue->entries < 2 || queue->entries > 65536)
    return nvt_embed_refuse(-EINVAL, "nvmetap_queue(): a queue has 2 to 65536 entries");
  unsigned flags = (queue->contiguous ? NVT_V_queue_queue_flags_CONTIGUOUS : 0u) |
                   (queue->interrupts ? NVT_V_queue_queue_flags_INTERRUPTS : 0u) |
                   (queue->phase ? NVT_V_queue_queue_flags_PHASE : 0u);
  PUT(controller, NVT_REC_QUEUE_STATE, nvt_rec_queue, .qid = queue->qid, .cqid = queue->cqid,
      .vector = queue->vector, .is_cq = queue->is_cq, .queue_flags = (uint8_t)flags,
      .base = queue->base, .entries = queue->entries, .head = queue->head, .tail = queue->tail);
}
