/* SPDX-License-Identifier: BSD-2-Clause */
/* Looking at records: which trigger fires, and where a window ends. */
#include <string.h>
#include <time.h>

#include "capture/gate_int.h"
#include "trace/record.h"
#include "trace/writer.h"

enum { ROUND = 4 << 20 };          /* bytes that are looked at before some are written */
#define SETTLE_NS (50u * 1000000u) /* after which a record isn't on its way any more */

uint64_t nvt_gate_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct gate_window *new_window(struct nvt_gate *gate) {
  for (unsigned i = 0; i < GATE_WINDOWS; i++)
    if (!gate->windows[i].used)
      return &gate->windows[i];
  return NULL;
}

/* The newest window that pieces of triggers go to. */
static struct gate_window *newest_window(struct nvt_gate *gate) {
  struct gate_window *newest = NULL;
  for (unsigned i = 0; i < GATE_WINDOWS; i++) {
    struct gate_window *window = &gate->windows[i];
    if (window->used && window->own == NULL && (newest == NULL || window->serial > newest->serial))
      newest = window;
  }
  return newest;
}

/* The window for a slot that fires: one that is open and has enough before it, or another; where
 * there is no room for another, the newest goes on. */
static struct gate_window *window_for(struct nvt_gate *gate, const struct nvt_span *before,
                                      struct nvt_output *own) {
  bool clipped;
  uint64_t start = nvt_gate_start_for(gate, before, &clipped);
  struct gate_window *newest = own != NULL ? NULL : newest_window(gate);
  bool open = newest != NULL && newest->end == GATE_NOWHERE;
  if (open && (newest->start <= start || gate->options.one))
    return newest;
  struct gate_window *window = new_window(gate);
  if (window == NULL) {
    if (newest != NULL)
      newest->end = GATE_NOWHERE;
    return newest;
  }
  *window = (struct gate_window){.used = true,
                                 .serial = gate->serial++,
                                 .start = start,
                                 .next = start,
                                 .end = GATE_NOWHERE,
                                 .own = own};
  gate->status.clipped += clipped;
  return window;
}

struct gate_window *nvt_gate_fire_slot(struct nvt_gate *gate, unsigned slot, uint16_t controller,
                                       uint64_t seq, struct nvt_output *own) {
  struct gate_slot *s = &gate->slots[slot];
  if (s->state == GATE_FIRED || s->left == 0) /* what comes before its record is the same firing */
    return NULL;
  struct gate_window *window =
      s->state == GATE_AFTER ? s->window : window_for(gate, &s->before, own);
  if (window == NULL)
    return NULL;
  s->left -= s->left != UINT32_MAX;
  s->fired++;
  gate->status.fired++;
  s->state = GATE_FIRED;
  s->window = window;
  window->active |= 1u << slot;
  gate->active |= 1u << slot;
  atomic_store(&s->marked, 0);
  atomic_store(&s->unmarked, false);
  s->mark = (struct nvt_gate_mark){.slot = slot,
                                   .trigger = slot < GATE_HAND ? slot + 1 : NVT_GATE_HAND,
                                   .controller = controller,
                                   .seq = seq,
                                   .fired = s->fired};
  gate->options.want_mark(gate->options.ctx, &s->mark);
  return window;
}

/* A slot wants nothing more; its window ends there when no other does. */
static void done(struct nvt_gate *gate, unsigned slot, uint64_t position) {
  struct gate_slot *s = &gate->slots[slot];
  s->state = GATE_IDLE;
  s->window->active &= ~(1u << slot);
  gate->active &= ~(1u << slot);
  if (s->window->active == 0)
    s->window->end = position;
}

struct seen { /* the record at gate->scanned */
  const uint8_t *bytes;
  size_t captured;
  uint64_t end, ns; /* position behind it */
  uint8_t type;
  bool state; /* a preamble's */
};

static void look_at(const struct nvt_gate *gate, struct seen *seen) {
  const struct nvt_ring *ring = gate->options.ring;
  const uint8_t *frame = ring->data + (gate->scanned & ring->mask);
  uint32_t captured;
  memcpy(&captured, frame + 8, sizeof(captured));
  seen->bytes = frame + NVT_FRAME_HEADER_BYTES;
  seen->captured = captured;
  seen->end = gate->scanned + NVT_FRAME_HEADER_BYTES + captured;
  seen->ns = nvt_output_frame_ns(frame);
  bool header = captured >= sizeof(struct nvt_rec_header);
  seen->type = header ? seen->bytes[5] : 0;
  seen->state =
      header && (seen->type == NVT_REC_META || (seen->bytes[7] & NVT_V_header_flags_SNAPSHOT) != 0);
}

/* This record is the slot's trigger record, or stands where it was to be. */
static bool is_mark(const struct gate_slot *s, const struct seen *seen) {
  struct nvt_rec_event event;
  if (seen->type != NVT_REC_EVENT || seen->captured < sizeof(struct nvt_rec_header) + sizeof(event))
    return false;
  memcpy(&event, seen->bytes + sizeof(struct nvt_rec_header), sizeof(event));
  return event.event == NVT_V_event_event_TRIGGER && event.code == s->mark.trigger &&
         event.size == s->mark.fired;
}

