/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file:PATH: a regular file or block device of fixed size, read and written
 * straight from and to guest memory by io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/backend_loop_int.h"
#include "controller/namespace_int.h"

#define CHUNK (128u * 1024)
#define VECTORS 1024u /* IOV_MAX: more are taken in further steps */
/* EAGAIN and EINTR end by themselves; a device that answers nothing else must not hold us. */
#define RETRIES 1000u

static uint8_t zeroes[CHUNK];

/* The size that it has; `regular`: that it is a file, and no block device. */
static int file_size(const struct nvt_namespace *ns, const char *name, uint64_t *size,
                     bool *regular, char *why, size_t whylen) {
  struct stat st;
  if (fstat(ns->fd, &st) != 0) {
    int failed = -errno;
    snprintf(why, whylen, "%s: %s", name, strerror(-failed));
    return failed;
  }
  *regular = S_ISREG(st.st_mode);
  if (*regular) {
    *size = (uint64_t)st.st_size;
  } else if (S_ISBLK(st.st_mode)) {
    if (ioctl(ns->fd, BLKGETSIZE64, size) != 0) {
      int failed = -errno;
      snprintf(why, whylen, "%s: can't get the device's size: %s", name, strerror(-failed));
      return failed;
    }
  } else {
    snprintf(why, whylen, "%s is neither a regular file nor a block device", name);
    return -EINVAL;
  }
  return 0;
}

/* A write beyond the limit would end this process by SIGXFSZ. */
static int file_limit(const struct nvt_namespace *ns, const char *name, uint64_t size, char *why,
                      size_t whylen) {
  struct rlimit limit;
  if (ns->geometry.readonly || getrlimit(RLIMIT_FSIZE, &limit) != 0 ||
      limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= size)
    return 0;
  snprintf(why, whylen,
           "%s is larger than this process may write; raise the limit by "
           "'ulimit -f unlimited', or add ',readonly'",
           name);
  return -EFBIG;
}

