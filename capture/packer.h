/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Compression of a trace while it is written: frames that stand for themselves, each of whole
 * records, so that a file which ends after any of them is a whole trace.
 */
#ifndef NVT_CAPTURE_PACKER_H
#define NVT_CAPTURE_PACKER_H

#include <stddef.h>
#include <stdint.h>

struct nvt_packer {
  const char *name;
  const char *suffix;     /* of a file's name that says so: ".zst" */
  int usual, least, most; /* levels */
  /* For frames of up to `most` bytes. 0 or -errno. */
  int (*create)(int level, size_t most, void **state);
  /* One frame; *out is the state's, until the next call. 0 or -errno. */
  int (*pack)(void *state, const void *from, size_t length, const uint8_t **out, size_t *packed);
  void (*destroy)(void *state); /* NULL is fine */
};

extern const struct nvt_packer nvt_packer_zstd;

#endif
