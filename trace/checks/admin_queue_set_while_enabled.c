/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  if (!nvt_check_is_write(run) || !run->before.cc_known || NVT_GET(run->before.cc, CC_EN) == 0)
    return;
  static const struct {
    uint32_t offset, size;
    const char *name;
  } registers[] = {{NVT_REG_AQA, 4, "AQA"}, {NVT_REG_ASQ, 8, "ASQ"}, {NVT_REG_ACQ, 8, "ACQ"}};
  for (unsigned i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
    if (nvt_check_touches(run->record, registers[i].offset, registers[i].size))
      nvt_check_report(run, run->before.switched.record, "%s is written while CC.EN is 1",
                       registers[i].name);
}

NVT_CHECK(admin_queue_set_while_enabled,
          .info = {.id = "admin-queue-set-while-enabled",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.8"),
                   .title = "AQA, ASQ or ACQ is written while CC.EN is 1"},
          .on = NVT_ON(REG_WRITE), .record = record);
