/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

#define TO_NS 500000000u /* CAP.TO's unit */
#define TO_MOST 255u     /* it may be longer then: CRTO says */

struct state {
  uint64_t told; /* record of the switch that it was told of */
};

static void record(struct nvt_check_run *run) {
  const struct nvt_check_registers *registers = &run->controller->registers;
  uint64_t csts;
  if (nvt_check_is_snapshot(run->record) || nvt_check_is_refused(run->record) ||
      !nvt_check_register(run->record, NVT_REG_CSTS, 4, &csts) || csts == UINT32_MAX ||
      NVT_GET(csts, CSTS_CFS) != 0 || !run->controller->cap_known || !registers->cc_known)
    return;
  bool enabling = registers->enabled_here && NVT_GET(registers->cc, CC_EN) != 0;
  bool disabling = registers->disabled_here && NVT_GET(registers->cc, CC_EN) == 0;
  unsigned to = (unsigned)NVT_GET(run->controller->cap, CAP_TO);
  bool followed = enabling ? run->before.ready_seen : run->before.unready_seen;
  if ((!enabling && !disabling) || to == TO_MOST || followed ||
      NVT_GET(run->controller->cap, CAP_CRMS) != 0 || (NVT_GET(csts, CSTS_RDY) != 0) == enabling)
    return;
  uint64_t from = registers->switched.time_ns;
  uint64_t waited = run->now.time_ns > from ? run->now.time_ns - from : 0;
  struct state *state = nvt_check_controller_state(run);
  if (state->told == registers->switched.record || waited <= (uint64_t)(to > 0 ? to : 1) * TO_NS)
    return;
  state->told = registers->switched.record;
  nvt_check_report(run, registers->switched.record,
                   "CSTS.RDY is %u %llu ms after CC.EN was %s; the controller said that it takes "
                   "%u ms at most (CAP.TO)",
                   !enabling, (unsigned long long)(waited / 1000000), enabling ? "set" : "cleared",
                   to * 500u);
}

NVT_CHECK(ready_too_late,
          .info = {.id = "ready-too-late",
                   .severity = NVT_SEVERITY_WARNING,
                   .spec = NVT_SPEC_BASE("3.1.4.1"),
                   .title = "CSTS.RDY doesn't follow CC.EN in the time that CAP.TO says"},
          .on = NVT_ON(REG_READ), .record = record, .controller_state = sizeof(struct state));
