/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void ended(struct nvt_check_run *run, const struct nvt_exchange *exchange) {
  /* An Asynchronous Event Request waits for an event that needn't come. */
  if (exchange->command.record == 0 || nvt_check_is_aer(exchange) ||
      run->controller->lost > exchange->command.record)
    return;
  bool open = exchange->end == NVT_EXCHANGE_OPEN || exchange->end == NVT_EXCHANGE_UNFINISHED;
  if (!open && exchange->end != NVT_EXCHANGE_RESET)
    return;
  uint64_t ns = run->now.time_ns > exchange->command.time_ns
                    ? run->now.time_ns - exchange->command.time_ns
                    : 0;
  if (open && ns < NVT_CHECK_COMPLETE_NS)
    return;
  char name[64];
  nvt_check_opcode(exchange, name, sizeof(name));
  if (open)
    nvt_check_report_at(
        run, exchange->command, 0,
        "%s on SQ %u, command id 0x%04x, isn't completed when the trace ends %llu ms "
        "later",
        name, exchange->sqid, exchange->cid, (unsigned long long)(ns / 1000000));
  else
    nvt_check_report_at(run, exchange->command, exchange->cancel.record,
                        "%s on SQ %u, command id 0x%04x, isn't completed when the controller is "
                        "reset or the queue deleted in record %llu, %llu ms later",
                        name, exchange->sqid, exchange->cid,
                        (unsigned long long)exchange->cancel.record,
                        (unsigned long long)(ns / 1000000));
}

NVT_CHECK(command_never_completed,
          .info = {.id = "command-never-completed",
                   .severity = NVT_SEVERITY_WARNING,
                   .sequence = true,
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a command ends without a completion"},
          .ended = ended);
