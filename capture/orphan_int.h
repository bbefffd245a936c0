/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of recovery: a ring file whose recorder may be dead. What stands in such a file is hostile
 * until it was checked here; it is read, never mapped.
 */
#ifndef NVT_CAPTURE_ORPHAN_INT_H
#define NVT_CAPTURE_ORPHAN_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/frames_int.h"
#include "capture/ring.h"

enum nvt_orphan_state {
  NVT_ORPHAN_DEAD,      /* its recorder is: it is to be recovered */
  NVT_ORPHAN_LIVE,      /* its recorder lives, or somebody else recovers it */
  NVT_ORPHAN_GONE,      /* somebody else just did */
  NVT_ORPHAN_UNREADABLE /* no ring, or not of this user alone, or damaged */
};

struct nvt_orphan {
  char *path;
  int fd; /* locked: whoever else looks takes it for a live one */
  enum nvt_orphan_state state;
  char why[256];                     /* of UNREADABLE */
  pid_t pid;                         /* of the recorder; of LIVE: of who holds it */
  struct nvt_ring_shared shared;     /* a copy, checked */
  uint64_t head, tail;               /* positions */
  const struct nvt_ring_output *out; /* in the copy; mode NO_FILE where there is none */
};

/* 0 or -ENOMEM, with *out set in the first case only: its state tells more. */
int nvt_orphan_open(const char *path, struct nvt_orphan **out);
void nvt_orphan_close(struct nvt_orphan *); /* NULL is fine; unlocks */
/* All bytes, to a place in a file. 0 or -errno. */
int nvt_write_at(int fd, const uint8_t *from, size_t length, uint64_t offset);
/* Where its bytes are. */
struct nvt_place nvt_orphan_span(const struct nvt_orphan *);
/* Note in the file that the trace has been continued from `offset` on, and that all of it
 * is in the trace. 0 or -errno. */
int nvt_orphan_note_resume(struct nvt_orphan *, uint64_t offset);
int nvt_orphan_note_done(struct nvt_orphan *);

/* All ring files in this user's directory, whatever they are, in the order of their names; those
 * of this process are passed over. Their number, or -errno with a reason in why. To be freed by
 * nvt_orphans_free(). */
int nvt_orphans_find(struct nvt_orphan ***out, char *why, size_t whylen);
void nvt_orphans_free(struct nvt_orphan **, size_t count);

#endif
