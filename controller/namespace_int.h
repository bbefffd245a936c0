/* SPDX-License-Identifier: BSD-2-Clause */
/* Between namespace.c and the backends: one struct nvt_backend per kind. */
#ifndef NVT_CONTROLLER_NAMESPACE_INT_H
#define NVT_CONTROLLER_NAMESPACE_INT_H

#include "controller/namespace.h"

struct nvt_namespace {
  const struct nvt_backend *backend;
  struct nvt_namespace_geometry geometry;
  uint64_t size; /* bytes */
  char *description;
  struct nvt_backend_loop *loop; /* asynchronous backends; borrowed */
  uint8_t *memory;               /* ram */
  int fd;                        /* file; else -1 */
  bool no_punch_hole;            /* file: what the file system was found not to do */
  bool no_zero_range;
};

struct nvt_backend {
  const char *kind; /* before the colon */
  /* Set the backend's own fields, size, geometry.asynchronous, from the text
   * after the colon; geometry.block_size and readonly are set. 0 or -errno with
   * a message in why; what was taken is given back by close() all the same. */
  int (*open)(struct nvt_namespace *, const char *argument, struct nvt_backend_loop **loop,
              char *why, size_t whylen);
  void (*close)(struct nvt_namespace *);
  void (*submit)(struct nvt_namespace *, struct nvt_io *);
  /* Optional. Make it `bytes` long, a multiple of the block size and at least one block: what
   * is within both sizes stays, what is new reads as zeroes. Nothing is in flight. 0, or
   * -errno with a message in why and nothing changed. size is the caller's to set. */
  int (*resize)(struct nvt_namespace *, uint64_t bytes, char *why, size_t whylen);
};

extern const struct nvt_backend nvt_backend_ram;
extern const struct nvt_backend nvt_backend_null;
extern const struct nvt_backend nvt_backend_file;

/* For backends whose argument is a SIZE: sets ns->size. */
int nvt_backend_size(struct nvt_namespace *, const char *argument, char *why, size_t whylen);

/* Is it a multiple of the block size, and at least one block? -EINVAL and a message if not. */
int nvt_backend_check_size(const struct nvt_namespace *, const char *what, uint64_t size, char *why,
                           size_t whylen);

#endif
