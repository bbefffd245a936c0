/* SPDX-License-Identifier: BSD-2-Clause */
/* The walk over a command's SGL, for what maps its data and for who looks at it from outside. */
#ifndef NVT_CONTROLLER_SGL_INT_H
#define NVT_CONTROLLER_SGL_INT_H

#include <stdbool.h>
#include <stdint.h>

#include "nvme/nvme.h"

/* Of one command, those that point to segments among them. */
#define NVT_SGL_DESCRIPTORS 1024u
#define NVT_SGL_ROOM (NVT_SGL_DESCRIPTORS * 16u) /* bytes */

struct nvt_sgl_walk {
  void *ctx;
  uint64_t length; /* bytes of data */
  bool to_guest;
  bool exact;    /* the list has to describe `length`, and no more; else the rest isn't looked at */
  uint8_t *room; /* NVT_SGL_ROOM bytes: a segment */
  /* Copy a segment into room: `bytes` of it at address; offset: of the first data byte that it
   * describes. */
  nvt_status (*read)(void *ctx, uint64_t address, uint32_t bytes, uint64_t offset);
  /* The next `length` bytes of data, at least one: at address, which doesn't wrap; or, of a bit
   * bucket, nowhere. */
  nvt_status (*piece)(void *ctx, uint64_t address, uint64_t length, bool bucket);
};
/* What the first of these that isn't success returned, or what is wrong with the list. */
nvt_status nvt_sgl_walk(const struct nvt_sqe *, const struct nvt_sgl_walk *);

#endif
