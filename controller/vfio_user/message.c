/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/vfio_user/message.h"

/* Room behind the largest message, so that small ones can be taken by the dozen. */
#define ROOM_BEHIND 65536u

int nvt_vfio_stream_open(struct nvt_vfio_stream *s, int fd) {
  *s = (struct nvt_vfio_stream){.fd = fd, .capacity = NVT_VFIO_MAX_MESSAGE + ROOM_BEHIND};
  s->buffer = malloc(s->capacity);
  return s->buffer ? 0 : -ENOMEM;
}

static void close_all(int *fds, unsigned count) {
  for (unsigned i = 0; i < count; i++)
    if (fds[i] >= 0)
      close(fds[i]);
}

void nvt_vfio_stream_close(struct nvt_vfio_stream *s) {
  close_all(s->fds, s->fd_count);
  s->fd_count = 0;
  free(s->buffer);
  s->buffer = NULL;
}

static void take_fds(struct nvt_vfio_stream *s, const struct cmsghdr *c) {
  size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; i++) {
    int fd;
    memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
    if (s->fd_count < NVT_VFIO_SCM_FDS) {
      s->fds[s->fd_count++] = fd;
    } else {
      close(fd);
      s->dropped++;
    }
  }
}

int64_t nvt_vfio_stream_fill(struct nvt_vfio_stream *s) {
  if (s->head && (s->head == s->tail || s->capacity - s->tail < ROOM_BEHIND)) {
    memmove(s->buffer, s->buffer + s->head, s->tail - s->head);
    s->tail -= s->head;
    s->head = 0;
  }
  union {
    char bytes[CMSG_SPACE(NVT_VFIO_SCM_FDS * sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec iov = {s->buffer + s->tail, s->capacity - s->tail};
  struct msghdr msg = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
  ssize_t n;
  do
    n = recvmsg(s->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (n < 0 && errno == EINTR);
  if (n < 0) {
    s->more = 0;
    return errno == EWOULDBLOCK ? -EAGAIN : -errno;
  }
  int had_fds = 0;
  if (msg.msg_controllen)
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c))
      if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        take_fds(s, c);
        had_fds = 1;
      }
  s->tail += (size_t)n;
  /* A receive stops behind the send that carried descriptors, so the last byte
   * received is one of the message that they were sent with. */
  if (had_fds)
    s->fds_at = s->position + (s->tail - s->head) - (n > 0);
  s->more = had_fds || (size_t)n == iov.iov_len;
  return n;
}

int nvt_vfio_stream_next(struct nvt_vfio_stream *s, struct nvt_vfio_message *m, const char **why) {
  size_t have = s->tail - s->head;
  if (have < sizeof m->header)
    return 0;
  memcpy(&m->header, s->buffer + s->head, sizeof m->header);
  size_t size = m->header.size;
  if (size < sizeof m->header) {
    *why = "a message shorter than its header";
    return -EPROTO;
  }
  if (size > NVT_VFIO_MAX_MESSAGE) {
    *why = "a message longer than 1 MiB of data and its header";
    return -EPROTO;
  }
  if (have < size)
    return 0;
  m->data = s->buffer + s->head + sizeof m->header;
  m->length = size - sizeof m->header;
  m->fds = s->fds;
  m->fd_count = 0;
  if (s->fd_count && s->fds_at < s->position + size) {
    m->fd_count = s->fd_count;
    s->fd_count = 0;
  }
  s->head += size;
  s->position += size;
  return 1;
}

void nvt_vfio_message_done(struct nvt_vfio_message *m) {
  close_all(m->fds, m->fd_count);
  m->fd_count = 0;
}

int nvt_vfio_send(int fd, struct iovec *iov, int iovcnt, const int *fds, unsigned fd_count,
                  int timeout_ms) {
  union {
    char bytes[CMSG_SPACE(NVT_VFIO_SCM_FDS * sizeof(int))];
    struct cmsghdr align;
  } control;
  struct msghdr msg = {.msg_iov = iov, .msg_iovlen = (size_t)iovcnt};
  if (fd_count > NVT_VFIO_SCM_FDS)
    return -EINVAL;
  if (fd_count) {
    memset(&control, 0, sizeof control);
    msg.msg_control = control.bytes;
    msg.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
  }
  while (msg.msg_iovlen) {
    ssize_t n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      struct pollfd p = {.fd = fd, .events = POLLOUT};
      int ready = poll(&p, 1, timeout_ms);
      if (ready == 0)
        return -ETIMEDOUT;
      if (ready < 0)
        return -errno;
      continue;
    }
    if (n < 0)
      return -errno;
    msg.msg_control = NULL; /* they went with the first byte */
    msg.msg_controllen = 0;
    size_t sent = (size_t)n;
    while (msg.msg_iovlen && sent >= msg.msg_iov->iov_len) {
      sent -= msg.msg_iov->iov_len;
      msg.msg_iov++;
      msg.msg_iovlen--;
    }
    if (msg.msg_iovlen) {
      msg.msg_iov->iov_base = (uint8_t *)msg.msg_iov->iov_base + sent;
      msg.msg_iov->iov_len -= sent;
    }
  }
  return 0;
}
