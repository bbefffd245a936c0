/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nvme/pci_config.def and nvme/msix.def as data: PCI configuration space, and
 * entries of the MSI-X table. All functions are pure; strings are static.
 */
#ifndef NVT_NVME_PCI_H
#define NVT_NVME_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/values.h"

#define NVT_PCI_CONFIG_SIZE 4096u

/* The header, or a capability. */
enum nvt_pci_layout {
#define NVT_PCI_LAYOUT(id, kind, number, name) NVT_PCI_LAYOUT_##id,
#include "nvme/pci_config.def"
  NVT_PCI_LAYOUT_COUNT
};
enum nvt_pci_kind { NVT_PCI_HEADER, NVT_PCI_CAPABILITY, NVT_PCI_EXTENDED, NVT_PCI_VARIANT };
struct nvt_pci_layout_info {
  enum nvt_pci_kind kind;
  uint16_t number;
  const char *id;
  const char *name;
};
enum nvt_pci_number { /* capability IDs */
#define NVT_PCI_LAYOUT(id, kind, number, name) NVT_PCI_NUMBER_##id = (number),
#include "nvme/pci_config.def"
};
enum nvt_pci_offset { /* of a register in its layout */
#define NVT_PCI_REGISTER(layout, offset, size, id, name) NVT_PCI_AT_##layout##_##id = (offset),
#include "nvme/pci_config.def"
};
const struct nvt_pci_layout_info *nvt_pci_layout(enum nvt_pci_layout);
/* NVT_PCI_LAYOUT_COUNT: the tables don't have it. */
enum nvt_pci_layout nvt_pci_layout_of(enum nvt_pci_kind, unsigned number);

struct nvt_pci_register {
  enum nvt_pci_layout layout;
  uint16_t offset; /* in its layout */
  uint8_t size;    /* bytes: 1 to 4 */
  const char *id;
  const char *name;
};
/* All rows; *count is set. */
const struct nvt_pci_register *nvt_pci_registers(size_t *count);
/* The layout's register that has the byte at offset, NULL: none has. */
const struct nvt_pci_register *nvt_pci_register_at(enum nvt_pci_layout, unsigned offset);
/* A row of the table: whether it tells which device this is. */
bool nvt_pci_register_private(const struct nvt_pci_register *);

struct nvt_pci_field {
  uint16_t reg; /* row of its register */
  uint8_t lsb;
  uint8_t width; /* bits */
  const char *id;
  const char *title;
  enum nvt_values values;
};
/* All rows, in the order of registers. */
const struct nvt_pci_field *nvt_pci_fields(size_t *count);
/* Rows [*first, *end) are the register's. */
void nvt_pci_fields_of(const struct nvt_pci_register *, size_t *first, size_t *end);

/* --- MSI-X table entries: PCI Express Base 6.0, section 7.7.2 --- */

#define NVT_MSIX_ENTRY_SIZE 16u
enum nvt_msix_part {
#define NVT_MSIX_PART(offset, id, name) NVT_MSIX_##id = (offset) / 4,
#include "nvme/msix.def"
  NVT_MSIX_PARTS
};
/* "Message Address". */
const char *nvt_msix_part_name(unsigned part);

/* Whom a message is for can be told from its address. */
enum nvt_msi_platform {
  NVT_MSI_UNKNOWN,
  NVT_MSI_X86,  /* FEExxxxxh: a local APIC */
  NVT_MSI_OTHER /* any other interrupt controller: data and address are its own */
};
enum nvt_msi_platform nvt_msi_platform(uint64_t address);

struct nvt_msix_field {
  enum nvt_msix_part part;
  enum nvt_msi_platform platform; /* UNKNOWN: of all */
  uint8_t lsb;
  uint8_t width;
  const char *id;
  const char *title;
  enum nvt_values values;
};
const struct nvt_msix_field *nvt_msix_fields(size_t *count);

#endif
