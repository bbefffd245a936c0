/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  uint64_t low, high;
  if (exchange == NULL || NVT_SQE_PSDT(exchange->sqe.flags) != 0 || exchange->sqe.prp2 != 0 ||
      !nvt_check_length(run->controller, run->view->set, &exchange->sqe, &low, &high))
    return;
  uint64_t page = UINT64_C(1) << nvt_check_page_shift(run->controller);
  uint64_t room = page - (exchange->sqe.prp1 & (page - 1));
  if (low <= room)
    return;
  char name[64];
  nvt_check_opcode(exchange, name, sizeof(name));
  nvt_check_report(run, 0,
                   "%s on SQ %u transfers %s%llu bytes, PRP Entry 1 has room for %llu, and PRP "
                   "Entry 2 is 0",
                   name, exchange->sqid, low == high ? "" : "at least ", (unsigned long long)low,
                   (unsigned long long)room);
}

NVT_CHECK(second_prp_missing,
          .info = {.id = "second-prp-missing",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("4.1.1"),
                   .title = "a transfer goes beyond the first page, and there is no second PRP "
                            "entry"},
          .on = NVT_ON(COMMAND), .record = record);
