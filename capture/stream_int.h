/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the live writer: one ring into one file, at file offset = ring position.
 *
 * A backlog goes out in whole blocks by O_DIRECT, straight from the ring's pages:
 * the page cache would cost a copy and an allocation for each page, on processors
 * that the device and the guest need. What is less goes out by plain pwrite() at
 * once, so that readers see it. The ring keeps the last, unfinished block, to be
 * written again as a whole.
 */
#ifndef NVT_CAPTURE_STREAM_INT_H
#define NVT_CAPTURE_STREAM_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nvt_ring;

struct nvt_stream {
  struct nvt_ring *ring;
  int fd;            /* plain */
  int direct;        /* with O_DIRECT, or -1 */
  uint64_t position; /* all before it is in the file */
  uint64_t next;     /* after a cut: where the first record starts of which the file has nothing */
  bool cut;          /* and whether one before it was cut off */
};

/* `fd` is a regular, empty file called `path`; the ring's first bytes are the file's
 * header, and it holds nothing else yet. */
void nvt_stream_start(struct nvt_stream *, struct nvt_ring *, int fd, const char *path);
/* Write what is there: its bytes in *drained. 0 or -errno. */
int nvt_stream_drain(struct nvt_stream *, size_t *drained);
/* After an error: cut the file back to whole records. 0 or -errno. */
int nvt_stream_cut(struct nvt_stream *, size_t header);
/* After that, when the producer has finished: records that the file lacks. */
uint64_t nvt_stream_unsaved(const struct nvt_stream *);
void nvt_stream_end(struct nvt_stream *);

#endif
