/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->command.record == 0 || exchange->set != NVT_SET_ADMIN ||
      exchange->sqe.opcode != NVT_ADMIN_ABORT)
    return;
  uint32_t under_way = nvt_check_under_way(run);
  const struct nvt_check_limits *limits = &run->controller->limits;
  if (under_way > limits->acl + 1u && limits->known)
    nvt_check_report(run, 0, "Abort is one of %u under way; the controller takes %u (ACL %u)",
                     under_way, limits->acl + 1u, limits->acl);
}

NVT_CHECK(abort_limit_exceeded,
          .info = {.id = "abort-limit-exceeded",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("5.1.1"),
                   .title = "more Abort commands are under way than the controller takes (ACL)"},
          .on = NVT_ON(COMMAND) | NVT_ON(COMPLETION), .record = record,
          .controller_state = sizeof(uint32_t));
