/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages of a vfio-user socket, received many at a time, with the descriptors
 * that came with each.
 */
#ifndef NVT_CONTROLLER_VFIO_USER_MESSAGE_H
#define NVT_CONTROLLER_VFIO_USER_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "controller/vfio_user/protocol.h"

/* What Linux puts into one SCM_RIGHTS message at most. */
#define NVT_VFIO_SCM_FDS 253u

struct nvt_vfio_stream {
  int fd; /* borrowed; non-blocking */
  uint8_t *buffer;
  size_t capacity, head, tail;
  uint64_t position; /* of buffer[head] in the stream */
  int fds[NVT_VFIO_SCM_FDS];
  unsigned fd_count;
  uint64_t fds_at;  /* position of a byte of the message that they belong to */
  int more;         /* the last receive may have left something in the socket */
  unsigned dropped; /* descriptors closed since there were too many */
};

/* Borrowed until the stream is used again. */
struct nvt_vfio_message {
  struct nvt_vfio_header header;
  const uint8_t *data; /* behind the header */
  size_t length;       /* of data */
  int *fds;            /* a handler that keeps one sets its place to -1 */
  unsigned fd_count;
};

int nvt_vfio_stream_open(struct nvt_vfio_stream *, int fd); /* 0 or -ENOMEM */
/* Closes descriptors that no message claimed. */
void nvt_vfio_stream_close(struct nvt_vfio_stream *);
/* Receive once. Only when next() has said that there is no whole message. Bytes
 * received, 0 at the end of the stream, -EAGAIN, or -errno. */
int64_t nvt_vfio_stream_fill(struct nvt_vfio_stream *);
/* 1 and a message, 0 when the rest of it is still to come, -EPROTO with *why when
 * the stream can't be followed any further. */
int nvt_vfio_stream_next(struct nvt_vfio_stream *, struct nvt_vfio_message *, const char **why);
/* Close what a handler left of the message's descriptors. */
void nvt_vfio_message_done(struct nvt_vfio_message *);

/* Send one message in one piece (QEMU wants a header whole), waiting at most
 * timeout_ms for room. iov[0] is the header. 0, -ETIMEDOUT or -errno. */
int nvt_vfio_send(int fd, struct iovec *iov, int iovcnt, const int *fds, unsigned fd_count,
                  int timeout_ms);

#endif
