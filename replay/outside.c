/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers, configuration space, interrupts, and what happens outside of them. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nvme/pci.h"
#include "replay/outside_int.h"
#include "replay/pace.h"
#include "trace/access.h"

#define STATE_MS 5000u /* that enabling, disabling or shutting down may take */
#define PCI_STATUS_LIST 0x10u
#define EXPRESS_CONTROL 8u
#define EXPRESS_RESET 0x8000u

uint64_t nvt_outside_now_ms(void) {
  return nvt_pace_now() / 1000000;
}

/* It works elsewhere, maybe on this very processor. */
void nvt_outside_pause(struct nvt_target *o, unsigned *spins) {
  o->t->relax(o->t);
  if (++*spins > 4096)
    nanosleep(&(struct timespec){.tv_nsec = 20000}, NULL);
}

int nvt_outside_bar(struct nvt_target *o, bool write, uint64_t offset, void *value, size_t size) {
  return write ? o->t->write(o->t, NVT_REGION_BAR0, offset, value, size)
               : o->t->read(o->t, NVT_REGION_BAR0, offset, value, size);
}

void nvt_outside_event(struct nvt_target *o, uint16_t event, uint32_t code) {
  const struct nvt_rec_event record = {.event = event, .code = code};
  o->observer.event(o->observer.ctx, &record);
}

/* Where an access of the trace goes: false, it has no such place. */
static bool place_of(const struct nvt_target *o, uint8_t space, uint64_t offset, unsigned *region,
                     uint64_t *at) {
  uint64_t base = 0;
  *region = NVT_REGION_BAR0;
  switch (space) {
  case NVT_V_access_space_CONFIG:
    *region = NVT_REGION_CONFIG;
    break;
  case NVT_V_access_space_BAR0:
    break;
  case NVT_V_access_space_MSIX_TABLE:
  case NVT_V_access_space_MSIX_PBA:
    if (o->msix == 0)
      return false;
    *region = space == NVT_V_access_space_MSIX_TABLE ? o->table_region : o->pba_region;
    base = space == NVT_V_access_space_MSIX_TABLE ? o->table_offset : o->pba_offset;
    break;
  default:
    return false;
  }
  return !__builtin_add_overflow(base, offset, at);
}

int nvt_outside_read(struct nvt_target *o, uint8_t space, uint64_t offset, uint8_t size,
                     uint64_t *value, uint8_t *flags) {
  unsigned region;
  uint64_t at;
  *value = 0;
  *flags = 0;
  if (!place_of(o, space, offset, &region, &at))
    return -ERANGE;
  int failed = o->t->read(o->t, region, at, value, size);
  if (failed)
    *flags = NVT_V_access_access_flags_REFUSED;
  return failed;
}

static uint32_t csts(struct nvt_target *o) {
  uint32_t value = 0;
  return nvt_outside_bar(o, false, NVT_REG_CSTS, &value, sizeof(value)) == 0 ? value : 0;
}

/* Until CSTS has these bits, or the controller has failed; false: neither, in time. */
static bool await_state(struct nvt_target *o, uint32_t mask, uint32_t wanted) {
  uint64_t until = nvt_outside_now_ms() + STATE_MS;
  unsigned spins = 4096; /* a register read takes its time as it is */
  do {
    uint32_t is = csts(o);
    if ((is & mask) == wanted)
      return true;
    if (NVT_GET(is, CSTS_CFS) != 0) {
      if (!o->fatal)
        nvt_outside_event(o, NVT_V_event_event_FATAL, 0);
      o->fatal = true;
      return false;
    }
    nvt_outside_pause(o, &spins);
  } while (nvt_outside_now_ms() < until);
  return false;
}

static void configured(struct nvt_target *o, uint32_t before, uint32_t after) {
  bool was = NVT_GET(before, CC_EN) != 0, is = NVT_GET(after, CC_EN) != 0;
  if (was && !is) {
    (void)await_state(o, (uint32_t)NVT_PUT(1, CSTS_RDY), 0);
    nvt_outside_forget(o);
    nvt_outside_event(o, NVT_V_event_event_CONTROLLER_RESET, 0);
  }
  if (!was && is) {
    nvt_outside_queues_enabled(o);
    if (await_state(o, (uint32_t)NVT_PUT(1, CSTS_RDY), (uint32_t)NVT_PUT(1, CSTS_RDY)))
      nvt_outside_event(o, NVT_V_event_event_READY, 0);
  }
  if (NVT_GET(before, CC_SHN) == 0 && NVT_GET(after, CC_SHN) != 0 &&
      await_state(o, (uint32_t)NVT_PUT(3, CSTS_SHST), (uint32_t)NVT_PUT(2, CSTS_SHST)))
    nvt_outside_event(o, NVT_V_event_event_SHUTDOWN, 0);
}

