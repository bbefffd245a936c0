/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the gate. All belongs to its thread, but what stands under `lock` and what is atomic.
 *
 *   tail         window.next          scanned        head
 *    |  the past  |  to be written     | not looked at |
 */
#ifndef NVT_CAPTURE_GATE_INT_H
#define NVT_CAPTURE_GATE_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "capture/gate.h"
#include "capture/match_int.h"
#include "capture/output.h"
#include "capture/ring.h"

enum {
  GATE_HAND = NVT_TRIGGERS_MAX, /* slots: triggers, then these */
  GATE_DUMP,
  GATE_SLOTS,
  GATE_WINDOWS = 4,
  GATE_STARTS = 64,
};
#define GATE_NOWHERE UINT64_MAX /* a position that isn't known yet */

enum gate_slot_state {
  GATE_IDLE,
  GATE_FIRED, /* its trigger record isn't written yet */
  GATE_AFTER, /* what comes after it is wanted */
};

struct gate_window;

struct gate_slot {
  struct nvt_span before, after;
  uint32_t left; /* times that it may fire; UINT32_MAX: without end */
  uint64_t fired;
  enum gate_slot_state state;
  struct gate_window *window; /* but when idle */
  /* Position of its trigger record, plus 1, and in the low byte which firing's it is: one that was
   * given up may still be marked. 0: not yet. */
  _Atomic uint64_t marked;
  _Atomic bool unmarked; /* it wasn't written */
  struct nvt_gate_mark mark;
  uint64_t records, end, end_ns; /* AFTER: how many more; up to this position; up to this time */
};

/* Where the current firing's trigger record is, plus 1; 0: not yet. */
static inline uint64_t nvt_gate_marked_at(const struct gate_slot *slot) {
  uint64_t marked = atomic_load(&slot->marked);
  return (uint8_t)marked == (uint8_t)slot->fired ? marked >> 8 : 0;
}

/* A piece: from `start` on, as long as a slot is active. */
struct gate_window {
  bool used;
  uint64_t serial;        /* the lowest is written first */
  uint64_t start, next;   /* what is written next; GATE_NOWHERE: from the next start on */
  uint64_t end;           /* GATE_NOWHERE: a slot is active */
  uint32_t active;        /* slots */
  bool begun;             /* its file is open */
  struct nvt_output *own; /* a dump's, or NULL: the gate's */
  struct nvt_gate_piece piece;
};

/* Where a piece may begin. */
struct gate_start {
  uint64_t position;
  uint64_t records; /* before it, where they are counted */
  uint64_t ns;
};

struct gate_request { /* of another thread, which waits for it */
  bool wanted, taken, done;
  bool dump;
  bool alone; /* its window is a dump's, which it waits for */
  const struct gate_window *window;
  const char *path;
  struct nvt_gate_piece piece;
  int error;
};

struct nvt_gate {
  struct nvt_gate_options options;
  char *path;
  pthread_t thread;
  struct nvt_output *output;
  struct nvt_match *match; /* NULL: no trigger */
  struct gate_slot slots[GATE_SLOTS];
  uint32_t active; /* slots that aren't idle */
  struct gate_window windows[GATE_WINDOWS];
  uint64_t serial;
  struct nvt_span keep; /* all of these, of the past */
  bool counts;          /* records have to be counted */
  uint64_t scanned;     /* position */
  uint64_t records;     /* before it, but preambles' */
  uint64_t number;      /* of records before it */
  uint64_t last_ns;
  struct gate_start starts[GATE_STARTS];
  unsigned start_count, numbered; /* and of how many `records` is known */
  uint64_t newest;                /* position of the newest start, plus 1; 0: there was none */
  uint64_t asked_ns;              /* for a preamble, and it isn't there yet; 0: not */
  int signals;                    /* dumps that signals had asked for */
  /* With one file: what it has. */
  bool written, broken;
  uint64_t written_end, written_seq, written_ns;

  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct gate_request request;
  uint64_t settle_wanted, settle_done;
  bool settle_dump, untold;
  struct nvt_gate_mark untold_mark;
  bool closing; /* requests are refused */
  bool finish;
  struct nvt_gate_status told;

  struct nvt_gate_status status; /* the thread's again */
};

/* gate_scan.c: look at what is there. False: more is. */
bool nvt_gate_scan(struct nvt_gate *);
/* Time goes by without records: windows may end by it. */
void nvt_gate_tick(struct nvt_gate *, uint64_t now_ns);
/* Fire a slot as of what was scanned: the window, or NULL when it doesn't fire. */
struct gate_window *nvt_gate_fire_slot(struct nvt_gate *, unsigned slot, uint16_t controller,
                                       uint64_t seq, struct nvt_output *own);

/* gate_keep.c: where the ring's past begins. */
void nvt_gate_learn_starts(struct nvt_gate *, uint64_t head);
/* The latest start with so much before what was scanned, or the earliest; GATE_NOWHERE: none. */
uint64_t nvt_gate_start_for(const struct nvt_gate *, const struct nvt_span *, bool *clipped);
void nvt_gate_keep(struct nvt_gate *);
/* Ask for a preamble when one is due. */
void nvt_gate_ask(struct nvt_gate *, uint64_t now_ns);

/* gate_write.c: write some of what windows want. True: there is more. */
bool nvt_gate_write(struct nvt_gate *);
/* The output's file, if there is one now, is where the ring's records go: for who recovers the
 * ring. */
void nvt_gate_tell_ring(struct nvt_gate *);

/* gate.c: the request whose window this is, if it is one's, is answered. */
void nvt_gate_answer(struct nvt_gate *, const struct gate_window *);

uint64_t nvt_gate_now_ns(void); /* since 1970 */

#endif