/* Another process that writes the same blocks would make nonsense of both. */
static int file_lock(const struct nvt_namespace *ns, const char *name, char *why, size_t whylen) {
  struct flock lock = {.l_type = ns->geometry.readonly ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
  if (fcntl(ns->fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
    return 0;
  snprintf(why, whylen, "%s is in use by another namespace or process", name);
  return -EBUSY;
}

static int file_open(struct nvt_namespace *ns, const char *path, struct nvt_backend_loop **loop,
                     char *why, size_t whylen) {
  if (path[0] == '\0') {
    snprintf(why, whylen, "file: needs a path, as in file:disk.img");
    return -EINVAL;
  }
  /* O_NONBLOCK: opening a pipe must not wait for its other end. */
  int flags = (ns->geometry.readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  ns->fd = open(path, flags);
  if (ns->fd < 0) {
    int failed = -errno;
    const char *hint = "";
    if (failed == -ENOENT)
      hint = "; make it first, as by 'truncate -s 1G PATH'";
    else if (failed == -EISDIR)
      hint = "; a regular file or a block device is needed";
    else if (failed == -EACCES || failed == -EROFS || failed == -EPERM)
      hint = ns->geometry.readonly ? "" : "; to only read it, add ',readonly'";
    snprintf(why, whylen, "file:%s: %s%s", path, strerror(-failed), hint);
    return failed;
  }
  const char *name = ns->description;
  bool regular = true;
  int failed = file_size(ns, name, &ns->size, &regular, why, whylen);
  if (failed == 0 && regular && ns->size == 0) {
    snprintf(why, whylen, "file:%s is empty; give it a size first, as by 'truncate -s 1G %s'", path,
             path);
    failed = -EINVAL;
  }
  if (failed == 0)
    failed = nvt_backend_check_size(ns, "the file's size", ns->size, why, whylen);
  if (failed == 0)
    failed = file_lock(ns, name, why, whylen);
  if (failed == 0)
    failed = file_limit(ns, name, ns->size, why, whylen);
  if (failed)
    return failed;
  (void)fcntl(ns->fd, F_SETFL, 0);
  if (*loop == NULL) {
    failed = nvt_backend_loop_create(loop);
    if (failed) {
      snprintf(why, whylen, "file:%s: io_uring can't be set up: %s", path, strerror(-failed));
      return failed;
    }
  }
  ns->loop = *loop;
  ns->geometry.asynchronous = true;
  return 0;
}

/* A regular file that may be written is made so long; else it has to be it already. */
static int file_resize(struct nvt_namespace *ns, uint64_t bytes, char *why, size_t whylen) {
  const char *name = ns->description;
  uint64_t there;
  bool regular;
  int failed = file_size(ns, name, &there, &regular, why, whylen);
  if (failed == 0)
    failed = file_limit(ns, name, bytes, why, whylen);
  if (failed)
    return failed;
  if (!regular || ns->geometry.readonly) {
    if (bytes <= there)
      return 0;
    snprintf(why, whylen, "%s has %" PRIu64 " bytes, and %s", name, there,
             regular ? "is only read: it can't grow here" : "a device can't grow from here");
    return -ENOSPC;
  }
  if (ftruncate(ns->fd, (off_t)bytes) != 0) {
    failed = -errno;
    snprintf(why, whylen, "%s: it can't be made %" PRIu64 " bytes long: %s", name, bytes,
             strerror(-failed));
  }
  return failed;
}

static void file_close(struct nvt_namespace *ns) {
  if (ns->fd >= 0)
    close(ns->fd);
}

static nvt_status file_status(const struct nvt_io *io, int error) {
  switch (error) {
  case EFAULT: /* the guest's memory is not there any more */
    return NVT_SC_DATA_TRANSFER_ERROR;
  case ENOSPC:
  case EDQUOT:
  case EFBIG:
    return NVT_SC_CAPACITY_EXCEEDED;
  case ENOMEM:
    return NVT_SC_INTERNAL_DEVICE_ERROR;
  default:
    return io->kind == NVT_IO_READ || io->kind == NVT_IO_COMPARE ? NVT_SC_UNRECOVERED_READ_ERROR
                                                                 : NVT_SC_WRITE_FAULT;
  }
}

static uint32_t next_chunk(const struct nvt_io *io) {
  uint64_t left = io->length - io->progress;
  return left < CHUNK ? (uint32_t)left : CHUNK;
}

static void on_own(struct nvt_loop_op *op, struct nvt_loop_step *step, void *memory,
                   uint32_t length) {
  op->own = (struct iovec){memory, length};
  step->iov = &op->own;
  step->iovcnt = 1;
}

static void prepare_zeroes(struct nvt_loop_op *op, struct nvt_loop_step *step) {
  struct nvt_io *io = op->io;
  struct nvt_namespace *ns = io->ns;
  bool punch = io->kind == NVT_IO_DEALLOCATE;
  op->by_writing = punch ? ns->no_punch_hole : ns->no_zero_range;
  if (op->by_writing) {
    step->call = NVT_CALL_WRITEV;
    on_own(op, step, zeroes, next_chunk(io));
    return;
  }
  step->call = NVT_CALL_FALLOCATE;
  step->flags = (punch ? FALLOC_FL_PUNCH_HOLE : FALLOC_FL_ZERO_RANGE) | FALLOC_FL_KEEP_SIZE;
  step->offset = io->offset;
  step->length = io->length;
}

void nvt_file_prepare(struct nvt_loop_op *op, struct nvt_loop_step *step) {
  struct nvt_io *io = op->io;
  bool writes = io->kind != NVT_IO_READ && io->kind != NVT_IO_COMPARE;
  *step = (struct nvt_loop_step){
      .call = writes ? NVT_CALL_WRITEV : NVT_CALL_READV,
      .fd = io->ns->fd,
      .flags = writes && io->fua ? RWF_DSYNC : 0,
      .iov = op->iov,
      .iovcnt = op->iovcnt < VECTORS ? op->iovcnt : VECTORS,
      .offset = io->offset + io->progress,
  };
  if (op->syncing || io->kind == NVT_IO_FLUSH) {
    step->call = NVT_CALL_FDATASYNC;
  } else if (io->kind == NVT_IO_COMPARE) {
    /* chunk counts what of the bounce buffer is filled already. */
    on_own(op, step, (uint8_t *)io->bounce + op->chunk, next_chunk(io) - op->chunk);
    step->offset += op->chunk;
  } else if (io->kind == NVT_IO_WRITE_ZEROES || io->kind == NVT_IO_DEALLOCATE) {
    prepare_zeroes(op, step);
  }
}

/* Take `bytes` from the front of what is left of the guest's memory. */
static void advance(struct nvt_loop_op *op, uint64_t bytes) {
  op->io->progress += bytes;
  while (bytes > 0 && op->iovcnt > 0) {
    size_t take = bytes < op->iov->iov_len ? (size_t)bytes : op->iov->iov_len;
    op->iov->iov_base = (uint8_t *)op->iov->iov_base + take;
    op->iov->iov_len -= take;
    bytes -= take;
    if (op->iov->iov_len == 0) {
      op->iov++;
      op->iovcnt--;
    }
  }
}

static bool bounce_equals(struct nvt_loop_op *op, uint32_t bytes) {
  const uint8_t *at = op->io->bounce;
  while (bytes > 0 && op->iovcnt > 0) {
    size_t take = bytes < op->iov->iov_len ? bytes : op->iov->iov_len;
    if (memcmp(at, op->iov->iov_base, take) != 0)
      return false;
    at += take;
    bytes -= (uint32_t)take;
    advance(op, take);
  }
  return true;
}

/* True: another step. */
static bool compare_step(struct nvt_loop_op *op, uint32_t bytes, nvt_status *status) {
  op->chunk += bytes;
  if (op->chunk < next_chunk(op->io))
    return true;
  uint32_t chunk = op->chunk;
  op->chunk = 0;
  if (!bounce_equals(op, chunk)) {
    *status = NVT_SC_COMPARE_FAILURE;
    return false;
  }
  return op->io->progress < op->io->length;
}

static bool transfer_step(struct nvt_loop_op *op, uint32_t bytes, nvt_status *status) {
  struct nvt_io *io = op->io;
  if (bytes == 0) { /* the end of a file that was longer once */
    *status = file_status(io, EIO);
    return false;
  }
  op->retries = 0;
  if (io->kind == NVT_IO_COMPARE)
    return compare_step(op, bytes, status);
  advance(op, bytes);
  return io->progress < io->length;
}

/* True: this kind of fallocate isn't there, zeroes are to be written instead. */
static bool without_fallocate(const struct nvt_loop_op *op, int error) {
  if (op->by_writing || op->syncing ||
      (error != EOPNOTSUPP && error != ENOSYS && error != EINVAL && error != ENODEV))
    return false;
  struct nvt_namespace *ns = op->io->ns;
  if (op->io->kind == NVT_IO_DEALLOCATE)
    ns->no_punch_hole = true;
  else if (op->io->kind == NVT_IO_WRITE_ZEROES)
    ns->no_zero_range = true;
  else
    return false;
  return true;
}

static bool next_step(struct nvt_loop_op *op, int32_t result, nvt_status *status) {
  struct nvt_io *io = op->io;
  *status = NVT_SC_SUCCESS;
  if (result == -EINTR || result == -EAGAIN) {
    if (op->retries++ < RETRIES)
      return true;
    *status = file_status(io, EIO);
    return false;
  }
  if (result < 0) {
    if (without_fallocate(op, -result))
      return true;
    *status = file_status(io, -result);
    return false;
  }
  if (op->syncing || io->kind == NVT_IO_FLUSH)
    return false;
  if (io->kind == NVT_IO_WRITE_ZEROES || io->kind == NVT_IO_DEALLOCATE) {
    if (op->by_writing)
      return transfer_step(op, (uint32_t)result, status);
    op->syncing = io->fua;
    return op->syncing;
  }
  return transfer_step(op, (uint32_t)result, status);
}

bool nvt_file_step(struct nvt_loop_op *op, int32_t result, nvt_status *status) {
  if (next_step(op, result, status))
    return true;
  if (op->io->kind == NVT_IO_COMPARE) {
    free(op->io->bounce);
    op->io->bounce = NULL;
  }
  return false;
}

static void file_submit(struct nvt_namespace *ns, struct nvt_io *io) {
  if (io->length == 0 && io->kind != NVT_IO_FLUSH) {
    io->done(io, NVT_SC_SUCCESS);
    return;
  }
  io->bounce = NULL;
  if (io->kind != NVT_IO_READ && io->kind != NVT_IO_WRITE && io->kind != NVT_IO_COMPARE)
    io->iovcnt = 0;
  struct nvt_loop_op *op = nvt_loop_start(ns->loop, io);
  if (op == NULL) {
    io->done(io, NVT_SC_INTERNAL_DEVICE_ERROR);
    return;
  }
  if (io->kind == NVT_IO_COMPARE && (io->bounce = malloc(next_chunk(io))) == NULL) {
    nvt_loop_finish(ns->loop, op, NVT_SC_INTERNAL_DEVICE_ERROR);
    return;
  }
  nvt_loop_queue(ns->loop, op);
}

const struct nvt_backend nvt_backend_file = {
    .kind = "file",
    .open = file_open,
    .close = file_close,
    .submit = file_submit,
    .resize = file_resize,
};
