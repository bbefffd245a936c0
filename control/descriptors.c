/* SPDX-License-Identifier: BSD-2-Clause */
/* Descriptors that come with a request. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/request_int.h"

enum { ROOM = 4 }; /* one is wanted: what more come are counted, and the kernel closes the rest */

static void take(struct control_descriptors *in, int fd) {
  if (in->count++ == 0)
    in->fd = fd;
  else
    close(fd);
}

ssize_t nvt_control_receive(int socket, void *to, size_t length, struct control_descriptors *in) {
  struct iovec part = {.iov_base = to, .iov_len = length};
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(ROOM * sizeof(int))];
  } control;
  struct msghdr message = {.msg_iov = &part,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof(control.bytes)};
  ssize_t n = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (n < 0)
    return n;
  for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
      continue;
    size_t bytes = at->cmsg_len - CMSG_LEN(0);
    for (size_t i = 0; i + sizeof(int) <= bytes; i += sizeof(int)) {
      int fd;
      memcpy(&fd, CMSG_DATA(at) + i, sizeof(fd));
      take(in, fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0)
    in->cut = true;
  return n;
}

bool nvt_control_descriptors_good(const struct control_descriptors *in,
                                  const struct control_request *request, char *why, size_t whylen) {
  if (in->cut || in->count > 1)
    return nvt_control_refuse(why, whylen,
                              in->cut && in->count == 0
                                  ? "the descriptor that came with it can't be taken: this process "
                                    "has too many"
                                  : "more than one descriptor came with it");
  if (in->count == 1 && request->command->run != nvt_control_trace_open)
    return nvt_control_refuse(why, whylen, "'%s' takes no descriptor", request->command->name);
  return true;
}

void nvt_control_descriptors_drop(struct control_descriptors *in) {
  if (in->fd >= 0)
    close(in->fd);
  *in = (struct control_descriptors){.fd = -1};
}
