/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/stream_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "capture/ring.h"
#include "trace/writer.h"

enum {
  BLOCK = 4096,           /* of O_DIRECT: alignment of place, length and memory */
  BULK = 256 * 1024,      /* from this backlog on */
  CHUNK = 2 * 1024 * 1024 /* of one write: the ring gets free in these steps */
};

static uint64_t block_start(uint64_t position) {
  return position & ~(uint64_t)(BLOCK - 1);
}

void nvt_stream_start(struct nvt_stream *stream, struct nvt_ring *ring, int fd, const char *path) {
  *stream = (struct nvt_stream){.ring = ring, .fd = fd};
  /* Not every file system can: then all goes the plain way. */
  stream->direct = open(path, O_WRONLY | O_DIRECT | O_CLOEXEC);
}

void nvt_stream_end(struct nvt_stream *stream) {
  if (stream->direct >= 0)
    close(stream->direct);
  stream->direct = -1;
}

/* Write up to `end`, from where the file is. 0 or -errno. */
static int write_plain(struct nvt_stream *stream, uint64_t end) {
  while (stream->position < end) {
    const uint8_t *from = stream->ring->data + (stream->position & stream->ring->mask);
    uint64_t left = end - stream->position;
    ssize_t n =
        pwrite(stream->fd, from, left < CHUNK ? (size_t)left : CHUNK, (off_t)stream->position);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n == 0 ? -EIO : -errno;
    stream->position += (uint64_t)n;
  }
  return 0;
}

/* Write whole blocks up to `end`, from the start of the unfinished one. 0 or -errno. */
static int write_direct(struct nvt_stream *stream, uint64_t end) {
  uint64_t at = block_start(stream->position);
  while (at < end) {
    uint64_t left = end - at;
    ssize_t n = pwrite(stream->direct, stream->ring->data + (at & stream->ring->mask),
                       left < CHUNK ? (size_t)left : CHUNK, (off_t)at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -errno;
    if (n == 0)
      return -EIO;
    if (at + (uint64_t)n > stream->position)
      stream->position = at + (uint64_t)n;
    if (n % BLOCK != 0)
      return write_plain(stream, end); /* nearly full: let the plain way find out */
    at += (uint64_t)n;
    nvt_ring_consume(stream->ring, (size_t)(at - stream->ring->tail));
  }
  return 0;
}

int nvt_stream_drain(struct nvt_stream *stream, size_t *drained) {
  size_t length;
  (void)nvt_ring_peek(stream->ring, &length);
  uint64_t end = stream->ring->tail + length;
  int error = 0;
  *drained = (size_t)(end - stream->position);
  if (*drained >= BULK && stream->direct >= 0) {
    error = write_direct(stream, block_start(end));
    if (error == -EINVAL) {
      nvt_stream_end(stream);
      error = 0;
    }
  }
  if (error == 0)
    error = write_plain(stream, end);
  uint64_t done = block_start(stream->position);
  if (done > stream->ring->tail)
    nvt_ring_consume(stream->ring, (size_t)(done - stream->ring->tail));
  return error;
}

/* `length` bytes at a position: from the file as far as it has them, else from the ring. */
static bool copy_from(const struct nvt_stream *stream, uint64_t position, uint8_t *to,
                      size_t length) {
  size_t there = 0;
  while (there < length && position + there < stream->position) {
    size_t most = length - there;
    if (most > stream->position - position - there)
      most = (size_t)(stream->position - position - there);
    ssize_t n = pread(stream->fd, to + there, most, (off_t)(position + there));
    if (n <= 0)
      return false;
    there += (size_t)n;
  }
  if (there < length)
    memcpy(to + there, stream->ring->data + ((position + there) & stream->ring->mask),
           length - there);
  return true;
}

int nvt_stream_cut(struct nvt_stream *stream, size_t header) {
  uint64_t at = header, whole = header;
  while (at < stream->position) {
    uint8_t frame[NVT_FRAME_HEADER_BYTES];
    uint32_t captured;
    if (!copy_from(stream, at, frame, sizeof(frame)))
      return -EIO;
    memcpy(&captured, frame + 8, sizeof(captured));
    at += NVT_FRAME_HEADER_BYTES + (uint64_t)captured;
    if (at <= stream->position)
      whole = at;
  }
  stream->cut = at > whole;
  stream->next = at;
  stream->position = whole;
  return ftruncate(stream->fd, (off_t)whole) == 0 ? 0 : -errno;
}

uint64_t nvt_stream_unsaved(const struct nvt_stream *stream) {
  uint64_t head = stream->ring->head, count = stream->cut ? 1 : 0;
  for (uint64_t at = stream->next; stream->next > 0 && at < head; count++) {
    uint32_t captured;
    memcpy(&captured, stream->ring->data + (at & stream->ring->mask) + 8, sizeof(captured));
    at += NVT_FRAME_HEADER_BYTES + (uint64_t)captured;
  }
  return count;
}
