/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_record *seen = run->record;
  unsigned long long missing = run->view->seq_gap ? run->view->missing : seen->loss.count;
  if (missing != 0 && !nvt_record_left_out(seen) &&
      (run->view->seq_gap || seen->header.type == NVT_REC_LOSS))
    nvt_check_report(run, 0,
                     run->view->seq_gap
                         ? "%llu records are missing before this one, and nothing says why"
                         : "%llu records were lost",
                     missing);
}

NVT_CHECK(
    records_missing,
    .info = {.id = "records-missing",
             .severity = NVT_SEVERITY_WARNING,
             .sequence = true,
             .spec = NVT_SPEC_TRACE("Order and time"),
             .title =
                 "records are missing: rules that need history say nothing until the next reset"},
    .on = NVT_ON_GAP | NVT_ON(LOSS), .record = record);
