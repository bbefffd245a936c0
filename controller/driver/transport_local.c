/* SPDX-License-Identifier: BSD-2-Clause */
/* The built-in driver's way to the model in the same process and thread. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "controller/controller.h"
#include "controller/driver/driver.h"

#define VECTORS 128u
/* Polls without anything to do before waiting for backend I/O in the kernel. */
#define SPINS 256u

struct local {
  struct nvt_transport transport; /* first: a pointer to it is a pointer to us */
  struct nvt_controller *controller;
  unsigned vectors; /* that can be delivered */
  unsigned spins;
  bool fired[VECTORS];
};

static int local_read(struct nvt_transport *t, unsigned region, uint64_t offset, void *buf,
                      size_t len) {
  struct local *local = (struct local *)t;
  if (region == NVT_REGION_BAR0)
    return nvt_controller_bar0_read(local->controller, offset, buf, len);
  if (region == NVT_REGION_CONFIG)
    return nvt_controller_config_read(local->controller, offset, buf, len);
  return -EINVAL;
}

static int local_write(struct nvt_transport *t, unsigned region, uint64_t offset, const void *buf,
                       size_t len) {
  struct local *local = (struct local *)t;
  if (region == NVT_REGION_BAR0)
    return nvt_controller_bar0_write(local->controller, offset, buf, len);
  if (region == NVT_REGION_CONFIG)
    return nvt_controller_config_write(local->controller, offset, buf, len);
  return -EINVAL;
}

static int local_dma_map(struct nvt_transport *t, uint64_t iova, void *memory, size_t len, int fd,
                         uint64_t fd_offset) {
  (void)fd;
  (void)fd_offset;
  return nvt_controller_dma_map(((struct local *)t)->controller, iova, len, memory, true, true);
}

static int local_dma_unmap(struct nvt_transport *t, uint64_t iova, size_t len) {
  return nvt_controller_dma_unmap(((struct local *)t)->controller, iova, len);
}

static bool local_interrupt(void *ctx, uint16_t vector) {
  struct local *local = ctx;
  if (vector >= local->vectors)
    return false;
  local->fired[vector] = true;
  return true;
}

static int local_irq_enable(struct nvt_transport *t, unsigned count) {
  struct local *local = (struct local *)t;
  if (count > VECTORS)
    return -EINVAL;
  local->vectors = count;
  /* Flags as vfio's SET_IRQS has them: data eventfd, action trigger. */
  nvt_controller_irq_setup(local->controller, count == 0 ? 0x21 : 0x24, 0, (uint16_t)count);
  return 0;
}

static bool local_irq_take(struct nvt_transport *t, unsigned vector) {
  struct local *local = (struct local *)t;
  if (vector >= VECTORS || !local->fired[vector])
    return false;
  local->fired[vector] = false;
  return true;
}

static int local_reset(struct nvt_transport *t) {
  nvt_controller_reset(((struct local *)t)->controller, NVT_RESET_DEVICE);
  return 0;
}

static void local_relax(struct nvt_transport *t) {
  struct local *local = (struct local *)t;
  if (nvt_controller_poll(local->controller, 0) > 0) {
    local->spins = 0;
    return;
  }
  if (++local->spins < SPINS)
    return;
  int fd = nvt_controller_event_fd(local->controller);
  if (fd >= 0 && nvt_controller_outstanding(local->controller) > 0) {
    struct pollfd event = {.fd = fd, .events = POLLIN};
    (void)poll(&event, 1, 1);
  }
}

static void local_close(struct nvt_transport *t) {
  struct local *local = (struct local *)t;
  nvt_controller_detach(local->controller);
  nvt_controller_set_port(local->controller, NULL);
  free(local);
}

int nvt_transport_local(struct nvt_controller *controller, struct nvt_transport **out) {
  struct local *local = calloc(1, sizeof(*local));
  if (local == NULL)
    return -ENOMEM;
  local->transport = (struct nvt_transport){
      .read = local_read,
      .write = local_write,
      .dma_map = local_dma_map,
      .dma_unmap = local_dma_unmap,
      .irq_enable = local_irq_enable,
      .irq_take = local_irq_take,
      .reset = local_reset,
      .relax = local_relax,
      .close = local_close,
  };
  local->controller = controller;
  struct nvt_port_ops port = {.interrupt = local_interrupt, .ctx = local};
  nvt_controller_set_port(controller, &port);
  nvt_controller_attach(controller);
  *out = &local->transport;
  return 0;
}
