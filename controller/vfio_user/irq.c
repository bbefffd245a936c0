/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: each is an eventfd of the client. QEMU keeps the MSI-X table itself
 * and hands over an eventfd for each vector that the guest has unmasked; while it
 * swaps them a vector has none, and the controller keeps the message pending.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "controller/vfio_user/session_int.h"

static bool signal_vector(struct nvt_vfio_vector *v) {
  if (v->trigger < 0 || v->masked)
    return false;
  if (v->blocking) {
    struct pollfd p = {.fd = v->trigger, .events = POLLOUT};
    if (poll(&p, 1, 0) != 1)
      return true; /* the counter is full: it has been signalled often enough */
  }
  const uint64_t one = 1;
  return write(v->trigger, &one, sizeof one) == sizeof one || errno == EAGAIN;
}

static bool interrupt(void *ctx, uint16_t vector) {
  struct nvt_vfio_irqs *irqs = ctx;
  return vector < irqs->vectors && signal_vector(&irqs->msix[vector]);
}

/* Masks itself when it fires, until the client has dealt with it: a level. */
static void pin_signal(struct nvt_vfio_irqs *irqs) {
  if (irqs->level && signal_vector(&irqs->intx))
    irqs->intx.masked = true;
}

static void pin(void *ctx, bool asserted) {
  struct nvt_vfio_irqs *irqs = ctx;
  irqs->level = asserted;
  pin_signal(irqs);
}

static bool nobody(void *ctx, uint16_t vector) {
  (void)ctx;
  (void)vector;
  return false;
}

static const struct nvt_vfio_vector unarmed = {.trigger = -1};

void nvt_vfio_irqs_init(struct nvt_vfio_session *s) {
  struct nvt_controller_info info;
  nvt_controller_info(s->device, &info);
  struct nvt_vfio_irqs *irqs = &s->irqs;
  *irqs = (struct nvt_vfio_irqs){.device = s->device};
  irqs->vectors = info.vectors < NVT_VFIO_VECTORS ? info.vectors : NVT_VFIO_VECTORS;
  irqs->intx = irqs->err = irqs->req = unarmed;
  for (unsigned i = 0; i < NVT_VFIO_VECTORS; i++)
    irqs->msix[i] = unarmed;
  const struct nvt_port_ops ops = {.interrupt = interrupt, .pin = pin, .ctx = irqs};
  nvt_controller_set_port(s->device, &ops);
}

static void disarm(struct nvt_vfio_vector *v) {
  if (v->trigger >= 0)
    close(v->trigger);
  *v = unarmed;
}

void nvt_vfio_irqs_disarm(struct nvt_vfio_session *s) {
  for (unsigned i = 0; i < NVT_VFIO_VECTORS; i++)
    disarm(&s->irqs.msix[i]);
  disarm(&s->irqs.intx);
  disarm(&s->irqs.err);
  disarm(&s->irqs.req);
}

void nvt_vfio_irqs_fini(struct nvt_vfio_session *s) {
  const struct nvt_port_ops ops = {.interrupt = nobody};
  nvt_controller_set_port(s->device, &ops);
  nvt_vfio_irqs_disarm(s);
}

/* The vectors of an interrupt type, and how many. */
static struct nvt_vfio_vector *vectors_of(struct nvt_vfio_irqs *irqs, uint32_t index,
                                          uint32_t *count) {
  *count = 1;
  switch (index) {
  case NVT_VFIO_IRQ_INTX:
    return &irqs->intx;
  case NVT_VFIO_IRQ_MSIX:
    *count = irqs->vectors;
    return irqs->msix;
  case NVT_VFIO_IRQ_ERR:
    return &irqs->err;
  case NVT_VFIO_IRQ_REQ:
    return &irqs->req;
  default:
    *count = 0;
    return NULL;
  }
}

