/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Rings into one order of time. A ring that is empty may still bring a record with an older time
 * than another ring's: its producer takes the time, and a little later commits the record; if it
 * was interrupted between, much later. Producers say that they are about to take the time
 * (nvt_ring_begin()), by a plain store, which costs them nothing; the writer, once a round, has all
 * of them pass a memory barrier (membarrier()) and knows then of each whether it is in between.
 * Rejected: waiting for a fixed time, which a busy machine exceeds.
 */
#include <linux/membarrier.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/ring.h"
#include "capture/writer_int.h"
#include "controller/log.h"

enum {
  SKEW_NS = 2000,               /* counters of two processors */
  SETTLE_NS = 10 * 1000 * 1000, /* without a barrier: a record may come this late */
};
static const uint64_t patience_ns = 2000000000u; /* with a producer that doesn't go on */

static bool membarrier(int command) {
  return syscall(SYS_membarrier, command, 0, 0) == 0;
}

void nvt_writer_merge_start(struct nvt_ring_writer *writer) {
  nvt_trace_clock_start(&writer->clock);
  writer->barrier = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
}

/* This round's bytes, and what may come after them. True: a ring is nearly full. */
static bool look(struct nvt_ring_writer *writer) {
  uint64_t now = nvt_trace_clock_ns(&writer->clock);
  bool exact = writer->barrier && membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED), crowded = false;
  for (unsigned i = 0; i < writer->count; i++) {
    struct source *source = &writer->sources[i];
    uint64_t writing = nvt_ring_writing(source->ring);
    source->at = nvt_ring_peek(source->ring, &source->left);
    bool between = exact && writing == source->ring->tail + source->left;
    source->floor_ns = between ? 0 : now - (exact ? SKEW_NS : SETTLE_NS);
    source->at += source->ahead;
    source->left -= source->ahead;
    if (source->left > 0)
      source->next_ns = nvt_output_frame_ns(source->at);
    crowded |= source->left > (source->ring->mask + 1) / 4 * 3;
  }
  return crowded;
}

/* What was put is in the file, but for the last batch's end. */
static void consume(struct nvt_ring_writer *writer, bool all) {
  for (unsigned i = 0; i < writer->count; i++) {
    struct source *source = &writer->sources[i];
    size_t length = all ? source->ahead : source->sent;
    nvt_ring_consume(source->ring, length);
    source->ahead -= length;
    source->sent = source->ahead;
  }
}

static void put_batch(struct nvt_ring_writer *writer) {
  int error = nvt_output_put(writer->output, writer->batch, writer->batched);
  writer->put += writer->batched;
  writer->batched = 0;
  consume(writer, error != 0);
  if (error != 0)
    nvt_writer_fail(writer, error, "");
}

static void put(struct nvt_ring_writer *writer, struct source *source) {
  size_t length = nvt_output_frame(source->at);
  source->last_ns = source->next_ns;
  if (!writer->rotation.discard) {
    if (writer->batched + length > NVT_OUTPUT_PIECE) {
      put_batch(writer);
      nvt_writer_rotate(writer);
    }
    memcpy(writer->batch + writer->batched, source->at, length);
    writer->batched += length;
  } else {
    writer->result.unsaved++;
  }
  source->at += length;
  source->left -= length;
  source->ahead += length;
  if (source->left > 0)
    source->next_ns = nvt_output_frame_ns(source->at);
}

static struct source *oldest_of(struct nvt_ring_writer *writer) {
  struct source *oldest = NULL;
  for (unsigned i = 0; i < writer->count; i++) {
    struct source *source = &writer->sources[i];
    if (source->left > 0 && (oldest == NULL || source->next_ns < oldest->next_ns))
      oldest = source;
  }
  return oldest;
}

/* Nothing older than this comes any more. */
static uint64_t settled(const struct nvt_ring_writer *writer) {
  uint64_t ns = UINT64_MAX;
  for (unsigned i = 0; i < writer->count; i++) {
    const struct source *source = &writer->sources[i];
    uint64_t floor = source->floor_ns > source->last_ns ? source->floor_ns : source->last_ns;
    if (source->left == 0 && floor < ns)
      ns = floor;
  }
  return ns;
}

/* A full ring holds up its producer, or loses records, while another producer doesn't run: not for
 * ever. */
static bool impatient(struct nvt_ring_writer *writer) {
  if (writer->stuck_ns == 0 || nvt_writer_now() - writer->stuck_ns < patience_ns)
    return false;
  nvt_log(NVT_LOG_NORMAL, "%s: a recording thread doesn't go on: its record may come out of order",
          writer->path);
  return true;
}

/* The round's end: all that was put is in the file. */
static void settle(struct nvt_ring_writer *writer) {
  size_t whole;
  if (atomic_load(&writer->error) == 0 && writer->batched > 0)
    put_batch(writer);
  if (atomic_load(&writer->error) == 0) {
    int error = nvt_output_flush(writer->output);
    if (error != 0)
      nvt_writer_fail(writer, error, "");
  }
  writer->result.unsaved += nvt_output_count(writer->batch, writer->batched, &whole);
  writer->batched = 0;
  consume(writer, true);
}

size_t nvt_writer_merge(struct nvt_ring_writer *writer, bool all) {
  bool crowded = look(writer), moved = false, force = all || impatient(writer);
  while (atomic_load(&writer->error) == 0) {
    struct source *oldest = oldest_of(writer);
    if (oldest == NULL || (!force && oldest->next_ns > settled(writer)))
      break;
    if (oldest == &writer->sources[0] &&
        nvt_writer_position(writer) == nvt_writer_file_end(writer)) {
      put_batch(writer);
      nvt_writer_switch(writer);
      continue;
    }
    put(writer, oldest);
    moved = true;
  }
  if (!crowded || moved)
    writer->stuck_ns = 0;
  else if (writer->stuck_ns == 0)
    writer->stuck_ns = nvt_writer_now();
  settle(writer);
  size_t sum = 0;
  for (unsigned i = 0; i < writer->count; i++)
    sum += writer->sources[i].left;
  return moved ? sum + 1 : sum;
}
