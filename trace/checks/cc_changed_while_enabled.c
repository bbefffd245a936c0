/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  if (!nvt_check_is_write(run) || !nvt_check_touches(run->record, NVT_REG_CC, 4))
    return;
  const struct nvt_check_registers *before = &run->before;
  uint32_t now = run->controller->registers.cc;
  if (!before->cc_known || NVT_GET(before->cc, CC_EN) == 0 || NVT_GET(now, CC_EN) == 0)
    return;
  uint64_t fixed = NVT_PUT(~0ull, CC_MPS) | NVT_PUT(~0ull, CC_CSS) | NVT_PUT(~0ull, CC_AMS);
  if (((before->cc ^ now) & fixed) != 0)
    nvt_check_report(
        run, before->switched.record,
        "CC goes from 0x%08x to 0x%08x with CC.EN = 1: MPS, CSS and AMS may be changed "
        "only while it is 0",
        before->cc, now);
}

NVT_CHECK(cc_changed_while_enabled,
          .info = {.id = "cc-changed-while-enabled",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.5"),
                   .title = "CC.MPS, CSS or AMS is changed while CC.EN is 1"},
          .on = NVT_ON(REG_WRITE), .record = record);
