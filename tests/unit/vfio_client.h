/* SPDX-License-Identifier: BSD-2-Clause */
/* A raw vfio-user client and a server in a thread, for tests of the protocol. */
#ifndef NVT_TESTS_VFIO_CLIENT_H
#define NVT_TESTS_VFIO_CLIENT_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/controller.h"
#include "controller/vfio_user/protocol.h"
#include "controller/vfio_user/server.h"

#define QEMU_VERSION_DATA                                                                          \
  "{\"capabilities\": {\"pgsizes\": 4096, \"max_msg_fds\": 16, \"max_dma_maps\": 65535, "          \
  "\"max_data_xfer_size\": 1048576, \"migration\": {\"max_bitmap_size\": 268435456, "              \
  "\"pgsize\": 4096}, \"write_multiple\": true}}"

struct rig {
  char dir[32], path[48];
  struct nvt_controller *device;
  struct nvt_vfio_server *server;
  pthread_t thread;
  bool running;
};
/* Set by a signal that the server's own thread takes, as by nvmetap record's. */
static volatile sig_atomic_t rig_stop;
static void rig_signal(int number) {
  (void)number;
  rig_stop = 1;
}
static void *rig_thread(void *arg) {
  struct rig *rig = arg;
  nvt_vfio_server_run(rig->server, &rig_stop);
  return NULL;
}
static inline void rig_start(struct rig *rig, bool shared) {
  char why[256] = "";
  *rig = (struct rig){.dir = "/tmp/nvmetap-vfio-XXXXXX"};
  rig_stop = 0;
  struct sigaction action = {.sa_handler = rig_signal};
  sigaction(SIGUSR1, &action, NULL);
  assert_non_null(mkdtemp(rig->dir));
  snprintf(rig->path, sizeof rig->path, "%s/s", rig->dir);
  struct nvt_controller_options options = {.vectors = 9};
  assert_int_equal(nvt_controller_create(&options, &rig->device), 0);
  assert_int_equal(nvt_controller_add_namespace(rig->device, "ram:1M", NULL, why, sizeof why), 0);
  struct nvt_vfio_server_options server = {
      .path = rig->path, .device = rig->device, .shared_doorbells = shared};
  if (nvt_vfio_server_create(&server, &rig->server, why, sizeof why) != 0)
    fail_msg("%s", why);
  assert_int_equal(pthread_create(&rig->thread, NULL, rig_thread, rig), 0);
  rig->running = true;
}
/* The server's thread ends: from here on the device may be looked at. */
static inline void rig_halt(struct rig *rig) {
  if (!rig->running)
    return;
  pthread_kill(rig->thread, SIGUSR1);
  pthread_join(rig->thread, NULL);
  rig->running = false;
}
static inline void rig_end(struct rig *rig) {
  rig_halt(rig);
  nvt_vfio_server_destroy(rig->server);
  nvt_controller_destroy(rig->device);
  assert_int_equal(access(rig->path, F_OK), -1);
  assert_int_equal(rmdir(rig->dir), 0);
}

