/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_access *access = &run->record->access;
  if (access->space != NVT_V_access_space_BAR0 || nvt_check_is_snapshot(run->record))
    return;
  if (access->size == 4 && access->offset % 4 == 0)
    return;
  const struct nvt_register_info *info =
      access->offset < NVT_REG_DOORBELLS ? nvt_register_at(access->offset) : NULL;
  if (access->offset < NVT_REG_DOORBELLS) {
    /* Of reserved places and buffers nothing is said. */
    if (info == NULL || info->offset + info->size <= access->offset)
      return;
    if (access->offset == info->offset && access->size == info->size)
      return;
  }
  nvt_check_report(run, 0,
                   "%u bytes at offset 0x%llx of BAR0%s%s are accessed: registers are, as a whole "
                   "or by 4 aligned bytes",
                   access->size, (unsigned long long)access->offset, info != NULL ? ", " : "",
                   info != NULL ? info->name : "");
}

NVT_CHECK(register_access_width,
          .info = {.id = "register-access-width",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_PCIE("3.1.2"),
                   .title = "a register is accessed neither as a whole nor by 4 aligned bytes"},
          .on = NVT_ON(REG_READ) | NVT_ON(REG_WRITE), .record = record);
