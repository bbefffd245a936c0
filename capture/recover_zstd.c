/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compressed traces: frames of zstd, each of whole records, the first one of the file's header.
 * What a frame may take is what a recorder makes (capture/packer.h), whatever it claims.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "capture/output.h"
#include "capture/recover_int.h"
#include "trace/writer.h"

enum {
  CONTENT = NVT_OUTPUT_PIECE + NVT_FRAME_HEADER_BYTES + NVT_RECORD_MAX,
  FILLING = 1 << 20 /* that a recorder puts into a frame, at most (capture/output_zstd.c) */
};

struct unpacking {
  int fd;
  uint8_t *packed, *content; /* of one frame */
  size_t room;               /* for its packed bytes */
};

static int open_unpacking(struct unpacking *u, int fd) {
  size_t room = ZSTD_compressBound(CONTENT) + FILLING;
  *u = (struct unpacking){
      .fd = fd, .room = room, .packed = malloc(room), .content = malloc(CONTENT)};
  return u->packed == NULL || u->content == NULL ? -ENOMEM : 0;
}

static void close_unpacking(struct unpacking *u) {
  free(u->packed);
  free(u->content);
}

static bool all_zero(const uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++)
    if (bytes[i] != 0)
      return false;
  return true;
}

/* The frame at an offset: its bytes in the file, and its content. */
static enum nvt_frames_state unpack(struct unpacking *u, uint64_t at, uint64_t end, size_t *packed,
                                    size_t *length) {
  static const uint8_t magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
  size_t have = 0, want = end - at < u->room ? (size_t)(end - at) : u->room;
  if (want == 0)
    return NVT_FRAMES_END;
  while (have < want) {
    ssize_t n = pread(u->fd, u->packed + have, want - have, (off_t)(at + have));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return NVT_FRAMES_ERROR;
    have += (size_t)n;
  }
  *packed = ZSTD_findFrameCompressedSize(u->packed, have);
  if (ZSTD_isError(*packed)) {
    bool begun = memcmp(u->packed, magic, have < sizeof(magic) ? have : sizeof(magic)) == 0;
    bool cut = have == end - at && (begun || all_zero(u->packed, have));
    return cut ? NVT_FRAMES_CUT : NVT_FRAMES_BAD;
  }
  *length = ZSTD_decompress(u->content, CONTENT, u->packed, *packed);
  return ZSTD_isError(*length) ? NVT_FRAMES_BAD : NVT_FRAMES_OK;
}

int nvt_take_packed(struct nvt_recovery *r, const struct nvt_extent *extent,
                    struct nvt_tails *tails, struct nvt_sink *sink, struct nvt_taken *out) {
  struct unpacking u;
  int error = open_unpacking(&u, extent->fd);
  uint64_t at = 0;
  while (error == 0) {
    size_t packed, length, skip = at == 0 ? NVT_FILE_HEADER_BYTES : 0;
    out->state = unpack(&u, at, extent->end, &packed, &length);
    if (out->state == NVT_FRAMES_OK && length < skip)
      out->state = NVT_FRAMES_BAD;
    if (out->state != NVT_FRAMES_OK)
      break;
    const struct nvt_place span = {.memory = u.content, .mask = UINT64_MAX};
    struct nvt_frames frames;
    error = nvt_frames_open(&frames, span, skip, length);
    if (error == 0)
      error =
          nvt_take_frames(r, &frames, at < extent->old ? UINT64_MAX : 0, tails, sink, &out->state);
    nvt_frames_close(&frames);
    if (out->state != NVT_FRAMES_END) {
      out->state = NVT_FRAMES_BAD;
      break;
    }
    at += packed;
  }
  out->whole = at;
  if (error == 0 && out->state == NVT_FRAMES_ERROR)
    error = -EIO;
  close_unpacking(&u);
  return error;
}

bool nvt_packed_ends_with(int fd, uint8_t *last, size_t length) {
  /* The frame that recovery ends with is a short one. */
  enum { NEAR = 4096 };
  struct unpacking u;
  struct stat status;
  bool yes = false;
  if (open_unpacking(&u, fd) == 0 && fstat(fd, &status) == 0) {
    uint64_t end = status.st_size > 0 ? (uint64_t)status.st_size : 0;
    uint64_t at = end > NEAR ? end - NEAR : 0;
    for (size_t packed, have; at < end && !yes; at++)
      if (unpack(&u, at, end, &packed, &have) == NVT_FRAMES_OK && packed == end - at &&
          have >= length) {
        memcpy(last, u.content + have - length, length);
        yes = true;
      }
  }
  close_unpacking(&u);
  return yes;
}
