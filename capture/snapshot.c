/* SPDX-License-Identifier: BSD-2-Clause */
/* The state of a controller where a trace starts in the middle: docs/trace-format.md, "Snapshot".
 */
#include "capture/trace_tap_int.h"
#include "controller/controller.h"
#include "controller/state.h"
#include "nvme/nvme.h"

static void access(struct nvt_trace_tap *tap, const struct nvt_controller *device,
                   enum nvt_record_type type, uint8_t space, uint64_t offset, uint8_t size,
                   uint64_t value) {
  struct nvt_rec_access *body = nvt_trace_tap_begin_snapshot(tap, device, type, sizeof(*body));
  if (body == NULL)
    return;
  *body = (struct nvt_rec_access){.offset = offset, .value = value, .size = size, .space = space};
  nvt_trace_tap_end_snapshot(tap, type, sizeof(*body));
}

static void memory(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  struct nvt_window_info window;
  for (unsigned i = 0; nvt_controller_window(device, i, &window); i++) {
    struct nvt_rec_event *body =
        nvt_trace_tap_begin_snapshot(tap, device, NVT_REC_EVENT, sizeof(*body));
    if (body == NULL)
      continue;
    *body =
        (struct nvt_rec_event){.event = NVT_V_event_event_DMA_MAP,
                               .code = (window.readable ? 1u : 0u) | (window.writable ? 2u : 0u),
                               .address = window.address,
                               .size = window.size};
    nvt_trace_tap_end_snapshot(tap, NVT_REC_EVENT, sizeof(*body));
  }
}

static void configuration(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  uint16_t offset;
  uint32_t value;
  for (unsigned i = 0; nvt_controller_config(device, i, &offset, &value); i++)
    access(tap, device, NVT_REC_CONFIG_WRITE, NVT_V_access_space_CONFIG, offset, 4, value);
}

static void registers(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  struct nvt_registers r;
  nvt_controller_registers(device, &r);
  const struct {
    uint64_t offset, value;
    enum nvt_record_type type;
    uint8_t size;
  } rows[] = {
      {NVT_REG_CAP, r.cap, NVT_REC_REG_READ, 8},      {NVT_REG_VS, r.vs, NVT_REC_REG_READ, 4},
      {NVT_REG_INTMS, r.intms, NVT_REC_REG_WRITE, 4}, {NVT_REG_AQA, r.aqa, NVT_REC_REG_WRITE, 4},
      {NVT_REG_ASQ, r.asq, NVT_REC_REG_WRITE, 8},     {NVT_REG_ACQ, r.acq, NVT_REC_REG_WRITE, 8},
      {NVT_REG_CC, r.cc, NVT_REC_REG_WRITE, 4}, /* after what it makes the admin queues of */
      {NVT_REG_CSTS, r.csts, NVT_REC_REG_READ, 4},
  };
  for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    access(tap, device, rows[i].type, NVT_V_access_space_BAR0, rows[i].offset, rows[i].size,
           rows[i].value);
}

static void vectors(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  struct nvt_controller_info info;
  nvt_controller_info(device, &info);
  for (uint16_t v = 0; v < info.vectors; v++) {
    struct nvt_msix_info entry;
    if (!nvt_controller_msix(device, v, &entry))
      continue;
    uint64_t at = 16u * (uint64_t)v;
    uint8_t table = NVT_V_access_space_MSIX_TABLE;
    access(tap, device, NVT_REC_MSIX_WRITE, table, at, 8, entry.address);
    access(tap, device, NVT_REC_MSIX_WRITE, table, at + 8, 4, entry.data);
    access(tap, device, NVT_REC_MSIX_WRITE, table, at + 12, 4, entry.control);
  }
}

static void queues(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  struct nvt_queue_info queue;
  for (unsigned i = 0; nvt_controller_queue(device, i, &queue); i++) {
    struct nvt_rec_queue *body =
        nvt_trace_tap_begin_snapshot(tap, device, NVT_REC_QUEUE_STATE, sizeof(*body));
    if (body == NULL)
      continue;
    unsigned flags = NVT_V_queue_queue_flags_CONTIGUOUS;
    flags |= queue.interrupts ? NVT_V_queue_queue_flags_INTERRUPTS : 0u;
    flags |= queue.phase ? NVT_V_queue_queue_flags_PHASE : 0u;
    *body = (struct nvt_rec_queue){.qid = queue.qid,
                                   .cqid = queue.cqid,
                                   .vector = queue.vector,
                                   .is_cq = queue.is_cq,
                                   .queue_flags = (uint8_t)flags,
                                   .base = queue.base,
                                   .entries = queue.entries,
                                   .head = (uint16_t)queue.head,
                                   .tail = (uint16_t)queue.tail};
    nvt_trace_tap_end_snapshot(tap, NVT_REC_QUEUE_STATE, sizeof(*body));
  }
}

void nvt_capture_snapshot(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  memory(tap, device);
  configuration(tap, device);
  registers(tap, device);
  vectors(tap, device);
  queues(tap, device);
}

size_t nvt_capture_snapshot_room(const struct nvt_controller *device) {
  enum { META = 32 * 1024, RECORD = 128, REGISTERS = 32, OF_VECTOR = 3 };
  struct nvt_controller_info info;
  struct nvt_queue_info queue;
  struct nvt_window_info window;
  unsigned count = 0, windows = 0;
  nvt_controller_info(device, &info);
  while (nvt_controller_queue(device, count, &queue))
    count++;
  while (nvt_controller_window(device, windows, &window))
    windows++;
  count += windows;
  return META + RECORD * (REGISTERS + OF_VECTOR * (size_t)info.vectors + count);
}
