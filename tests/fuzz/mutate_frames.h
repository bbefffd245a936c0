/* SPDX-License-Identifier: BSD-2-Clause */
/* libFuzzer's mutations of an input of several frames. Included once, by a harness. */
#ifndef NVT_TESTS_FUZZ_MUTATE_FRAMES_H
#define NVT_TESTS_FUZZ_MUTATE_FRAMES_H

#include "tests/fuzz/frames.h"

size_t LLVMFuzzerMutate(uint8_t *bytes, size_t length, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_length, const uint8_t *two,
                                 size_t two_length, uint8_t *out, size_t size, unsigned seed);

static inline uint32_t next(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 8;
}

/* Which frames stand where: one doubled, taken out, moved, or their number cut. */
static inline void change_order(struct input_frames *frames, uint32_t *random) {
  unsigned at = next(random) % frames->count;
  unsigned other = next(random) % frames->count;
  struct input_frame one = frames->frames[at];
  switch (next(random) % 4) {
  case 0:
    if (frames->count == FRAMES_MAX)
      break;
    memmove(&frames->frames[other + 1], &frames->frames[other],
            (frames->count - other) * sizeof(one));
    frames->frames[other] = one;
    frames->count++;
    break;
  case 1:
    frames->count--;
    memmove(&frames->frames[at], &frames->frames[at + 1], (frames->count - at) * sizeof(one));
    break;
  case 2:
    frames->frames[at] = frames->frames[other];
    frames->frames[other] = one;
    break;
  default:
    frames->frames[at].step = (uint8_t)next(random);
    frames->frames[at].missing = (uint8_t)next(random);
    break;
  }
}

size_t LLVMFuzzerCustomMutator(uint8_t *bytes, size_t length, size_t size, unsigned seed) {
  static uint8_t old[1u << 16], mutated[FRAME_MAX];
  static struct input_frames frames;
  uint32_t random = seed;
  if (length > sizeof(old))
    return LLVMFuzzerMutate(bytes, length, size);
  memcpy(old, bytes, length);
  frames_read(old, length, &frames);
  unsigned what = next(&random) % 16;
  if (frames.count == 0 || what == 0)
    return LLVMFuzzerMutate(bytes, length, size);
  if (what == 1)
    LLVMFuzzerMutate(frames.head, FRAMES_HEAD, FRAMES_HEAD);
  else if (what < 5)
    change_order(&frames, &random);
  else {
    struct input_frame *frame = &frames.frames[next(&random) % frames.count];
    memcpy(mutated, frame->bytes, frame->captured);
    /* Mostly of the same size: a record knows its length. */
    size_t most = what < 12 ? frame->captured : sizeof(mutated);
    if (frame->captured != 0)
      frame->captured = (uint16_t)LLVMFuzzerMutate(mutated, frame->captured, most);
    frame->bytes = mutated;
  }
  return frames_write(&frames, bytes, size);
}

/* The beginning of one and the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *one, size_t one_length, const uint8_t *two,
                                 size_t two_length, uint8_t *out, size_t size, unsigned seed) {
  static struct input_frames a, b;
  uint32_t random = seed;
  frames_read(one, one_length, &a);
  frames_read(two, two_length, &b);
  a.count = a.count != 0 ? 1 + next(&random) % a.count : 0;
  for (unsigned i = b.count != 0 ? next(&random) % b.count : 0; i < b.count; i++) {
    if (a.count == FRAMES_MAX)
      break;
    a.frames[a.count++] = b.frames[i];
  }
  return frames_write(&a, out, size);
}

#endif
