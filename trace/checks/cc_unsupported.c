/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_check_registers *registers = &run->controller->registers;
  if (!nvt_check_is_write(run) || !run->controller->cap_known || !registers->enabled_here ||
      registers->switched.record != run->now.record)
    return;
  uint64_t cap = run->controller->cap;
  unsigned mps = (unsigned)NVT_GET(registers->cc, CC_MPS);
  unsigned least = (unsigned)NVT_GET(cap, CAP_MPSMIN), most = (unsigned)NVT_GET(cap, CAP_MPSMAX);
  if (mps < least || mps > most)
    nvt_check_report(run, 0, "CC.EN is set with CC.MPS %u; the controller has %u to %u (CAP)", mps,
                     least, most);
  /* Round robin is always there; weighted round robin is bit 0 of CAP.AMS, a vendor's bit 1. */
  unsigned ams = (unsigned)NVT_GET(registers->cc, CC_AMS);
  unsigned has = (unsigned)NVT_GET(cap, CAP_AMS);
  if (ams != 0 && !(ams == 1 && (has & 1) != 0) && !(ams == 7 && (has & 2) != 0))
    nvt_check_report(run, 0,
                     "CC.EN is set with CC.AMS %u, which the controller doesn't have "
                     "(CAP.AMS %u)",
                     ams, has);
}

NVT_CHECK(cc_unsupported,
          .info = {.id = "cc-unsupported",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.5"),
                   .title = "the controller is enabled with a page size or an arbitration that it "
                            "doesn't have"},
          .on = NVT_ON(REG_WRITE), .record = record);
