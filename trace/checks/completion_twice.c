/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->command.record != 0 || run->sq == NULL || !run->sq->from_start)
    return;
  uint64_t first = 0;
  for (unsigned i = 0; i < NVT_CHECK_DONE; i++)
    if (run->sq->done_record[i] > first && run->sq->done_cid[i] == exchange->cid)
      first = run->sq->done_record[i];
  if (first != 0)
    nvt_check_report(run, first,
                     "completion with command id 0x%04x on SQ %u: that command was completed in "
                     "record %llu already",
                     exchange->cid, exchange->sqid, (unsigned long long)first);
}

NVT_CHECK(completion_twice,
          .info = {.id = "completion-twice",
                   .severity = NVT_SEVERITY_ERROR,
                   .sequence = true,
                   .needs = NVT_NEEDS(COMMANDS),
                   .one_queue = true,
                   .spec = NVT_SPEC_BASE("4.2"),
                   .title = "a command is completed again"},
          .on = NVT_ON(COMPLETION), .record = record);
