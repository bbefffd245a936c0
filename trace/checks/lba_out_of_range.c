/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  uint64_t first, count;
  if (exchange == NULL || !nvt_check_blocks(run->view->set, &exchange->sqe, &first, &count))
    return;
  uint64_t blocks = nvt_check_namespace_blocks(run->controller, exchange->sqe.nsid);
  if (blocks == 0 || (first < blocks && count <= blocks - first))
    return;
  char name[64];
  nvt_check_opcode(exchange, name, sizeof(name));
  nvt_check_report(run, 0,
                   "%s on SQ %u of %llu blocks from block %llu on; namespace %u has %llu blocks",
                   name, exchange->sqid, (unsigned long long)count, (unsigned long long)first,
                   exchange->sqe.nsid, (unsigned long long)blocks);
}

NVT_CHECK(lba_out_of_range,
          .info = {.id = "lba-out-of-range",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("4.2.3"),
                   .title = "a command goes beyond its namespace's end"},
          .on = NVT_ON(COMMAND), .record = record);
