/* SPDX-License-Identifier: BSD-2-Clause */
/* Which part of the past stays in the ring, and where a trace may begin in it. */
#include <string.h>

#include "capture/gate_int.h"

/* A preamble has some hundred records: between two there is more than that, whatever is asked. */
#define APART_BYTES (256u << 10)
#define APART_RECORDS 1000u
#define APART_NS (50u * 1000000u)
#define PATIENCE_NS 1000000000u /* after which a preamble that was asked for is taken for lost */

static const uint8_t *at(const struct nvt_gate *gate, uint64_t position) {
  return gate->options.ring->data + (position & gate->options.ring->mask);
}

static uint64_t size(const struct nvt_gate *gate) {
  return gate->options.ring->mask + 1;
}

static void forget_start(struct nvt_gate *gate, unsigned i) {
  gate->start_count--;
  memmove(&gate->starts[i], &gate->starts[i + 1],
          (gate->start_count - i) * sizeof(gate->starts[0]));
  if (gate->numbered > i)
    gate->numbered--;
}

void nvt_gate_learn_starts(struct nvt_gate *gate, uint64_t head) {
  uint64_t position;
  while (nvt_ring_start_after(gate->options.ring, gate->newest, &position) && position < head) {
    if (gate->start_count == GATE_STARTS)
      forget_start(gate, 1); /* the first is where the tail is */
    gate->starts[gate->start_count++] =
        (struct gate_start){.position = position, .ns = nvt_output_frame_ns(at(gate, position))};
    gate->newest = position + 1;
    gate->asked_ns = 0;
  }
}

static bool enough(const struct nvt_gate *gate, const struct gate_start *start,
                   const struct nvt_span *span) {
  return gate->records - start->records >= span->records &&
         gate->scanned - start->position >= span->bytes &&
         (span->ns == 0 || (gate->last_ns > start->ns && gate->last_ns - start->ns >= span->ns));
}

uint64_t nvt_gate_start_for(const struct nvt_gate *gate, const struct nvt_span *span,
                            bool *clipped) {
  unsigned i = gate->counts ? gate->numbered : gate->start_count;
  *clipped = false;
  while (i > 0 && gate->starts[i - 1].position >= gate->scanned)
    i--;
  if (i == 0)
    return GATE_NOWHERE;
  for (; i > 0; i--)
    if (enough(gate, &gate->starts[i - 1], span))
      return gate->starts[i - 1].position;
  *clipped = gate->starts[0].position != 0; /* at 0 it is the trace's beginning: there is no more */
  return gate->starts[0].position;
}

/* What windows have still to write stays. */
static uint64_t wanted_by_windows(const struct nvt_gate *gate) {
  uint64_t floor = GATE_NOWHERE;
  for (unsigned i = 0; i < GATE_WINDOWS; i++) {
    const struct gate_window *window = &gate->windows[i];
    if (!window->used || window->next == GATE_NOWHERE)
      continue;
    const struct nvt_output *output = window->own != NULL ? window->own : gate->output;
    uint64_t next = window->next - (window->begun ? nvt_output_held(output) : 0);
    if (next < floor)
      floor = next;
  }
  return floor;
}

/* A window that nothing was written of begins later, where the ring is too small for it. */
static void move_windows(struct nvt_gate *gate, uint64_t position) {
  for (unsigned i = 0; i < GATE_WINDOWS; i++) {
    struct gate_window *window = &gate->windows[i];
    if (window->used && !window->begun && window->next < position) {
      window->start = window->next = position;
      gate->status.clipped++;
    }
  }
}

/* Make room, if it has to be, at the cost of the past. */
static uint64_t make_room(struct nvt_gate *gate, uint64_t tail, uint64_t head) {
  while (head - tail > size(gate) / 4 * 3) {
    uint64_t next = GATE_NOWHERE;
    for (unsigned i = 0; i < gate->start_count && next == GATE_NOWHERE; i++)
      if (gate->starts[i].position > tail && gate->starts[i].position < gate->scanned)
        next = gate->starts[i].position;
    if (next == GATE_NOWHERE) {
      /* Nowhere to begin at: the device, which may be waiting for room, can't write a preamble. */
      if (head - tail <= size(gate) / 8 * 7)
        return tail;
      next = gate->scanned;
    }
    if (next <= tail)
      return tail; /* all that isn't looked at yet */
    move_windows(gate, next);
    if (next > wanted_by_windows(gate))
      return tail;
    tail = next;
  }
  return tail;
}

void nvt_gate_keep(struct nvt_gate *gate) {
  struct nvt_ring *ring = gate->options.ring;
  bool clipped;
  size_t there;
  (void)nvt_ring_peek(ring, &there);
  uint64_t head = ring->tail + there, tail = nvt_gate_start_for(gate, &gate->keep, &clipped);
  if (tail == GATE_NOWHERE)
    tail = gate->scanned; /* nothing can be read without a start */
  uint64_t wanted = wanted_by_windows(gate);
  tail = make_room(gate, tail < wanted ? tail : wanted, head);
  if (tail > ring->tail)
    nvt_ring_consume(ring, (size_t)(tail - ring->tail));
  while (gate->start_count > 0 && gate->starts[0].position < ring->tail)
    forget_start(gate, 0);
}

/* Much since the newest start: an eighth of what is kept, so that a piece has little more. */
static bool due(const struct nvt_gate *gate, const struct gate_start *start) {
  uint64_t bytes = gate->scanned - start->position;
  uint64_t ns = gate->last_ns > start->ns ? gate->last_ns - start->ns : 0;
  if (bytes < APART_BYTES)
    return false;
  if (gate->keep.bytes == 0 && gate->keep.ns == 0 && gate->keep.records == 0)
    return true;
  if (bytes >= size(gate) / 8 || (gate->keep.bytes > 0 && bytes >= gate->keep.bytes / 8))
    return true;
  if (gate->keep.ns > 0 && ns >= gate->keep.ns / 8 && ns >= APART_NS)
    return true;
  uint64_t records = gate->records - start->records;
  return gate->keep.records > 0 && records >= gate->keep.records / 8 && records >= APART_RECORDS;
}

void nvt_gate_ask(struct nvt_gate *gate, uint64_t now_ns) {
  bool none = gate->start_count == 0;
  if (gate->asked_ns != 0 && now_ns - gate->asked_ns < PATIENCE_NS)
    return;
  if (none ? gate->newest == 0 || gate->scanned == gate->newest - 1
           : !due(gate, &gate->starts[gate->start_count - 1]))
    return;
  gate->asked_ns = now_ns;
  gate->options.want_preamble(gate->options.ctx);
}
