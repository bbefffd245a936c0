/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous Event Request: Base 2.1, section 5.1.2. Requests are parked; an event
 * takes one, and no more of its type are reported until its log page was read.
 */
#include "controller/controller_int.h"

enum { TYPE_ERROR = 0, TYPE_SMART = 1, TYPE_NOTICE = 2 };

static const struct {
  uint8_t type, info, log;
} events[ASYNC_COUNT] = {
    [ASYNC_DOORBELL_REGISTER] = {TYPE_ERROR, 0x00, NVT_LOG_ERROR_INFORMATION},
    [ASYNC_DOORBELL_VALUE] = {TYPE_ERROR, 0x01, NVT_LOG_ERROR_INFORMATION},
    [ASYNC_TEMPERATURE] = {TYPE_SMART, 0x01, NVT_LOG_SMART},
    [ASYNC_NS_CHANGED] = {TYPE_NOTICE, 0x00, NVT_LOG_CHANGED_ATTACHED_NS},
};

/* Asynchronous Event Configuration (feature 0Bh): errors can't be turned off. */
static bool wanted(const struct nvt_controller *c, enum async_event event) {
  switch (event) {
  case ASYNC_TEMPERATURE:
    return (c->features.async_events & 2) != 0;
  case ASYNC_NS_CHANGED:
    return (c->features.async_events & 0x100) != 0;
  default:
    return true;
  }
}

void nvt_async_deliver(struct nvt_controller *c) {
  for (unsigned event = 0; event < ASYNC_COUNT && c->aer_count != 0; event++) {
    if ((c->async_pending >> event & 1) == 0 || (c->async_masked >> events[event].type & 1) != 0)
      continue;
    /* A parked request has no slot reserved: it would block a small queue for ever. */
    if (c->cqs[0].room == 0)
      return;
    c->cqs[0].room--;
    c->async_pending &= ~(1u << event);
    c->async_masked |= 1u << events[event].type;
    struct request *r = c->aers[0];
    for (unsigned i = 1; i < c->aer_count; i++)
      c->aers[i - 1] = c->aers[i];
    c->aer_count--;
    r->cqe.dw0 =
        (uint32_t)events[event].log << 16 | (uint32_t)events[event].info << 8 | events[event].type;
    r->cqe.status = NVT_SC_SUCCESS;
    nvt_post(r);
  }
}

void nvt_async_raise(struct nvt_controller *c, enum async_event event) {
  if (!c->ready || !wanted(c, event))
    return;
  c->async_pending |= 1u << event;
  nvt_async_deliver(c);
}

void nvt_async_log_read(struct nvt_controller *c, uint8_t lid) {
  for (unsigned event = 0; event < ASYNC_COUNT; event++) {
    if (events[event].log == lid)
      c->async_masked &= ~(1u << events[event].type);
  }
  nvt_async_deliver(c);
}

void nvt_async_reset(struct nvt_controller *c) {
  c->aer_count = 0;
  c->async_pending = c->async_masked = 0;
}

nvt_status nvt_admin_async_event(struct request *r) {
  struct nvt_controller *c = r->c;
  if (c->aer_count == NVT_AERS)
    return NVT_SC_AER_LIMIT_EXCEEDED;
  r->state = REQUEST_AER;
  c->outstanding--;
  r->sq->cq->room++;
  c->aers[c->aer_count++] = r;
  nvt_async_deliver(c);
  return NVT_PENDING;
}
