/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compression of a trace while it is written: frames that stand for themselves, each of whole
 * records, so that a file which ends after any of them is a whole trace.
 */
#ifndef NVT_CAPTURE_PACKER_H
#define NVT_CAPTURE_PACKER_H

#include <stddef.h>
#include <stdint.h>

/* A frame's bytes, the packer's until its next call. */
struct nvt_packed {
  const uint8_t *bytes;
  size_t length;
  size_t taken; /* bytes of what was given that are in it */
};

struct nvt_packer {
  const char *name;
  const char *suffix;     /* of a file's name that says so: ".zst" */
  int usual, least, most; /* levels */
  /* For up to `most` bytes at a time. 0 or -errno. */
  int (*create)(int level, size_t most, void **state);
  /* What comes next in the file, at byte `at` of it: of some or all of these, records as they stand
   * in a ring, or the file's header, which is taken as a whole. 0 or -errno. */
  int (*pack)(void *state, uint64_t at, const uint8_t *from, size_t length, struct nvt_packed *out);
  void (*destroy)(void *state); /* NULL is fine */
};

extern const struct nvt_packer nvt_packer_zstd;

#endif