struct client {
  int fd;
  uint16_t id;
};
static inline void client_connect(struct client *c, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
  *c = (struct client){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), .id = 0x1000};
  struct timeval limit = {.tv_sec = 10};
  setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  assert_int_equal(connect(c->fd, (struct sockaddr *)&address, sizeof address), 0);
}
static inline void client_close(struct client *c) {
  close(c->fd);
}
static inline void send_bytes(int fd, const void *bytes, size_t length, const int *fds,
                              unsigned count) {
  union {
    char bytes[CMSG_SPACE(253 * sizeof(int))];
    struct cmsghdr align;
  } control = {0};
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
  assert_int_equal(sendmsg(fd, &msg, MSG_NOSIGNAL), (ssize_t)length);
}
static inline size_t make_message(uint8_t *out, uint16_t id, uint16_t command, uint32_t flags,
                                  const void *data, size_t length) {
  struct nvt_vfio_header h = {
      .id = id, .command = command, .size = (uint32_t)(sizeof h + length), .flags = flags};
  memcpy(out, &h, sizeof h);
  if (length)
    memcpy(out + sizeof h, data, length);
  return sizeof h + length;
}
static inline void client_send(struct client *c, uint16_t command, uint32_t flags, const void *data,
                               size_t length, const int *fds, unsigned count) {
  uint8_t *message = malloc(sizeof(struct nvt_vfio_header) + length);
  size_t n = make_message(message, ++c->id, command, flags, data, length);
  send_bytes(c->fd, message, n, fds, count);
  free(message);
}
static inline bool client_take(struct client *c, void *out, size_t length) {
  size_t have = 0;
  while (have < length) {
    ssize_t n = recv(c->fd, (uint8_t *)out + have, length - have, 0);
    if (n <= 0)
      return false;
    have += (size_t)n;
  }
  return true;
}
/* 0 and the data, or the -errno that the server answered; -ECONNRESET: it hung up. */
static inline int client_reply(struct client *c, uint16_t command, void *out, size_t size,
                               size_t *length, int *fd) {
  struct nvt_vfio_header h;
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr align;
  } control;
  struct iovec iov = {&h, sizeof h};
  struct msghdr msg = {.msg_iov = &iov,
                       .msg_iovlen = 1,
                       .msg_control = control.bytes,
                       .msg_controllen = sizeof control.bytes};
  ssize_t n = recvmsg(c->fd, &msg, MSG_CMSG_CLOEXEC);
  if (n == 0 || (n < 0 && errno == ECONNRESET))
    return -ECONNRESET;
  if (n != sizeof h)
    fail_msg("no whole header in one receive: %zd, %s", n, strerror(errno));
  struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
  if (fd)
    *fd = -1;
  if (msg.msg_controllen && cmsg && cmsg->cmsg_type == SCM_RIGHTS) {
    int got;
    memcpy(&got, CMSG_DATA(cmsg), sizeof got);
    if (fd)
      *fd = got;
    else
      close(got);
  }
  assert_int_equal(h.id, c->id);
  assert_int_equal(h.command, command);
  assert_int_equal(h.flags & 0xf, NVT_VFIO_TYPE_REPLY);
  size_t data = h.size - sizeof h;
  if (h.flags & NVT_VFIO_ERROR) {
    assert_int_equal(data, 0);
    return -(int)h.error;
  }
  assert_int_equal(h.error, 0);
  assert_true(data <= size);
  if (data)
    assert_true(client_take(c, out, data));
  if (length)
    *length = data;
  return 0;
}
static inline int client_call_fds(struct client *c, uint16_t command, const void *data,
                                  size_t length, const int *fds, unsigned count, void *out,
                                  size_t size) {
  client_send(c, command, 0, data, length, fds, count);
  return client_reply(c, command, out, size, NULL, NULL);
}
static inline int client_call(struct client *c, uint16_t command, const void *data, size_t length,
                              void *out, size_t size) {
  return client_call_fds(c, command, data, length, NULL, 0, out, size);
}
static inline int client_version(struct client *c, uint16_t major, const char *json, char *out,
                                 size_t size) {
  uint8_t data[1024], reply[1024];
  struct nvt_vfio_version v = {.major = major, .minor = 0};
  memcpy(data, &v, sizeof v);
  size_t length = json ? strlen(json) + 1 : 0;
  if (length)
    memcpy(data + sizeof v, json, length);
  size_t got = 0;
  client_send(c, NVT_VFIO_VERSION, 0, data, sizeof v + length, NULL, 0);
  int error = client_reply(c, NVT_VFIO_VERSION, reply, sizeof reply, &got, NULL);
  if (!error && out)
    snprintf(out, size, "%.*s", (int)(got - sizeof v), (char *)reply + sizeof v);
  return error;
}
static inline void client_attach(struct client *c, const char *path) {
  client_connect(c, path);
  assert_int_equal(client_version(c, 0, QEMU_VERSION_DATA, NULL, 0), 0);
}
static inline int client_read(struct client *c, uint32_t region, uint64_t offset, void *out,
                              uint32_t count) {
  struct nvt_vfio_access a = {.offset = offset, .region = region, .count = count};
  uint8_t reply[sizeof a + 16384];
  int error = client_call(c, NVT_VFIO_REGION_READ, &a, sizeof a, reply, sizeof reply);
  if (!error && count <= sizeof reply - sizeof a)
    memcpy(out, reply + sizeof a, count);
  return error;
}
static inline int client_write(struct client *c, uint32_t flags, uint32_t region, uint64_t offset,
                               const void *value, uint32_t count) {
  struct nvt_vfio_access a = {.offset = offset, .region = region, .count = count};
  uint8_t data[sizeof a + 4096];
  memcpy(data, &a, sizeof a);
  memcpy(data + sizeof a, value, count);
  client_send(c, NVT_VFIO_REGION_WRITE, flags, data, sizeof a + count, NULL, 0);
  if (flags & NVT_VFIO_NO_REPLY)
    return 0;
  return client_reply(c, NVT_VFIO_REGION_WRITE, data, sizeof data, NULL, NULL);
}
static inline int client_map(struct client *c, uint64_t address, uint64_t size, uint64_t offset,
                             uint32_t flags, int fd) {
  struct nvt_vfio_dma_map map = {
      .argsz = sizeof map, .flags = flags, .offset = offset, .address = address, .size = size};
  return client_call_fds(c, NVT_VFIO_DMA_MAP, &map, sizeof map, &fd, fd >= 0, NULL, 0);
}
static inline int client_unmap(struct client *c, uint64_t address, uint64_t size, uint32_t flags) {
  struct nvt_vfio_dma_unmap unmap = {
      .argsz = sizeof unmap, .flags = flags, .address = address, .size = size};
  struct nvt_vfio_dma_unmap reply;
  int error = client_call(c, NVT_VFIO_DMA_UNMAP, &unmap, sizeof unmap, &reply, sizeof reply);
  if (!error)
    assert_memory_equal(&unmap, &reply, sizeof reply);
  return error;
}
static inline int client_irqs(struct client *c, uint32_t index, uint32_t flags, uint32_t start,
                              uint32_t count, const int *fds, unsigned fd_count) {
  struct nvt_vfio_irq_set set = {
      .argsz = sizeof set, .flags = flags, .index = index, .start = start, .count = count};
  return client_call_fds(c, NVT_VFIO_SET_IRQS, &set, sizeof set, fds, fd_count, NULL, 0);
}
/* VS is a register that any controller has, and that is never 0. */
static inline void assert_alive(struct client *c) {
  uint32_t vs = 0;
  assert_int_equal(client_read(c, 0, 8, &vs, sizeof vs), 0);
  assert_int_not_equal(vs, 0);
  assert_int_not_equal(vs, UINT32_MAX);
}
static inline int make_memory(size_t size) {
  int fd = memfd_create("test", MFD_CLOEXEC);
  assert_true(fd >= 0);
  assert_int_equal(ftruncate(fd, (off_t)size), 0);
  return fd;
}
static inline int count_fds(void) {
  int n = 0;
  for (int fd = 0; fd < 2048; fd++)
    n += fcntl(fd, F_GETFD) >= 0;
  return n;
}
/* The server closes what it got in its own time: wait for it, a second at most. */
static inline void assert_fds(int want) {
  for (int i = 0; i < 1000 && count_fds() != want; i++)
    usleep(1000);
  assert_int_equal(count_fds(), want);
}

#endif
