/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts: MSI-X table, pending bits, messages, and the pin. PCI Express Base
 * 4.0, section 6.1.4; PCIe Transport 1.1, section 3.5.
 */
#include <string.h>

#include "controller/controller_int.h"
#include "controller/pci_int.h"

#define ENTRY_MASKED 1u

static uint16_t msix_control(const struct nvt_controller *c) {
  uint16_t value;
  memcpy(&value, &c->config[PCI_MSIX + 2], 2);
  return value;
}

bool nvt_msix_enabled(const struct nvt_controller *c) {
  return (msix_control(c) & PCI_MSIX_ENABLE) != 0;
}

void nvt_msix_reset(struct nvt_controller *c) {
  memset(c->msix, 0, sizeof(c->msix));
  memset(c->msix_touched, 0, sizeof(c->msix_touched));
  for (unsigned i = 0; i < NVT_VECTORS_MAX; i++)
    c->msix[i].control = ENTRY_MASKED;
}

void nvt_interrupts_clear(struct nvt_controller *c) {
  memset(c->pending, 0, sizeof(c->pending));
  nvt_pin_update(c);
}

/* Virtual machine monitors such as QEMU keep the table and never show it: an entry
 * nobody wrote here says nothing, though it reads as masked, as after a reset. */
static bool vector_masked(const struct nvt_controller *c, uint16_t vector) {
  return (msix_control(c) & PCI_MSIX_MASK_ALL) != 0 ||
         (c->msix_touched[vector] && (c->msix[vector].control & ENTRY_MASKED) != 0);
}

static void interrupt_event(struct nvt_controller *c, uint16_t vector, uint16_t cqid, uint8_t state,
                            uint8_t mode) {
  if (!tap_on(c, NVT_TAP_PCI_MSIX))
    return;
  struct nvt_tap_event event;
  nvt_tap_begin(c, NVT_TAP_PCI_MSIX, &event);
  if (mode == MODE_MSIX) {
    event.interrupt.address = c->msix[vector].address;
    event.interrupt.data = c->msix[vector].data;
  }
  event.interrupt.vector = vector;
  event.interrupt.cqid = cqid;
  event.interrupt.state = state;
  event.interrupt.mode = mode;
  (void)nvt_tap_fire(c->plugins, &event);
}

static bool pending(const struct nvt_controller *c, uint16_t vector) {
  return (c->pending[vector / 64] >> (vector % 64) & 1) != 0;
}

/* The record follows those of the completions that it is for. A port that can't deliver
 * makes the message pending, with a record of that. */
void nvt_msix_send(struct nvt_controller *c, uint16_t vector, uint16_t cqid) {
  if (!vector_masked(c, vector) && c->port.interrupt != NULL &&
      c->port.interrupt(c->port.ctx, vector)) {
    c->pending[vector / 64] &= ~(1ULL << (vector % 64));
    interrupt_event(c, vector, cqid, INTERRUPT_SENT, MODE_MSIX);
    return;
  }
  if (pending(c, vector))
    return;
  c->pending[vector / 64] |= 1ULL << (vector % 64);
  c->pending_cq[vector] = cqid;
  interrupt_event(c, vector, cqid, INTERRUPT_MASKED, MODE_MSIX);
}

static void retry_pending(struct nvt_controller *c) {
  if (!nvt_msix_enabled(c))
    return;
  for (uint16_t v = 0; v < c->vectors; v++) {
    if (pending(c, v) && !vector_masked(c, v))
      nvt_msix_send(c, v, c->pending_cq[v]);
  }
}

/* Ask those on the interrupt tap. The pin is a level: one that isn't asserted now is later. */
static __attribute__((noinline)) bool may_interrupt(struct nvt_controller *c, const struct cq *cq) {
  struct nvt_tap_event event;
  nvt_tap_begin(c, TAP_OF(cq->id, INTERRUPT), &event);
  event.interrupt.vector = cq->vector;
  event.interrupt.cqid = cq->id;
  return nvt_tap_fire(c->plugins, &event) != NVT_VERDICT_DROP;
}

void nvt_interrupts_send(struct nvt_controller *c) {
  bool msix = nvt_msix_enabled(c);
  c->depth++; /* what a callback posts is sent by this very loop */
  for (unsigned i = 0; i < c->due_count; i++) {
    struct cq *cq = c->due[i];
    cq->due = false;
    if (!cq->interrupts)
      continue;
    if (tap_on(c, TAP_OF(cq->id, INTERRUPT)) && (!may_interrupt(c, cq) || !cq->exists))
      continue;
    if (msix)
      nvt_msix_send(c, cq->vector, cq->id);
    else if (c->port.pin == NULL)
      interrupt_event(c, cq->vector, cq->id, INTERRUPT_DISABLED, MODE_PIN);
  }
  c->due_count = 0;
  c->depth--;
  if (!msix)
    nvt_pin_update(c);
}

