/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/trace_tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/dedup.h"
#include "capture/digests.h"
#include "capture/emit_records.h"
#include "capture/meta_int.h"
#include "capture/select_int.h"
#include "capture/trace_tap_int.h"
#include "controller/controller.h"
#include "controller/host.h"
#include "controller/log.h"
#include "controller/tap.h"
#include "trace/record.h"

struct nvt_trace_tap {
  struct nvt_emit emit;
  struct nvt_emit_data_options data;
  struct nvt_digests *digests; /* NULL: data is recorded as it is */
  struct nvt_plugin_host *host;
  struct nvt_attachment *attachments[NVT_TAP_COUNT];
  bool on;                            /* attached */
  struct nvt_attachment *outgoing[2]; /* data on its way to the host */
  struct nvt_select *select;          /* NULL: everything is recorded */
};

static inline struct nvt_emit_who who(const struct nvt_tap_event *event) {
  return (struct nvt_emit_who){
      .controller = event->controller, .epoch = event->epoch, .pci_address = event->pci_address};
}

static inline void *emit(struct nvt_trace_tap *tap, const struct nvt_tap_event *event,
                         enum nvt_record_type type, size_t body) {
  return nvt_emit_begin(&tap->emit, who(event), type, body);
}

static inline void done(struct nvt_trace_tap *tap, enum nvt_record_type type, size_t body) {
  nvt_emit_end(&tap->emit, type, body);
}

/* Record `type` with the body that the initialiser gives. */
#define RECORD(tap, event, type, body_type, ...)                                                   \
  NVT_EMIT(&(tap)->emit, who(event), type, body_type, __VA_ARGS__)

