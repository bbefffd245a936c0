/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recording a controller in a test, in the same thread and without a ring: each tap
 * event is one record of a trace file.
 */
#ifndef NVT_TESTS_REPLAY_RECORDER_H
#define NVT_TESTS_REPLAY_RECORDER_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/controller.h"
#include "controller/tap.h"
#include "trace/build.h"
#include "trace/meta.h"
#include "trace/writer.h"

struct recorder {
  struct nvt_writer *writer;
  struct nvt_plugin_host *host;
  uint64_t seq[2]; /* by controller: 0 and 1 */
  uint64_t skip;   /* sequence number of a record to lose; 0: none */
  /* Called with each record's body before it is written, to falsify it. May be NULL. */
  void (*change)(struct recorder *, enum nvt_record_type, void *body);
  uint64_t count[NVT_REC_COUNT]; /* records by type, this one included */
  uint64_t arg[2];               /* the test's */
  uint8_t data_mode;
  uint32_t head;
  uint8_t flags; /* of record headers */
  bool no_maps;  /* leave out what guest memory there is */
  bool paused;   /* write nothing down */
  bool failed;
};

static inline void recorder_put(struct recorder *r, enum nvt_record_type type, uint32_t epoch,
                                uint16_t controller, const void *body, const void *tail,
                                size_t tail_length) {
  static uint8_t buffer[NVT_RECORD_MAX];
  uint8_t copy[128];
  if (r->paused)
    return;
  memcpy(copy, body, nvt_record_body_size(type));
  if (r->no_maps && type == NVT_REC_EVENT &&
      ((const struct nvt_rec_event *)body)->event == NVT_V_event_event_DMA_MAP)
    return;
  r->count[type]++;
  if (r->change != NULL) {
    r->change(r, type, copy);
    body = copy;
  }
  const struct nvt_rec_header base = {
      .flags = r->flags, .controller = controller, .epoch = epoch, .seq = r->seq[controller]++};
  size_t length = nvt_build_record(buffer, sizeof(buffer), type, &base, body, tail, tail_length);
  if (length == 0)
    r->failed = true;
  else if (r->skip != base.seq || r->skip == 0)
    r->failed |= nvt_writer_write(r->writer, 1000000000u + base.seq * 1000, buffer, length) != 0;
}

static inline void recorder_data(struct recorder *r, const struct nvt_tap_event *e) {
  struct nvt_rec_data data = {.sqid = e->data.sqid,
                              .cid = e->data.cid,
                              .kind = e->data.kind,
                              .direction = e->data.direction};
  bool payload = e->data.kind == NVT_V_data_kind_PAYLOAD;
  uint32_t keep = !payload || r->data_mode == NVT_V_meta_data_mode_FULL ? UINT32_MAX : r->head;
  if (payload && r->data_mode == NVT_V_meta_data_mode_NONE)
    return;
  for (uint32_t at = 0; at < e->data.length;) {
    uint32_t piece = e->data.length - at < 131072 ? e->data.length - at : 131072;
    data.address = e->data.address + at;
    data.offset = e->data.offset + at;
    data.true_length = piece;
    recorder_put(r, NVT_REC_DATA, e->epoch, e->controller, &data, e->data.bytes + at,
                 piece < keep ? piece : keep);
    at += piece;
  }
}

