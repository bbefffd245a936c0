/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_check_registers *before = &run->before;
  if (!nvt_check_is_write(run) || !before->cc_known || NVT_GET(before->cc, CC_EN) == 0 ||
      NVT_GET(run->controller->registers.cc, CC_EN) != 0 || NVT_GET(before->cc, CC_SHN) == 0 ||
      before->shutdown.record == 0 || before->shutdown_seen)
    return;
  nvt_check_report(run, before->shutdown.record,
                   "CC.EN is cleared; a shutdown was asked for in record %llu, and CSTS.SHST = 10b "
                   "wasn't read since",
                   (unsigned long long)before->shutdown.record);
}

NVT_CHECK(shutdown_not_awaited,
          .info = {.id = "shutdown-not-awaited",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("3.6.1"),
                   .title = "the controller is disabled before the shutdown that was asked for is "
                            "seen to be complete"},
          .on = NVT_ON(REG_WRITE), .record = record);
