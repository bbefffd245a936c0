/* SPDX-License-Identifier: BSD-2-Clause */
/* Configuration space: the values at reset, and which bits a host may write. */
#include "controller/pci_int.h"

#include <errno.h>
#include <string.h>

#include "controller/controller_int.h"
#include "controller/state.h"

#define PM 0x40
#define PCIE 0x60
#define PCIE_DEVICE_CONTROL (PCIE + 8)
#define FLR_INITIATE 0x8000u

/* One dword: its value after reset and the bits that can be written. */
struct dword {
  uint16_t offset;
  uint32_t value, mask;
};

static const struct dword dwords[] = {
    {0x00, PCI_DEVICE << 16 | PCI_VENDOR, 0},
    {PCI_COMMAND, 0x0010u << 16, 0x0546}, /* capabilities; memory, master, parity, SERR, INTx off */
    {0x08, 0x01080200 | 0x01, 0},         /* NVM Express I/O controller, revision 1 */
    {0x10, 0x4, 0xffffffffu & ~(NVT_BAR0_SIZE - 1)}, /* BAR0: 64 bits wide */
    {0x14, 0, 0xffffffffu},
    {0x2c, PCI_DEVICE << 16 | PCI_VENDOR, 0},
    {0x34, PM, 0},
    {0x3c, 0, 0xff},
    {PM, 0x0003u << 16 | PCI_MSIX << 8 | 0x01, 0},
    {PM + 4, 0x0008, 0x0003}, /* no soft reset; power state */
    {PCI_MSIX, PCIE << 8 | 0x11, (PCI_MSIX_ENABLE | PCI_MSIX_MASK_ALL) << 16},
    {PCI_MSIX + 4, NVT_BAR0_MSIX_TABLE, 0},
    {PCI_MSIX + 8, NVT_BAR0_MSIX_PBA, 0},
    {PCIE, 0x0002u << 16 | 0x10, 0},       /* endpoint, version 2, the last capability */
    {PCIE + 0x04, 0x10008000, 0},          /* function level reset; role-based errors */
    {PCIE + 0x08, 0x00002810, 0x00007fff}, /* device control */
    {PCIE + 0x0c, 0x00000044, 0},          /* link: 16 GT/s, 4 lanes */
    {PCIE + 0x10, 0x0044u << 16, 0x0000004b},
    {PCIE + 0x24, 0x00000010, 0}, /* completion timeout can be disabled */
    {PCIE + 0x28, 0, 0x0000001f},
    {PCIE + 0x2c, 0x0000001e, 0}, /* 2.5 to 16 GT/s */
    {PCIE + 0x30, 0x00000004, 0x0000000f},
};

void nvt_pci_reset(struct nvt_controller *c) {
  memset(c->config, 0, sizeof(c->config));
  memset(c->config_mask, 0, sizeof(c->config_mask));
  for (size_t i = 0; i < sizeof(dwords) / sizeof(dwords[0]); i++) {
    memcpy(&c->config[dwords[i].offset], &dwords[i].value, 4);
    memcpy(&c->config_mask[dwords[i].offset], &dwords[i].mask, 4);
  }
  uint16_t size = (uint16_t)(c->vectors - 1);
  memcpy(&c->config[PCI_MSIX + 2], &size, 2);
  c->config[0x3d] = c->port.pin != NULL ? 1 : 0; /* INTA, where the port has a pin */
  nvt_pin_update(c);
}

bool nvt_controller_config(const struct nvt_controller *c, unsigned i, uint16_t *offset,
                           uint32_t *value) {
  for (size_t row = 0; row < sizeof(dwords) / sizeof(dwords[0]); row++)
    if (dwords[row].mask != 0 && i-- == 0) {
      *offset = dwords[row].offset;
      memcpy(value, &c->config[*offset], sizeof(*value));
      return true;
    }
  return false;
}

/* Naturally aligned pieces of at most 8 bytes. */
static unsigned piece_size(uint64_t offset, size_t len) {
  unsigned size = 8;
  while ((offset & (size - 1)) != 0 || size > len)
    size /= 2;
  return size;
}

int nvt_controller_config_read(struct nvt_controller *c, uint64_t offset, void *buf, size_t len) {
  if (offset > NVT_CONFIG_SIZE || len > NVT_CONFIG_SIZE - offset) {
    memset(buf, 0xff, len);
    return -ERANGE;
  }
  uint8_t *to = buf;
  while (len != 0) {
    unsigned size = piece_size(offset, len);
    uint64_t value = 0;
    if (unlikely(c->removed)) {
      value = nvt_removed_read(c, NVT_TAP_PCI_REGREAD, SPACE_CONFIG, offset, size);
    } else {
      memcpy(&value, &c->config[offset], size);
      (void)nvt_access_event(c, NVT_TAP_PCI_REGREAD, SPACE_CONFIG, offset, size, &value, 0);
    }
    memcpy(to, &value, size);
    to += size;
    offset += size;
    len -= size;
  }
  return 0;
}

static bool touches(uint64_t offset, unsigned size, unsigned at, unsigned width) {
  return offset < at + width && offset + size > at;
}

static void write_piece(struct nvt_controller *c, uint64_t offset, unsigned size,
                        const uint8_t *from) {
  uint64_t value = 0;
  memcpy(&value, from, size);
  if (!nvt_access_event(c, NVT_TAP_PCI_REGWRITE, SPACE_CONFIG, offset, size, &value,
                        c->removed ? ACCESS_REFUSED : 0) ||
      c->removed)
    return;
  const uint8_t *bytes = (const uint8_t *)&value;
  for (unsigned i = 0; i < size; i++) {
    uint8_t mask = c->config_mask[offset + i];
    c->config[offset + i] = (uint8_t)((c->config[offset + i] & ~mask) | (bytes[i] & mask));
  }
  if (touches(offset, size, PCI_COMMAND, 2))
    nvt_pin_update(c);
  if (touches(offset, size, PCI_MSIX + 2, 2))
    nvt_msix_control_changed(c);
  if (touches(offset, size, PCIE_DEVICE_CONTROL + 1, 1) &&
      (bytes[PCIE_DEVICE_CONTROL + 1 - offset] & FLR_INITIATE >> 8) != 0)
    nvt_controller_reset(c, NVT_RESET_FUNCTION);
}

int nvt_controller_config_write(struct nvt_controller *c, uint64_t offset, const void *buf,
                                size_t len) {
  if (offset > NVT_CONFIG_SIZE || len > NVT_CONFIG_SIZE - offset)
    return -ERANGE;
  const uint8_t *bytes = buf;
  while (len != 0) {
    unsigned size = piece_size(offset, len);
    write_piece(c, offset, size, bytes);
    offset += size;
    bytes += size;
    len -= size;
  }
  return 0;
}
