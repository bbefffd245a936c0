/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/vfio_user/session_int.h"

/* A client that doesn't take its replies holds up the device for this long. */
#define REPLY_TIMEOUT_MS 2000

static int version(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                   struct nvt_vfio_reply *r) {
  struct nvt_vfio_version v;
  memcpy(&v, m->data, sizeof v);
  if (s->negotiated)
    return -EINVAL;
  if (v.major != NVT_VFIO_MAJOR) {
    snprintf(s->why, sizeof s->why, "it speaks version %u.%u of the protocol, not %u", v.major,
             v.minor, NVT_VFIO_MAJOR);
    return -EPROTONOSUPPORT;
  }
  const char *why = "";
  if (!nvt_vfio_capabilities_parse(m->data + sizeof v, m->length - sizeof v, &s->caps, &why)) {
    snprintf(s->why, sizeof s->why, "it sent %s", why);
    return -EINVAL;
  }
  nvt_vfio_capabilities_limit(&s->caps);
  v.minor = NVT_VFIO_MINOR; /* the least there is */
  memcpy(r->data, &v, sizeof v);
  size_t n =
      nvt_vfio_capabilities_print(&s->caps, (char *)r->data + sizeof v, sizeof r->data - sizeof v);
  if (!n)
    return -ENOMEM;
  r->length = sizeof v + n;
  s->negotiated = true;
  nvt_controller_attach(s->device);
  return 0;
}

static int get_info(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                    struct nvt_vfio_reply *r) {
  (void)s;
  struct nvt_vfio_info info;
  memcpy(&info, m->data, sizeof info);
  if (info.argsz < sizeof info)
    return -EINVAL;
  info = (struct nvt_vfio_info){.argsz = sizeof info,
                                .flags = NVT_VFIO_DEVICE_RESETS | NVT_VFIO_DEVICE_PCI,
                                .regions = NVT_VFIO_REGIONS,
                                .irqs = NVT_VFIO_IRQS};
  memcpy(r->data, &info, sizeof info);
  r->length = sizeof info;
  return 0;
}

static int reset(struct nvt_vfio_session *s, struct nvt_vfio_message *m, struct nvt_vfio_reply *r) {
  (void)m;
  (void)r;
  nvt_controller_reset(s->device, NVT_RESET_DEVICE);
  return 0;
}

/* min and max: bytes behind the header. */
static const struct {
  const char *name;
  size_t min, max;
  unsigned fds;
  nvt_vfio_handler *run;
} commands[NVT_VFIO_COMMANDS] = {
    [NVT_VFIO_VERSION] = {"VERSION", 4, 4 + 65536, 0, version},
    [NVT_VFIO_DMA_MAP] = {"DMA_MAP", 32, 32, 1, nvt_vfio_dma_map},
    [NVT_VFIO_DMA_UNMAP] = {"DMA_UNMAP", 24, 24, 0, nvt_vfio_dma_unmap},
    [NVT_VFIO_GET_INFO] = {"DEVICE_GET_INFO", 16, 16, 0, get_info},
    [NVT_VFIO_GET_REGION_INFO] = {"DEVICE_GET_REGION_INFO", 32, 32, 0, nvt_vfio_get_region_info},
    [NVT_VFIO_GET_REGION_IO_FDS] = {"DEVICE_GET_REGION_IO_FDS", 16, 16, 0,
                                    nvt_vfio_get_region_io_fds},
    [NVT_VFIO_GET_IRQ_INFO] = {"DEVICE_GET_IRQ_INFO", 16, 16, 0, nvt_vfio_get_irq_info},
    [NVT_VFIO_SET_IRQS] = {"DEVICE_SET_IRQS", 20, 20 + NVT_VFIO_VECTORS, NVT_VFIO_MAX_FDS,
                           nvt_vfio_set_irqs},
    [NVT_VFIO_REGION_READ] = {"REGION_READ", 16, 16, 0, nvt_vfio_region_read},
    [NVT_VFIO_REGION_WRITE] = {"REGION_WRITE", 16, 16 + NVT_VFIO_MAX_TRANSFER, 0,
                               nvt_vfio_region_write},
    [NVT_VFIO_RESET] = {"DEVICE_RESET", 0, 0, 0, reset},
    [NVT_VFIO_REGION_WRITE_MULTI] = {"REGION_WRITE_MULTI", 8, NVT_VFIO_MAX_TRANSFER, 0,
                                     nvt_vfio_region_write_multi},
};

static int run(struct nvt_vfio_session *s, struct nvt_vfio_message *m, struct nvt_vfio_reply *r) {
  uint16_t command = m->header.command;
  if (!s->negotiated && command != NVT_VFIO_VERSION) {
    snprintf(s->why, sizeof s->why, "its first message is command %u, not VERSION", command);
    return -EINVAL;
  }
  if (command >= NVT_VFIO_COMMANDS || !commands[command].run)
    return -ENOTSUP;
  if (m->length < commands[command].min || m->length > commands[command].max ||
      m->fd_count > commands[command].fds)
    return -EINVAL;
  return commands[command].run(s, m, r);
}

