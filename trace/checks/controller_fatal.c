/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

struct state {
  bool told;
};

static void record(struct nvt_check_run *run) {
  const struct nvt_record *seen = run->record;
  uint64_t csts = 0;
  bool fatal = seen->header.type == NVT_REC_EVENT
                   ? seen->event.event == NVT_V_event_event_FATAL
                   : nvt_check_register(seen, NVT_REG_CSTS, 4, &csts) &&
                         NVT_GET(csts, CSTS_CFS) != 0 &&
                         csts != UINT32_MAX; /* all ones: nobody answers any more */
  struct state *state = nvt_check_controller_state(run);
  if (fatal && !state->told)
    nvt_check_report(run, 0,
                     "the controller reports Controller Fatal Status (CSTS.CFS): only a reset "
                     "brings it back");
  state->told |= fatal;
}

NVT_CHECK(controller_fatal,
          .info = {.id = "controller-fatal",
                   .severity = NVT_SEVERITY_ERROR,
                   .spec = NVT_SPEC_BASE("3.1.4.6"),
                   .title = "the controller reports Controller Fatal Status"},
          .on = NVT_ON(REG_READ) | NVT_ON(EVENT), .record = record,
          .controller_state = sizeof(struct state));
