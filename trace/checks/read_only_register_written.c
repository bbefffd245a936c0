/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static bool read_only(uint32_t offset) {
  switch (offset) {
  case NVT_REG_CAP:
  case NVT_REG_VS:
  case NVT_REG_CSTS:
  case NVT_REG_CMBLOC:
  case NVT_REG_CMBSZ:
  case NVT_REG_BPINFO:
  case NVT_REG_CMBSTS:
  case NVT_REG_CMBEBS:
  case NVT_REG_CMBSWTP:
  case NVT_REG_CRTO:
  case NVT_REG_PMRCAP:
  case NVT_REG_PMRSTS:
  case NVT_REG_PMREBS:
  case NVT_REG_PMRSWTP:
    return true;
  default:
    return false;
  }
}

static void record(struct nvt_check_run *run) {
  const struct nvt_rec_access *access = &run->record->access;
  if (run->record->header.type != NVT_REC_REG_WRITE || run->view->is_doorbell ||
      access->space != NVT_V_access_space_BAR0 || nvt_check_is_snapshot(run->record))
    return;
  const struct nvt_register_info *info = nvt_register_at(access->offset);
  if (info == NULL || !read_only(info->offset))
    return;
  /* CSTS.NSSRO is cleared by writing 1 to it. */
  if (info->offset == NVT_REG_CSTS && (access->value & ~NVT_PUT(1, CSTS_NSSRO)) == 0)
    return;
  nvt_check_report(run, 0, "%s, which is read only, is written with 0x%llx", info->name,
                   (unsigned long long)access->value);
}

NVT_CHECK(read_only_register_written,
          .info = {.id = "read-only-register-written",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("3.1.4"),
                   .title = "a register that only the controller changes is written"},
          .on = NVT_ON(REG_WRITE), .record = record);
