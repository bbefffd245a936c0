/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the live writer: its thread (writer.c), the merge of rings (writer_merge.c) and the
 * change from one file to the next (writer_rotate.c). All belongs to that thread, but for the
 * atomics. */
#ifndef NVT_CAPTURE_WRITER_INT_H
#define NVT_CAPTURE_WRITER_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "capture/clock.h"
#include "capture/output.h"
#include "capture/output_int.h"
#include "capture/ring.h"
#include "capture/stream_int.h"
#include "capture/writer.h"

struct source {
  struct nvt_ring *ring;
  const uint8_t *at; /* what is left of this round's bytes */
  size_t left;
  size_t ahead;      /* bytes put and not consumed: they may be missing in the file */
  size_t sent;       /* of these, in batches before the last one */
  uint64_t floor_ns; /* nothing older comes after this round's bytes */
  uint64_t last_ns, next_ns;
  _Atomic uint64_t written; /* for other threads: the ring's bytes before this are in the file */
};

enum { ROTATE_STARTS = 16 };

struct rotation {
  uint64_t starts[ROTATE_STARTS]; /* where files are to begin, positions in the first ring */
  unsigned count;
  uint64_t planned; /* the last one of them, or where the current file began */
  bool asked;       /* for a preamble; it begins at `from` or later */
  uint64_t from;
  uint64_t asked_ns, due_ns, looked_ns;
  bool renamed; /* the current file: it was said */
  bool reached; /* the last file that there is to be is full */
  bool discard; /* the file was removed: nothing is kept until the next one begins */
};

struct nvt_ring_writer {
  pthread_t thread;
  char *path;
  struct nvt_ring_writer_files files;
  void (*want_preamble)(void *ctx);
  void (*ended)(void *ctx, int error);
  void *ctx;
  bool file; /* one ring into one plain file: `stream` does the work */
  struct nvt_stream stream;
  struct nvt_outfile plain;
  struct nvt_output *output; /* has a file where `file` is false */
  uint64_t put;              /* bytes that went into it, as they were in rings */
  unsigned count;
  _Atomic int error;
  atomic_bool finish;
  bool failed;  /* `error` was told */
  bool barrier; /* stores of producers can be made seen */
  struct nvt_trace_clock clock;
  uint64_t stuck_ns;   /* since when a producer that doesn't go on holds up a crowded merge; 0 */
  uint64_t waiting_ns; /* since when there is something for a frame that isn't worth it yet; 0 */
  uint8_t *batch;      /* merged records on their way; only with several rings */
  size_t batched;
  struct rotation rotation;
  struct nvt_ring_writer_result result; /* of what the output doesn't count */
  struct source sources[NVT_RING_WRITER_RINGS];
};

uint64_t nvt_writer_now(void); /* monotonic, ns */

/* Where the first ring's next record is to be put from. */
static inline uint64_t nvt_writer_position(const struct nvt_ring_writer *writer) {
  return writer->sources[0].ring->tail + writer->sources[0].ahead;
}

/* The writing is over: say so, once, let producers go. `state`: of the file. */
void nvt_writer_fail(struct nvt_ring_writer *, int error, const char *state);

/* Several rings: all that is old enough; `all`: producers have finished. Bytes left to do. */
size_t nvt_writer_merge(struct nvt_ring_writer *, bool all);
void nvt_writer_merge_start(struct nvt_ring_writer *); /* in its thread */

/* Look whether another file is due, and see to it. */
void nvt_writer_rotate(struct nvt_ring_writer *);
void nvt_writer_rotate_start(struct nvt_ring_writer *);
/* Where the current file ends, if that is known: a position in the first ring, or UINT64_MAX. */
uint64_t nvt_writer_file_end(const struct nvt_ring_writer *);
/* All before it was put: begin the next file. */
void nvt_writer_switch(struct nvt_ring_writer *);

#endif
