/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static const struct {
  uint32_t offset, size;
  const char *name;
} registers[] = {{NVT_REG_CC, 4, "CC"},
                 {NVT_REG_AQA, 4, "AQA"},
                 {NVT_REG_ASQ, 8, "ASQ"},
                 {NVT_REG_ACQ, 8, "ACQ"}};

/* Bits that have a field in nvme/registers.def. */
static uint64_t defined(uint32_t offset) {
  uint64_t mask = 0;
#define NVT_REGISTER_FIELD(reg, lsb, width, id, title)                                             \
  if (offset == NVT_REG_##reg)                                                                     \
    mask |= (~0ULL >> (64 - (width))) << (lsb);
#include "nvme/registers.def"
  return mask;
}

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_access *access = &run->record->access;
  if (!nvt_check_is_write(run))
    return;
  for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++) {
    uint32_t offset = registers[i].offset;
    if (!nvt_check_touches(run->record, offset, registers[i].size) || access->offset < offset)
      continue;
    uint64_t value = access->value << 8 * (access->offset - offset);
    uint64_t reserved = value & ~defined(offset);
    if (registers[i].size == 4)
      reserved &= UINT32_MAX;
    if (reserved != 0)
      nvt_check_report(run, 0, "%s is written with reserved bits 0x%llx set", registers[i].name,
                       (unsigned long long)reserved);
  }
}

NVT_CHECK(register_reserved_bits,
          .info = {.id = "register-reserved-bits",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("3.1.4"),
                   .title = "a register is written with reserved bits set"},
          .on = NVT_ON(REG_WRITE), .record = record);
