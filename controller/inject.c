/* SPDX-License-Identifier: BSD-2-Clause */
/* What the controller does because a plug-in, or a person at the control socket, wants it. */
#include "controller/inject.h"

#include <errno.h>
#include <string.h>

#include "controller/controller_int.h"
#include "controller/tap_int.h"

uint64_t nvt_removed_read(struct nvt_controller *c, enum nvt_tap_id id, uint8_t space,
                          uint64_t offset, unsigned size) {
  uint64_t value = size < 8 ? (1ULL << size * 8) - 1 : UINT64_MAX;
  (void)nvt_access_event(c, id, space, offset, size, &value, ACCESS_REFUSED);
  return value;
}

int nvt_inject_fatal(struct nvt_controller *c, const char *by) {
  if (c->fatal || c->removed)
    return -EALREADY;
  nvt_injected(c, NVT_TAP_DEVICE_EVENT, 0, UINT16_MAX, 0, by);
  nvt_fatal(c, FATAL_INJECTED);
  return 0;
}

int nvt_inject_removal(struct nvt_controller *c, const char *by) {
  if (c->removed)
    return -EALREADY;
  nvt_injected(c, NVT_TAP_DEVICE_EVENT, 0, UINT16_MAX, 0, by);
  nvt_event(c, EVENT_REMOVED, 0, 0, 0, 0);
  /* Whatever it was doing ends here; nobody reads what the registers hold now. */
  nvt_controller_reset(c, NVT_RESET_DEVICE);
  c->removed = true;
  return 0;
}

int nvt_inject_return(struct nvt_controller *c, const char *by) {
  if (!c->removed)
    return -EALREADY;
  nvt_injected(c, NVT_TAP_DEVICE_EVENT, 0, UINT16_MAX, 0, by);
  c->removed = false;
  nvt_event(c, EVENT_RETURNED, 0, 0, 0, 0);
  return 0;
}

int nvt_inject_completion(struct nvt_controller *c, uint16_t cqid, const struct nvt_cqe *cqe,
                          uint8_t opcode, const char *by) {
  if (!c->ready || c->fatal)
    return -EIO;
  if (cqid >= NVT_QUEUES_MAX || !c->cqs[cqid].exists)
    return -ENOENT;
  struct cq *cq = &c->cqs[cqid];
  if (cq->room == 0)
    return -EAGAIN;
  nvt_enter(c);
  cq->room--;
  struct nvt_cqe entry = *cqe;
  struct nvt_sqe sqe = {.opcode = opcode, .cid = entry.cid};
  entry.status = (uint16_t)((entry.status & ~1u) | (cq->phase ? 1 : 0));
  nvt_injected(c, TAP_OF(entry.sqid, WRITEBACK), entry.sqid, entry.cid,
               NVT_CQE_STATUS(entry.status), by);
  if (tap_on(c, TAP_OF(entry.sqid, WRITEBACK))) {
    struct nvt_tap_event event;
    nvt_writeback_event(c, cq, &sqe, &entry, 0, &event);
    event.audience = NVT_AUDIENCE_NOTED;
    (void)nvt_tap_fire(c->plugins, &event);
  }
  if (cq->exists)
    nvt_publish(c, cq, &entry);
  nvt_leave(c);
  return 0;
}

int nvt_completion_queue(const struct nvt_controller *c, uint16_t sqid) {
  return sqid < NVT_QUEUES_MAX && c->sqs[sqid].exists ? c->sqs[sqid].cq->id : -ENOENT;
}

int nvt_inject_interrupt(struct nvt_controller *c, uint16_t vector, const char *by) {
  if (vector >= c->vectors || !nvt_msix_enabled(c) || c->removed)
    return -EINVAL;
  uint16_t cqid = 0;
  for (unsigned i = 0; i < c->cq_count; i++)
    if (c->cq_list[i]->interrupts && c->cq_list[i]->vector == vector)
      cqid = c->cq_list[i]->id;
  nvt_injected(c, NVT_TAP_PCI_MSIX, cqid, UINT16_MAX, 0, by);
  nvt_msix_send(c, vector, cqid);
  return 0;
}

int nvt_inject_event(struct nvt_controller *c, uint8_t type, uint8_t information, uint8_t log,
                     const char *by) {
  if (type > 7)
    return -EINVAL;
  if (!c->ready || c->fatal)
    return -EIO;
  if (c->injected_count == NVT_INJECTED_EVENTS)
    return -EAGAIN;
  nvt_injected(c, NVT_TAP_DEVICE_EVENT, 0, UINT16_MAX, 0, by);
  nvt_enter(c);
  nvt_async_inject(c, (uint32_t)log << 16 | (uint32_t)information << 8 | type);
  nvt_leave(c);
  return 0;
}
