/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asynchronous Event Request: Base 2.1, section 5.1.2. Requests are parked; an event
 * takes one, and no more of its type are reported until its log page was read.
 */
#include <string.h>

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

/* False: no request waits for it, or there is no room. */
static bool deliver(struct nvt_controller *c, uint32_t dw0) {
  /* A parked request has no slot reserved: it would block a small queue for ever. */
  if (c->aer_count == 0 || c->cqs[0].room == 0)
    return false;
  c->cqs[0].room--;
  c->async_masked |= 1u << (dw0 & 7);
  struct request *r = c->aers[0];
  for (unsigned i = 1; i < c->aer_count; i++)
    c->aers[i - 1] = c->aers[i];
  c->aer_count--;
  r->cqe.dw0 = dw0;
  r->cqe.status = NVT_SC_SUCCESS;
  nvt_post(r);
  return true;
}

static bool masked(const struct nvt_controller *c, uint32_t type) {
  return (c->async_masked >> type & 1) != 0;
}

/* Posting may reset the controller, by a callback: nothing is pending then. */
void nvt_async_deliver(struct nvt_controller *c) {
  for (unsigned event = 0; event < ASYNC_COUNT; event++) {
    if ((c->async_pending >> event & 1) == 0 || masked(c, events[event].type))
      continue;
    c->async_pending &= ~(1u << event);
    if (!deliver(c, (uint32_t)events[event].log << 16 | (uint32_t)events[event].info << 8 |
                        events[event].type)) {
      c->async_pending |= 1u << event;
      return;
    }
  }
  for (unsigned i = 0; i < c->injected_count;) {
    uint32_t dw0 = c->async_injected[i];
    if (masked(c, dw0 & 7)) {
      i++;
      continue;
    }
    if (c->aer_count == 0 || c->cqs[0].room == 0)
      return;
    memmove(&c->async_injected[i], &c->async_injected[i + 1],
            (--c->injected_count - i) * sizeof(c->async_injected[0]));
    (void)deliver(c, dw0);
  }
}

void nvt_async_inject(struct nvt_controller *c, uint32_t dw0) {
  /* Reading that page is what lets the next event of its type through. */
  c->injected_log[dw0 & 7] = (uint8_t)(dw0 >> 16);
  c->injected_log_set[dw0 & 7] = true;
  c->async_injected[c->injected_count++] = dw0;
  nvt_async_deliver(c);
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
  for (uint32_t type = 0; type < NVT_ASYNC_TYPES; type++)
    if (c->injected_log[type] == lid && c->injected_log_set[type])
      c->async_masked &= ~(1u << type);
  nvt_async_deliver(c);
}

void nvt_async_reset(struct nvt_controller *c) {
  c->aer_count = c->injected_count = 0;
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
