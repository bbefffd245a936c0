/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/access.h"

#include <string.h>

/* Offsets in the bodies that record.def has. */
#define AT_VALUE ((unsigned)offsetof(struct nvt_rec_access, value))
#define AT_DATA ((unsigned)offsetof(struct nvt_rec_interrupt, data))

struct walk {
  const struct nvt_rec_access *access;
  unsigned size; /* bytes accessed, at most 8 */
  nvt_access_visitor *visit;
  void *ctx;
};

static void tell(const struct walk *w, struct nvt_access_part part) {
  w->visit(w->ctx, &part);
}

/* --- registers in BAR0 --- */

/* A field, as far as it lies in the bytes accessed. */
static void field(const struct walk *w, const struct nvt_register_info *reg, size_t row,
                  const struct nvt_register_field_info *info) {
  uint64_t base = (uint64_t)reg->offset * 8;
  uint64_t first = base + info->lsb, last = first + info->width;
  uint64_t start = w->access->offset * 8, end = start + w->size * 8u;
  uint64_t from = first > start ? first : start, to = last < end ? last : end;
  if (from >= to)
    return;
  uint64_t value = w->access->value >> (from - start);
  if (to - from < 64)
    value &= ~0ULL >> (64 - (to - from));
  unsigned at = AT_VALUE + (unsigned)(from - start) / 8;
  tell(w, (struct nvt_access_part){.kind = from == first && to == last ? NVT_ACCESS_FIELD
                                                                       : NVT_ACCESS_FIELD_PART,
                                   .at = at,
                                   .bytes = AT_VALUE + (unsigned)(to - start + 7) / 8 - at,
                                   .row = row,
                                   .value = value,
                                   .whole = value << (from - base),
                                   .partial = from != first || to != last,
                                   .first = (unsigned)(from - base),
                                   .last = (unsigned)(to - 1 - base),
                                   .reg = reg});
}

/* Each register in the bytes accessed; by its name where there are several. */
static void registers(const struct walk *w) {
  const struct nvt_register_info *before = NULL;
  size_t count;
  const struct nvt_register_field_info *fields = nvt_register_fields(&count);
  if (w->access->offset > UINT32_MAX || w->access->size > 8)
    return;
  for (unsigned i = 0; i < w->size; i++) {
    const struct nvt_register_info *reg = nvt_register_at(w->access->offset + i);
    if (reg == NULL || reg == before)
      continue;
    before = reg;
    if (i != 0 || w->access->offset + w->size > reg->offset + reg->size)
      tell(w, (struct nvt_access_part){
                  .kind = NVT_ACCESS_REGISTER, .at = AT_VALUE + i, .bytes = 1, .reg = reg});
    for (size_t row = 0; row < count; row++)
      if (fields[row].offset == reg->offset)
        field(w, reg, row, &fields[row]);
  }
}

static void doorbell(const struct walk *w, const struct nvt_doorbell_id *id) {
  tell(w,
       (struct nvt_access_part){.kind = NVT_ACCESS_DOORBELL_QUEUE, .bytes = 8, .value = id->qid});
  tell(w,
       (struct nvt_access_part){.kind = NVT_ACCESS_DOORBELL_KIND, .bytes = 8, .value = id->is_cq});
  tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_DOORBELL_VALUE,
                                   .at = AT_VALUE,
                                   .bytes = 4,
                                   .value = (uint32_t)w->access->value});
}

/* --- configuration space --- */

/* The register is in the access with `bytes` of its own from `skip` on; they are at `done` there.
 */
static void pci_register(const struct walk *w, const struct nvt_pci_register *reg, unsigned done,
                         unsigned skip, unsigned bytes) {
  size_t count, first, end;
  const struct nvt_pci_register *all = nvt_pci_registers(&count);
  const struct nvt_pci_field *fields = nvt_pci_fields(&count);
  uint32_t value = 0;
  memcpy((uint8_t *)&value + skip, (const uint8_t *)&w->access->value + done, bytes);
  struct nvt_access_part part = {.kind = NVT_ACCESS_PCI_REGISTER,
                                 .at = AT_VALUE + done,
                                 .bytes = bytes,
                                 .row = (size_t)(reg - all),
                                 .value = value,
                                 .partial = bytes < reg->size,
                                 .first = skip * 8,
                                 .last = (skip + bytes) * 8 - 1};
  tell(w, part);
  part.kind = NVT_ACCESS_PCI_FIELD;
  part.partial = false;
  part.whole = value;
  nvt_pci_fields_of(reg, &first, &end);
  for (size_t i = first; i < end; i++) {
    if (fields[i].lsb < skip * 8 || fields[i].lsb + fields[i].width > (skip + bytes) * 8)
      continue;
    part.row = i;
    part.value = value >> fields[i].lsb & (~0ULL >> (64 - fields[i].width));
    tell(w, part);
  }
}

static void config(const struct walk *w, const struct nvt_config_space *space) {
  const struct nvt_config_capability *last = NULL;
  for (unsigned done = 0; done < w->size;) {
    struct nvt_config_place place;
    uint64_t offset = w->access->offset + done;
    if (offset < w->access->offset || !nvt_config_space_at(space, offset, &place))
      break;
    unsigned bytes = place.end - (unsigned)offset;
    if (bytes > w->size - done)
      bytes = w->size - done;
    if (place.capability != NULL && place.capability != last && place.layout != NULL)
      tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_CAPABILITY, .place = &place});
    last = place.capability;
    if (place.reg != NULL)
      pci_register(w, place.reg, done, (unsigned)offset - place.start, bytes);
    else
      tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_PCI_BYTES,
                                       .at = AT_VALUE + done,
                                       .bytes = bytes,
                                       .raw = (const uint8_t *)&w->access->value + done});
    done += bytes;
  }
}

