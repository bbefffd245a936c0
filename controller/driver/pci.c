/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI side: what a host looks at before it believes that it sees an NVMe
 * controller, and MSI-X. PCI Local Bus 3.0, sections 6.1, 6.7 and 6.8.
 */
#include <errno.h>
#include <string.h>

#include "controller/driver/habits_int.h"
#include "nvme/pci.h"

#define PCI_COMMAND 0x04u
#define PCI_COMMAND_MEMORY 0x0002u
#define PCI_COMMAND_MASTER 0x0004u
#define PCI_COMMAND_INTX_OFF 0x0400u
#define PCI_STATUS 0x06u
#define PCI_STATUS_CAPABILITIES 0x0010u
#define PCI_REVISION_CLASS 0x08u
#define MSIX_ENABLE 0x8000u
#define MSIX_MASK_ALL 0x4000u
#define NVME_CLASS 0x010802u

/* Where x86 takes messages: local APIC 0, vectors from 40h on. */
#define MESSAGE_ADDRESS 0xfee00000u
#define MESSAGE_DATA 0x4040u

int nvt_pci_read(struct nvt_driver *d, uint32_t offset, void *out, size_t len) {
  int failed = d->t->read(d->t, NVT_REGION_CONFIG, offset, out, len);
  if (failed < 0)
    return nvt_driver_fail(d, -failed, "reading configuration space at %03xh: %s", offset,
                           strerror(-failed));
  return 0;
}

int nvt_pci_write(struct nvt_driver *d, uint32_t offset, uint64_t value, size_t len) {
  int failed = d->t->write(d->t, NVT_REGION_CONFIG, offset, &value, len);
  if (failed < 0)
    return nvt_driver_fail(d, -failed, "writing configuration space at %03xh: %s", offset,
                           strerror(-failed));
  return 0;
}

static int power_on(struct nvt_driver *d, uint32_t at) {
  uint16_t control;
  int failed = nvt_pci_read(d, at + 4, &control, sizeof(control));
  if (failed || (control & 3) == 0)
    return failed;
  return nvt_pci_write(d, at + 4, control & ~3u, 2);
}

static int take_msix(struct nvt_driver *d, uint32_t at) {
  uint32_t table;
  int failed = nvt_pci_read(d, at + 2, &d->msix_control, sizeof(d->msix_control));
  if (failed == 0)
    failed = nvt_pci_read(d, at + 4, &table, sizeof(table));
  if (failed)
    return failed;
  if ((table & 7) > 5)
    return nvt_driver_fail(d, EPROTO, "the MSI-X table is said to be in BAR %u", table & 7);
  d->msix = (uint16_t)at;
  d->msix_bar = table & 7;
  d->msix_table = table & ~7u;
  return 0;
}

static int walk_capabilities(struct nvt_driver *d) {
  uint8_t at;
  int failed = nvt_pci_read(d, NVT_PCI_AT_HEADER_CAPABILITIES, &at, sizeof(at));
  /* 48 capabilities are all that fit: more is a loop. */
  for (unsigned i = 0; failed == 0 && (at & ~3u) != 0; i++) {
    uint8_t head[2];
    at &= 0xfc;
    if (at < 0x40 || i == 48)
      return nvt_driver_fail(d, EPROTO, "the list of PCI capabilities is broken at %02xh", at);
    failed = nvt_pci_read(d, at, head, sizeof(head));
    if (failed == 0 && head[0] == NVT_PCI_NUMBER_PM)
      failed = power_on(d, at);
    if (failed == 0 && head[0] == NVT_PCI_NUMBER_MSIX)
      failed = take_msix(d, at);
    at = head[1];
  }
  return failed;
}

