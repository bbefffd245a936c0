/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of recovery: rings of dead recorders, drained into their files. */
#ifndef NVT_CAPTURE_RECOVER_INT_H
#define NVT_CAPTURE_RECOVER_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/frames_int.h"
#include "capture/orphan_int.h"

/* --- how far each controller of a trace is --- */

struct nvt_tail {
  uint16_t controller, thread;
  uint32_t epoch, pci_address;
  bool known;                    /* there is a record of it: */
  uint64_t last_seq;             /* of the last one */
  uint64_t gap_first, gap_count; /* missing, and no loss record says so; the first gap */
};
struct nvt_tails {
  uint32_t *index; /* of the row + 1, by controller */
  struct nvt_tail *rows;
  size_t count, room;
  uint64_t last_ns; /* the latest time */
  uint64_t missing; /* records, in all gaps */
};

int nvt_tails_open(struct nvt_tails *); /* 0 or -ENOMEM; to be closed in either case */
void nvt_tails_close(struct nvt_tails *);
struct nvt_tail *nvt_tails_of(struct nvt_tails *, uint16_t controller); /* NULL: out of memory */
/* Records that are missing before a frame, and no loss record accounts for. */
uint64_t nvt_tails_gap(const struct nvt_tails *, const struct nvt_frame *);
/* Take the next frame of the trace. 0 or -ENOMEM. */
int nvt_tails_take(struct nvt_tails *, const struct nvt_frame *);
/* The trace has it already. */
bool nvt_tails_has(const struct nvt_tails *, const struct nvt_frame *);

/* --- where frames go --- */

struct nvt_writer;
struct nvt_sink {
  int fd;      /* a file: at `offset`, by a buffer */
  bool packed; /* in frames of zstd */
  void *packing;
  uint64_t offset;
  uint8_t *buffer;
  size_t used;
  struct nvt_writer *writer; /* not NULL: there, instead */
};
int nvt_sink_put(struct nvt_sink *, const uint8_t *frame, size_t length); /* 0 or -errno */
int nvt_sink_flush(struct nvt_sink *);
int nvt_sink_header(struct nvt_sink *); /* a file's, at its start; flushed. 0 or -errno */
void nvt_sink_close(struct nvt_sink *);

/* --- one session: the rings of one file --- */

struct nvt_recovery {
  struct nvt_orphan **rings; /* borrowed, all DEAD */
  size_t count;
  char *path;       /* what it was recovered into, absolute or as told */
  bool apart;       /* that isn't the recorder's file */
  bool done_before; /* there was nothing left to do */
  uint64_t records; /* that weren't in the file */
  uint64_t lost;    /* that the recorder had lost, and no record told of */
  uint64_t missing; /* that are neither in the file nor in a ring */
  uint64_t damaged; /* bytes of rings or of the file that are no records */
  char why[512];    /* it failed, because */
  uint64_t taken;   /* frames read, for progress: */
  uint64_t since_ms;
  bool progress_shown;
};

struct nvt_recover_options {
  const char *output; /* NULL: the recorder's own file */
  bool keep;          /* the rings */
  bool no_apart;      /* fail where it isn't the recorder's own file */
};

/* 0 or -errno with .why; then the rings are still there. */
int nvt_recover_session(struct nvt_recovery *, const struct nvt_recover_options *);
void nvt_recovery_free(struct nvt_recovery *);
/* Where it would go: the recorder's file, or NULL: there is none any more. */
const char *nvt_recovery_target(const struct nvt_recovery *);
/* Is there anything in its rings? */
bool nvt_recovery_empty(const struct nvt_recovery *);

/* --- taking frames --- */

struct nvt_extent {
  int fd;
  uint64_t from; /* a frame begins there; 0: the first one */
  uint64_t old;  /* frames that end behind it are counted in .records */
  uint64_t end;
  bool packed;                   /* frames of zstd */
  const struct nvt_orphan *ring; /* not NULL: from its tail on bytes are there, not in the file */
};
struct nvt_taken {
  enum nvt_frames_state state; /* that it ended with: END, CUT or BAD */
  uint64_t whole;              /* where the last good frame ends */
};
/* All frames of a trace file, into the tails, and into a sink that isn't NULL. 0 or -errno. */
int nvt_take_file(struct nvt_recovery *, const struct nvt_extent *, struct nvt_tails *,
                  struct nvt_sink *, struct nvt_taken *);
void nvt_recovery_progress_end(struct nvt_recovery *); /* clear what was shown */
/* The same of compressed ones: nvt_take_file() calls it. */
int nvt_take_packed(struct nvt_recovery *, const struct nvt_extent *, struct nvt_tails *,
                    struct nvt_sink *, struct nvt_taken *);
/* The last bytes of what a compressed trace has; false: it doesn't end as a recovered one does. */
bool nvt_packed_ends_with(int fd, uint8_t *last, size_t length);
/* All that frames have. 0 or -errno. */
int nvt_take_frames(struct nvt_recovery *, struct nvt_frames *, uint64_t old, struct nvt_tails *,
                    struct nvt_sink *, enum nvt_frames_state *);
/* What the rings hold and the trace hasn't, in the order of time. `history`: what was consumed,
 * too, as far as it still stands there. 0 or -errno. */
int nvt_take_rings(struct nvt_recovery *, bool history, struct nvt_tails *, struct nvt_sink *);
/* Of a stream: where a record begins not long before what isn't consumed; 0: it isn't known. */
uint64_t nvt_take_boundary(const struct nvt_orphan *);
/* Do the rings go on where a trace ends? */
bool nvt_take_continues(const struct nvt_recovery *, const struct nvt_tails *);
/* Of a stream: is what was consumed last, as far as it still stands in the ring, what a file has at
 * its place? And write what isn't consumed to its place: 0 or -errno. */
bool nvt_take_fits(const struct nvt_orphan *, int fd);
int nvt_take_bytes(const struct nvt_orphan *, int fd);

/* Sort: dead ones first, by session. And the next session of those: *out is 0 at first, and was
 * freed before; false: there is none more. */
void nvt_orphans_sort(struct nvt_orphan **, size_t count);
bool nvt_orphans_next(struct nvt_orphan **, size_t count, struct nvt_recovery *out);

/* Loss records that are due, an annotation and the event "recovered", of each controller. */
int nvt_recover_epilogue(struct nvt_recovery *, struct nvt_tails *, struct nvt_sink *);

#endif
