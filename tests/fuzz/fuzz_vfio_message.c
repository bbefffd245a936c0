/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile client. The input is a list of sends: a byte for the descriptors that go
 * along, a length of two bytes, and what is sent. Half of the inputs (by the first
 * byte) have the version behind them already.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/vfio_user/session_int.h"

#define MEMORY 65536

static struct nvt_controller *device;
static struct nvt_vfio_session session[2]; /* trapped, shared */

static void begin(void) {
  char why[128];
  struct nvt_controller_options options = {.vectors = 9};
  if (nvt_controller_create(&options, &device) ||
      nvt_controller_add_namespace(device, "ram:1M", NULL, why, sizeof why))
    abort();
}

static void send_piece(int fd, const uint8_t *bytes, size_t length, unsigned kinds) {
  int fds[4] = {-1, -1, -1, -1};
  unsigned count = 0;
  union {
    char bytes[CMSG_SPACE(sizeof fds)];
    struct cmsghdr align;
  } control = {0};
  while (count < (kinds & 3)) {
    bool event = kinds >> (2 + count) & 1;
    fds[count] = event ? eventfd(0, EFD_CLOEXEC) : memfd_create("fuzz", MFD_CLOEXEC);
    if (fds[count] < 0 || (!event && ftruncate(fds[count], MEMORY) < 0))
      abort();
    count++;
  }
  struct iovec iov = {(void *)(uintptr_t)bytes, length};
  struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
  if (count) {
    msg.msg_control = control.bytes;
    msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
  }
  (void)!sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
  while (count)
    close(fds[--count]);
}

/* Handle what has been sent, throw the replies away. False: the session is over. */
static bool serve(struct nvt_vfio_session *s, int peer) {
  char replies[65536];
  int n = nvt_vfio_session_work(s, 64);
  for (int i = 0; i < 16 && nvt_controller_poll(device, 0); i++)
    ;
  while (recv(peer, replies, sizeof replies, MSG_DONTWAIT) > 0)
    ;
  return n >= 0 || n == -EAGAIN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 4)
    return 0;
  if (!device)
    begin();
  bool shared = data[0] & 2, negotiated = data[0] & 1;
  struct nvt_vfio_session *s = &session[shared];
  int fds[2];
  if (nvt_vfio_session_init(s, device, shared) ||
      socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) ||
      nvt_vfio_session_open(s, fds[0]))
    abort();
  if (negotiated) {
    struct {
      struct nvt_vfio_header h;
      struct nvt_vfio_version v;
      char json[48];
    } hello = {.h = {.command = NVT_VFIO_VERSION, .size = sizeof hello},
               .json = "{\"capabilities\":{\"write_multiple\":true}}"};
    send_piece(fds[1], (const uint8_t *)&hello, sizeof hello, 0);
    if (!serve(s, fds[1]) || !s->negotiated)
      abort();
  }
  for (size_t at = 1; at + 3 <= size;) {
    unsigned kinds = data[at];
    size_t length = data[at + 1] | (size_t)data[at + 2] << 8;
    at += 3;
    if (length > size - at)
      length = size - at;
    if (length)
      send_piece(fds[1], data + at, length, kinds);
    at += length;
    if (!serve(s, fds[1]))
      break;
  }
  nvt_vfio_session_fini(s);
  close(fds[1]);
  return 0;
}
