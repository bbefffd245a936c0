/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's side: a vfio-user NVMe device at a socket, ours or another's.
 * Every request waits at most REPLY_MS for its reply; after any failure of the
 * connection it is dead, and all calls say so at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/driver/driver.h"
#include "controller/spin_int.h"
#include "controller/vfio_user/capabilities.h"
#include "controller/vfio_user/message.h"

#define REPLY_MS 5000
#define YIELD_EVERY 256u
#define PEEK_EVERY 65536u
#define AREAS 16u

struct vfio {
  struct nvt_transport transport; /* first: the two are cast into each other */
  int fd;
  uint16_t id;
  struct nvt_vfio_stream stream;
  struct nvt_vfio_capabilities caps; /* of the server */
  void *map;
  size_t map_length;
  unsigned vectors;
  int *eventfds;
  uint64_t *fired; /* taken from the eventfd, not yet by the driver */
  unsigned relaxed;
  int dead; /* -errno */
  char path[sizeof((struct sockaddr_un *)0)->sun_path];
  char *why; /* while opening: where a message goes, instead of stderr */
  size_t whylen;
};

static struct vfio *of(struct nvt_transport *t) {
  return (struct vfio *)t;
}

static int fail(struct vfio *v, int error, const char *what) {
  if (v->dead)
    return v->dead;
  v->dead = error;
  if (v->why)
    snprintf(v->why, v->whylen, "%s: %s", v->path, what);
  else
    fprintf(stderr, "nvmetap: %s: %s\n", v->path, what);
  return error;
}

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct request {
  uint16_t command;
  bool posted;
  const void *head; /* fixed part */
  size_t head_length;
  const void *tail; /* data behind it */
  size_t tail_length;
  const int *fds;
  unsigned fd_count;
};

static int send_request(struct vfio *v, const struct request *q) {
  struct nvt_vfio_header h = {.id = ++v->id,
                              .command = q->command,
                              .size = (uint32_t)(sizeof h + q->head_length + q->tail_length),
                              .flags = q->posted ? NVT_VFIO_NO_REPLY : 0};
  struct iovec iov[3] = {{&h, sizeof h},
                         {(void *)(uintptr_t)q->head, q->head_length},
                         {(void *)(uintptr_t)q->tail, q->tail_length}};
  int parts = q->tail_length ? 3 : q->head_length ? 2 : 1;
  int error = nvt_vfio_send(v->fd, iov, parts, q->fds, q->fd_count, REPLY_MS);
  if (error == -ETIMEDOUT)
    return fail(v, error, "the device takes no messages");
  return error ? fail(v, error == -EPIPE ? -ECONNRESET : error, "the device hung up") : 0;
}

/* A server may ask us things too; there is nothing that we offer. */
static int turn_down(struct vfio *v, const struct nvt_vfio_message *m) {
  if (m->header.flags & NVT_VFIO_NO_REPLY)
    return 0;
  struct nvt_vfio_header h = {.id = m->header.id,
                              .command = m->header.command,
                              .size = sizeof h,
                              .flags = NVT_VFIO_TYPE_REPLY | NVT_VFIO_ERROR,
                              .error = ENOTSUP};
  struct iovec iov = {&h, sizeof h};
  return nvt_vfio_send(v->fd, &iov, 1, NULL, 0, REPLY_MS);
}

static int receive_more(struct vfio *v, int64_t until) {
  char what[96];
  int64_t n = nvt_vfio_stream_fill(&v->stream);
  if (n > 0)
    return 0;
  if (n == 0 || n == -ECONNRESET)
    return fail(v, -ECONNRESET, "the device hung up");
  if (n != -EAGAIN) {
    snprintf(what, sizeof what, "receiving: %s", strerror((int)-n));
    return fail(v, (int)n, what);
  }
  int64_t left = until - now_ms();
  struct pollfd p = {.fd = v->fd, .events = POLLIN};
  int ready = left > 0 ? poll(&p, 1, (int)left) : 0;
  if (ready == 0)
    return -ETIMEDOUT;
  return 0;
}