static int answer(struct nvt_vfio_session *s, struct nvt_vfio_message *m) {
  struct nvt_vfio_reply r;
  r.length = 0;
  r.fd = -1;
  s->unmapped = false;
  int error = run(s, m, &r);
  if (m->header.flags & NVT_VFIO_NO_REPLY)
    return s->why[0] ? -EPROTO : 0;
  struct nvt_vfio_header h = {.id = m->header.id,
                              .command = m->header.command,
                              .size = (uint32_t)(sizeof h + (error ? 0 : r.length)),
                              .flags = NVT_VFIO_TYPE_REPLY | (error ? NVT_VFIO_ERROR : 0),
                              .error = (uint32_t)-error};
  struct iovec iov[2] = {{&h, sizeof h}, {r.data, r.length}};
  bool with_fd = !error && r.fd >= 0;
  int sent =
      nvt_vfio_send(s->fd, iov, error || !r.length ? 1 : 2, &r.fd, with_fd, REPLY_TIMEOUT_MS);
  if (s->why[0])
    return -EPROTO;
  if (sent == -ETIMEDOUT)
    snprintf(s->why, sizeof s->why, "it took no reply for %d s", REPLY_TIMEOUT_MS / 1000);
  else if (sent && sent != -EPIPE && sent != -ECONNRESET)
    snprintf(s->why, sizeof s->why, "sending a reply: %s", strerror(-sent));
  return sent;
}

static int handle(struct nvt_vfio_session *s, struct nvt_vfio_message *m) {
  if ((m->header.flags & NVT_VFIO_TYPE_MASK) != NVT_VFIO_TYPE_COMMAND) {
    snprintf(s->why, sizeof s->why, "it sent a message of type %u, not a command",
             m->header.flags & NVT_VFIO_TYPE_MASK);
    return -EPROTO;
  }
  return answer(s, m);
}

int nvt_vfio_session_work(struct nvt_vfio_session *s, unsigned bound) {
  unsigned done = 0;
  bool filled = false;
  while (done < bound) {
    struct nvt_vfio_message m;
    const char *why = "";
    int got = nvt_vfio_stream_next(&s->stream, &m, &why);
    if (got < 0) {
      snprintf(s->why, sizeof s->why, "it sent %s", why);
      return got;
    }
    if (got) {
      int error = handle(s, &m);
      nvt_vfio_message_done(&m);
      if (error)
        return error;
      done++;
      continue;
    }
    /* A receive that left room has emptied the socket: no second one to hear so. */
    if (filled && !s->stream.more)
      break;
    int64_t n = nvt_vfio_stream_fill(&s->stream);
    filled = true;
    if (n == -EAGAIN)
      break;
    if (n < 0) {
      if (n != -ECONNRESET)
        snprintf(s->why, sizeof s->why, "receiving: %s", strerror((int)-n));
      return (int)n;
    }
    if (n == 0) {
      if (s->stream.tail != s->stream.head)
        snprintf(s->why, sizeof s->why, "it hung up in the middle of a message");
      return -ECONNRESET;
    }
  }
  return done ? (int)done : -EAGAIN;
}

int nvt_vfio_session_init(struct nvt_vfio_session *s, struct nvt_controller *device,
                          bool shared_doorbells) {
  *s = (struct nvt_vfio_session){.device = device, .fd = -1, .doorbell_fd = -1};
  if (shared_doorbells) {
    int error = nvt_vfio_share_doorbells(s);
    if (error)
      return error;
  }
  nvt_vfio_irqs_init(s);
  return 0;
}

int nvt_vfio_session_open(struct nvt_vfio_session *s, int fd) {
  s->negotiated = s->unmapped = false;
  s->why[0] = 0;
  s->caps = (struct nvt_vfio_capabilities){0};
  int error = nvt_vfio_stream_open(&s->stream, fd);
  if (error)
    close(fd);
  else
    s->fd = fd;
  return error;
}

void nvt_vfio_session_close(struct nvt_vfio_session *s) {
  if (s->fd < 0)
    return;
  if (s->negotiated)
    nvt_controller_detach(s->device);
  nvt_vfio_irqs_disarm(s);
  nvt_vfio_dma_drop(s);
  if (s->doorbell_fd >= 0 && s->negotiated && nvt_vfio_share_doorbells(s) != 0)
    nvt_vfio_unshare_doorbells(s);
  nvt_vfio_stream_close(&s->stream);
  close(s->fd);
  s->fd = -1;
}

void nvt_vfio_session_fini(struct nvt_vfio_session *s) {
  nvt_vfio_session_close(s);
  nvt_vfio_irqs_fini(s);
  nvt_vfio_unshare_doorbells(s);
}
