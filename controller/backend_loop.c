/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of asynchronous backends: one io_uring. Steps are queued by
 * submit and go to the kernel in one system call at the next poll.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "controller/backend_loop_int.h"

#define SUBMISSIONS 512u
#define COMPLETIONS 4096u

struct nvt_backend_loop {
  struct io_uring ring;
  unsigned in_flight; /* requests that are not done, those of the backlog included */
  unsigned queued;    /* steps in the ring; at most COMPLETIONS, so that none overflows */
  struct nvt_loop_op *free;
  struct nvt_loop_op *backlog, **backlog_end;
};

int nvt_backend_loop_create(struct nvt_backend_loop **out) {
  struct nvt_backend_loop *loop = calloc(1, sizeof(*loop));
  if (loop == NULL)
    return -ENOMEM;
  struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
                                   .cq_entries = COMPLETIONS};
  int failed = io_uring_queue_init_params(SUBMISSIONS, &loop->ring, &params);
  if (failed < 0) {
    free(loop);
    return failed;
  }
  loop->backlog_end = &loop->backlog;
  *out = loop;
  return 0;
}

void nvt_backend_loop_destroy(struct nvt_backend_loop *loop) {
  if (loop == NULL)
    return;
  nvt_backend_drain(loop);
  while (loop->free != NULL) {
    struct nvt_loop_op *op = loop->free;
    loop->free = op->next;
    free(op);
  }
  io_uring_queue_exit(&loop->ring);
  free(loop);
}

struct nvt_loop_op *nvt_loop_start(struct nvt_backend_loop *loop, struct nvt_io *io) {
  struct nvt_loop_op *op = loop->free;
  if (op != NULL)
    loop->free = op->next;
  else if ((op = malloc(sizeof(*op))) == NULL)
    return NULL;
  *op = (struct nvt_loop_op){.io = io, .iov = io->iov, .iovcnt = io->iovcnt};
  loop->in_flight++;
  return op;
}

void nvt_loop_finish(struct nvt_backend_loop *loop, struct nvt_loop_op *op, nvt_status status) {
  struct nvt_io *io = op->io;
  op->next = loop->free;
  loop->free = op;
  loop->in_flight--;
  io->done(io, status);
}

/* False: there is no room now. */
static bool put(struct nvt_backend_loop *loop, struct nvt_loop_op *op) {
  if (loop->queued >= COMPLETIONS)
    return false;
  struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
  if (sqe == NULL) {
    (void)io_uring_submit(&loop->ring);
    sqe = io_uring_get_sqe(&loop->ring);
    if (sqe == NULL)
      return false;
  }
  nvt_file_prepare(op, sqe);
  io_uring_sqe_set_data(sqe, op);
  loop->queued++;
  return true;
}

void nvt_loop_queue(struct nvt_backend_loop *loop, struct nvt_loop_op *op) {
  if (loop->backlog == NULL && put(loop, op))
    return;
  op->next = NULL;
  *loop->backlog_end = op;
  loop->backlog_end = &op->next;
}

static void take_backlog(struct nvt_backend_loop *loop) {
  while (loop->backlog != NULL) {
    struct nvt_loop_op *op = loop->backlog;
    if (!put(loop, op))
      return;
    loop->backlog = op->next;
    if (loop->backlog == NULL)
      loop->backlog_end = &loop->backlog;
  }
}

static unsigned reap(struct nvt_backend_loop *loop) {
  unsigned count = 0;
  struct io_uring_cqe *cqe;
  /* done() may submit again: give the entry back before it is called. The bound
   * keeps a request that is answered at once from holding the device thread. */
  while (count < COMPLETIONS && io_uring_peek_cqe(&loop->ring, &cqe) == 0) {
    struct nvt_loop_op *op = io_uring_cqe_get_data(cqe);
    int32_t result = cqe->res;
    io_uring_cqe_seen(&loop->ring, cqe);
    loop->queued--;
    count++;
    nvt_status status;
    if (nvt_file_step(op, result, &status))
      nvt_loop_queue(loop, op);
    else
      nvt_loop_finish(loop, op, status);
  }
  return count;
}

unsigned nvt_backend_poll(struct nvt_backend_loop *loop) {
  if (loop == NULL || loop->in_flight == 0)
    return 0;
  take_backlog(loop);
  if (io_uring_sq_ready(&loop->ring) > 0)
    (void)io_uring_submit(&loop->ring);
  unsigned count = reap(loop);
  /* Further steps of what was reaped. What the kernel refused to take for lack of
   * memory stays in the ring; say "not idle" then, as no event will tell of it. */
  if (io_uring_sq_ready(&loop->ring) > 0) {
    (void)io_uring_submit(&loop->ring);
    if (io_uring_sq_ready(&loop->ring) > 0)
      count++;
  }
  return count;
}

void nvt_backend_drain(struct nvt_backend_loop *loop) {
  while (loop != NULL && loop->in_flight > 0)
    if (nvt_backend_poll(loop) == 0)
      (void)io_uring_submit_and_wait(&loop->ring, 1);
}

int nvt_backend_event_fd(const struct nvt_backend_loop *loop) {
  return loop == NULL ? -1 : loop->ring.ring_fd;
}

unsigned nvt_backend_in_flight(const struct nvt_backend_loop *loop) {
  return loop == NULL ? 0 : loop->in_flight;
}
