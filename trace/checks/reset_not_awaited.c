/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool told;
};

static void record(struct nvt_check_run *run) {
  const struct nvt_check_registers *before = &run->before;
  if (!nvt_check_is_write(run))
    return;
  bool enables = before->cc_known && NVT_GET(before->cc, CC_EN) == 0 &&
                 NVT_GET(run->controller->registers.cc, CC_EN) != 0;
  bool sets_up = nvt_check_touches(run->record, NVT_REG_AQA, 4) ||
                 nvt_check_touches(run->record, NVT_REG_ASQ, 16);
  bool stopping = before->disabled_here && !before->unready_seen;
  bool was_ready = before->csts_known && NVT_GET(before->csts, CSTS_RDY) != 0 && before->cc_known &&
                   NVT_GET(before->cc, CC_EN) == 0;
  struct state *state = nvt_check_controller_state(run);
  if (!(enables || (sets_up && stopping)) || !(stopping || was_ready) || state->told)
    return;
  state->told = true;
  nvt_check_report(run, before->switched.record,
                   enables ? "CC.EN is set before CSTS.RDY = 0 was read since it was cleared"
                           : "the admin queues are set up before CSTS.RDY = 0 was read since CC.EN "
                             "was cleared");
}

NVT_CHECK(reset_not_awaited,
          .info = {.id = "reset-not-awaited",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.5.1"),
                   .title = "the controller is set up or enabled before it is seen to have stopped "
                            "(CSTS.RDY = 0)"},
          .on = NVT_ON(REG_WRITE), .record = record, .controller_state = sizeof(struct state));