static inline enum nvt_verdict recorder_event(void *user, const struct nvt_tap_event *e) {
  struct recorder *r = user;
  static const uint8_t access_types[] = {
      [NVT_TAP_PCI_REGREAD] = NVT_REC_CONFIG_READ, [NVT_TAP_PCI_REGWRITE] = NVT_REC_CONFIG_WRITE,
      [NVT_TAP_REGREAD] = NVT_REC_REG_READ,        [NVT_TAP_REGWRITE] = NVT_REC_REG_WRITE,
      [NVT_TAP_MSIXREAD] = NVT_REC_MSIX_READ,      [NVT_TAP_MSIXWRITE] = NVT_REC_MSIX_WRITE,
  };
  switch (e->tap) {
  case NVT_TAP_PCI_REGREAD:
  case NVT_TAP_PCI_REGWRITE:
  case NVT_TAP_REGREAD:
  case NVT_TAP_REGWRITE:
  case NVT_TAP_MSIXREAD:
  case NVT_TAP_MSIXWRITE: {
    const struct nvt_rec_access access = {.offset = e->access.offset,
                                          .value = e->access.value,
                                          .size = e->access.size,
                                          .space = e->access.space,
                                          .access_flags = e->access.flags};
    recorder_put(r, access_types[e->tap], e->epoch, e->controller, &access, NULL, 0);
    break;
  }
  case NVT_TAP_PCI_MSIX: {
    const struct nvt_rec_interrupt interrupt = {.address = e->interrupt.address,
                                                .data = e->interrupt.data,
                                                .vector = e->interrupt.vector,
                                                .state = e->interrupt.state,
                                                .mode = e->interrupt.mode,
                                                .cqid = e->interrupt.cqid};
    recorder_put(r, NVT_REC_INTERRUPT, e->epoch, e->controller, &interrupt, NULL, 0);
    break;
  }
  case NVT_TAP_ADMIN_DECODE:
  case NVT_TAP_IO_DECODE: {
    const struct nvt_rec_command command = {.sqid = e->command.sqid,
                                            .cqid = e->command.cqid,
                                            .slot = e->command.slot,
                                            .head = e->command.head,
                                            .tail = e->command.tail,
                                            .sqe = *e->command.sqe};
    recorder_put(r, NVT_REC_COMMAND, e->epoch, e->controller, &command, NULL, 0);
    break;
  }
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK: {
    const struct nvt_rec_completion completion = {.sqid = e->command.sqid,
                                                  .cqid = e->command.cqid,
                                                  .slot = e->command.slot,
                                                  .head = e->command.head,
                                                  .opcode = e->command.sqe->opcode,
                                                  .cqe = *e->command.cqe};
    recorder_put(r, NVT_REC_COMPLETION, e->epoch, e->controller, &completion, NULL, 0);
    break;
  }
  case NVT_TAP_ADMIN_MEMORY:
  case NVT_TAP_IO_MEMORY:
    recorder_data(r, e);
    break;
  case NVT_TAP_DEVICE_EVENT: {
    const struct nvt_rec_event event = {.event = e->event.event,
                                        .qid = e->event.qid,
                                        .code = e->event.code,
                                        .address = e->event.address,
                                        .size = e->event.size};
    recorder_put(r, NVT_REC_EVENT, e->epoch, e->controller, &event, NULL, 0);
    break;
  }
  case NVT_TAP_VERDICT: {
    struct nvt_rec_verdict verdict = {.sqid = e->verdict.sqid,
                                      .cid = e->verdict.cid,
                                      .verdict = e->verdict.verdict,
                                      .tap = e->verdict.tap,
                                      .status = e->verdict.status};
    memcpy(verdict.plugin, e->verdict.plugin, strnlen(e->verdict.plugin, sizeof(verdict.plugin)));
    recorder_put(r, NVT_REC_VERDICT, e->epoch, e->controller, &verdict, NULL, 0);
    break;
  }
  default:
    break;
  }
  return NVT_VERDICT_CONTINUE;
}

/* Before the controller is made. */
static inline bool recorder_start(struct recorder *r, const char *path,
                                  struct nvt_plugin_host *host) {
  struct nvt_reason why;
  r->host = host;
  if (!nvt_writer_open(path, &r->writer, &why))
    return false;
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    bool writeback = id == NVT_TAP_ADMIN_WRITEBACK || id == NVT_TAP_IO_WRITEBACK;
    if (nvt_tap_attach(host, nvt_tap_name((enum nvt_tap_id)id),
                       writeback ? NVT_TAP_LAST : NVT_TAP_FIRST, recorder_event, r, "recorder",
                       NULL) != 0)
      return false;
  }
  return true;
}

static inline bool recorder_meta(struct recorder *r, const struct nvt_controller *device) {
  struct nvt_controller_info info;
  struct nvt_namespace_info ns;
  struct nvt_meta_namespace spaces[64];
  nvt_controller_info(device, &info);
  struct nvt_meta meta = {.format = NVT_META_FORMAT,
                          .vs = info.vs,
                          .cap = info.cap,
                          .mdts = info.mdts,
                          .io_queues = info.io_queues,
                          .vectors = info.vectors,
                          .namespaces = spaces};
  memset(spaces, 0, sizeof(spaces));
  snprintf(meta.recorder, sizeof(meta.recorder), "test");
  snprintf(meta.serial, sizeof(meta.serial), "%s", info.serial);
  snprintf(meta.model, sizeof(meta.model), "%s", info.model);
  snprintf(meta.firmware, sizeof(meta.firmware), "%s", info.firmware);
  while (meta.namespace_count < 64 && nvt_controller_namespace(device, meta.namespace_count, &ns)) {
    struct nvt_meta_namespace *to = &spaces[meta.namespace_count++];
    to->nsid = ns.nsid;
    to->blocks = ns.blocks;
    to->block_size = ns.block_size;
    to->asynchronous = ns.asynchronous;
    to->readonly = ns.readonly;
    snprintf(to->backend, sizeof(to->backend), "%s", ns.description);
  }
  char *json;
  size_t length;
  if (nvt_meta_build(&meta, &json, &length) != 0)
    return false;
  const struct nvt_rec_meta body = {.cap = info.cap,
                                    .vs = info.vs,
                                    .vectors = info.vectors,
                                    .namespaces = (uint16_t)meta.namespace_count,
                                    .data_mode = r->data_mode};
  recorder_put(r, NVT_REC_META, info.epoch, info.id, &body, json, length);
  free(json);
  return !r->failed;
}

static inline bool recorder_stop(struct recorder *r) {
  struct nvt_reason why;
  return nvt_writer_close(r->writer, &why) && !r->failed;
}

#endif
