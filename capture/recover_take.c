/* SPDX-License-Identifier: BSD-2-Clause */
/* Taking frames out of files and rings. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/recover_int.h"
#include "trace/writer.h"

static uint64_t size_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && status.st_size > 0 ? (uint64_t)status.st_size : 0;
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* How far a long trace has been read, on a terminal. */
static void show_progress(struct nvt_recovery *r, const struct nvt_frames *frames) {
  enum { EVERY = 1 << 16, PATIENCE_MS = 2000 };
  if (++r->taken % EVERY != 0 || !isatty(STDERR_FILENO) || frames->end == 0)
    return;
  if (r->since_ms == 0)
    r->since_ms = now_ms();
  if (now_ms() - r->since_ms < PATIENCE_MS)
    return;
  fprintf(stderr, "\rrecover: %u %%", (unsigned)(100.0 * (double)frames->at / (double)frames->end));
  r->progress_shown = true;
}

void nvt_recovery_progress_end(struct nvt_recovery *r) {
  if (r->progress_shown)
    fputs("\r                \r", stderr);
  r->progress_shown = false;
}

int nvt_take_frames(struct nvt_recovery *r, struct nvt_frames *frames, uint64_t old,
                    struct nvt_tails *tails, struct nvt_sink *sink, enum nvt_frames_state *state) {
  struct nvt_frame frame;
  int error = 0;
  while (error == 0 && (*state = nvt_frames_next(frames, &frame)) == NVT_FRAMES_OK) {
    r->records += frame.position + frame.length > old;
    show_progress(r, frames);
    if (sink != NULL)
      error = nvt_sink_put(sink, frame.bytes, frame.length);
    if (error == 0)
      error = nvt_tails_take(tails, &frame);
  }
  return error == 0 && *state == NVT_FRAMES_ERROR ? -frames->error : error;
}

int nvt_take_file(struct nvt_recovery *r, const struct nvt_extent *extent, struct nvt_tails *tails,
                  struct nvt_sink *sink, struct nvt_taken *out) {
  struct nvt_frames frames;
  const struct nvt_place file = {.fd = extent->fd, .mask = UINT64_MAX};
  if (extent->packed)
    return nvt_take_packed(r, extent, tails, sink, out);
  out->state = NVT_FRAMES_ERROR;
  uint64_t from = extent->from != 0 ? extent->from : NVT_FILE_HEADER_BYTES;
  int error = nvt_frames_open(&frames, file, from, extent->end);
  if (extent->ring != NULL)
    nvt_frames_split(&frames, extent->ring->tail, nvt_orphan_span(extent->ring));
  if (error == 0)
    error = nvt_take_frames(r, &frames, extent->old, tails, sink, &out->state);
  out->whole = frames.at < extent->end ? frames.at : extent->end;
  nvt_frames_close(&frames);
  return error;
}

/* --- rings --- */

struct source {
  struct nvt_frames frames;
  struct nvt_frame frame;
  bool there;
};

static void advance(struct nvt_recovery *r, struct source *source) {
  enum nvt_frames_state state = nvt_frames_next(&source->frames, &source->frame);
  source->there = state == NVT_FRAMES_OK;
  if (!source->there && state != NVT_FRAMES_END)
    r->damaged += source->frames.end - source->frames.at;
}

/* The first start of a trace from a position on; UINT64_MAX where there is none. */
static uint64_t first_start(const struct nvt_orphan *ring, uint64_t from) {
  uint64_t first = UINT64_MAX, count = atomic_load(&ring->shared.starts);
  for (uint64_t i = 0; i < count && i < NVT_RING_STARTS; i++) {
    uint64_t at = atomic_load(&ring->shared.start[i]);
    if (at >= from && at < ring->head && at % 8 == 0 && at < first)
      first = at;
  }
  return first;
}

/* What was consumed stands there as well, but for what a frame has overwritten that was begun
 * at the head. */
static uint64_t oldest(const struct nvt_orphan *ring) {
  uint64_t kept = ring->shared.size - NVT_RECORD_MAX - NVT_FRAME_HEADER_BYTES;
  if (ring->head <= kept)
    return 0;
  return ring->head - kept < ring->tail ? ring->head - kept : ring->tail;
}

static int begin(struct nvt_recovery *r, struct source *source, const struct nvt_orphan *ring,
                 bool history, bool begun) {
  /* Of a stream it isn't known where in the ring a record begins. */
  bool search = history || ring->out->mode == NVT_RING_STREAM;
  /* A flight recorder's past: what is older than the first start can't be read. */
  bool past = history && ring->out->mode == NVT_RING_NO_FILE;
  uint64_t from = search ? oldest(ring) : ring->tail;
  uint64_t start = past || (!search && !begun) ? first_start(ring, from) : UINT64_MAX;
  if (start != UINT64_MAX) {
    from = start;
    search = false;
  }
  int error = nvt_frames_open(&source->frames, nvt_orphan_span(ring), from, ring->head);
  if (error != 0)
    return error;
  if (search && !nvt_frames_find(&source->frames))
    r->damaged += ring->head - ring->tail;
  advance(r, source);
  return 0;
}