/* What the host wrote, and what follows from it. */
static void note(struct nvt_target *o, uint8_t space, uint64_t offset, uint8_t size,
                 uint64_t value) {
  if (space == NVT_V_access_space_MSIX_TABLE && offset < sizeof(o->table) &&
      sizeof(o->table) - offset >= size)
    memcpy(o->table + offset, &value, size), o->listens[offset / 16] = true;
  if (space == NVT_V_access_space_CONFIG && o->express != 0 &&
      offset <= o->express + EXPRESS_CONTROL &&
      o->express + EXPRESS_CONTROL - offset + 2u <= size &&
      (value >> 8 * (o->express + EXPRESS_CONTROL - offset) & EXPRESS_RESET) != 0) {
    nvt_outside_forget(o);
    memset(o->registers, 0, sizeof(o->registers));
    nvt_outside_event(o, NVT_V_event_event_FUNCTION_RESET, 0);
  }
  if (space != NVT_V_access_space_BAR0)
    return;
  if (offset == NVT_REG_NSSR && value == NVT_NSSR_RESET) {
    nvt_outside_forget(o);
    memset(o->registers, 0, sizeof(o->registers));
    nvt_outside_event(o, NVT_V_event_event_SUBSYSTEM_RESET, 0);
  }
  if (offset >= sizeof(o->registers) || sizeof(o->registers) - offset < size)
    return;
  uint32_t before, after;
  memcpy(&before, o->registers + NVT_REG_CC, sizeof(before));
  memcpy(o->registers + offset, &value, size);
  memcpy(&after, o->registers + NVT_REG_CC, sizeof(after));
  configured(o, before, after);
}

int nvt_outside_write(struct nvt_target *o, uint8_t space, uint64_t offset, uint8_t size,
                      uint64_t value, uint8_t *flags) {
  unsigned region;
  uint64_t at;
  struct nvt_doorbell_id id;
  *flags = 0;
  if (!place_of(o, space, offset, &region, &at))
    return -ERANGE;
  if (space == NVT_V_access_space_BAR0 && size == 4 && nvt_doorbell_at(offset, o->dstrd, &id))
    return nvt_outside_doorbell(o, id, (uint32_t)value);
  if (space == NVT_V_access_space_BAR0 && offset == NVT_REG_CC && (value & 1) != 0 &&
      (o->registers[NVT_REG_CC] & 1) == 0)
    nvt_outside_queues_emptied(o);
  int failed = o->t->write(o->t, region, at, &value, size);
  if (failed)
    *flags = NVT_V_access_access_flags_REFUSED;
  else
    note(o, space, offset, size, value);
  return failed;
}

/* --- interrupts --- */

static void tell_interrupt(struct nvt_target *o, uint16_t vector) {
  uint32_t cqid = 0;
  while (cqid <= o->last_cq &&
         (o->cqs[cqid].entries == 0 || !o->cqs[cqid].interrupts || o->cqs[cqid].vector != vector))
    cqid++;
  struct nvt_rec_interrupt interrupt = {.vector = vector,
                                        .state = NVT_V_interrupt_state_SENT,
                                        .mode = NVT_V_interrupt_mode_MSIX,
                                        .cqid = (uint16_t)(cqid <= o->last_cq ? cqid : 0)};
  memcpy(&interrupt.address, o->table + 16u * vector, sizeof(interrupt.address));
  memcpy(&interrupt.data, o->table + 16u * vector + 8, sizeof(interrupt.data));
  o->observer.interrupt(o->observer.ctx, &interrupt);
}

/* One may stand for several completions here, and for others there: so one is told of, where there
 * was any for those that the engine knows. What comes later than that is of the same ones: the
 * message follows the completion. */
static void signalled(struct nvt_target *o, uint16_t vector) {
  for (struct outside_command *c = o->commands; c != NULL; c = c->next)
    if (c->done && o->cqs[c->command.cqid].interrupts && o->cqs[c->command.cqid].vector == vector)
      c->signalled = true;
  o->due[vector] |= o->waiting[vector] && (o->listens[vector] || !o->always_sends);
  o->waiting[vector] = false;
}

void nvt_outside_interrupts(struct nvt_target *o) {
  (void)nvt_outside_poll(o);
  for (uint32_t v = 0; v < o->vectors && v < OUTSIDE_VECTORS; v++) {
    bool any = false;
    while (o->t->irq_take(o->t, v))
      any = true;
    if (any)
      signalled(o, (uint16_t)v);
    if (o->due[v])
      tell_interrupt(o, (uint16_t)v);
    o->due[v] = false;
  }
}

/* --- from outside the registers --- */