int nvt_vfio_get_irq_info(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                          struct nvt_vfio_reply *r) {
  struct nvt_vfio_irq_info info;
  memcpy(&info, m->data, sizeof info);
  if (info.argsz < sizeof info || info.index >= NVT_VFIO_IRQS)
    return -EINVAL;
  uint32_t count;
  vectors_of(&s->irqs, info.index, &count);
  info.argsz = sizeof info;
  info.count = count;
  info.flags = count ? NVT_VFIO_IRQ_EVENTFD | NVT_VFIO_IRQ_MASKABLE : 0;
  if (info.index == NVT_VFIO_IRQ_INTX)
    info.flags |= NVT_VFIO_IRQ_AUTOMASKED;
  memcpy(r->data, &info, sizeof info);
  r->length = sizeof info;
  return 0;
}

static bool is_eventfd(int fd) {
  char path[32], target[32] = "";
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(path, target, sizeof target - 1);
  /* Without /proc there is no telling. */
  return n < 0 ? errno == ENOENT : strcmp(target, "anon_inode:[eventfd]") == 0;
}

static int arm(struct nvt_vfio_vector *v, uint32_t count, struct nvt_vfio_message *m) {
  if (m->fd_count && m->fd_count != count)
    return -EINVAL;
  for (unsigned i = 0; i < m->fd_count; i++)
    if (!is_eventfd(m->fds[i]))
      return -EINVAL;
  for (unsigned i = 0; i < count; i++) {
    bool masked = v[i].masked;
    disarm(&v[i]);
    if (!m->fd_count)
      continue;
    int flags = fcntl(m->fds[i], F_GETFL);
    v[i] = (struct nvt_vfio_vector){
        .trigger = m->fds[i], .blocking = flags >= 0 && !(flags & O_NONBLOCK), .masked = masked};
    m->fds[i] = -1;
  }
  return 0;
}

int nvt_vfio_set_irqs(struct nvt_vfio_session *s, struct nvt_vfio_message *m,
                      struct nvt_vfio_reply *r) {
  (void)r;
  struct nvt_vfio_irq_set set;
  memcpy(&set, m->data, sizeof set);
  const uint8_t *bools = m->data + sizeof set;
  uint32_t data = set.flags & NVT_VFIO_SET_DATA, action = set.flags & NVT_VFIO_SET_ACTION;
  if (set.argsz < sizeof set || set.index >= NVT_VFIO_IRQS || data != (data & -data) || !data ||
      action != (action & -action) || !action || set.flags != (data | action))
    return -EINVAL;
  uint32_t count;
  struct nvt_vfio_vector *v = vectors_of(&s->irqs, set.index, &count);
  bool disable = data == NVT_VFIO_SET_NONE && action == NVT_VFIO_SET_TRIGGER && !set.count;
  if (disable ? set.start != 0 : !set.count || set.start >= count || set.count > count - set.start)
    return -EINVAL;
  if (m->length != sizeof set + (data == NVT_VFIO_SET_BOOL ? set.count : 0) ||
      (data != NVT_VFIO_SET_EVENTFD && m->fd_count))
    return -EINVAL;

  if (disable) {
    for (unsigned i = 0; i < count; i++)
      disarm(&v[i]);
  } else if (data == NVT_VFIO_SET_EVENTFD) {
    if (action != NVT_VFIO_SET_TRIGGER)
      return -ENOTSUP;
    int error = arm(v + set.start, set.count, m);
    if (error)
      return error;
  } else {
    v += set.start;
    for (unsigned i = 0; i < set.count; i++) {
      if (data == NVT_VFIO_SET_BOOL && !bools[i])
        continue;
      if (action == NVT_VFIO_SET_TRIGGER)
        signal_vector(&v[i]);
      else
        v[i].masked = action == NVT_VFIO_SET_MASK;
    }
  }
  if (set.index == NVT_VFIO_IRQ_INTX)
    pin_signal(&s->irqs);
  else if (set.index == NVT_VFIO_IRQ_MSIX)
    nvt_controller_irq_setup(s->device, set.flags, (uint16_t)set.start, (uint16_t)set.count);
  return 0;
}
