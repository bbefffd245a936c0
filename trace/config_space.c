/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/config_space.h"

#include <string.h>

#define HEADER_END 0x40u
#define EXTENDED_START 0x100u
#define MSI_64 0x80u /* Message Control, low byte */

void nvt_config_space_init(struct nvt_config_space *space) {
  memset(space, 0, sizeof(*space));
  space->next_extended = EXTENDED_START;
}

static bool known(const struct nvt_config_space *space, unsigned offset, unsigned size) {
  for (unsigned i = offset; i < offset + size; i++)
    if (i >= NVT_PCI_CONFIG_SIZE || (space->known[i / 8] >> (i % 8) & 1) == 0)
      return false;
  return true;
}

static uint32_t dword(const struct nvt_config_space *space, unsigned offset) {
  uint32_t value;
  memcpy(&value, space->bytes + offset, sizeof(value));
  return value;
}

static bool seen(const struct nvt_config_space *space, unsigned offset) {
  for (uint32_t i = 0; i < space->count; i++)
    if (space->capabilities[i].offset == offset)
      return true;
  return false;
}

/* One more step of the list: PCI Express Base 6.0, section 7.5.1.1.11. False: no step. */
static bool follow(struct nvt_config_space *space) {
  if (space->next == 0) {
    if (!known(space, NVT_PCI_AT_HEADER_CAPABILITIES, 1))
      return false;
    space->next = space->bytes[NVT_PCI_AT_HEADER_CAPABILITIES] & 0xfcu;
  }
  unsigned at = space->next;
  if (at < HEADER_END || seen(space, at) || space->legacy >= NVT_CAPABILITIES_MAX) {
    space->ended = true;
    return false;
  }
  if (!known(space, at, 2))
    return false;
  space->legacy++;
  space->capabilities[space->count++] =
      (struct nvt_config_capability){.offset = (uint16_t)at, .number = space->bytes[at]};
  space->next = space->bytes[at + 1] & 0xfcu;
  space->ended = space->next == 0;
  return !space->ended;
}

/* The same from 100h on: section 7.6.3. */
static bool follow_extended(struct nvt_config_space *space) {
  unsigned at = space->next_extended;
  bool full = space->count - space->legacy >= NVT_EXTENDED_MAX;
  if (at < EXTENDED_START || seen(space, at) || full) {
    space->ended_extended = true;
    return false;
  }
  if (!known(space, at, 4))
    return false;
  uint32_t header = dword(space, at);
  space->next_extended = (uint16_t)(header >> 20 & 0xffcu);
  space->ended_extended = space->next_extended == 0;
  if (header != 0) /* there are none */
    space->capabilities[space->count++] = (struct nvt_config_capability){
        .offset = (uint16_t)at, .number = (uint16_t)header, .extended = true};
  return !space->ended_extended;
}

static void learn(struct nvt_config_space *space, const struct nvt_rec_access *access) {
  unsigned size = access->size;
  if (size == 0 || size > 8 || access->offset >= NVT_PCI_CONFIG_SIZE)
    return;
  if (access->value == ~0ULL >> (64 - 8 * size) && size >= 4)
    return; /* what is read of a function that isn't there */
  bool more = false;
  for (unsigned i = 0; i < size && access->offset + i < NVT_PCI_CONFIG_SIZE; i++) {
    unsigned at = (unsigned)access->offset + i;
    if (known(space, at, 1))
      continue; /* capabilities don't move */
    space->bytes[at] = (uint8_t)(access->value >> (8 * i));
    space->known[at / 8] |= (uint8_t)(1u << at % 8);
    more = true;
  }
  while (more && !space->ended && follow(space)) {
  }
  while (more && !space->ended_extended && follow_extended(space)) {
  }
}

void nvt_config_space_record(struct nvt_config_space *space, const struct nvt_record *record) {
  const struct nvt_rec_access *access = &record->access;
  bool refused = (access->access_flags & NVT_V_access_access_flags_REFUSED) != 0;
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
    if (!refused && access->space == NVT_V_access_space_CONFIG)
      learn(space, access);
    break;
  case NVT_REC_MSIX_WRITE:
    /* The lower address is enough: a message whose upper half isn't 0 isn't x86's. */
    if (space->platform == NVT_MSI_UNKNOWN && access->space == NVT_V_access_space_MSIX_TABLE &&
        access->offset % NVT_MSIX_ENTRY_SIZE == 0 && access->size >= 4)
      space->platform = nvt_msi_platform(access->value);
    break;
  default:
    break;
  }
}

static enum nvt_pci_layout layout_of(const struct nvt_config_space *space,
                                     const struct nvt_config_capability *capability) {
  enum nvt_pci_layout layout = nvt_pci_layout_of(
      capability->extended ? NVT_PCI_EXTENDED : NVT_PCI_CAPABILITY, capability->number);
  unsigned control = capability->offset + 2u;
  if (layout == NVT_PCI_LAYOUT_MSI && known(space, control, 1) &&
      (space->bytes[control] & MSI_64) == 0)
    return NVT_PCI_LAYOUT_MSI32;
  return layout;
}

/* The one that begins last of those that begin at offset or before. */
static const struct nvt_config_capability *capability_at(const struct nvt_config_space *space,
                                                         unsigned offset) {
  const struct nvt_config_capability *best = NULL;
  for (uint32_t i = 0; i < space->count; i++) {
    const struct nvt_config_capability *one = &space->capabilities[i];
    if (one->offset <= offset && one->extended == (offset >= EXTENDED_START) &&
        (best == NULL || one->offset > best->offset))
      best = one;
  }
  return best;
}

bool nvt_config_space_at(const struct nvt_config_space *space, uint64_t offset,
                         struct nvt_config_place *out) {
  if (offset >= NVT_PCI_CONFIG_SIZE)
    return false;
  unsigned at = (unsigned)offset;
  *out = (struct nvt_config_place){.start = at, .end = at + 1};
  enum nvt_pci_layout layout = NVT_PCI_LAYOUT_HEADER;
  if (at >= HEADER_END) {
    const struct nvt_config_capability *capability =
        space != NULL ? capability_at(space, at) : NULL;
    if (capability == NULL)
      return true;
    out->capability = capability;
    out->base = capability->offset;
    layout = layout_of(space, capability);
  }
  out->layout = nvt_pci_layout(layout);
  if (out->layout == NULL)
    return true;
  out->reg = nvt_pci_register_at(layout, at - out->base);
  if (out->reg != NULL) {
    out->start = out->base + out->reg->offset;
    out->end = out->start + out->reg->size;
  }
  return true;
}
