/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/registers.h"

#include <string.h>

#define NVT_REGISTER(offset, size, id, name, title)                                                \
  _Static_assert((offset) + (size) <= NVT_IMAGE_LOW ||                                             \
                     ((offset) >= NVT_IMAGE_PMR &&                                                 \
                      (offset) + (size) <= NVT_IMAGE_PMR + NVT_IMAGE_SIZE - NVT_IMAGE_LOW),        \
                 "the image has " name);
#include "nvme/registers.def"

/* NVT_IMAGE_SIZE: none. */
static unsigned place(uint64_t offset) {
  if (offset < NVT_IMAGE_LOW)
    return (unsigned)offset;
  if (offset < NVT_IMAGE_PMR || offset >= NVT_IMAGE_PMR + NVT_IMAGE_SIZE - NVT_IMAGE_LOW)
    return NVT_IMAGE_SIZE;
  return (unsigned)(offset - NVT_IMAGE_PMR) + NVT_IMAGE_LOW;
}

/* Base 2.1, section 3.1.4: registers whose fields are all RW. */
static bool keeps_what_is_written(uint64_t offset) {
  const struct nvt_register_info *info = nvt_register_at(offset);
  switch (info != NULL ? info->offset : UINT32_MAX) {
  case NVT_REG_CC:
  case NVT_REG_AQA:
  case NVT_REG_ASQ:
  case NVT_REG_ACQ:
  case NVT_REG_BPRSEL:
  case NVT_REG_BPMBL:
  case NVT_REG_CMBMSC:
  case NVT_REG_PMRCTL:
  case NVT_REG_PMRMSCL:
  case NVT_REG_PMRMSCU:
    return true;
  default:
    return false;
  }
}

static bool is_known(const struct nvt_register_image *image, unsigned at) {
  return (image->known[at / 8] >> at % 8 & 1) != 0;
}

static void set(struct nvt_register_image *image, unsigned at, uint8_t byte) {
  if (is_known(image, at) && image->bytes[at] == byte)
    return;
  image->bytes[at] = byte;
  image->known[at / 8] |= (uint8_t)(1u << at % 8);
  image->changes++;
}

void nvt_image_access(struct nvt_register_image *image, uint64_t offset, uint64_t value,
                      unsigned size, bool is_write) {
  for (unsigned i = 0; i < size && i < sizeof(value) && offset <= UINT64_MAX - i; i++) {
    unsigned at = place(offset + i);
    if (at < NVT_IMAGE_SIZE && (!is_write || keeps_what_is_written(offset + i)))
      set(image, at, (uint8_t)(value >> 8 * i));
  }
}

bool nvt_image_value(const struct nvt_register_image *image, enum nvt_register_row row,
                     uint64_t *value) {
  size_t count;
  const struct nvt_register_info *info = &nvt_registers(&count)[row];
  unsigned start = place(info->offset);
  bool known = true;
  *value = 0;
  memcpy(value, image->bytes + start, info->size);
  for (unsigned i = 0; i < info->size; i++)
    known = known && is_known(image, start + i);
  return known;
}

bool nvt_image_has(const struct nvt_register_image *image, uint64_t offset, unsigned size) {
  for (unsigned i = 0; i < size; i++) {
    unsigned at = place(offset + i);
    if (at >= NVT_IMAGE_SIZE || !is_known(image, at))
      return false;
  }
  return true;
}

void nvt_image_clear(struct nvt_register_image *image, enum nvt_register_row row) {
  size_t count;
  const struct nvt_register_info *info = &nvt_registers(&count)[row];
  for (unsigned i = 0; i < info->size; i++)
    set(image, place(info->offset) + i, 0);
}

void nvt_image_forget(struct nvt_register_image *image) {
  memset(image->known, 0, sizeof(image->known));
  image->changes++;
}
