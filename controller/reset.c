/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Resets: Base 2.1, section 3.7. What each one takes:
 *   controller  queues, commands, features, CC, CSTS
 *   subsystem   that, AQA, ASQ, ACQ; CSTS.NSSRO is set
 *   function    that (without NSSRO), the configuration space and the MSI-X table
 *   device      all of it, NSSRO too
 */
#include <string.h>

#include "controller/controller_int.h"
#include "controller/log.h"

/* Commands under way are dropped: no completion, no further write to guest memory. */
static void drop_commands(struct nvt_controller *c) {
  uint32_t count = c->admin_pool.count + c->io_pool.count;
  for (uint32_t i = 0; i < count; i++)
    c->requests[i].sq = NULL;
  /* Those in a backend come back now and are freed by nvt_finish(). */
  if (c->loop != NULL)
    nvt_backend_drain(c->loop);
  for (uint32_t i = 0; i < count; i++) {
    if (c->requests[i].state != REQUEST_FREE && c->requests[i].state != REQUEST_ACTIVE)
      nvt_request_free(&c->requests[i]);
  }
}

void nvt_controller_reset(struct nvt_controller *c, enum nvt_reset kind) {
  static const uint16_t events[] = {
      [NVT_RESET_CONTROLLER] = EVENT_CONTROLLER_RESET,
      [NVT_RESET_FUNCTION] = EVENT_FUNCTION_RESET,
      [NVT_RESET_SUBSYSTEM] = EVENT_SUBSYSTEM_RESET,
      [NVT_RESET_DEVICE] = EVENT_DEVICE_RESET,
  };
  static const char *const names[] = {[NVT_RESET_CONTROLLER] = "controller reset",
                                      [NVT_RESET_FUNCTION] = "function level reset",
                                      [NVT_RESET_SUBSYSTEM] = "NVM subsystem reset",
                                      [NVT_RESET_DEVICE] = "device reset"};
  nvt_log(NVT_LOG_VERBOSE, "%s, epoch %u ends", names[kind], c->epoch);
  nvt_event(c, events[kind], 0, 0, 0, 0);
  if (NVT_GET(c->cc, CC_EN) != 0 && NVT_GET(c->csts, CSTS_SHST) == 0 &&
      kind == NVT_RESET_DEVICE) /* the only one that is a loss of power */
    c->unsafe_shutdowns++;
  c->ready = false;
  c->depth++; /* nothing that comes back interrupts */
  drop_commands(c);
  nvt_queues_clear(c);
  c->depth--;
  c->fatal = false;
  c->done = 0; /* doorbells that wait for nothing now */
  nvt_async_reset(c);
  nvt_features_reset(c);
  c->intms = 0;
  c->cc = 0;
  c->csts &= (uint32_t)NVT_PUT(1, CSTS_NSSRO);
  nvt_interrupts_clear(c);
  if (c->shared != NULL) {
    /* Stale values would be taken for the next queues' doorbells. */
    for (unsigned i = 0; i < NVT_BAR0_DOORBELLS_SIZE / sizeof(uint32_t); i++)
      c->shared[i] = 0;
  }
  if (kind != NVT_RESET_CONTROLLER) {
    c->aqa = 0;
    c->asq = c->acq = 0;
  }
  if (kind == NVT_RESET_SUBSYSTEM)
    c->csts |= (uint32_t)NVT_PUT(1, CSTS_NSSRO);
  if (kind == NVT_RESET_FUNCTION || kind == NVT_RESET_DEVICE) {
    nvt_msix_reset(c);
    nvt_pci_reset(c);
  }
  if (kind == NVT_RESET_DEVICE) {
    c->csts = 0;
    c->changed_count = 0;
    c->enabled_once = false;
  }
  c->epoch++;
}
