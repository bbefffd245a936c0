/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->command.record == 0 || !nvt_check_is_aer(exchange))
    return;
  uint32_t under_way = nvt_check_under_way(run);
  const struct nvt_check_limits *limits = &run->controller->limits;
  if (under_way > limits->aerl + 1u && limits->known)
    nvt_check_report(run, 0,
                     "Asynchronous Event Request is one of %u outstanding; the controller takes %u "
                     "(AERL %u)",
                     under_way, limits->aerl + 1u, limits->aerl);
}

NVT_CHECK(event_request_limit_exceeded,
          .info = {.id = "event-request-limit-exceeded",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("5.1.2"),
                   .title = "more Asynchronous Event Requests are outstanding than the controller "
                            "takes (AERL)"},
          .on = NVT_ON(COMMAND) | NVT_ON(COMPLETION), .record = record,
          .controller_state = sizeof(uint32_t));
