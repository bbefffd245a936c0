/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_check_controller *controller = run->controller;
  const struct nvt_exchange *exchange = run->view->exchange;
  uint64_t low, high;
  if (exchange == NULL || !controller->mdts_known || controller->mdts == 0 ||
      !nvt_check_length(controller, run->view->set, &exchange->sqe, &low, &high))
    return;
  unsigned shift = controller->mdts + nvt_check_min_page_shift(controller);
  if (shift >= 63 || low <= UINT64_C(1) << shift)
    return;
  char name[64];
  nvt_check_opcode(exchange, name, sizeof(name));
  nvt_check_report(run, 0,
                   "%s on SQ %u transfers %s%llu bytes; the controller takes %llu (MDTS %u)", name,
                   exchange->sqid, low == high ? "" : "at least ", (unsigned long long)low,
                   1ull << shift, controller->mdts);
}

NVT_CHECK(transfer_over_mdts,
          .info = {.id = "transfer-over-mdts",
                   .severity = NVT_SEVERITY_ERROR,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("5.1.13.2.1"),
                   .title = "a command transfers more than the controller takes (MDTS)"},
          .on = NVT_ON(COMMAND), .record = record);