static void begin_after(struct gate_slot *s, uint64_t position, uint64_t ns) {
  s->state = GATE_AFTER;
  s->records = s->after.records;
  s->end = s->after.bytes > 0 ? position + s->after.bytes : GATE_NOWHERE;
  s->end_ns = s->after.ns > 0 ? ns + s->after.ns : UINT64_MAX;
}

static bool wants_nothing(const struct gate_slot *s) {
  return s->records == 0 && s->end == GATE_NOWHERE && s->end_ns == UINT64_MAX;
}

/* How the record at gate->scanned counts for a slot that is active. `marked`: as it was when the
 * record was seen. */
static void follow_slot(struct nvt_gate *gate, unsigned slot, const struct seen *seen,
                        uint64_t marked) {
  struct gate_slot *s = &gate->slots[slot];
  if (s->state == GATE_FIRED) {
    if (marked == 0 || gate->scanned < marked - 1 || seen->type == NVT_REC_LOSS)
      return;
    bool mark = is_mark(s, seen);
    begin_after(s, mark ? seen->end : gate->scanned, seen->ns);
    if (wants_nothing(s))
      done(gate, slot, mark ? seen->end : gate->scanned);
    if (mark || s->state == GATE_IDLE)
      return;
  }
  if (seen->ns > s->end_ns) {
    done(gate, slot, gate->scanned);
  } else if (s->end != GATE_NOWHERE) {
    if (seen->end >= s->end)
      done(gate, slot, seen->end);
  } else if (s->after.records > 0 && !seen->state && --s->records == 0) {
    done(gate, slot, seen->end);
  }
}

static void follow(struct nvt_gate *gate, const struct seen *seen, const uint64_t *marked) {
  uint32_t slots = gate->active;
  for (unsigned i = 0; slots != 0; i++, slots >>= 1)
    if ((slots & 1) != 0)
      follow_slot(gate, i, seen, marked[i]);
}

static void fire(struct nvt_gate *gate, const struct seen *seen, uint32_t met, uint64_t *marked) {
  struct nvt_rec_header header = {0};
  if (seen->captured >= sizeof(header))
    memcpy(&header, seen->bytes, sizeof(header));
  for (unsigned i = 0; met != 0; i++, met >>= 1)
    if ((met & 1) != 0 && nvt_gate_fire_slot(gate, i, header.controller, header.seq, NULL) != NULL)
      marked[i] = 0; /* what it was is the last firing's */
}

/* Firing comes first: a window that would end with this record goes on. */
static void step(struct nvt_gate *gate, uint64_t *marked) {
  struct seen seen;
  look_at(gate, &seen);
  while (gate->numbered < gate->start_count &&
         gate->starts[gate->numbered].position <= gate->scanned)
    gate->starts[gate->numbered++].records = gate->records;
  gate->last_ns = seen.ns;
  gate->number++;
  uint32_t met = gate->match == NULL
                     ? 0
                     : nvt_match(gate->match, seen.bytes, seen.captured, seen.ns, gate->number);
  if (met != 0)
    fire(gate, &seen, met, marked);
  if (gate->active != 0)
    follow(gate, &seen, marked);
  gate->records += !seen.state;
  gate->scanned = seen.end;
}

bool nvt_gate_scan(struct nvt_gate *gate) {
  size_t there;
  uint64_t marked[GATE_SLOTS];
  (void)nvt_ring_peek(gate->options.ring, &there);
  uint64_t head = gate->options.ring->tail + there;
  /* After the head: a trigger record that is before it was announced before it. */
  for (unsigned i = 0; i < GATE_SLOTS; i++)
    marked[i] = nvt_gate_marked_at(&gate->slots[i]);
  nvt_gate_learn_starts(gate, head);
  if (gate->match == NULL && !gate->counts && gate->active == 0) {
    if (head > gate->scanned)
      gate->last_ns = nvt_gate_now_ns();
    gate->scanned = head;
    gate->numbered = gate->start_count;
    return true;
  }
  for (uint64_t from = gate->scanned; gate->scanned < head; step(gate, marked))
    if (gate->scanned - from >= ROUND)
      return false;
  return true;
}

void nvt_gate_tick(struct nvt_gate *gate, uint64_t now_ns) {
  uint32_t slots = gate->active;
  for (unsigned i = 0; slots != 0; i++, slots >>= 1) {
    struct gate_slot *s = &gate->slots[i];
    if ((slots & 1) == 0)
      continue;
    if (s->state == GATE_FIRED && atomic_load(&s->unmarked)) {
      begin_after(s, gate->scanned, now_ns);
      if (wants_nothing(s))
        done(gate, i, gate->scanned);
    } else if (s->state == GATE_AFTER && s->end_ns != UINT64_MAX && now_ns > s->end_ns &&
               now_ns - s->end_ns > SETTLE_NS) {
      done(gate, i, gate->scanned);
    }
  }
}
