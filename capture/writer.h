/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer of a live recording: a thread that takes records out of rings and
 * writes them to a file, a set of files or a pipe, off the I/O path.
 *
 * A file stands under its own name from the start and is a readable trace at
 * every moment: while it grows, and after the process was killed. (Converted
 * files, in contrast, get their name when they are whole: trace/writer.h.)
 *
 * One ring into one plain file goes straight from the ring's pages to the disk; everything else
 * through capture/output.h.
 */
#ifndef NVT_CAPTURE_WRITER_H
#define NVT_CAPTURE_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_packer;
struct nvt_ring;
struct nvt_ring_writer; /* opaque */

#define NVT_RING_WRITER_RINGS 64

/* What a trace is written into besides one plain file. All zero: that. */
struct nvt_ring_writer_files {
  uint64_t bytes; /* another file when one has so many; 0: whatever it has */
  uint64_t ns;    /* and when it is so old */
  /* With `bytes` the set keeps so many files, the newest; without, the trace ends when so many are
   * full. 0: no limit. */
  unsigned count;
  uint32_t snaplen;                /* bytes kept of a record; 0: all. Only tails are cut */
  const struct nvt_packer *packer; /* compression; NULL: none */
  int level;
};

struct nvt_ring_writer_options {
  const char *path;              /* "-": standard output; copied */
  struct nvt_ring *const *rings; /* borrowed, the array is copied */
  unsigned count;                /* 1 to NVT_RING_WRITER_RINGS */
  struct nvt_ring_writer_files files;
  /* The writer's thread: have a preamble written into the first ring soon, and its start marked
   * (nvt_trace_tap_preamble()). NULL: there is nobody who could. */
  void (*want_preamble)(void *ctx);
  /* The writer's thread, once: `error`, a positive errno, has ended the writing; 0: the last file
   * of a set that was to have so many is full, and what still comes goes into it. NULL is fine. */
  void (*ended)(void *ctx, int error);
  void *ctx;
};

/* Create the file, write its header and start the thread, which is the consumer of the rings.
 * Nothing may be produced until this returns: where the ring is one and unused it gets the file's
 * header first. Records of several rings are merged by their time: exactly, where producers call
 * nvt_ring_begin() before they take it and one thread isn't kept from running for seconds; memory
 * is that of the rings and a batch. 0 or -errno, with a message for a person in why. */
int nvt_ring_writer_start(const struct nvt_ring_writer_options *, struct nvt_ring_writer **out,
                          char *why, size_t whylen);

struct nvt_ring_writer_result {
  uint64_t bytes;   /* written, file headers included */
  uint64_t unsaved; /* records that were in rings and could not be written */
  uint64_t removed; /* records of files that somebody removed while they were written */
  uint64_t files;
  int error;      /* 0, or the errno that ended the writing */
  char path[512]; /* of the last file; cut off where it is longer */
};
/* Write what is left, end the thread, close the file. Producers must have
 * finished. False when not all was written, with the reason in why, that was printed on
 * standard error already. The writer is gone in either case. */
bool nvt_ring_writer_finish(struct nvt_ring_writer *, struct nvt_ring_writer_result *, char *why,
                            size_t whylen);

/* Wait until all that is in the rings now is in the file. Any thread. False: writing has failed. */
bool nvt_ring_writer_flush(struct nvt_ring_writer *);

/* True from when writing failed on: any thread. The rings are closed then, so that
 * nobody waits for them; the reason was printed on standard error at once. */
bool nvt_ring_writer_failed(const struct nvt_ring_writer *);

#endif
