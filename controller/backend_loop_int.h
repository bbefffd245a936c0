/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the loop and its one client, the file backend. */
#ifndef NVT_CONTROLLER_BACKEND_LOOP_INT_H
#define NVT_CONTROLLER_BACKEND_LOOP_INT_H

#include "controller/namespace.h"

/* A request on its way: one or more steps in the kernel. */
struct nvt_loop_op {
  struct nvt_io *io;
  struct nvt_loop_op *next; /* in the free list or the backlog */
  struct iovec *iov;        /* what is left of io->iov */
  unsigned iovcnt;
  unsigned retries;
  uint32_t chunk;   /* compare: bytes of the bounce buffer that are filled */
  bool by_writing;  /* zeroes are written, as the file system has no call for it */
  bool syncing;     /* the last step: fdatasync */
  struct iovec own; /* of a step that isn't on the guest's memory */
};

/* What a step asks of the kernel. */
struct nvt_loop_step {
  enum nvt_loop_call {
    NVT_CALL_READV,
    NVT_CALL_WRITEV,
    NVT_CALL_FDATASYNC,
    NVT_CALL_FALLOCATE
  } call;
  int fd;
  int flags; /* RWF_…, or the mode of fallocate */
  const struct iovec *iov;
  unsigned iovcnt;
  uint64_t offset;
  uint64_t length; /* fallocate */
};

/* A loop without io_uring: each step blocks the poll that makes it. What
 * nvt_backend_loop_create() gives where the kernel or a container forbids io_uring. */
int nvt_backend_loop_create_blocking(struct nvt_backend_loop **out);

/* NULL: no memory. */
struct nvt_loop_op *nvt_loop_start(struct nvt_backend_loop *, struct nvt_io *);
/* Queue the next step; never fails, at worst it waits in the backlog. */
void nvt_loop_queue(struct nvt_backend_loop *, struct nvt_loop_op *);
/* Give the op back, then call done(). */
void nvt_loop_finish(struct nvt_backend_loop *, struct nvt_loop_op *, nvt_status);

/* Tell the next step of the request. */
void nvt_file_prepare(struct nvt_loop_op *, struct nvt_loop_step *);
/* A step ended with `result` (bytes or -errno). True: there is another step; false:
 * the request is done, with *status. */
bool nvt_file_step(struct nvt_loop_op *, int32_t result, nvt_status *status);

#endif