int nvt_pci_start(struct nvt_driver *d) {
  uint32_t id, class_revision;
  uint16_t status;
  int failed = nvt_pci_read(d, 0, &id, sizeof(id));
  if (failed)
    return failed;
  if ((id & 0xffff) == 0xffff || id == 0)
    return nvt_driver_fail(d, ENODEV, "there is no device: its vendor and device id read %08xh",
                           id);
  failed = nvt_pci_read(d, PCI_REVISION_CLASS, &class_revision, sizeof(class_revision));
  if (failed)
    return failed;
  if (class_revision >> 8 != NVME_CLASS)
    return nvt_driver_fail(d, ENODEV,
                           "not an NVMe controller: device %04x:%04x has class code %06xh, not "
                           "%06xh",
                           id & 0xffff, id >> 16, class_revision >> 8, NVME_CLASS);
  uint8_t pin; /* unused: messages, or polling; but looked at, as hosts do */
  failed = nvt_pci_read(d, NVT_PCI_AT_HEADER_INTERRUPT_PIN, &pin, sizeof(pin));
  if (failed == 0)
    failed = nvt_pci_read(d, PCI_STATUS, &status, sizeof(status));
  if (failed == 0 && (status & PCI_STATUS_CAPABILITIES) != 0)
    failed = walk_capabilities(d);
  if (failed == 0)
    failed = nvt_pci_read(d, PCI_COMMAND, &d->command, sizeof(d->command));
  if (failed)
    return failed;
  d->command |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_OFF;
  return nvt_pci_write(d, PCI_COMMAND, d->command, 2);
}

/* False: refused. Some devices leave the table to the virtual machine monitor, as
 * vfio does, and don't let it be written; then irq_enable() alone sets the vectors up. */
static bool write_vector(struct nvt_driver *d, uint32_t vector, uint32_t message_data) {
  uint32_t at = d->msix_table + vector * 16;
  /* Masked while address and data don't belong together. */
  const struct {
    uint32_t offset, value;
  } writes[] = {{12, 1}, {0, MESSAGE_ADDRESS}, {4, 0}, {8, message_data}, {12, 0}};
  for (unsigned i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
    if (d->t->write(d->t, d->msix_bar, at + writes[i].offset, &writes[i].value, 4) < 0)
      return false;
  return true;
}

/* A read pushes the posted writes: no message is lost for a late unmask. */
static void flush_table(struct nvt_driver *d) {
  uint32_t flush;
  (void)d->t->read(d->t, d->msix_bar, d->msix_table + 12, &flush, sizeof(flush));
}

void nvt_msix_move(struct nvt_driver *d, uint32_t vector) {
  /* Back and forth between two messages. */
  d->msix_moves++;
  if (write_vector(d, vector, MESSAGE_DATA + vector + (d->msix_moves & 1) * 0x80u) &&
      !d->habits->unflushed)
    flush_table(d);
}

int nvt_msix_start(struct nvt_driver *d, uint32_t count) {
  if (d->msix == 0)
    return nvt_driver_fail(d, ENOTSUP,
                           "the device has no MSI-X; run it with interrupts=off to poll it");
  uint32_t table_size = (d->msix_control & 0x7ffu) + 1u;
  if (count > table_size)
    count = table_size;
  uint32_t base = d->msix_control & ~(MSIX_ENABLE | MSIX_MASK_ALL);
  int failed = nvt_pci_write(d, d->msix + 2u, base | MSIX_ENABLE | MSIX_MASK_ALL, 2);
  if (failed)
    return failed;
  bool table = true;
  for (uint32_t i = 0; table && i < count; i++)
    table = write_vector(d, i, MESSAGE_DATA + i);
  failed = d->t->irq_enable(d->t, count);
  if (failed < 0)
    return nvt_driver_fail(d, -failed, "the device doesn't take %u interrupt vectors: %s", count,
                           strerror(-failed));
  d->vectors = count;
  failed = nvt_pci_write(d, d->msix + 2u, base | MSIX_ENABLE, 2);
  if (table)
    flush_table(d);
  return failed;
}

void nvt_pci_stop(struct nvt_driver *d) {
  if (d->vectors > 0) {
    uint32_t base = d->msix_control & ~(MSIX_ENABLE | MSIX_MASK_ALL);
    (void)nvt_pci_write(d, d->msix + 2u, base, 2);
    (void)d->t->irq_enable(d->t, 0);
    d->vectors = 0;
  }
  if (d->command != 0) {
    d->command &= (uint16_t)~PCI_COMMAND_MASTER;
    (void)nvt_pci_write(d, PCI_COMMAND, d->command, 2);
  }
}
