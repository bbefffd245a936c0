/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hot path is emit() and what it calls: no lock, no allocation, no system
 * call; but waiting for room, where that was asked for.
 */
#include "capture/trace_tap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/clock.h"
#include "capture/meta_int.h"
#include "capture/ring.h"
#include "capture/select_int.h"
#include "capture/trace_tap_int.h"
#include "controller/controller.h"
#include "controller/host.h"
#include "controller/log.h"
#include "controller/tap.h"
#include "trace/record.h"
#include "trace/writer.h"

#define unlikely(x) __builtin_expect(!!(x), 0)

/* What is known of one controller. */
struct stream {
  uint16_t id;
  uint32_t epoch;
  uint32_t pci_address;
  uint64_t seq; /* of the next record */
  uint64_t lost_first, lost_count, lost_first_ns, lost_last_ns;
  bool meta_written;
  bool shared_doorbells; /* as the last meta-record says */
  struct stream *next;
};

struct nvt_trace_tap {
  struct nvt_ring *ring;
  struct stream *stream; /* the last one that spoke; head of a list */
  bool block;
  bool calm;
  uint16_t thread;
  enum nvt_trace_data data;
  uint32_t head;
  struct nvt_trace_clock clock;
  struct nvt_plugin_host *host;
  struct nvt_attachment *attachments[NVT_TAP_COUNT];
  bool on;                            /* attached */
  struct nvt_attachment *outgoing[2]; /* data on its way to the host */
  struct nvt_select *select;          /* NULL: everything is recorded */
  struct nvt_trace_counts counts;
};

struct frame { /* of a pcap file, in front of each record */
  uint32_t seconds;
  uint32_t nanoseconds;
  uint32_t captured;
  uint32_t original;
};
_Static_assert(sizeof(struct frame) == NVT_FRAME_HEADER_BYTES, "pcap record header");

/* Find the controller's stream and move it to the front; make it when it is new. */
static __attribute__((noinline)) struct stream *find_stream(struct nvt_trace_tap *tap,
                                                            uint16_t id) {
  struct stream **link = &tap->stream;
  while (*link != NULL && (*link)->id != id)
    link = &(*link)->next;
  struct stream *stream = *link;
  if (stream == NULL) {
    stream = calloc(1, sizeof(*stream));
    if (stream == NULL)
      return NULL;
    stream->id = id;
  } else {
    *link = stream->next;
  }
  stream->next = tap->stream;
  tap->stream = stream;
  return stream;
}

static inline struct stream *stream_of(struct nvt_trace_tap *tap, uint16_t id) {
  struct stream *stream = tap->stream;
  return unlikely(stream == NULL || stream->id != id) ? find_stream(tap, id) : stream;
}

static __attribute__((noinline)) void lose(struct stream *stream, struct nvt_trace_tap *tap,
                                           uint64_t ns) {
  if (stream->lost_count++ == 0) {
    stream->lost_first = stream->seq;
    stream->lost_first_ns = ns;
  }
  stream->lost_last_ns = ns;
  stream->seq++;
  tap->counts.lost++;
  nvt_ring_retract(tap->ring);
}

/* Fill in the frame and the record's header; the body's place. */
static inline void *begin(struct nvt_trace_tap *tap, struct stream *stream, void *at,
                          enum nvt_record_type type, uint32_t length, uint64_t ns) {
  struct nvt_trace_time time = nvt_trace_clock_split(&tap->clock, ns);
  *(struct frame *)at = (struct frame){.seconds = time.seconds,
                                       .nanoseconds = time.nanoseconds,
                                       .captured = length,
                                       .original = length};
  struct nvt_rec_header *header = (void *)((uint8_t *)at + sizeof(struct frame));
  *header = (struct nvt_rec_header){.magic = NVT_RECORD_MAGIC,
                                    .version = NVT_RECORD_VERSION,
                                    .type = (uint8_t)type,
                                    .header_length = sizeof(*header),
                                    .length = length,
                                    .controller = stream->id,
                                    .thread = tap->thread,
                                    .epoch = stream->epoch,
                                    .pci_address = stream->pci_address,
                                    .seq = stream->seq++};
  return header + 1;
}

