/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/frames_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "trace/writer.h"

enum { WINDOW = 1 << 20 };
_Static_assert(WINDOW > NVT_RECORD_MAX + NVT_FRAME_HEADER_BYTES, "a frame fits");

int nvt_frames_open(struct nvt_frames *frames, struct nvt_place span, uint64_t from, uint64_t to) {
  *frames = (struct nvt_frames){
      .span = span, .split = UINT64_MAX, .at = from, .end = to, .buffer = malloc(WINDOW)};
  return frames->buffer == NULL ? -ENOMEM : 0;
}

void nvt_frames_split(struct nvt_frames *frames, uint64_t position, struct nvt_place rest) {
  frames->split = position;
  frames->rest = rest;
}

void nvt_frames_close(struct nvt_frames *frames) {
  free(frames->buffer);
  frames->buffer = NULL;
}

/* Up to `length` bytes of a position, in one piece of what is read; 0: it ends there. */
static size_t read_piece(struct nvt_frames *frames, uint64_t position, uint8_t *to, size_t length) {
  const struct nvt_place *span = position < frames->split ? &frames->span : &frames->rest;
  uint64_t offset = position & span->mask;
  if (position < frames->split && length > frames->split - position)
    length = (size_t)(frames->split - position);
  if (span->mask != UINT64_MAX && length > span->mask + 1 - offset)
    length = (size_t)(span->mask + 1 - offset);
  if (span->memory != NULL) {
    memcpy(to, span->memory + span->origin + offset, length);
    return length;
  }
  for (;;) {
    ssize_t n = pread(span->fd, to, length, (off_t)(span->origin + offset));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      frames->error = errno;
    return n < 0 ? 0 : (size_t)n;
  }
}

/* Have `length` bytes of a position; NULL: they can't be had. */
static const uint8_t *need(struct nvt_frames *frames, uint64_t position, size_t length) {
  if (position > frames->end || length > frames->end - position)
    return NULL;
  if (position < frames->first || position - frames->first > frames->have ||
      length > frames->have - (size_t)(position - frames->first)) {
    uint64_t left = frames->end - position;
    size_t want = left < WINDOW ? (size_t)left : WINDOW;
    frames->first = position;
    frames->have = 0;
    while (frames->have < want) {
      size_t n = read_piece(frames, position + frames->have, frames->buffer + frames->have,
                            want - frames->have);
      if (n == 0)
        break;
      frames->have += n;
    }
    if (frames->have < length)
      return NULL;
  }
  return frames->buffer + (position - frames->first);
}

static bool zeros_to_the_end(struct nvt_frames *frames) {
  for (uint64_t at = frames->at; at < frames->end;) {
    size_t piece = frames->end - at < WINDOW ? (size_t)(frames->end - at) : WINDOW;
    const uint8_t *bytes = need(frames, at, piece);
    for (size_t i = 0; i < piece; i++)
      if (bytes == NULL || bytes[i] != 0)
        return false;
    at += piece;
  }
  return true;
}

struct pcap_frame {
  uint32_t seconds, nanoseconds, captured, original;
};

static bool plausible(const struct pcap_frame *frame) {
  return frame->nanoseconds < 1000000000u && frame->captured >= sizeof(struct nvt_rec_header) &&
         frame->captured <= frame->original && frame->original <= NVT_RECORD_MAX;
}

static bool is_record(const struct pcap_frame *frame, const struct nvt_rec_header *header) {
  return header->magic == NVT_RECORD_MAGIC && header->version == NVT_RECORD_VERSION &&
         header->length == frame->original && header->length % 8 == 0 &&
         header->header_length >= sizeof(*header) && header->header_length % 8 == 0 &&
         header->header_length <= frame->captured;
}

/* The frame at `at`, without going on. */
static enum nvt_frames_state look(struct nvt_frames *frames, struct nvt_frame *out) {
  enum { BOTH = NVT_FRAME_HEADER_BYTES + sizeof(struct nvt_rec_header) };
  if (frames->at >= frames->end)
    return NVT_FRAMES_END;
  const uint8_t *bytes = need(frames, frames->at, NVT_FRAME_HEADER_BYTES);
  if (bytes == NULL)
    return frames->error != 0 ? NVT_FRAMES_ERROR : NVT_FRAMES_CUT;
  struct pcap_frame frame;
  memcpy(&frame, bytes, sizeof(frame));
  if (!plausible(&frame))
    return zeros_to_the_end(frames) ? NVT_FRAMES_CUT : NVT_FRAMES_BAD;
  bytes = need(frames, frames->at, BOTH);
  if (bytes != NULL) {
    memcpy(&out->header, bytes + NVT_FRAME_HEADER_BYTES, sizeof(out->header));
    if (!is_record(&frame, &out->header))
      return NVT_FRAMES_BAD;
  }
  out->length = NVT_FRAME_HEADER_BYTES + (size_t)frame.captured;
  bytes = need(frames, frames->at, out->length);
  if (bytes == NULL)
    return frames->error != 0 ? NVT_FRAMES_ERROR : NVT_FRAMES_CUT;
  out->bytes = bytes;
  out->position = frames->at;
  out->ns = (uint64_t)frame.seconds * 1000000000u + frame.nanoseconds;
  return NVT_FRAMES_OK;
}

enum nvt_frames_state nvt_frames_next(struct nvt_frames *frames, struct nvt_frame *out) {
  enum nvt_frames_state state = look(frames, out);
  if (state == NVT_FRAMES_OK)
    frames->at += out->length;
  return state;
}

bool nvt_frames_find(struct nvt_frames *frames) {
  /* Each false start costs the frames that follow from it: made on purpose, that may be many. */
  int64_t patience = (int64_t)((frames->end - frames->at) / 16) + 1024;
  for (uint64_t from = (frames->at + 7) & ~(uint64_t)7; from < frames->end; from += 8) {
    struct nvt_frame frame;
    enum nvt_frames_state state = NVT_FRAMES_BAD;
    const uint8_t *magic = need(frames, from, NVT_FRAME_HEADER_BYTES + sizeof(uint32_t));
    if (magic == NULL || memcmp(magic + NVT_FRAME_HEADER_BYTES, "NVTP", 4) != 0)
      continue;
    frames->at = from;
    do
      state = nvt_frames_next(frames, &frame);
    while (state == NVT_FRAMES_OK && patience-- > 0);
    if (state == NVT_FRAMES_END) {
      frames->at = from;
      return true;
    }
    if (patience <= 0 || state == NVT_FRAMES_ERROR)
      break;
  }
  frames->at = frames->end;
  return false;
}
