/* SPDX-License-Identifier: BSD-2-Clause */
/* Target: the controller model in this process, made to look like the recorded one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/inject.h"
#include "controller/restore.h"
#include "controller/tap.h"
#include "nvme/nvme.h"
#include "replay/model_int.h"
#include "replay/target_int.h"

#define SETTLE_MAX 1000 /* polls */

struct nvt_target {
  struct nvt_controller *device;
  struct nvt_plugin_host *host;
  struct nvt_observer observer;
  uint8_t access_flags; /* of the last access, as the tap had them */
  bool no_data;         /* the trace has no payload: what is stored makes no difference */
};

static enum nvt_verdict on_access(void *user, const struct nvt_tap_event *event) {
  struct nvt_target *t = user;
  t->access_flags = event->access.flags;
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_decode(void *user, const struct nvt_tap_event *event) {
  struct nvt_target *t = user;
  struct nvt_rec_command command = {
      .sqid = event->command.sqid,
      .cqid = event->command.cqid,
      .slot = event->command.slot,
      .head = event->command.head,
      .tail = event->command.tail,
      .sqe = *event->command.sqe,
  };
  enum nvt_fetch_wish wish =
      t->observer.fetched(t->observer.ctx, event->command.handle, &command, event->command.cqe);
  *event->command.sqe = command.sqe;
  return wish == NVT_WISH_COMPLETE ? NVT_VERDICT_COMPLETE
         : wish == NVT_WISH_DROP   ? NVT_VERDICT_DROP
                                   : NVT_VERDICT_CONTINUE;
}

static void posted(struct nvt_target *t, const struct nvt_tap_event *event) {
  const struct nvt_rec_completion completion = {
      .sqid = event->command.sqid,
      .cqid = event->command.cqid,
      .slot = event->command.slot,
      .head = event->command.head,
      .opcode = event->command.sqe->opcode,
      .cqe = *event->command.cqe,
  };
  t->observer.posted(t->observer.ctx, &completion);
}

static enum nvt_verdict on_writeback(void *user, const struct nvt_tap_event *event) {
  struct nvt_target *t = user;
  if (t->observer.finished(t->observer.ctx, event->command.handle, event->command.cqe))
    return NVT_VERDICT_HOLD;
  posted(t, event);
  return NVT_VERDICT_CONTINUE;
}

/* A completion that model_inject() made: nobody is asked about it. */
static enum nvt_verdict on_made_up(void *user, const struct nvt_tap_event *event) {
  if (event->audience == NVT_AUDIENCE_NOTED)
    posted(user, event);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_data(void *user, const struct nvt_tap_event *event) {
  struct nvt_target *t = user;
  const struct nvt_rec_data data = {
      .sqid = event->data.sqid,
      .cid = event->data.cid,
      .kind = event->data.kind,
      .direction = event->data.direction,
      .address = event->data.address,
      .offset = event->data.offset,
      .true_length = event->data.length,
      .captured_length = event->data.length,
  };
  t->observer.moved(t->observer.ctx, &data, event->data.bytes);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_interrupt(void *user, const struct nvt_tap_event *event) {
  struct nvt_target *t = user;
  const struct nvt_rec_interrupt interrupt = {
      .address = event->interrupt.address,
      .data = event->interrupt.data,
      .vector = event->interrupt.vector,
      .state = event->interrupt.state,
      .mode = event->interrupt.mode,
      .cqid = event->interrupt.cqid,
  };
  t->observer.interrupt(t->observer.ctx, &interrupt);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_event(void *user, const struct nvt_tap_event *event) {
  struct nvt_target *t = user;
  const struct nvt_rec_event record = {
      .event = event->event.event,
      .qid = event->event.qid,
      .code = event->event.code,
      .address = event->event.address,
      .size = event->event.size,
  };
  t->observer.event(t->observer.ctx, &record);
  return NVT_VERDICT_CONTINUE;
}

static bool port_interrupt(void *ctx, uint16_t vector) {
  struct nvt_target *t = ctx;
  return t->observer.listening(t->observer.ctx, vector);
}

static void port_pin(void *ctx, bool asserted) {
  (void)ctx;
  (void)asserted; /* the tap has told */
}

static int attach_taps(struct nvt_target *t) {
  static const struct {
    enum nvt_tap_id tap;
    nvt_tap_fn fn;
  } taps[] = {
      {NVT_TAP_PCI_REGREAD, on_access},
      {NVT_TAP_PCI_REGWRITE, on_access},
      {NVT_TAP_REGREAD, on_access},
      {NVT_TAP_REGWRITE, on_access},
      {NVT_TAP_MSIXREAD, on_access},
      {NVT_TAP_MSIXWRITE, on_access},
      {NVT_TAP_ADMIN_DECODE, on_decode},
      {NVT_TAP_IO_DECODE, on_decode},
      {NVT_TAP_ADMIN_WRITEBACK, on_writeback},
      {NVT_TAP_IO_WRITEBACK, on_writeback},
      {NVT_TAP_ADMIN_WRITEBACK, on_made_up},
      {NVT_TAP_IO_WRITEBACK, on_made_up},
      {NVT_TAP_ADMIN_MEMORY, on_data},
      {NVT_TAP_IO_MEMORY, on_data},
      {NVT_TAP_PCI_MSIX, on_interrupt},
      {NVT_TAP_DEVICE_EVENT, on_event},
  };
  for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++) {
    struct nvt_attachment *attachment;
    /* Who only observes has no data copied for it. */
    bool decides = taps[i].fn == on_decode || taps[i].fn == on_writeback;
    int failed = nvt_tap_attach(t->host, nvt_tap_name(taps[i].tap), decides ? 0 : NVT_TAP_LAST,
                                taps[i].fn, t, "replay", &attachment);
    if (failed)
      return failed;
  }
  return 0;
}

static void model_close(struct nvt_target *t) {
  nvt_controller_destroy(t->device);
  nvt_plugin_host_destroy(t->host);
  free(t);
}

static bool model_open(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                       size_t whylen) {
  struct nvt_target *t = calloc(1, sizeof(*t));
  snprintf(why, whylen, "out of memory");
  if (t == NULL)
    return false;
  t->observer = *setup->observer;
  t->no_data = nvt_model_keeps_nothing(setup);
  struct nvt_port_ops port = {
      .interrupt = port_interrupt, .pin = setup->pin ? port_pin : NULL, .ctx = t};
  bool good = nvt_plugin_host_create(&t->host) == 0 &&
              nvt_model_create(setup, t->host, &port, &t->device, why, whylen);
  if (good) {
    nvt_controller_set_port(t->device, &port);
    nvt_controller_set_manual(t->device, true);
    good = attach_taps(t) == 0;
  }
  if (!good) {
    model_close(t);
    return false;
  }
  *out = t;
  return true;
}

static uint64_t bar0_offset(uint8_t space, uint64_t offset) {
  uint64_t base = space == NVT_V_access_space_MSIX_TABLE ? NVT_BAR0_MSIX_TABLE
                  : space == NVT_V_access_space_MSIX_PBA ? NVT_BAR0_MSIX_PBA
                                                         : 0;
  uint64_t sum;
  return __builtin_add_overflow(base, offset, &sum) ? UINT64_MAX : sum;
}

static int model_read(struct nvt_target *t, uint8_t space, uint64_t offset, uint8_t size,
                      uint64_t *value, uint8_t *flags) {
  *value = 0;
  t->access_flags = 0;
  int failed = space == NVT_V_access_space_CONFIG
                   ? nvt_controller_config_read(t->device, offset, value, size)
                   : nvt_controller_bar0_read(t->device, bar0_offset(space, offset), value, size);
  *flags = t->access_flags;
  return failed;
}

static int model_write(struct nvt_target *t, uint8_t space, uint64_t offset, uint8_t size,
                       uint64_t value, uint8_t *flags) {
  t->access_flags = 0;
  int failed = space == NVT_V_access_space_CONFIG
                   ? nvt_controller_config_write(t->device, offset, &value, size)
                   : nvt_controller_bar0_write(t->device, bar0_offset(space, offset), &value, size);
  *flags = t->access_flags;
  return failed;
}

static int model_dma_map(struct nvt_target *t, uint64_t iova, uint64_t len,
                         const struct nvt_memory_place *place, bool readable, bool writable) {
  return nvt_controller_dma_map(t->device, iova, len, place->host, readable, writable);
}

static int model_dma_unmap(struct nvt_target *t, uint64_t iova, uint64_t len) {
  if (len != UINT64_MAX)
    return nvt_controller_dma_unmap(t->device, iova, len);
  nvt_controller_dma_unmap_all(t->device);
  return 0;
}

static int model_step(struct nvt_target *t, uint16_t sqid) {
  return nvt_controller_step(t->device, sqid);
}

static void model_settle(struct nvt_target *t) {
  for (unsigned i = 0; i < SETTLE_MAX && nvt_controller_poll(t->device, 0) > 0; i++)
    ;
}

static void model_flush_interrupts(struct nvt_target *t) {
  nvt_controller_flush_interrupts(t->device);
}

static int model_release(struct nvt_target *t, uint64_t handle) {
  return nvt_command_release(t->device, handle, NULL);
}

static int model_preload(struct nvt_target *t, uint32_t nsid, uint64_t offset, const void *bytes,
                         size_t len) {
  return nvt_controller_preload(t->device, nsid, offset, bytes, len);
}

static bool has_namespace(struct nvt_target *t, uint32_t nsid) {
  struct nvt_namespace_info info;
  for (uint32_t i = 0; nvt_controller_namespace(t->device, i, &info); i++)
    if (info.nsid == nsid)
      return true;
  return false;
}

static int model_add_namespace(struct nvt_target *t, const struct nvt_meta_namespace *ns) {
  char why[256];
  return has_namespace(t, ns->nsid)
             ? 0
             : nvt_model_add_namespace(t->device, t->no_data, ns, why, sizeof(why));
}

static int model_happen(struct nvt_target *t, const struct nvt_rec_event *event) {
  switch (event->event) {
  case NVT_V_event_event_ATTACH:
    nvt_controller_attach(t->device);
    return 0;
  case NVT_V_event_event_DETACH:
    nvt_controller_detach(t->device);
    return 0;
  case NVT_V_event_event_IRQ_SETUP:
    nvt_controller_irq_setup(t->device, event->code, (uint16_t)(event->address & 0xffff),
                             (uint16_t)(event->size & 0xffff));
    return 0;
  case NVT_V_event_event_CONTROLLER_RESET:
    nvt_controller_reset(t->device, NVT_RESET_CONTROLLER);
    return 0;
  case NVT_V_event_event_FUNCTION_RESET:
    nvt_controller_reset(t->device, NVT_RESET_FUNCTION);
    return 0;
  case NVT_V_event_event_SUBSYSTEM_RESET:
    nvt_controller_reset(t->device, NVT_RESET_SUBSYSTEM);
    return 0;
  case NVT_V_event_event_DEVICE_RESET:
    nvt_controller_reset(t->device, NVT_RESET_DEVICE);
    return 0;
  case NVT_V_event_event_NS_REMOVED:
    return nvt_controller_remove_namespace(t->device, event->code);
  case NVT_V_event_event_NS_RESIZED: {
    char why[256];
    return nvt_controller_resize_namespace(t->device, event->code, event->size, why, sizeof(why));
  }
  default:
    return -ENOTSUP;
  }
}

static int inject_event(struct nvt_controller *c, const struct nvt_record *record) {
  if (record->header.type == NVT_REC_COMPLETION) {
    uint32_t dw0 = record->completion.cqe.dw0;
    return nvt_inject_event(c, dw0 & 7, (uint8_t)(dw0 >> 8), (uint8_t)(dw0 >> 16), "replay");
  }
  switch (record->event.event) {
  case NVT_V_event_event_FATAL:
    return nvt_inject_fatal(c, "replay");
  case NVT_V_event_event_REMOVED:
    return nvt_inject_removal(c, "replay");
  case NVT_V_event_event_RETURNED:
    return nvt_inject_return(c, "replay");
  default:
    return -ENOTSUP;
  }
}

static int model_inject(struct nvt_target *t, uint8_t tap, const struct nvt_record *record) {
  switch (tap) {
  case NVT_V_verdict_tap_DEVICE_EVENT:
    return inject_event(t->device, record);
  case NVT_V_verdict_tap_PCI_MSIX:
    return nvt_inject_interrupt(t->device, record->interrupt.vector, "replay");
  default:
    return nvt_inject_completion(t->device, record->completion.cqid, &record->completion.cqe,
                                 record->completion.opcode, "replay");
  }
}

static int restore_queue(struct nvt_controller *c, const struct nvt_rec_queue *queue) {
  const struct nvt_queue_info info = {
      .qid = queue->qid,
      .cqid = queue->cqid,
      .vector = queue->vector,
      .is_cq = queue->is_cq != 0,
      .interrupts = (queue->queue_flags & NVT_V_queue_queue_flags_INTERRUPTS) != 0,
      .phase = (queue->queue_flags & NVT_V_queue_queue_flags_PHASE) != 0,
      .base = queue->base,
      .entries = queue->entries,
      .head = queue->head,
      .tail = queue->tail};
  return nvt_controller_restore_queue(c, &info);
}

static int model_restore(struct nvt_target *t, const struct nvt_record *record) {
  switch (record->header.type) {
  case NVT_REC_QUEUE_STATE:
    return restore_queue(t->device, &record->queue);
  case NVT_REC_COMMAND: {
    int fetched =
        nvt_controller_restore_command(t->device, record->command.sqid, record->command.slot);
    return fetched < 0 ? fetched : fetched == 0 ? -EAGAIN : 0;
  }
  case NVT_REC_COMPLETION:
    nvt_controller_restore_due(t->device, record->completion.cqid);
    return 0;
  case NVT_REC_INTERRUPT:
    nvt_controller_restore_told(t->device, record->interrupt.vector);
    return 0;
  default:
    return -ENOTSUP;
  }
}

const struct nvt_target_ops nvt_target_model = {
    .name = "model",
    .summary = "the controller model in this process, set up as the recorded controller was",
    .driven = &nvt_target_model_driven,
    .open = model_open,
    .close = model_close,
    .read = model_read,
    .write = model_write,
    .dma_map = model_dma_map,
    .dma_unmap = model_dma_unmap,
    .step = model_step,
    .settle = model_settle,
    .flush_interrupts = model_flush_interrupts,
    .release = model_release,
    .preload = model_preload,
    .happen = model_happen,
    .inject = model_inject,
    .restore = model_restore,
    .add_namespace = model_add_namespace,
};
