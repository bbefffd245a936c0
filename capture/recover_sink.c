/* SPDX-License-Identifier: BSD-2-Clause */
/* How recovered records get into a file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/packer.h"
#include "capture/recover_int.h"
#include "trace/writer.h"

enum { BUFFER = 1 << 20 };
_Static_assert(BUFFER >= NVT_FRAME_HEADER_BYTES + NVT_RECORD_MAX, "each record fits");

int nvt_write_at(int fd, const uint8_t *from, size_t length, uint64_t offset) {
  while (length > 0) {
    ssize_t n = pwrite(fd, from, length, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n == 0 ? -EIO : -errno;
    from += n;
    offset += (uint64_t)n;
    length -= (size_t)n;
  }
  return 0;
}

/* The buffer in frames of zstd. */
static int flush_packed(struct nvt_sink *sink) {
  const struct nvt_packer *packer = &nvt_packer_zstd;
  int error = sink->packing == NULL ? packer->create(packer->usual, BUFFER, &sink->packing) : 0;
  for (size_t at = 0; at < sink->used && error == 0;) {
    struct nvt_packed out;
    error = packer->pack(sink->packing, sink->offset, sink->buffer + at, sink->used - at, &out);
    if (error == 0)
      error = nvt_write_at(sink->fd, out.bytes, out.length, sink->offset);
    if (error == 0) {
      sink->offset += out.length;
      at += out.taken;
    }
  }
  return error;
}

int nvt_sink_flush(struct nvt_sink *sink) {
  if (sink->writer != NULL || sink->used == 0)
    return 0;
  int error = sink->packed ? flush_packed(sink)
                           : nvt_write_at(sink->fd, sink->buffer, sink->used, sink->offset);
  if (!sink->packed)
    sink->offset += sink->used;
  sink->used = 0;
  return error;
}

static int put_bytes(struct nvt_sink *sink, const uint8_t *bytes, size_t length) {
  int error = 0;
  if (sink->buffer == NULL && (sink->buffer = malloc(BUFFER)) == NULL)
    return -ENOMEM;
  if (sink->used + length > BUFFER)
    error = nvt_sink_flush(sink);
  if (error == 0) {
    memcpy(sink->buffer + sink->used, bytes, length);
    sink->used += length;
  }
  return error;
}

int nvt_sink_put(struct nvt_sink *sink, const uint8_t *frame, size_t length) {
  if (sink->writer == NULL)
    return put_bytes(sink, frame, length);
  uint32_t time[2];
  memcpy(time, frame, sizeof(time));
  return nvt_writer_write(sink->writer, (uint64_t)time[0] * 1000000000u + time[1],
                          frame + NVT_FRAME_HEADER_BYTES, length - NVT_FRAME_HEADER_BYTES);
}

int nvt_sink_header(struct nvt_sink *sink) {
  uint8_t header[NVT_FILE_HEADER_BYTES];
  int error = nvt_writer_file_header(header);
  sink->offset = 0;
  if (error == 0)
    error = put_bytes(sink, header, sizeof(header));
  return error == 0 ? nvt_sink_flush(sink) : error;
}

void nvt_sink_close(struct nvt_sink *sink) {
  nvt_packer_zstd.destroy(sink->packing);
  free(sink->buffer);
  sink->packing = sink->buffer = NULL;
}