/* --- MSI-X --- */

static void msix_part(const struct walk *w, enum nvt_msix_part row, unsigned at, uint32_t value,
                      enum nvt_msi_platform platform) {
  size_t count;
  const struct nvt_msix_field *fields = nvt_msix_fields(&count);
  struct nvt_access_part part = {
      .kind = NVT_ACCESS_MSIX_PART, .at = at, .bytes = 4, .row = row, .value = value};
  tell(w, part);
  part.kind = NVT_ACCESS_MSIX_FIELD;
  part.whole = value;
  for (size_t i = 0; i < count; i++) {
    if (fields[i].part != row ||
        (fields[i].platform != NVT_MSI_UNKNOWN && fields[i].platform != platform))
      continue;
    part.row = i;
    part.value = value >> fields[i].lsb & (~0ULL >> (64 - fields[i].width));
    tell(w, part);
  }
}

static void note(const struct walk *w, enum nvt_msi_platform platform) {
  if (platform != NVT_MSI_X86)
    tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_NOTE, .platform = platform});
}

static void table(const struct walk *w, const struct nvt_config_space *space) {
  const struct nvt_rec_access *access = w->access;
  if (access->offset / NVT_MSIX_ENTRY_SIZE > UINT16_MAX)
    return;
  tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_VECTOR,
                                   .bytes = 8,
                                   .value = access->offset / NVT_MSIX_ENTRY_SIZE});
  if (access->offset % 4 != 0)
    return;
  for (unsigned i = 0; i < access->size / 4u && i < 2; i++) {
    unsigned part = (unsigned)(access->offset % NVT_MSIX_ENTRY_SIZE) / 4 + i;
    if (part >= NVT_MSIX_PARTS)
      break;
    uint32_t value = (uint32_t)(access->value >> (32 * i));
    /* Of an address that stands here; of data, as the table's first address has it. */
    enum nvt_msi_platform platform = space != NULL ? space->platform : NVT_MSI_UNKNOWN;
    if (part == NVT_MSIX_ADDRESS)
      platform = nvt_msi_platform((uint32_t)access->value);
    msix_part(w, (enum nvt_msix_part)part, AT_VALUE + 4 * i, value, platform);
    if (part == NVT_MSIX_ADDRESS || part == NVT_MSIX_DATA)
      note(w, platform);
  }
}

static void pending(const struct walk *w) {
  if (w->access->offset > UINT16_MAX / 8)
    return;
  for (unsigned bit = 0; bit < w->size * 8; bit++)
    if ((w->access->value >> bit & 1) != 0)
      tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_PENDING,
                                       .at = AT_VALUE + bit / 8,
                                       .bytes = 1,
                                       .value = w->access->offset * 8 + bit});
}

static void message(const struct walk *w, const struct nvt_rec_interrupt *interrupt) {
  if (interrupt->mode != NVT_V_interrupt_mode_MSIX)
    return;
  enum nvt_msi_platform platform = nvt_msi_platform(interrupt->address);
  tell(w, (struct nvt_access_part){.kind = NVT_ACCESS_MESSAGE, .bytes = 12});
  msix_part(w, NVT_MSIX_ADDRESS, 0, (uint32_t)interrupt->address, platform);
  msix_part(w, NVT_MSIX_UPPER, 4, (uint32_t)(interrupt->address >> 32), platform);
  msix_part(w, NVT_MSIX_DATA, AT_DATA, interrupt->data, platform);
  note(w, platform);
}

static void access_of(const struct walk *w, const struct nvt_view *view) {
  switch (w->access->space) {
  case NVT_V_access_space_BAR0:
    if (view->is_doorbell)
      doorbell(w, &view->doorbell);
    registers(w);
    break;
  case NVT_V_access_space_CONFIG:
    config(w, view->config);
    break;
  case NVT_V_access_space_MSIX_TABLE:
    table(w, view->config);
    break;
  case NVT_V_access_space_MSIX_PBA:
    pending(w);
    break;
  default:
    break;
  }
}

void nvt_access_walk(const struct nvt_record *record, const struct nvt_view *view,
                     nvt_access_visitor *visit, void *ctx) {
  struct walk w = {.access = &record->access, .visit = visit, .ctx = ctx};
  switch (record->header.type) {
  case NVT_REC_CONFIG_READ:
  case NVT_REC_CONFIG_WRITE:
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_MSIX_READ:
  case NVT_REC_MSIX_WRITE:
    w.size = record->access.size <= 8 ? record->access.size : 8;
    access_of(&w, view);
    break;
  case NVT_REC_SHADOW_DOORBELL:
  case NVT_REC_EVENT_INDEX:
    tell(&w, (struct nvt_access_part){.kind = NVT_ACCESS_DOORBELL_KIND,
                                      .at = offsetof(struct nvt_rec_shadow, is_cq),
                                      .bytes = 1,
                                      .value = record->shadow.is_cq != 0});
    break;
  case NVT_REC_INTERRUPT:
    message(&w, &record->interrupt);
    break;
  default:
    break;
  }
}