/* The pin is a level: asserted while a completion queue that interrupts has unacknowledged
 * entries, unless masked (INTMS, PCIe Transport 1.1, section 3.5.1.1) or disabled. */
void nvt_pin_update(struct nvt_controller *c) {
  uint16_t command;
  memcpy(&command, &c->config[PCI_COMMAND], 2);
  const struct cq *source = NULL;
  if (!nvt_msix_enabled(c)) {
    for (unsigned i = 0; i < c->cq_count && source == NULL; i++) {
      const struct cq *cq = c->cq_list[i];
      if (cq->interrupts && cq->head != cq->tail &&
          (cq->vector >= 32 || (c->intms >> cq->vector & 1) == 0))
        source = cq;
    }
  }
  if (source != NULL)
    c->config[PCI_STATUS] |= PCI_STATUS_INTERRUPT;
  else
    c->config[PCI_STATUS] &= (uint8_t)~PCI_STATUS_INTERRUPT;
  bool assert = source != NULL && (command & PCI_COMMAND_NO_INTX) == 0 && c->port.pin != NULL;
  if (assert == c->pin_asserted)
    return;
  c->pin_asserted = assert;
  interrupt_event(c, source != NULL ? source->vector : 0, source != NULL ? source->id : 0,
                  assert ? INTERRUPT_SENT : INTERRUPT_DEASSERTED, MODE_PIN);
  if (c->port.pin != NULL)
    c->port.pin(c->port.ctx, assert);
}

void nvt_msix_control_changed(struct nvt_controller *c) {
  nvt_pin_update(c);
  retry_pending(c);
}

void nvt_controller_irq_setup(struct nvt_controller *c, uint32_t flags, uint16_t start,
                              uint16_t count) {
  nvt_event(c, EVENT_IRQ_SETUP, 0, flags, start, count);
  retry_pending(c);
}

uint64_t nvt_msix_read(struct nvt_controller *c, uint64_t offset, unsigned size) {
  uint8_t bytes[8] = {0};
  uint64_t value = 0;
  if (offset >= NVT_BAR0_MSIX_PBA) {
    uint64_t at = offset - NVT_BAR0_MSIX_PBA;
    if (at + size <= sizeof(c->pending))
      memcpy(bytes, (const uint8_t *)c->pending + at, size);
    memcpy(&value, bytes, 8);
    (void)nvt_access_event(c, NVT_TAP_MSIXREAD, SPACE_MSIX_PBA, at, size, &value, 0);
    return value;
  }
  uint64_t at = offset - NVT_BAR0_MSIX_TABLE;
  if (at + size <= (uint64_t)c->vectors * sizeof(struct msix_entry))
    memcpy(bytes, (const uint8_t *)c->msix + at, size);
  memcpy(&value, bytes, 8);
  (void)nvt_access_event(c, NVT_TAP_MSIXREAD, SPACE_MSIX_TABLE, at, size, &value, 0);
  return value;
}

static void table_write(struct nvt_controller *c, uint64_t at, uint32_t value) {
  struct msix_entry *entry = &c->msix[at / sizeof(struct msix_entry)];
  uint16_t vector = (uint16_t)(at / sizeof(struct msix_entry));
  switch (at % sizeof(struct msix_entry)) {
  case 0:
    entry->address = (entry->address & ~0xffffffffULL) | (value & ~3u);
    break;
  case 4:
    entry->address = (entry->address & 0xffffffffULL) | (uint64_t)value << 32;
    break;
  case 8:
    entry->data = value;
    break;
  default:
    entry->control = value & ENTRY_MASKED;
    c->msix_touched[vector] = true;
    break;
  }
}

void nvt_msix_write(struct nvt_controller *c, uint64_t offset, unsigned size, uint64_t value) {
  if (offset >= NVT_BAR0_MSIX_PBA) {
    (void)nvt_access_event(c, NVT_TAP_MSIXWRITE, SPACE_MSIX_PBA, offset - NVT_BAR0_MSIX_PBA, size,
                           &value, ACCESS_REFUSED); /* read only */
    return;
  }
  uint64_t at = offset - NVT_BAR0_MSIX_TABLE;
  bool good = size >= 4 && at + size <= (uint64_t)c->vectors * sizeof(struct msix_entry);
  if (!nvt_access_event(c, NVT_TAP_MSIXWRITE, SPACE_MSIX_TABLE, at, size, &value,
                        good ? 0 : ACCESS_REFUSED) ||
      !good)
    return;
  table_write(c, at, (uint32_t)value);
  if (size == 8)
    table_write(c, at + 4, (uint32_t)(value >> 32));
  retry_pending(c);
}