static int merge(struct nvt_recovery *r, struct source *sources, struct nvt_tails *tails,
                 struct nvt_sink *sink) {
  for (;;) {
    struct source *next = NULL;
    for (size_t i = 0; i < r->count; i++)
      if (sources[i].there && (next == NULL || sources[i].frame.ns < next->frame.ns))
        next = &sources[i];
    if (next == NULL)
      return 0;
    if (!nvt_tails_has(tails, &next->frame)) {
      int error = nvt_sink_put(sink, next->frame.bytes, next->frame.length);
      if (error == 0)
        error = nvt_tails_take(tails, &next->frame);
      if (error != 0)
        return error;
      r->records++;
    }
    advance(r, next);
  }
}

int nvt_take_rings(struct nvt_recovery *r, bool history, struct nvt_tails *tails,
                   struct nvt_sink *sink) {
  struct source *sources = calloc(r->count, sizeof(*sources));
  int error = sources == NULL ? -ENOMEM : 0;
  bool begun = tails->count > 0;
  for (size_t i = 0; i < r->count && error == 0; i++)
    error = begin(r, &sources[i], r->rings[i], history, begun);
  if (error == 0)
    error = merge(r, sources, tails, sink);
  for (size_t i = 0; i < r->count && sources != NULL; i++) {
    if (error == 0)
      error = -sources[i].frames.error;
    nvt_frames_close(&sources[i].frames);
  }
  free(sources);
  return error;
}

uint64_t nvt_take_boundary(const struct nvt_orphan *ring) {
  uint64_t latest = 0, count = atomic_load(&ring->shared.boundaries);
  for (uint64_t i = 0; i < count && i < NVT_RING_BOUNDARIES; i++) {
    uint64_t at = atomic_load(&ring->shared.boundary[i]);
    if (at >= NVT_FILE_HEADER_BYTES && at <= ring->tail && at % 8 == 0 && at > latest)
      latest = at;
  }
  return latest;
}

bool nvt_take_continues(const struct nvt_recovery *r, const struct nvt_tails *tails) {
  for (size_t i = 0; i < r->count; i++) {
    const struct nvt_orphan *ring = r->rings[i];
    struct nvt_frames frames;
    struct nvt_frame frame;
    struct nvt_tails copy = {.index = tails->index, .rows = tails->rows};
    bool good = true;
    if (nvt_frames_open(&frames, nvt_orphan_span(ring), ring->tail, ring->head) == 0 &&
        nvt_frames_next(&frames, &frame) == NVT_FRAMES_OK)
      good = nvt_tails_gap(&copy, &frame) == 0;
    nvt_frames_close(&frames);
    if (!good)
      return false;
  }
  return true;
}

/* --- bytes --- */

/* Bytes of a ring at a position, as far as they are in one piece; or -errno. */
static ssize_t read_ring(const struct nvt_orphan *ring, uint64_t position, uint8_t *to,
                         size_t length) {
  uint64_t offset = position & (ring->shared.size - 1);
  if (length > ring->shared.size - offset)
    length = (size_t)(ring->shared.size - offset);
  ssize_t n = pread(ring->fd, to, length, (off_t)(NVT_RING_HEADER + offset));
  return n < 0 ? -errno : n;
}

bool nvt_take_fits(const struct nvt_orphan *ring, int fd) {
  enum { COMPARED = 4096 };
  uint8_t there[COMPARED], here[COMPARED];
  if (size_of(fd) < ring->tail)
    return false;
  uint64_t from = oldest(ring);
  if (from + COMPARED < ring->tail)
    from = ring->tail - COMPARED;
  if (from >= ring->tail)
    return true;
  ssize_t n = read_ring(ring, from, there, (size_t)(ring->tail - from));
  return n > 0 && pread(fd, here, (size_t)n, (off_t)from) == n &&
         memcmp(here, there, (size_t)n) == 0;
}

int nvt_take_bytes(const struct nvt_orphan *ring, int fd) {
  enum { PIECE = 1 << 20 };
  uint8_t *piece = malloc(PIECE);
  int error = piece == NULL ? -ENOMEM : 0;
  for (uint64_t at = ring->tail; at < ring->head && error == 0;) {
    uint64_t left = ring->head - at;
    ssize_t n = read_ring(ring, at, piece, left < PIECE ? (size_t)left : PIECE);
    if (n <= 0)
      error = n == 0 ? -EIO : (int)n;
    else
      error = nvt_write_at(fd, piece, (size_t)n, at);
    at += n > 0 ? (uint64_t)n : 0;
  }
  free(piece);
  return error;
}