static enum nvt_verdict on_decode(void *user, const struct nvt_tap_event *event) {
  struct nvt_digests *digests = ((struct nvt_trace_tap *)user)->digests;
  if (__builtin_expect(digests != NULL, 0) && event->command.sqid != 0)
    nvt_digests_command(digests, event->controller, event->command.sqid, event->command.sqe);
  RECORD((struct nvt_trace_tap *)user, event, NVT_REC_COMMAND, nvt_rec_command,
         .sqid = event->command.sqid, .cqid = event->command.cqid, .slot = event->command.slot,
         .head = event->command.head, .tail = event->command.tail, .sqe = *event->command.sqe);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_writeback(void *user, const struct nvt_tap_event *event) {
  RECORD((struct nvt_trace_tap *)user, event, NVT_REC_COMPLETION, nvt_rec_completion,
         .sqid = event->command.sqid, .cqid = event->command.cqid, .slot = event->command.slot,
         .head = event->command.head, .opcode = event->command.sqe->opcode,
         .cqe = *event->command.cqe);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_access(void *user, const struct nvt_tap_event *event) {
  static const uint8_t types[NVT_TAP_COUNT] = {
      [NVT_TAP_PCI_REGREAD] = NVT_REC_CONFIG_READ, [NVT_TAP_PCI_REGWRITE] = NVT_REC_CONFIG_WRITE,
      [NVT_TAP_REGREAD] = NVT_REC_REG_READ,        [NVT_TAP_REGWRITE] = NVT_REC_REG_WRITE,
      [NVT_TAP_MSIXREAD] = NVT_REC_MSIX_READ,      [NVT_TAP_MSIXWRITE] = NVT_REC_MSIX_WRITE,
  };
  RECORD((struct nvt_trace_tap *)user, event, types[event->tap], nvt_rec_access,
         .offset = event->access.offset, .value = event->access.value, .size = event->access.size,
         .space = event->access.space, .access_flags = event->access.flags);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_interrupt(void *user, const struct nvt_tap_event *event) {
  RECORD((struct nvt_trace_tap *)user, event, NVT_REC_INTERRUPT, nvt_rec_interrupt,
         .address = event->interrupt.address, .data = event->interrupt.data,
         .vector = event->interrupt.vector, .state = event->interrupt.state,
         .mode = event->interrupt.mode, .cqid = event->interrupt.cqid);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_shadow(void *user, const struct nvt_tap_event *event) {
  enum nvt_record_type type =
      event->shadow.event_index ? NVT_REC_EVENT_INDEX : NVT_REC_SHADOW_DOORBELL;
  RECORD((struct nvt_trace_tap *)user, event, type, nvt_rec_shadow,
         .address = event->shadow.address, .value = event->shadow.value, .qid = event->shadow.qid,
         .is_cq = event->shadow.is_cq);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_verdict(void *user, const struct nvt_tap_event *event) {
  struct nvt_trace_tap *tap = user;
  struct nvt_rec_verdict *body = emit(tap, event, NVT_REC_VERDICT, sizeof(*body));
  if (body == NULL)
    return NVT_VERDICT_CONTINUE;
  *body = (struct nvt_rec_verdict){.sqid = event->verdict.sqid,
                                   .cid = event->verdict.cid,
                                   .verdict = event->verdict.verdict,
                                   .tap = event->verdict.tap,
                                   .status = event->verdict.status};
  if (event->verdict.plugin != NULL)
    memcpy(body->plugin, event->verdict.plugin,
           strnlen(event->verdict.plugin, sizeof(body->plugin)));
  done(tap, NVT_REC_VERDICT, sizeof(*body));
  return NVT_VERDICT_CONTINUE;
}

static bool is_list(const struct nvt_tap_event *event) {
  return event->data.kind == NVT_V_data_kind_PRP_LIST ||
         event->data.kind == NVT_V_data_kind_SGL_SEGMENT;
}

static void put_data(struct nvt_trace_tap *tap, const struct nvt_tap_event *event) {
  const struct nvt_rec_data data = {.sqid = event->data.sqid,
                                    .cid = event->data.cid,
                                    .kind = event->data.kind,
                                    .direction = event->data.direction,
                                    .address = event->data.address,
                                    .offset = event->data.offset,
                                    .true_length = event->data.length};
  if (tap->digests != NULL)
    (void)nvt_digests_data(tap->digests, &tap->emit, who(event), &data, event->data.bytes);
  else
    (void)nvt_emit_data(&tap->emit, who(event), &tap->data, &data, event->data.bytes);
}

static enum nvt_verdict on_data(void *user, const struct nvt_tap_event *event) {
  if (event->data.direction != NVT_DIRECTION_IN)
    put_data(user, event);
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict on_data_in(void *user, const struct nvt_tap_event *event) {
  if (event->data.direction == NVT_DIRECTION_IN)
    put_data(user, event);
  return NVT_VERDICT_CONTINUE;
}

/* --- meta-records and events --- */

/* Nothing yet, of a controller as it is now. */
static struct nvt_tap_event event_of(const struct nvt_controller *device) {
  struct nvt_controller_info info;
  nvt_controller_info(device, &info);
  return (struct nvt_tap_event){
      .controller = info.id, .epoch = info.epoch, .pci_address = info.pci_address};
}

void *nvt_trace_tap_begin_snapshot(struct nvt_trace_tap *tap, const struct nvt_controller *device,
                                   enum nvt_record_type type, size_t body) {
  const struct nvt_tap_event event = event_of(device);
  void *at = emit(tap, &event, type, body);
  if (at != NULL)
    nvt_emit_snapshot(at);
  return at;
}

void nvt_trace_tap_end_snapshot(struct nvt_trace_tap *tap, enum nvt_record_type type, size_t body) {
  done(tap, type, body);
}

static uint32_t smallest_block(const struct nvt_meta *meta) {
  uint32_t smallest = 0;
  for (uint32_t i = 0; i < meta->namespace_count; i++)
    if (smallest == 0 || meta->namespaces[i].block_size < smallest)
      smallest = meta->namespaces[i].block_size;
  return smallest;
}

int nvt_trace_tap_meta(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  const struct nvt_trace_filter *filter =
      tap->select == NULL ? NULL : nvt_select_filter(tap->select);
  const struct nvt_tap_event event = event_of(device);
  struct nvt_meta meta;
  int error = nvt_capture_meta(device, filter == NULL ? "" : filter->text, &meta);
  if (error == 0 && tap->digests != NULL)
    (void)nvt_digests_begin(tap->digests, event.controller, smallest_block(&meta));
  if (error == 0)
    error = nvt_emit_meta(&tap->emit, who(&event), &tap->data,
                          filter == NULL ? 0 : nvt_select_left_out(tap->select), &meta);
  nvt_meta_clear(&meta);
  return error;
}

int nvt_trace_tap_annotate(struct nvt_trace_tap *tap, uint16_t id, const char *text) {
  struct nvt_emit_stream *stream = nvt_emit_stream_of(&tap->emit, id);
  return stream == NULL ? -ENOMEM : nvt_emit_annotation(&tap->emit, stream->who, text);
}

bool nvt_trace_tap_trigger(struct nvt_trace_tap *tap, uint16_t controller, uint32_t trigger,
                           uint64_t seq, uint64_t fired) {
  struct nvt_emit_stream *stream = tap->on ? nvt_emit_stream_of(&tap->emit, controller) : NULL;
  if (stream == NULL)
    return false;
  struct nvt_rec_event *body =
      nvt_emit_begin(&tap->emit, stream->who, NVT_REC_EVENT, sizeof(*body));
  if (body == NULL)
    return false;
  *body = (struct nvt_rec_event){
      .event = NVT_V_event_event_TRIGGER, .code = trigger, .address = seq, .size = fired};
  nvt_emit_end(&tap->emit, NVT_REC_EVENT, sizeof(*body));
  return true;
}

static enum nvt_verdict on_event(void *user, const struct nvt_tap_event *event) {
  struct nvt_trace_tap *tap = user;
  RECORD(tap, event, NVT_REC_EVENT, nvt_rec_event, .event = event->event.event,
         .qid = event->event.qid, .code = event->event.code, .address = event->event.address,
         .size = event->event.size);
  struct nvt_emit_stream *stream = nvt_emit_stream_of(&tap->emit, event->controller);
  if (stream == NULL || !stream->meta_written || event->device == NULL)
    return NVT_VERDICT_CONTINUE;
  bool changed = event->event.event == NVT_V_event_event_NS_ADDED ||
                 event->event.event == NVT_V_event_event_NS_REMOVED ||
                 event->event.event == NVT_V_event_event_NS_RESIZED;
  if (event->event.event == NVT_V_event_event_ATTACH ||
      event->event.event == NVT_V_event_event_READY) {
    struct nvt_controller_info info;
    nvt_controller_info(event->device, &info);
    changed = info.shared_doorbells != stream->shared_doorbells;
  }
  if (changed)
    (void)nvt_trace_tap_meta(tap, event->device);
  return NVT_VERDICT_CONTINUE;
}

_Static_assert(NVT_TRACE_DEDUP_MIN == NVT_DEDUP_PAGES_MIN &&
                   NVT_TRACE_DEDUP_MAX == NVT_DEDUP_PAGES_MAX,
               "control can't know of capture");

/* --- life --- */

static const nvt_tap_fn callbacks[NVT_TAP_COUNT] = {
    [NVT_TAP_PCI_REGREAD] = on_access,
    [NVT_TAP_PCI_REGWRITE] = on_access,
    [NVT_TAP_PCI_MSIX] = on_interrupt,
    [NVT_TAP_REGREAD] = on_access,
    [NVT_TAP_REGWRITE] = on_access,
    [NVT_TAP_MSIXREAD] = on_access,
    [NVT_TAP_MSIXWRITE] = on_access,
    [NVT_TAP_ADMIN_DECODE] = on_decode,
    [NVT_TAP_ADMIN_WRITEBACK] = on_writeback,
    [NVT_TAP_IO_DECODE] = on_decode,
    [NVT_TAP_IO_WRITEBACK] = on_writeback,
    [NVT_TAP_ADMIN_MEMORY] = on_data,
    [NVT_TAP_IO_MEMORY] = on_data,
    [NVT_TAP_SHADOW] = on_shadow,
    [NVT_TAP_DEVICE_EVENT] = on_event,
    [NVT_TAP_VERDICT] = on_verdict,
};

/* The same where there is a filter. */
static enum nvt_verdict select_then(struct nvt_trace_tap *tap, const struct nvt_tap_event *event,
                                    nvt_tap_fn record) {
  const struct nvt_kept_command *kept = NULL;
  enum nvt_selected selected = nvt_select(tap->select, event, nvt_emit_now(&tap->emit), &kept);
  if (selected == NVT_SELECT_BOTH) {
    struct nvt_rec_command *body =
        nvt_emit_begin_at(&tap->emit, who(event), NVT_REC_COMMAND, sizeof(*body), kept->ns);
    if (body != NULL) {
      *body = kept->body;
      done(tap, NVT_REC_COMMAND, sizeof(*body));
    }
  }
  return selected == NVT_SELECT_NO ? NVT_VERDICT_CONTINUE : record(tap, event);
}

static enum nvt_verdict on_any(void *user, const struct nvt_tap_event *event) {
  return select_then(user, event, callbacks[event->tap]);
}

/* Before it is asked whose data it is: what would not be recorded anyway. */
static enum nvt_verdict on_any_data(struct nvt_trace_tap *tap, const struct nvt_tap_event *event,
                                    bool in) {
  if ((event->data.direction == NVT_DIRECTION_IN) != in ||
      (tap->data.mode == NVT_V_meta_data_mode_NONE && !is_list(event)))
    return NVT_VERDICT_CONTINUE;
  return select_then(tap, event, in ? on_data_in : on_data);
}

static enum nvt_verdict on_any_data_out(void *user, const struct nvt_tap_event *event) {
  return on_any_data(user, event, false);
}

static enum nvt_verdict on_any_data_in(void *user, const struct nvt_tap_event *event) {
  return on_any_data(user, event, true);
}

/* What comes from the host is recorded as the host sent it, what goes to the host as it
 * will see it. */
static int32_t order_of(unsigned id) {
  switch (id) {
  case NVT_TAP_ADMIN_WRITEBACK:
  case NVT_TAP_IO_WRITEBACK:
  case NVT_TAP_PCI_REGREAD:
  case NVT_TAP_REGREAD:
  case NVT_TAP_MSIXREAD:
    return NVT_TAP_LAST;
  default:
    return NVT_TAP_FIRST;
  }
}

static void detach(struct nvt_trace_tap *tap) {
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    nvt_tap_detach(tap->host, tap->attachments[id]);
    tap->attachments[id] = NULL;
  }
  for (unsigned i = 0; i < 2; i++) {
    nvt_tap_detach(tap->host, tap->outgoing[i]);
    tap->outgoing[i] = NULL;
  }
  tap->on = false;
}

static int attach_one(struct nvt_trace_tap *tap, unsigned id) {
  const char *name = nvt_tap_name((enum nvt_tap_id)id);
  if (callbacks[id] == NULL)
    return 0;
  bool all = tap->select == NULL, data = callbacks[id] == on_data;
  nvt_tap_fn selecting = data ? on_any_data_out : on_any;
  int error = nvt_tap_attach(tap->host, name, order_of(id), all ? callbacks[id] : selecting, tap,
                             "trace", &tap->attachments[id]);
  if (error == 0 && data)
    error = nvt_tap_attach(tap->host, name, NVT_TAP_LAST, all ? on_data_in : on_any_data_in, tap,
                           "trace", &tap->outgoing[id == NVT_TAP_IO_MEMORY]);
  return error;
}

static int attach(struct nvt_trace_tap *tap) {
  for (unsigned id = 0; id < NVT_TAP_COUNT; id++) {
    int error = attach_one(tap, id);
    if (error != 0) {
      detach(tap);
      return error;
    }
  }
  tap->on = true;
  return 0;
}

int nvt_trace_tap_create(struct nvt_plugin_host *host, struct nvt_ring *ring,
                         const struct nvt_trace_options *options, struct nvt_trace_tap **out) {
  *out = NULL;
  struct nvt_trace_tap *tap = calloc(1, sizeof(*tap));
  if (tap == NULL)
    return -ENOMEM;
  tap->host = host;
  tap->emit.ring = ring;
  tap->emit.block = options->block;
  tap->emit.calm = options->calm;
  tap->emit.thread = options->thread;
  tap->data.mode = (uint8_t)options->data;
  tap->data.head = options->data == NVT_TRACE_DATA_HEAD ? options->head : 0;
  tap->data.dedup_pages = options->dedup_pages;
  if (options->no_tsc)
    nvt_trace_clock_start_system(&tap->emit.clock);
  else
    nvt_trace_clock_start(&tap->emit.clock);
  int error = 0;
  if (options->data == NVT_TRACE_DATA_CRC || options->dedup_pages != 0)
    error = nvt_digests_create(&tap->data, &tap->digests);
  if (error == 0 && options->filter != NULL && nvt_trace_filter_any(options->filter))
    error = nvt_select_create(options->filter, &tap->select);
  if (error == 0 && !options->paused)
    error = attach(tap);
  if (error != 0) {
    nvt_trace_tap_destroy(tap, NULL);
    return error;
  }
  *out = tap;
  return 0;
}

bool nvt_trace_tap_on(const struct nvt_trace_tap *tap) {
  return tap->on;
}

int nvt_trace_tap_stop(struct nvt_trace_tap *tap) {
  if (!tap->on)
    return -EALREADY;
  struct nvt_controller *device;
  for (unsigned i = 0; (device = nvt_host_controller(tap->host, i)) != NULL; i++) {
    struct nvt_tap_event event = event_of(device);
    event.event.event = NVT_V_event_event_TRACE_STOPPED;
    (void)nvt_trace_tap_annotate(tap, event.controller, "tracing stopped");
    (void)on_event(tap, &event);
  }
  detach(tap);
  nvt_log(NVT_LOG_VERBOSE, "tracing stopped");
  return 0;
}

/* For all controllers. */
static size_t preamble_room(const struct nvt_trace_tap *tap) {
  struct nvt_controller *device;
  size_t room = 0;
  for (unsigned i = 0; (device = nvt_host_controller(tap->host, i)) != NULL; i++)
    room += nvt_capture_snapshot_room(device);
  return room;
}

int nvt_trace_tap_preamble(struct nvt_trace_tap *tap) {
  struct nvt_controller *device;
  /* A start of which the half is lost is none. */
  if (!tap->emit.block && !nvt_ring_refresh(tap->emit.ring, preamble_room(tap)))
    return -ENOSPC;
  nvt_ring_mark_start(tap->emit.ring);
  for (unsigned i = 0; (device = nvt_host_controller(tap->host, i)) != NULL; i++) {
    int error = nvt_trace_tap_meta(tap, device);
    if (error != 0)
      return error;
    nvt_capture_snapshot(tap, device);
  }
  return 0;
}

int nvt_trace_tap_start(struct nvt_trace_tap *tap) {
  if (tap->on)
    return -EALREADY;
  int error = nvt_trace_tap_preamble(tap);
  if (error != 0)
    return error;
  struct nvt_controller *device;
  for (unsigned i = 0; (device = nvt_host_controller(tap->host, i)) != NULL; i++)
    (void)nvt_trace_tap_annotate(tap, event_of(device).controller, "tracing started");
  error = attach(tap);
  if (error == 0)
    nvt_log(NVT_LOG_VERBOSE, "tracing started");
  return error;
}

/* Of a plug-in that came before the trace did. */
static void tell_loaded(struct nvt_trace_tap *tap, const char *plugin) {
  struct nvt_controller *device;
  for (unsigned i = 0; (device = nvt_host_controller(tap->host, i)) != NULL; i++) {
    struct nvt_tap_event event = event_of(device);
    event.verdict.cid = UINT16_MAX;
    event.verdict.tap = NVT_TAP_VERDICT;
    event.verdict.verdict = NVT_V_verdict_verdict_LOADED;
    event.verdict.plugin = plugin;
    (void)on_verdict(tap, &event);
  }
}

void nvt_trace_tap_plugins(struct nvt_trace_tap *tap) {
  struct nvt_plugin_info plugin;
  for (unsigned i = 0; nvt_plugin_info(tap->host, i, &plugin); i++)
    tell_loaded(tap, plugin.name);
}

void nvt_trace_tap_counts(const struct nvt_trace_tap *tap, struct nvt_trace_counts *out) {
  nvt_emit_counts(&tap->emit, out);
}

void nvt_trace_tap_destroy(struct nvt_trace_tap *tap, struct nvt_trace_counts *counts) {
  if (tap == NULL)
    return;
  detach(tap);
  nvt_emit_end_all(&tap->emit);
  if (counts != NULL)
    nvt_trace_tap_counts(tap, counts);
  nvt_select_destroy(tap->select);
  nvt_digests_destroy(tap->digests);
  free(tap);
}