static inline void end(struct nvt_trace_tap *tap, enum nvt_record_type type, uint32_t length) {
  nvt_ring_commit(tap->ring, sizeof(struct frame) + length);
  tap->counts.kinds[type]++;
  tap->counts.bytes += sizeof(struct frame) + length;
}

/* Tell of what was lost, now that there may be room. False: there isn't. */
static __attribute__((noinline)) bool tell_loss(struct nvt_trace_tap *tap, struct stream *stream,
                                                uint64_t ns) {
  uint32_t length = sizeof(struct nvt_rec_header) + sizeof(struct nvt_rec_loss);
  void *at = nvt_ring_reserve(tap->ring, sizeof(struct frame) + length);
  if (at == NULL)
    return false;
  struct nvt_rec_loss *loss = begin(tap, stream, at, NVT_REC_LOSS, length, ns);
  *loss = (struct nvt_rec_loss){.first_seq = stream->lost_first,
                                .count = stream->lost_count,
                                .first_ns = stream->lost_first_ns,
                                .last_ns = stream->lost_last_ns,
                                .reason = NVT_V_loss_reason_RING_FULL};
  stream->lost_count = 0;
  end(tap, NVT_REC_LOSS, length);
  return true;
}

/* Room for a record when there is none, or something to tell first. NULL: lost. */
static __attribute__((noinline)) void *make_room(struct nvt_trace_tap *tap, struct stream *stream,
                                                 size_t bytes, uint64_t ns) {
  void *at = NULL;
  /* Few long gaps, where many short ones would leave no command whole. */
  bool too_soon = tap->calm && stream->lost_count != 0 &&
                  !nvt_ring_refresh(tap->ring, (size_t)((tap->ring->mask + 1) / 2));
  if (!too_soon && (stream->lost_count == 0 || tell_loss(tap, stream, ns)))
    at = tap->block ? nvt_ring_reserve_wait(tap->ring, bytes) : nvt_ring_reserve(tap->ring, bytes);
  if (at == NULL)
    lose(stream, tap, ns);
  return at;
}

/* Start a record whose body and tail take `body` bytes, a multiple of 8, of what was at `ns`.
 * NULL: lost. */
static inline void *emit_at(struct nvt_trace_tap *tap, const struct nvt_tap_event *event,
                            enum nvt_record_type type, size_t body, uint64_t ns) {
  struct stream *stream = stream_of(tap, event->controller);
  if (unlikely(stream == NULL)) {
    tap->counts.lost++;
    return NULL;
  }
  stream->epoch = event->epoch;
  stream->pci_address = event->pci_address;
  uint32_t length = (uint32_t)(sizeof(struct nvt_rec_header) + body);
  size_t bytes = sizeof(struct frame) + length;
  void *at = unlikely(stream->lost_count != 0) ? NULL : nvt_ring_reserve(tap->ring, bytes);
  if (unlikely(at == NULL)) {
    at = make_room(tap, stream, bytes, ns);
    if (at == NULL)
      return NULL;
  }
  return begin(tap, stream, at, type, length, ns);
}

static inline void *emit(struct nvt_trace_tap *tap, const struct nvt_tap_event *event,
                         enum nvt_record_type type, size_t body) {
  nvt_ring_begin(tap->ring);
  return emit_at(tap, event, type, body, nvt_trace_clock_ns(&tap->clock));
}

static inline void done(struct nvt_trace_tap *tap, enum nvt_record_type type, size_t body) {
  end(tap, type, (uint32_t)(sizeof(struct nvt_rec_header) + body));
}

/* Record `type` with the body that the initialiser gives. */
#define RECORD(tap, event, type, body_type, ...)                                                   \
  do {                                                                                             \
    struct body_type *body_ = emit(tap, event, type, sizeof(*body_));                              \
    if (body_ != NULL) {                                                                           \
      *body_ = (struct body_type){__VA_ARGS__};                                                    \
      done(tap, type, sizeof(*body_));                                                             \
    }                                                                                              \
  } while (0)

