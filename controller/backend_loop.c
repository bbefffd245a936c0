/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop of asynchronous backends: one io_uring. Steps are queued by
 * submit and go to the kernel in one system call at the next poll. Where io_uring
 * is forbidden, as in many containers, poll makes the system calls itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "controller/backend_loop_int.h"

#define SUBMISSIONS 512u
#define COMPLETIONS 4096u
/* Blocking calls of one poll: the device thread has other things to do too. */
#define BLOCKING_CALLS 32u

struct nvt_backend_loop {
  struct io_uring ring;
  bool blocking;      /* there is no ring: all steps wait in the backlog */
  int eventfd;        /* blocking: readable while there are any; else -1 */
  unsigned in_flight; /* requests that are not done, those of the backlog included */
  unsigned queued;    /* steps in the ring; at most COMPLETIONS, so that none overflows */
  struct nvt_loop_op *free;
  struct nvt_loop_op *backlog, **backlog_end;
};

static struct nvt_backend_loop *new_loop(void) {
  struct nvt_backend_loop *loop = calloc(1, sizeof(*loop));
  if (loop == NULL)
    return NULL;
  loop->backlog_end = &loop->backlog;
  loop->eventfd = -1;
  return loop;
}

int nvt_backend_loop_create_blocking(struct nvt_backend_loop **out) {
  struct nvt_backend_loop *loop = new_loop();
  if (loop == NULL)
    return -ENOMEM;
  loop->blocking = true;
  loop->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (loop->eventfd < 0) {
    int failed = -errno;
    free(loop);
    return failed;
  }
  *out = loop;
  return 0;
}

int nvt_backend_loop_create(struct nvt_backend_loop **out) {
  struct nvt_backend_loop *loop = new_loop();
  if (loop == NULL)
    return -ENOMEM;
  struct io_uring_params params = {.flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP,
                                   .cq_entries = COMPLETIONS};
  int failed = io_uring_queue_init_params(SUBMISSIONS, &loop->ring, &params);
  if (failed < 0) {
    free(loop);
    bool forbidden = failed == -EPERM || failed == -EACCES || failed == -ENOSYS;
    return forbidden ? nvt_backend_loop_create_blocking(out) : failed;
  }
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
  if (loop->blocking)
    close(loop->eventfd);
  else
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

static void prepare(struct io_uring_sqe *sqe, const struct nvt_loop_step *s) {
  switch (s->call) {
  case NVT_CALL_READV:
    io_uring_prep_readv2(sqe, s->fd, s->iov, s->iovcnt, s->offset, s->flags);
    break;
  case NVT_CALL_WRITEV:
    io_uring_prep_writev2(sqe, s->fd, s->iov, s->iovcnt, s->offset, s->flags);
    break;
  case NVT_CALL_FDATASYNC:
    io_uring_prep_fsync(sqe, s->fd, IORING_FSYNC_DATASYNC);
    break;
  case NVT_CALL_FALLOCATE:
    /* The parameters are off_t in liburing 2.3 and __u64 in later versions. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
    io_uring_prep_fallocate(sqe, s->fd, s->flags, (off_t)s->offset, (off_t)s->length);
#pragma GCC diagnostic pop
    break;
  }
}

static int32_t call(const struct nvt_loop_step *s) {
  ssize_t result = 0;
  switch (s->call) {
  case NVT_CALL_READV:
    result = preadv2(s->fd, s->iov, (int)s->iovcnt, (off_t)s->offset, s->flags);
    break;
  case NVT_CALL_WRITEV:
    result = pwritev2(s->fd, s->iov, (int)s->iovcnt, (off_t)s->offset, s->flags);
    break;
  case NVT_CALL_FDATASYNC:
    result = fdatasync(s->fd);
    break;
  case NVT_CALL_FALLOCATE:
    result = fallocate(s->fd, s->flags, (off_t)s->offset, (off_t)s->length);
    break;
  }
  return result < 0 ? -errno : (int32_t)result; /* the kernel moves less than 2 GiB at once */
}

/* False: there is no room now. */
static bool put(struct nvt_backend_loop *loop, struct nvt_loop_op *op) {
  if (loop->blocking || loop->queued >= COMPLETIONS)
    return false;
  struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
  if (sqe == NULL) {
    (void)io_uring_submit(&loop->ring);
    sqe = io_uring_get_sqe(&loop->ring);
    if (sqe == NULL)
      return false;
  }
  struct nvt_loop_step step;
  nvt_file_prepare(op, &step);
  prepare(sqe, &step);
  io_uring_sqe_set_data(sqe, op);
  loop->queued++;
  return true;
}

void nvt_loop_queue(struct nvt_backend_loop *loop, struct nvt_loop_op *op) {
  if (loop->backlog == NULL && put(loop, op))
    return;
  if (loop->blocking && loop->backlog == NULL)
    (void)eventfd_write(loop->eventfd, 1);
  op->next = NULL;
  *loop->backlog_end = op;
  loop->backlog_end = &op->next;
}

static void pop_backlog(struct nvt_backend_loop *loop) {
  loop->backlog = loop->backlog->next;
  if (loop->backlog == NULL)
    loop->backlog_end = &loop->backlog;
}

static void take_backlog(struct nvt_backend_loop *loop) {
  while (loop->backlog != NULL && put(loop, loop->backlog))
    pop_backlog(loop);
}

static void step_done(struct nvt_backend_loop *loop, struct nvt_loop_op *op, int32_t result) {
  nvt_status status;
  if (nvt_file_step(op, result, &status))
    nvt_loop_queue(loop, op);
  else
    nvt_loop_finish(loop, op, status);
}

static unsigned poll_blocking(struct nvt_backend_loop *loop) {
  unsigned count = 0;
  for (; loop->backlog != NULL && count < BLOCKING_CALLS; count++) {
    struct nvt_loop_op *op = loop->backlog;
    struct nvt_loop_step step;
    nvt_file_prepare(op, &step);
    int32_t result = call(&step);
    pop_backlog(loop);
    step_done(loop, op, result);
  }
  if (loop->backlog == NULL) {
    eventfd_t ignored;
    (void)eventfd_read(loop->eventfd, &ignored);
  }
  return count;
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
    step_done(loop, op, result);
  }
  return count;
}

unsigned nvt_backend_poll(struct nvt_backend_loop *loop) {
  if (loop == NULL || loop->in_flight == 0)
    return 0;
  if (loop->blocking)
    return poll_blocking(loop);
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
    if (nvt_backend_poll(loop) == 0 && !loop->blocking)
      (void)io_uring_submit_and_wait(&loop->ring, 1);
}

int nvt_backend_event_fd(const struct nvt_backend_loop *loop) {
  if (loop == NULL)
    return -1;
  return loop->blocking ? loop->eventfd : loop->ring.ring_fd;
}

unsigned nvt_backend_in_flight(const struct nvt_backend_loop *loop) {
  return loop == NULL ? 0 : loop->in_flight;
}
