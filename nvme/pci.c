/* SPDX-License-Identifier: BSD-2-Clause */
#include "nvme/pci.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum register_row {
#define NVT_PCI_REGISTER(layout, offset, size, id, name) ROW_##layout##_##id,
#include "nvme/pci_config.def"
};

static const struct nvt_pci_layout_info layouts[] = {
#define NVT_PCI_LAYOUT(id, kind, number, name) {NVT_PCI_##kind, (number), #id, (name)},
#include "nvme/pci_config.def"
};

static const struct nvt_pci_register registers[] = {
#define NVT_PCI_REGISTER(layout, offset, size, id, name)                                           \
  {NVT_PCI_LAYOUT_##layout, (offset), (size), #id, (name)},
#include "nvme/pci_config.def"
};

static const struct nvt_pci_field fields[] = {
#define NVT_PCI_FIELD(layout, reg, lsb, width, id, title, values)                                  \
  {ROW_##layout##_##reg, (lsb), (width), #id, (title), NVT_VALUES_##values},
#include "nvme/pci_config.def"
};

static const struct nvt_msix_field msix_fields[] = {
#define NVT_MSIX_FIELD(part, platform, lsb, width, id, title, values)                              \
  {NVT_MSIX_##part, NVT_MSI_##platform, (lsb), (width), #id, (title), NVT_VALUES_##values},
#include "nvme/msix.def"
};

const struct nvt_pci_layout_info *nvt_pci_layout(enum nvt_pci_layout layout) {
  return layout < NVT_PCI_LAYOUT_COUNT ? &layouts[layout] : NULL;
}

enum nvt_pci_layout nvt_pci_layout_of(enum nvt_pci_kind kind, unsigned number) {
  unsigned i = 0;
  while (i < COUNT(layouts) && (layouts[i].kind != kind || layouts[i].number != number))
    i++;
  return (enum nvt_pci_layout)i;
}

const struct nvt_pci_register *nvt_pci_registers(size_t *count) {
  *count = COUNT(registers);
  return registers;
}

const struct nvt_pci_register *nvt_pci_register_at(enum nvt_pci_layout layout, unsigned offset) {
  for (size_t i = 0; i < COUNT(registers); i++)
    if (registers[i].layout == layout && offset >= registers[i].offset &&
        offset - registers[i].offset < registers[i].size)
      return &registers[i];
  return NULL;
}

bool nvt_pci_register_private(const struct nvt_pci_register *reg) {
  static const bool rows[COUNT(registers)] = {
#define NVT_PCI_PRIVATE(layout, id) [ROW_##layout##_##id] = true,
#include "nvme/pci_config.def"
  };
  return rows[reg - registers];
}

const struct nvt_pci_field *nvt_pci_fields(size_t *count) {
  *count = COUNT(fields);
  return fields;
}

void nvt_pci_fields_of(const struct nvt_pci_register *reg, size_t *first, size_t *end) {
  size_t row = (size_t)(reg - registers);
  size_t i = 0;
  while (i < COUNT(fields) && fields[i].reg < row)
    i++;
  *first = i;
  while (i < COUNT(fields) && fields[i].reg == row)
    i++;
  *end = i;
}

const char *nvt_msix_part_name(unsigned part) {
  static const char *const names[NVT_MSIX_PARTS] = {
#define NVT_MSIX_PART(offset, id, name) [(offset) / 4] = (name),
#include "nvme/msix.def"
  };
  return part < NVT_MSIX_PARTS ? names[part] : NULL;
}

enum nvt_msi_platform nvt_msi_platform(uint64_t address) {
  if (address == 0)
    return NVT_MSI_UNKNOWN; /* not set up, or kept by the virtual machine monitor */
  return address >> 20 == 0xfee ? NVT_MSI_X86 : NVT_MSI_OTHER;
}

const struct nvt_msix_field *nvt_msix_fields(size_t *count) {
  *count = COUNT(msix_fields);
  return msix_fields;
}