static enum nvt_verdict on_decode(void *user, const struct nvt_tap_event *event) {
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

/* How many of these bytes are to be kept. */
static uint32_t kept(const struct nvt_trace_tap *tap, const struct nvt_tap_event *event) {
  uint8_t kind = event->data.kind;
  bool payload = kind == NVT_V_data_kind_PAYLOAD || kind == NVT_V_data_kind_METADATA;
  uint32_t length = event->data.length;
  if (!payload || tap->data == NVT_TRACE_DATA_FULL)
    return length;
  if (event->data.offset >= tap->head)
    return 0;
  uint64_t room = tap->head - event->data.offset;
  return room < length ? (uint32_t)room : length;
}

enum { DATA_PIECE = 128 * 1024 };
_Static_assert(sizeof(struct nvt_rec_header) + sizeof(struct nvt_rec_data) + DATA_PIECE <=
                   NVT_RECORD_MAX,
               "a piece of data and its header are a record");

static void put_data(struct nvt_trace_tap *tap, const struct nvt_tap_event *event) {
  bool list = event->data.kind == NVT_V_data_kind_PRP_LIST ||
              event->data.kind == NVT_V_data_kind_SGL_SEGMENT;
  if (tap->data == NVT_TRACE_DATA_NONE && !list)
    return;
  uint32_t keep = kept(tap, event), told = 0;
  do {
    uint32_t captured = keep < DATA_PIECE ? keep : DATA_PIECE;
    keep -= captured;
    /* The last piece stands for all that isn't kept. */
    uint32_t length = keep > 0 ? captured : event->data.length - told;
    size_t tail = (captured + 7u) & ~(size_t)7;
    struct nvt_rec_data *body = emit(tap, event, NVT_REC_DATA, sizeof(*body) + tail);
    if (body != NULL) {
      *body = (struct nvt_rec_data){.sqid = event->data.sqid,
                                    .cid = event->data.cid,
                                    .kind = event->data.kind,
                                    .direction = event->data.direction,
                                    .address = event->data.address + told,
                                    .offset = event->data.offset + (list ? 0 : told),
                                    .true_length = length,
                                    .captured_length = captured};
      uint8_t *to = (uint8_t *)(body + 1);
      memset(to + captured, 0, tail - captured);
      if (captured > 0)
        memcpy(to, event->data.bytes + told, captured);
      done(tap, NVT_REC_DATA, sizeof(*body) + tail);
    }
    told += length;
  } while (keep > 0);
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
    ((struct nvt_rec_header *)at - 1)->flags = NVT_V_header_flags_SNAPSHOT;
  return at;
}

void nvt_trace_tap_end_snapshot(struct nvt_trace_tap *tap, enum nvt_record_type type, size_t body) {
  done(tap, type, body);
}

static uint8_t left_out(const struct nvt_trace_filter *filter) {
  return (uint8_t)((filter->no_doorbells ? NVT_V_meta_left_out_flags_DOORBELLS : 0u) |
                   (filter->no_interrupts ? NVT_V_meta_left_out_flags_INTERRUPTS : 0u) |
                   (nvt_trace_filter_commands(filter) ? NVT_V_meta_left_out_flags_COMMANDS : 0u));
}

int nvt_trace_tap_meta(struct nvt_trace_tap *tap, const struct nvt_controller *device) {
  struct nvt_controller_info info;
  nvt_controller_info(device, &info);
  struct nvt_rec_meta body = {.data_mode = (uint8_t)tap->data,
                              .clock =
                                  tap->clock.ticks ? NVT_V_meta_clock_TSC : NVT_V_meta_clock_VDSO};
  char *json = NULL;
  size_t length = 0;
  const char *filter = "";
  if (tap->select != NULL) {
    body.left_out_flags = left_out(nvt_select_filter(tap->select));
    filter = nvt_select_filter(tap->select)->text;
  }
  int error = nvt_capture_meta(device, tap->head, filter, nvt_trace_clock_ns(&tap->clock), &body,
                               &json, &length);
  if (error != 0)
    return error;
  size_t tail = (length + 7) & ~(size_t)7;
  const struct nvt_tap_event event = event_of(device);
  uint8_t *at = NULL;
  if (sizeof(struct nvt_rec_header) + sizeof(body) + tail <= NVT_RECORD_MAX)
    at = emit(tap, &event, NVT_REC_META, sizeof(body) + tail);
  if (at != NULL) {
    memcpy(at, &body, sizeof(body));
    memcpy(at + sizeof(body), json, length);
    memset(at + sizeof(body) + length, 0, tail - length);
    done(tap, NVT_REC_META, sizeof(body) + tail);
    tap->stream->meta_written = true;
    tap->stream->shared_doorbells = info.shared_doorbells;
  }
  free(json);
  return at == NULL ? -ENOSPC : 0;
}

int nvt_trace_tap_annotate(struct nvt_trace_tap *tap, uint16_t id, const char *text) {
  struct stream *stream = stream_of(tap, id);
  if (stream == NULL)
    return -ENOMEM;
  const struct nvt_tap_event event = {
      .controller = id, .epoch = stream->epoch, .pci_address = stream->pci_address};
  size_t length = strlen(text), tail = (length + 7) & ~(size_t)7;
  if (tail > NVT_RECORD_MAX / 2)
    return -EINVAL;
  struct nvt_rec_annotation *body = emit(tap, &event, NVT_REC_ANNOTATION, sizeof(*body) + tail);
  if (body == NULL)
    return -ENOSPC;
  *body = (struct nvt_rec_annotation){.text_length = (uint32_t)length};
  memset(body + 1, 0, tail);
  memcpy(body + 1, text, length);
  done(tap, NVT_REC_ANNOTATION, sizeof(*body) + tail);
  return 0;
}

static enum nvt_verdict on_event(void *user, const struct nvt_tap_event *event) {
  struct nvt_trace_tap *tap = user;
  RECORD(tap, event, NVT_REC_EVENT, nvt_rec_event, .event = event->event.event,
         .qid = event->event.qid, .code = event->event.code, .address = event->event.address,
         .size = event->event.size);
  struct stream *stream = stream_of(tap, event->controller);
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
  enum nvt_selected selected =
      nvt_select(tap->select, event, nvt_trace_clock_ns(&tap->clock), &kept);
  if (selected == NVT_SELECT_BOTH) {
    struct nvt_rec_command *body = emit_at(tap, event, NVT_REC_COMMAND, sizeof(*body), kept->ns);
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

static enum nvt_verdict on_any_data_in(void *user, const struct nvt_tap_event *event) {
  return select_then(user, event, on_data_in);
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
  bool all = tap->select == NULL;
  int error = nvt_tap_attach(tap->host, name, order_of(id), all ? callbacks[id] : on_any, tap,
                             "trace", &tap->attachments[id]);
  if (error == 0 && callbacks[id] == on_data)
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
  tap->ring = ring;
  tap->host = host;
  tap->block = options->block;
  tap->calm = options->calm;
  tap->thread = options->thread;
  tap->data = options->data;
  tap->head = options->data == NVT_TRACE_DATA_HEAD ? options->head : 0;
  if (options->no_tsc)
    nvt_trace_clock_start_system(&tap->clock);
  else
    nvt_trace_clock_start(&tap->clock);
  int error = 0;
  if (options->filter != NULL && nvt_trace_filter_any(options->filter))
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
  if (!tap->block && !nvt_ring_refresh(tap->ring, preamble_room(tap)))
    return -ENOSPC;
  nvt_ring_mark_start(tap->ring);
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
  *out = tap->counts;
  out->records = 0;
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    out->records += out->kinds[type];
}

void nvt_trace_tap_destroy(struct nvt_trace_tap *tap, struct nvt_trace_counts *counts) {
  if (tap == NULL)
    return;
  detach(tap);
  while (tap->stream != NULL) {
    struct stream *stream = tap->stream;
    if (stream->lost_count != 0 &&
        nvt_ring_reserve_wait(tap->ring, sizeof(struct frame) + sizeof(struct nvt_rec_header) +
                                             sizeof(struct nvt_rec_loss)) != NULL)
      (void)tell_loss(tap, stream, nvt_trace_clock_ns(&tap->clock));
    tap->stream = stream->next;
    free(stream);
  }
  if (counts != NULL)
    nvt_trace_tap_counts(tap, counts);
  nvt_select_destroy(tap->select);
  free(tap);
}
