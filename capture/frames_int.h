/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of recovery: frames of records, one after another, out of a trace file or out of what a
 * dead recorder's ring holds. All of it is read (not mapped), checked, and in bounded memory.
 */
#ifndef NVT_CAPTURE_FRAMES_INT_H
#define NVT_CAPTURE_FRAMES_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

/* Where bytes are, by their position. */
struct nvt_place {
  const uint8_t *memory; /* not NULL: there, and not in fd */
  int fd;                /* borrowed */
  uint64_t origin;       /* of position 0 in it */
  uint64_t mask;         /* of a ring's positions; UINT64_MAX: a file's */
};

struct nvt_frames {
  struct nvt_place span, rest; /* `rest` from `split` on */
  uint64_t split;
  uint64_t at;  /* position of the next frame */
  uint64_t end; /* position after the last byte */
  uint8_t *buffer;
  uint64_t first; /* position of the buffer's first byte */
  size_t have;
  int error; /* errno of reading */
};

struct nvt_frame {
  const uint8_t *bytes; /* pcap's header and the record; until the next call */
  size_t length;
  uint64_t position;
  uint64_t ns; /* since 1970-01-01 UTC */
  struct nvt_rec_header header;
};

enum nvt_frames_state {
  NVT_FRAMES_OK,
  NVT_FRAMES_END,
  NVT_FRAMES_CUT,  /* the last frame isn't whole, or there are zero bytes only */
  NVT_FRAMES_BAD,  /* no frame of a record, at `at` */
  NVT_FRAMES_ERROR /* `error` */
};

/* From a position to another. 0 or -ENOMEM; to be closed in either case. */
int nvt_frames_open(struct nvt_frames *, struct nvt_place, uint64_t from, uint64_t to);
/* From a position on, bytes are somewhere else. Before the first frame. */
void nvt_frames_split(struct nvt_frames *, uint64_t position, struct nvt_place);
void nvt_frames_close(struct nvt_frames *);
enum nvt_frames_state nvt_frames_next(struct nvt_frames *, struct nvt_frame *out);

/* Go on at the first position from `at` on, a multiple of 8, from which frame follows frame up to
 * the end. False: there is none (`at` is the end then). What looks like frames in data that was
 * recorded may lead to one that is a little early, but never to one that is late. */
bool nvt_frames_find(struct nvt_frames *);

#endif