/* Send, wait, and give the reply; the caller ends it with nvt_vfio_message_done().
 * An error that the device answers with is returned, the connection lives on. */
static int ask(struct vfio *v, const struct request *q, struct nvt_vfio_message *m) {
  char what[128];
  *m = (struct nvt_vfio_message){0};
  if (v->dead)
    return v->dead;
  int error = send_request(v, q);
  int64_t until = now_ms() + REPLY_MS;
  while (!error) {
    const char *why = "";
    int got = nvt_vfio_stream_next(&v->stream, m, &why);
    if (got < 0) {
      snprintf(what, sizeof what, "the device sent %s", why);
      return fail(v, got, what);
    }
    if (!got) {
      error = receive_more(v, until);
      if (error == -ETIMEDOUT) {
        snprintf(what, sizeof what, "no reply to command %u for %d s", q->command, REPLY_MS / 1000);
        return fail(v, error, what);
      }
      continue;
    }
    if ((m->header.flags & NVT_VFIO_TYPE_MASK) == NVT_VFIO_TYPE_COMMAND) {
      error = turn_down(v, m);
      nvt_vfio_message_done(m);
      continue;
    }
    if (m->header.id != v->id || m->header.command != q->command) {
      nvt_vfio_message_done(m);
      return fail(v, -EPROTO, "the device sent a reply to something that wasn't asked");
    }
    if (!(m->header.flags & NVT_VFIO_ERROR))
      return 0;
    nvt_vfio_message_done(m);
    return m->header.error && m->header.error <= 4095 ? -(int)m->header.error : -EIO;
  }
  return error;
}

/* As ask(); a reply of at least `length` bytes is copied to out. */
static int ask_for(struct vfio *v, const struct request *q, void *out, size_t length) {
  struct nvt_vfio_message m;
  int error = ask(v, q, &m);
  if (error)
    return error;
  if (m.length < length)
    error = fail(v, -EPROTO, "the device sent a reply that is too short");
  else if (length)
    memcpy(out, m.data, length);
  nvt_vfio_message_done(&m);
  return error;
}

static int access_read(struct nvt_transport *t, unsigned region, uint64_t offset, void *buf,
                       size_t len) {
  struct vfio *v = of(t);
  if (len > v->caps.max_data_xfer_size)
    return -EINVAL;
  struct nvt_vfio_access a = {.offset = offset, .region = region, .count = (uint32_t)len};
  struct request q = {.command = NVT_VFIO_REGION_READ, .head = &a, .head_length = sizeof a};
  struct nvt_vfio_message m;
  int error = ask(v, &q, &m);
  if (error)
    return error;
  if (m.length < sizeof a + len)
    error = fail(v, -EPROTO, "the device read less than was asked for");
  else
    memcpy(buf, m.data + sizeof a, len);
  nvt_vfio_message_done(&m);
  return error;
}

static int access_write(struct nvt_transport *t, unsigned region, uint64_t offset, const void *buf,
                        size_t len) {
  struct vfio *v = of(t);
  if (len > v->caps.max_data_xfer_size)
    return -EINVAL;
  if (v->dead)
    return v->dead;
  struct nvt_vfio_access a = {.offset = offset, .region = region, .count = (uint32_t)len};
  struct request q = {.command = NVT_VFIO_REGION_WRITE,
                      .posted = region == NVT_REGION_BAR0 && offset >= NVT_BAR0_DOORBELLS &&
                                offset < NVT_BAR0_DOORBELLS + NVT_BAR0_DOORBELLS_SIZE,
                      .head = &a,
                      .head_length = sizeof a,
                      .tail = buf,
                      .tail_length = len};
  return q.posted ? send_request(v, &q) : ask_for(v, &q, NULL, 0);
}

static int dma_map(struct nvt_transport *t, uint64_t iova, void *memory, size_t len, int fd,
                   uint64_t fd_offset) {
  (void)memory;
  struct nvt_vfio_dma_map map = {.argsz = sizeof map,
                                 .flags = NVT_VFIO_DMA_READABLE | NVT_VFIO_DMA_WRITABLE,
                                 .offset = fd_offset,
                                 .address = iova,
                                 .size = len};
  struct request q = {.command = NVT_VFIO_DMA_MAP,
                      .head = &map,
                      .head_length = sizeof map,
                      .fds = &fd,
                      .fd_count = 1};
  return ask_for(of(t), &q, NULL, 0);
}

