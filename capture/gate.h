/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate: what stands at the end of a recording's ring in place of the writer where only pieces
 * of the trace are wanted. Its thread keeps the ring's tail moving, so that the ring holds the
 * last so many records, bytes or seconds, and writes that and what follows when a trigger fires.
 *
 * The tail is always at a start (nvt_ring_mark_start()), so each piece begins with a preamble, and
 * so does what a killed recorder leaves in the ring. While nobody looks at records none is read.
 *
 * A trigger is noticed some milliseconds after the record that met its condition. Then the device
 * thread writes the trigger record (event 23), from which the part "after" is counted; the part
 * "before" is counted from the record that met the condition.
 */
#ifndef NVT_CAPTURE_GATE_H
#define NVT_CAPTURE_GATE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/trigger.h"

struct nvt_gate; /* opaque */
struct nvt_packer;
struct nvt_ring;

#define NVT_GATE_HAND 0u /* number of what was fired by hand; triggers have theirs from 1 */

/* Bytes of a ring: an eighth has to hold the longest record, so that a device that waits for room
 * gets it. */
#define NVT_GATE_RING_MIN (4u << 20)

/* A trigger record that is to be written. */
struct nvt_gate_mark {
  unsigned slot; /* for nvt_gate_marked() */
  uint32_t trigger;
  uint16_t controller; /* of the record that met the condition */
  uint64_t seq;        /* its sequence number; by hand 0 */
  uint64_t fired;      /* how often */
};

struct nvt_gate_options {
  const char *path;      /* the pieces' name, as nvt_output_options'; "-": standard output */
  bool one;              /* all into one file; what is left out is told by loss records. Of one
                            controller */
  struct nvt_ring *ring; /* borrowed; its only consumer is the gate */
  struct nvt_span keep;  /* of the past, for who fires by hand and for triggers that don't say */
  const struct nvt_trigger *triggers; /* borrowed */
  unsigned count;                     /* at most NVT_TRIGGERS_MAX */
  unsigned keep_files;                /* of the pieces, the newest; 0: all */
  uint32_t snaplen;
  const struct nvt_packer *packer; /* NULL: none */
  int level;
  const volatile sig_atomic_t *asked; /* grows when a signal asks for a dump; NULL: none does */
  /* The gate's thread. Have a preamble written into the ring soon, its start marked; have a trigger
   * record written, nvt_gate_marked() called right before. Both by the device thread. */
  void (*want_preamble)(void *ctx);
  void (*want_mark)(void *ctx, const struct nvt_gate_mark *);
  void *ctx;
};

/* Start the thread. Nothing may have been produced yet. 0 or -errno with a message in why. */
int nvt_gate_start(const struct nvt_gate_options *, struct nvt_gate **out, char *why,
                   size_t whylen);

/* The ring that `keep` and triggers need, bytes, as far as that can be known: 0 where only time is
 * asked for. */
uint64_t nvt_gate_ring_size(const struct nvt_span *keep, const struct nvt_trigger *triggers,
                            unsigned count, bool with_data);

/* Device thread: what is written next into the ring is this trigger record. */
void nvt_gate_marked(struct nvt_gate *, const struct nvt_gate_mark *);
/* And afterwards: it couldn't be written. */
void nvt_gate_unmarked(struct nvt_gate *, unsigned slot);

/* A piece that is being written, or was. */
struct nvt_gate_piece {
  uint64_t bytes;
  int error; /* 0, or the errno that ended it */
  char path[4096];
};
/* Any thread but the device's: fire by hand, with all that is kept and, after, as many records as
 * triggers have where nothing is said. Returns when the piece has begun. 0 or -errno. */
int nvt_gate_fire(struct nvt_gate *, struct nvt_gate_piece *);
/* The same with nothing after, and waits until it is written: to a path of its own, or NULL. */
int nvt_gate_dump(struct nvt_gate *, const char *path, struct nvt_gate_piece *);

struct nvt_gate_status { /* any thread */
  unsigned armed;        /* triggers that may fire again */
  uint64_t fired;        /* by triggers and by hand */
  uint64_t pieces;       /* begun */
  uint64_t bytes;        /* in pieces */
  uint64_t held;         /* bytes in the ring */
  uint64_t held_ns;      /* how old the oldest of them is */
  uint64_t clipped;      /* times that less of the past was there than asked for: the ring */
  uint64_t failed;       /* pieces that couldn't be written whole */
  bool writing;
};
void nvt_gate_status(struct nvt_gate *, struct nvt_gate_status *);

/* Device thread, when it takes no more posts: who fires by hand is refused from now on. Wait until
 * all records so far were looked at. True: this trigger record is still to be written, then again.
 * `dump`: fire for the end, too. */
bool nvt_gate_settle(struct nvt_gate *, bool dump, struct nvt_gate_mark *);
/* Producers have finished: write what is wanted, end the thread. False: a piece couldn't be written
 * whole, as was told on standard error. The gate is gone in either case. */
bool nvt_gate_finish(struct nvt_gate *, struct nvt_gate_status *);

#endif
