/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Namespace backends: where the blocks are. One row of a table per kind; the
 * controller knows only this interface.
 */
#ifndef NVT_CONTROLLER_NAMESPACE_H
#define NVT_CONTROLLER_NAMESPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "nvme/nvme.h"

struct nvt_namespace;

enum nvt_io_kind {
  NVT_IO_READ,    /* backend to iov */
  NVT_IO_WRITE,   /* iov to backend */
  NVT_IO_COMPARE, /* equal: SUCCESS, else COMPARE_FAILURE */
  NVT_IO_FLUSH,
  NVT_IO_WRITE_ZEROES, /* no iov */
  NVT_IO_DEALLOCATE,   /* no iov; the range reads as zeroes afterwards */
};

/* One request. The caller owns it and keeps it, its iov and the memory that iov
 * names until done() was called. iov lengths add up to `length` for READ, WRITE,
 * COMPARE. The range was checked against the size. */
struct nvt_io {
  enum nvt_io_kind kind;
  uint64_t offset;   /* bytes from the namespace's start */
  uint64_t length;   /* bytes */
  struct iovec *iov; /* backends may change it while it is theirs */
  unsigned iovcnt;
  bool fua; /* Force Unit Access */
  /* Called once, from submit itself (a synchronous backend) or from
   * nvt_backend_poll(). */
  void (*done)(struct nvt_io *, nvt_status);
  void *user;
  /* the backend's own */
  struct nvt_namespace *ns;
  void *bounce;
  uint64_t progress;
};

/* The event loop of asynchronous backends (one io_uring; where that is forbidden,
 * blocking calls made by poll), one per controller.
 * Created on the first asynchronous namespace. */
struct nvt_backend_loop;
int nvt_backend_loop_create(struct nvt_backend_loop **out); /* 0 or -errno */
void nvt_backend_loop_destroy(struct nvt_backend_loop *);   /* drains first; NULL is fine */
/* Submit what was queued and call done() for what has completed; returns how many. */
unsigned nvt_backend_poll(struct nvt_backend_loop *);
/* Wait until nothing is in flight, calling done(). */
void nvt_backend_drain(struct nvt_backend_loop *);
int nvt_backend_event_fd(const struct nvt_backend_loop *);
unsigned nvt_backend_in_flight(const struct nvt_backend_loop *);

struct nvt_namespace_geometry {
  uint64_t blocks;     /* at least 1 */
  uint32_t block_size; /* 512 or 4096 */
  bool asynchronous;
  bool readonly;
  bool forgets; /* keeps nothing: not even that deallocated blocks read as zeroes is true of it */
};

/* From a description: see nvt_controller_add_namespace(). *loop is created when
 * needed. -errno and a message in why on failure. */
int nvt_namespace_create(const char *description, struct nvt_backend_loop **loop,
                         struct nvt_namespace **out, char *why, size_t whylen);
/* Nothing may be in flight. */
void nvt_namespace_destroy(struct nvt_namespace *);
/* Give it another size, in bytes. Nothing may be in flight. What is within both sizes
 * stays, what is new reads as zeroes. 0; -EINVAL not at least one block and whole blocks,
 * -ENOTSUP this kind can't, or -errno, with a message in why and nothing changed. */
int nvt_namespace_resize(struct nvt_namespace *, uint64_t bytes, char *why, size_t whylen);
void nvt_namespace_geometry(const struct nvt_namespace *, struct nvt_namespace_geometry *);
const char *nvt_namespace_description(const struct nvt_namespace *);
void nvt_namespace_submit(struct nvt_namespace *, struct nvt_io *);

/* SIZE with K, M, G, T (powers of two); false: not a size, zero, or over 2^63-1. */
bool nvt_parse_size(const char *text, uint64_t *bytes);

#endif
