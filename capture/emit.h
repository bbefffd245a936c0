/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Emission: records, in their form on disk, into a ring. Sequence numbers of each controller,
 * time stamps, and losses with their count and span are made here; what a record says is the
 * caller's: begin, fill in the body, end. One thread's, the ring's producer.
 *
 * What is inline is the hot path: no lock, no allocation, no system call; but waiting for room,
 * where that was asked for.
 */
#ifndef NVT_CAPTURE_EMIT_H
#define NVT_CAPTURE_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/clock.h"
#include "capture/ring.h"
#include "trace/record.h"
#include "trace/writer.h"

struct nvt_trace_counts {
  uint64_t records; /* handed to the ring, loss records among them */
  uint64_t lost;
  uint64_t bytes; /* with the pcap headers */
  uint64_t kinds[NVT_REC_COUNT];
};

/* Whom a record is about, as in its header. */
struct nvt_emit_who {
  uint16_t controller;
  uint32_t epoch;
  uint32_t pci_address;
};

/* What is known of one controller. */
struct nvt_emit_stream {
  struct nvt_emit_who who; /* as last told */
  uint64_t seq;            /* of the next record */
  uint64_t lost_first, lost_count, lost_first_ns, lost_last_ns;
  /* The caller's notes, false at first. */
  bool meta_written;
  bool shared_doorbells; /* as the last meta-record says */
  struct nvt_emit_stream *next;
};

/* Members are for the functions below, but those that the caller sets. */
struct nvt_emit {
  struct nvt_ring *ring;          /* set; borrowed */
  struct nvt_emit_stream *stream; /* the last one that spoke; head of a list */
  bool block;                     /* set: wait when the ring is full; else drop, and count */
  bool calm;                      /* set: after a loss, go on when half of the ring is free again */
  uint16_t thread;                /* set: as in the record */
  struct nvt_trace_clock clock;   /* set: started */
  struct nvt_trace_counts counts; /* `records` is left 0: see nvt_emit_counts() */
};

/* What was lost and not yet told is recorded now, if it has to wait for room; all is freed that
 * the emission has allocated. */
void nvt_emit_end_all(struct nvt_emit *);
void nvt_emit_counts(const struct nvt_emit *, struct nvt_trace_counts *out);

/* The stream of a controller, moved to the front; NULL: out of memory. */
struct nvt_emit_stream *nvt_emit_find(struct nvt_emit *, uint16_t controller);
/* Room for a record when there is none at once, or a loss to tell first. NULL: lost, and counted.
 */
void *nvt_emit_make_room(struct nvt_emit *, struct nvt_emit_stream *, size_t bytes, uint64_t ns);

struct nvt_emit_frame { /* of a pcap file, in front of each record */
  uint32_t seconds;
  uint32_t nanoseconds;
  uint32_t captured;
  uint32_t original;
};
_Static_assert(sizeof(struct nvt_emit_frame) == NVT_FRAME_HEADER_BYTES, "pcap record header");

/* With the constants of a kind of record there is little left of it; the compiler, which sees many
 * uses, would make one function. */
#define NVT_EMIT_INLINE inline __attribute__((always_inline))

static inline uint64_t nvt_emit_now(struct nvt_emit *emit) {
  return nvt_trace_clock_ns(&emit->clock);
}

static inline struct nvt_emit_stream *nvt_emit_stream_of(struct nvt_emit *emit, uint16_t id) {
  struct nvt_emit_stream *stream = emit->stream;
  bool there = __builtin_expect(stream != NULL && stream->who.controller == id, 1);
  return there ? stream : nvt_emit_find(emit, id);
}

/* Fill in the frame and the record's header at `at`, where there is room; the body's place. */
static NVT_EMIT_INLINE void *nvt_emit_head(struct nvt_emit *emit, struct nvt_emit_stream *stream,
                                           struct nvt_emit_who who, void *at,
                                           enum nvt_record_type type, uint32_t length,
                                           uint64_t ns) {
  struct nvt_trace_time time = nvt_trace_clock_split(&emit->clock, ns);
  *(struct nvt_emit_frame *)at = (struct nvt_emit_frame){.seconds = time.seconds,
                                                         .nanoseconds = time.nanoseconds,
                                                         .captured = length,
                                                         .original = length};
  struct nvt_rec_header *header = (void *)((uint8_t *)at + sizeof(struct nvt_emit_frame));
  *header = (struct nvt_rec_header){.magic = NVT_RECORD_MAGIC,
                                    .version = NVT_RECORD_VERSION,
                                    .type = (uint8_t)type,
                                    .header_length = sizeof(*header),
                                    .length = length,
                                    .controller = who.controller,
                                    .thread = emit->thread,
                                    .epoch = who.epoch,
                                    .pci_address = who.pci_address,
                                    .seq = stream->seq++};
  return header + 1;
}

/* Start a record whose body and tail take `body` bytes, a multiple of 8, of what was at `ns`. The
 * body's place, NULL: lost, and counted. */
static NVT_EMIT_INLINE void *nvt_emit_begin_at(struct nvt_emit *emit, struct nvt_emit_who who,
                                               enum nvt_record_type type, size_t body,
                                               uint64_t ns) {
  struct nvt_emit_stream *stream = nvt_emit_stream_of(emit, who.controller);
  if (__builtin_expect(stream == NULL, 0)) {
    emit->counts.lost++;
    return NULL;
  }
  /* The header isn't made from these: read back at once, together, they would stall. */
  stream->who.epoch = who.epoch;
  stream->who.pci_address = who.pci_address;
  uint32_t length = (uint32_t)(sizeof(struct nvt_rec_header) + body);
  size_t bytes = sizeof(struct nvt_emit_frame) + length;
  void *at = NULL;
  if (__builtin_expect(stream->lost_count == 0, 1))
    at = nvt_ring_reserve(emit->ring, bytes);
  if (__builtin_expect(at == NULL, 0)) {
    at = nvt_emit_make_room(emit, stream, bytes, ns);
    if (at == NULL)
      return NULL;
  }
  return nvt_emit_head(emit, stream, who, at, type, length, ns);
}

static NVT_EMIT_INLINE void *nvt_emit_begin(struct nvt_emit *emit, struct nvt_emit_who who,
                                            enum nvt_record_type type, size_t body) {
  nvt_ring_begin(emit->ring);
  return nvt_emit_begin_at(emit, who, type, body, nvt_emit_now(emit));
}

/* The record that was begun: it is the state of a controller, not an event (docs/trace-format.md,
 * "Snapshot"). */
static inline void nvt_emit_snapshot(void *body) {
  ((struct nvt_rec_header *)body - 1)->flags = NVT_V_header_flags_SNAPSHOT;
}

/* The record is filled in: hand it over. `body` as it was begun with. */
static inline void nvt_emit_end(struct nvt_emit *emit, enum nvt_record_type type, size_t body) {
  size_t bytes = sizeof(struct nvt_emit_frame) + sizeof(struct nvt_rec_header) + body;
  nvt_ring_commit(emit->ring, bytes);
  emit->counts.kinds[type]++;
  emit->counts.bytes += bytes;
}

/* Record `type` with the body that the initialiser gives. */
#define NVT_EMIT(emit, who, type, body_type, ...)                                                  \
  do {                                                                                             \
    struct body_type *body_ = nvt_emit_begin(emit, who, type, sizeof(*body_));                     \
    if (body_ != NULL) {                                                                           \
      *body_ = (struct body_type){__VA_ARGS__};                                                    \
      nvt_emit_end(emit, type, sizeof(*body_));                                                    \
    }                                                                                              \
  } while (0)

#endif