static int dma_unmap(struct nvt_transport *t, uint64_t iova, size_t len) {
  struct nvt_vfio_dma_unmap unmap = {.argsz = sizeof unmap, .address = iova, .size = len};
  struct request q = {.command = NVT_VFIO_DMA_UNMAP, .head = &unmap, .head_length = sizeof unmap};
  return ask_for(of(t), &q, NULL, 0);
}

static int set_irqs(struct vfio *v, uint32_t flags, unsigned start, unsigned count,
                    const int *fds) {
  struct nvt_vfio_irq_set set = {.argsz = sizeof set,
                                 .flags = flags | NVT_VFIO_SET_TRIGGER,
                                 .index = NVT_VFIO_IRQ_MSIX,
                                 .start = start,
                                 .count = count};
  struct request q = {.command = NVT_VFIO_SET_IRQS,
                      .head = &set,
                      .head_length = sizeof set,
                      .fds = fds,
                      .fd_count = fds ? count : 0};
  return ask_for(v, &q, NULL, 0);
}

static void close_eventfds(struct vfio *v) {
  for (unsigned i = 0; i < v->vectors; i++)
    close(v->eventfds[i]);
  free(v->eventfds);
  free(v->fired);
  v->eventfds = NULL;
  v->fired = NULL;
  v->vectors = 0;
}

static int irq_enable(struct nvt_transport *t, unsigned count) {
  struct vfio *v = of(t);
  struct nvt_vfio_irq_info info = {.argsz = sizeof info, .index = NVT_VFIO_IRQ_MSIX};
  struct request q = {.command = NVT_VFIO_GET_IRQ_INFO, .head = &info, .head_length = sizeof info};
  int error = ask_for(v, &q, &info, sizeof info);
  if (!error && v->vectors) {
    error = set_irqs(v, NVT_VFIO_SET_NONE, 0, 0, NULL);
    close_eventfds(v);
  }
  if (error || !count)
    return error;
  if (count > info.count || !v->caps.max_msg_fds)
    return -ENOSPC;
  v->eventfds = calloc(count, sizeof *v->eventfds);
  v->fired = calloc(count, sizeof *v->fired);
  if (!v->eventfds || !v->fired)
    error = -ENOMEM;
  while (!error && v->vectors < count) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
      error = -errno;
    else
      v->eventfds[v->vectors++] = fd;
  }
  unsigned most = v->caps.max_msg_fds < NVT_VFIO_SCM_FDS ? v->caps.max_msg_fds : NVT_VFIO_SCM_FDS;
  for (unsigned start = 0; !error && start < count; start += most) {
    unsigned n = count - start < most ? count - start : most;
    error = set_irqs(v, NVT_VFIO_SET_EVENTFD, start, n, v->eventfds + start);
  }
  if (error)
    close_eventfds(v);
  return error;
}

static bool irq_take(struct nvt_transport *t, unsigned vector) {
  struct vfio *v = of(t);
  uint64_t n;
  if (vector >= v->vectors)
    return false;
  if (!v->fired[vector] && read(v->eventfds[vector], &n, sizeof n) == sizeof n)
    v->fired[vector] = n;
  if (!v->fired[vector])
    return false;
  v->fired[vector]--;
  return true;
}

static int reset(struct nvt_transport *t) {
  struct request q = {.command = NVT_VFIO_RESET};
  return ask_for(of(t), &q, NULL, 0);
}

/* The device works in another process. Where it shares our processor it must get it
 * now and then; and one that has gone must be noticed. */