int nvt_outside_happen(struct nvt_target *o, const struct nvt_rec_event *event) {
  switch (event->event) {
  case NVT_V_event_event_ATTACH:
    return 0;
  case NVT_V_event_event_IRQ_SETUP: /* the transport listens to all vectors from the start */
    for (uint64_t v = 0; v < event->size && v < OUTSIDE_VECTORS; v++)
      if (event->address + v < OUTSIDE_VECTORS)
        o->listens[event->address + v] = true;
    return 0;
  case NVT_V_event_event_DETACH:
  case NVT_V_event_event_DEVICE_RESET: {
    int failed = o->t->reset(o->t);
    nvt_outside_forget(o);
    memset(o->registers, 0, sizeof(o->registers));
    memset(o->table, 0, sizeof(o->table));
    if (failed == 0 && event->event == NVT_V_event_event_DEVICE_RESET)
      nvt_outside_event(o, NVT_V_event_event_DEVICE_RESET, 0);
    return failed;
  }
  default:
    return -ENOTSUP;
  }
}

int nvt_outside_add_namespace(struct nvt_target *o, const struct nvt_meta_namespace *ns) {
  for (uint32_t i = 0; i < o->space_count; i++)
    if (o->spaces[i].nsid == ns->nsid)
      return 0;
  return -ENOTSUP;
}

/* --- life --- */

static uint32_t config(struct nvt_target *o, unsigned offset, size_t size) {
  uint32_t value = 0;
  return o->t->read(o->t, NVT_REGION_CONFIG, offset, &value, size) == 0 ? value : 0;
}

static void find_capabilities(struct nvt_target *o) {
  if ((config(o, 6, 2) & PCI_STATUS_LIST) == 0)
    return;
  unsigned at = config(o, NVT_PCI_AT_HEADER_CAPABILITIES, 1) & ~3u;
  for (unsigned n = 0; n < 48 && at >= 0x40; n++) {
    uint32_t head = config(o, at, 2);
    if ((head & 0xff) == NVT_PCI_NUMBER_MSIX)
      o->msix = (uint16_t)at;
    if ((head & 0xff) == NVT_PCI_NUMBER_PCIE)
      o->express = (uint16_t)at;
    at = head >> 8 & 0xfc;
  }
  if (o->msix == 0)
    return;
  uint32_t table = config(o, o->msix + 4u, 4), pba = config(o, o->msix + 8u, 4);
  o->vectors = (config(o, o->msix + 2u, 2) & 0x7ff) + 1;
  o->table_region = table & 7;
  o->table_offset = table & ~7u;
  o->pba_region = pba & 7;
  o->pba_offset = pba & ~7u;
}

uint32_t nvt_outside_vectors(struct nvt_target *o) {
  return o->vectors;
}

void nvt_outside_close(struct nvt_target *o) {
  if (o->sqs != NULL && o->cqs != NULL)
    nvt_outside_forget(o);
  o->t->close(o->t);
  free(o->windows);
  free(o->spaces);
  free(o->sqs);
  free(o->cqs);
  free(o);
}

static bool follow_namespaces(struct nvt_target *o, const struct nvt_meta *details) {
  o->spaces = calloc(details->namespace_count + 1u, sizeof(*o->spaces));
  for (uint32_t i = 0; o->spaces != NULL && i < details->namespace_count; i++) {
    o->spaces[i].nsid = details->namespaces[i].nsid;
    o->spaces[i].block_size = details->namespaces[i].block_size;
    o->space_count++;
  }
  return o->spaces != NULL;
}

bool nvt_outside_open(struct nvt_transport *t, const struct nvt_target_setup *setup,
                      struct nvt_target **out, char *why, size_t whylen) {
  struct nvt_target *o = calloc(1, sizeof(*o));
  if (o == NULL) {
    t->close(t);
    snprintf(why, whylen, "out of memory");
    return false;
  }
  o->t = t;
  o->observer = *setup->observer;
  o->sqs = calloc(OUTSIDE_QUEUES, sizeof(*o->sqs));
  o->cqs = calloc(OUTSIDE_QUEUES, sizeof(*o->cqs));
  uint64_t cap = 0;
  if (o->sqs == NULL || o->cqs == NULL || !follow_namespaces(o, setup->details)) {
    snprintf(why, whylen, "out of memory");
  } else if (nvt_outside_bar(o, false, NVT_REG_CAP, &cap, sizeof(cap)) != 0) {
    snprintf(why, whylen, "%s: CAP can't be read", setup->address);
  } else {
    o->dstrd = (unsigned)NVT_GET(cap, CAP_DSTRD);
    find_capabilities(o);
    int failed = o->vectors > 0 ? t->irq_enable(t, o->vectors) : 0;
    if (failed == 0) {
      *out = o;
      return true;
    }
    snprintf(why, whylen, "%s: its %" PRIu32 " interrupt vectors can't be listened to: %s",
             setup->address, o->vectors, strerror(-failed));
  }
  nvt_outside_close(o);
  return false;
}
