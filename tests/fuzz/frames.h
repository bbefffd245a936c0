/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Several frames in one input of a fuzzer, and mutations that keep the framing: a change to one
 * frame leaves those behind it what they were.
 *
 *   byte 0…3   what the harness makes of them
 *   then, per frame: u16 captured bytes, little-endian; u8 how many more it had; u8 time since the
 *   last one; the bytes
 */
#ifndef NVT_TESTS_FUZZ_FRAMES_H
#define NVT_TESTS_FUZZ_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define FRAMES_HEAD 4u
#define FRAME_HEAD 4u
#define FRAMES_MAX 64u
#define FRAME_MAX 0xffffu

struct input_frame {
  const uint8_t *bytes;
  uint16_t captured;
  uint8_t missing;
  uint8_t step;
};

struct input_frames {
  uint8_t head[FRAMES_HEAD];
  struct input_frame frames[FRAMES_MAX];
  unsigned count;
};

/* A last frame that is cut short ends where the input does. Points into the input. */
static inline void frames_read(const uint8_t *in, size_t length, struct input_frames *out) {
  memset(out->head, 0, sizeof(out->head));
  memcpy(out->head, in, length < FRAMES_HEAD ? length : FRAMES_HEAD);
  out->count = 0;
  for (size_t at = FRAMES_HEAD; length > FRAME_HEAD && at < length - FRAME_HEAD;) {
    if (out->count == FRAMES_MAX)
      break;
    struct input_frame *frame = &out->frames[out->count++];
    size_t size = (size_t)in[at] | (size_t)in[at + 1] << 8;
    frame->missing = in[at + 2];
    frame->step = in[at + 3];
    at += FRAME_HEAD;
    frame->bytes = in + at;
    frame->captured = (uint16_t)(size < length - at ? size : length - at);
    at += frame->captured;
  }
}

/* The bytes written, at most `size`: frames that don't fit are left out. */
static inline size_t frames_write(const struct input_frames *in, uint8_t *out, size_t size) {
  if (size < FRAMES_HEAD)
    return 0;
  memcpy(out, in->head, FRAMES_HEAD);
  size_t at = FRAMES_HEAD;
  for (unsigned i = 0; i < in->count; i++) {
    const struct input_frame *frame = &in->frames[i];
    if (size - at < FRAME_HEAD + frame->captured)
      break;
    out[at] = (uint8_t)frame->captured;
    out[at + 1] = (uint8_t)(frame->captured >> 8);
    out[at + 2] = frame->missing;
    out[at + 3] = frame->step;
    memcpy(out + at + FRAME_HEAD, frame->bytes, frame->captured);
    at += FRAME_HEAD + frame->captured;
  }
  return at;
}

#endif