static void relax(struct nvt_transport *t) {
  struct vfio *v = of(t);
  v->relaxed++;
  if (v->relaxed % YIELD_EVERY == 0)
    sched_yield();
  if (v->relaxed % PEEK_EVERY == 0) {
    char byte;
    if (recv(v->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
      fail(v, -ECONNRESET, "the device hung up");
  }
  nvt_spin_pause();
}

static void close_transport(struct nvt_transport *t) {
  struct vfio *v = of(t);
  close_eventfds(v);
  if (v->map)
    munmap(v->map, v->map_length);
  nvt_vfio_stream_close(&v->stream);
  close(v->fd);
  free(v);
}

static int negotiate(struct vfio *v) {
  struct nvt_vfio_version version = {.major = NVT_VFIO_MAJOR, .minor = NVT_VFIO_MINOR};
  struct nvt_vfio_capabilities ours = {.max_msg_fds = NVT_VFIO_MAX_FDS,
                                       .max_data_xfer_size = NVT_VFIO_MAX_TRANSFER,
                                       .max_dma_maps = NVT_VFIO_MAX_MAPS,
                                       .pgsizes = NVT_VFIO_DEFAULT_PAGES,
                                       .has_fds = true,
                                       .has_transfer = true,
                                       .has_maps = true,
                                       .has_pages = true};
  char json[512], what[160];
  const char *why = "";
  size_t n = nvt_vfio_capabilities_print(&ours, json, sizeof json);
  if (!n)
    return fail(v, -ENOMEM, "no memory");
  struct request q = {.command = NVT_VFIO_VERSION,
                      .head = &version,
                      .head_length = sizeof version,
                      .tail = json,
                      .tail_length = n};
  struct nvt_vfio_message m;
  int error = ask(v, &q, &m);
  if (error == -EBUSY)
    return fail(v, error, "the device is busy: another client is attached");
  if (error) {
    snprintf(what, sizeof what, "the device refused the protocol version: %s", strerror(-error));
    return fail(v, error, what);
  }
  if (m.length < sizeof version) {
    error = fail(v, -EPROTO, "the device sent a version that is too short");
  } else {
    memcpy(&version, m.data, sizeof version);
    if (version.major != NVT_VFIO_MAJOR) {
      snprintf(what, sizeof what, "the device speaks version %u.%u of the protocol", version.major,
               version.minor);
      error = fail(v, -EPROTONOSUPPORT, what);
    } else if (!nvt_vfio_capabilities_parse(m.data + sizeof version, m.length - sizeof version,
                                            &v->caps, &why)) {
      snprintf(what, sizeof what, "the device sent %s", why);
      error = fail(v, -EPROTO, what);
    }
  }
  nvt_vfio_message_done(&m);
  return error;
}

/* Map what holds the whole doorbell page, if it is offered. */
static int map_area(struct vfio *v, const struct nvt_vfio_region_info *info, uint64_t offset,
                    uint64_t size, int fd) {
  if (offset > NVT_BAR0_DOORBELLS || size > SIZE_MAX / 2 ||
      size < NVT_BAR0_DOORBELLS - offset + NVT_BAR0_DOORBELLS_SIZE ||
      info->offset > INT64_MAX - offset)
    return 0;
  void *map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                   (off_t)(info->offset + offset));
  if (map == MAP_FAILED)
    return 0; /* messages do as well */
  v->map = map;
  v->map_length = (size_t)size;
  v->transport.doorbells =
      (volatile uint32_t *)(void *)((uint8_t *)map + (NVT_BAR0_DOORBELLS - offset));
  return 1;
}

static void map_doorbells(struct vfio *v, const struct nvt_vfio_message *m,
                          const struct nvt_vfio_region_info *info) {
  struct nvt_vfio_sparse sparse;
  struct nvt_vfio_area area;
  size_t at = info->cap_offset;
  if (!(info->flags & NVT_VFIO_REGION_CAPS)) {
    map_area(v, info, 0, info->size, m->fds[0]);
    return;
  }
  for (unsigned i = 0; i < AREAS && at && at <= m->length && m->length - at >= sizeof sparse.cap;
       i++) {
    memcpy(&sparse.cap, m->data + at, sizeof sparse.cap);
    if (sparse.cap.id == NVT_VFIO_CAP_SPARSE_MMAP && m->length - at >= sizeof sparse) {
      memcpy(&sparse, m->data + at, sizeof sparse);
      size_t room = (m->length - at - sizeof sparse) / sizeof area;
      for (size_t k = 0; k < room && k < sparse.areas; k++) {
        memcpy(&area, m->data + at + sizeof sparse + k * sizeof area, sizeof area);
        if (map_area(v, info, area.offset, area.size, m->fds[0]))
          return;
      }
      return;
    }
    at = sparse.cap.next;
  }
}

static int look_at_bar0(struct vfio *v) {
  struct nvt_vfio_region_info ask_info = {.argsz = sizeof ask_info +
                                                   sizeof(struct nvt_vfio_sparse) +
                                                   AREAS * sizeof(struct nvt_vfio_area),
                                          .index = NVT_REGION_BAR0};
  struct nvt_vfio_region_info info;
  struct request q = {
      .command = NVT_VFIO_GET_REGION_INFO, .head = &ask_info, .head_length = sizeof ask_info};
  struct nvt_vfio_message m;
  int error = ask(v, &q, &m);
  if (error)
    return fail(v, error, "the device doesn't tell of its BAR0");
  if (m.length < sizeof info) {
    error = fail(v, -EPROTO, "the device sent region information that is too short");
  } else {
    memcpy(&info, m.data, sizeof info);
    if (info.size < NVT_BAR0_DOORBELLS)
      error = fail(v, -ENODEV, "the device's BAR0 has no room for NVMe registers");
    else if ((info.flags & NVT_VFIO_REGION_MMAP) && m.fd_count)
      map_doorbells(v, &m, &info);
  }
  nvt_vfio_message_done(&m);
  return error;
}

static int connect_to(struct vfio *v, const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char what[160];
  size_t length = strlen(path);
  if (!length || length >= sizeof address.sun_path) {
    snprintf(v->path, sizeof v->path, "%.80s", path);
    return fail(v, -ENAMETOOLONG, "no path of a socket has this length");
  }
  memcpy(address.sun_path, path, length + 1);
  memcpy(v->path, path, length + 1);
  v->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  /* Waiting for a full queue of a server that accepts nobody has an end, too. */
  struct timeval limit = {.tv_sec = REPLY_MS / 1000};
  if (v->fd < 0 || setsockopt(v->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
      connect(v->fd, (struct sockaddr *)&address, sizeof address) < 0 ||
      fcntl(v->fd, F_SETFL, O_NONBLOCK) < 0) {
    int error = errno;
    snprintf(what, sizeof what, "no device can be reached there: %s%s", strerror(error),
             error == ECONNREFUSED ? " (its server has ended)" : "");
    return fail(v, -error, what);
  }
  return nvt_vfio_stream_open(&v->stream, v->fd);
}

int nvt_transport_vfio(const char *path, struct nvt_transport **out, char *why, size_t whylen) {
  *out = NULL;
  struct vfio *v = calloc(1, sizeof *v);
  if (!v) {
    snprintf(why, whylen, "no memory");
    return -ENOMEM;
  }
  *v = (struct vfio){.transport = {.read = access_read,
                                   .write = access_write,
                                   .dma_map = dma_map,
                                   .dma_unmap = dma_unmap,
                                   .irq_enable = irq_enable,
                                   .irq_take = irq_take,
                                   .reset = reset,
                                   .relax = relax,
                                   .close = close_transport},
                     .fd = -1,
                     .why = why,
                     .whylen = whylen};
  struct nvt_vfio_info info = {.argsz = sizeof info};
  struct request q = {.command = NVT_VFIO_GET_INFO, .head = &info, .head_length = sizeof info};
  int error = connect_to(v, path);
  if (!error)
    error = negotiate(v);
  if (!error) {
    error = ask_for(v, &q, &info, sizeof info);
    if (error)
      fail(v, error, "the device doesn't tell what it is");
    else if (!(info.flags & NVT_VFIO_DEVICE_PCI))
      error = fail(v, -ENODEV, "the device isn't a PCI device");
  }
  if (!error)
    error = look_at_bar0(v);
  v->why = NULL;
  if (error) {
    close_transport(&v->transport);
    return error;
  }
  *out = &v->transport;
  return 0;
}
