/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || !exchange->duplicate_cid)
    return;
  const struct nvt_exchange *older = nvt_session_outstanding_command(
      run->session, exchange->controller, exchange->sqid, exchange->cid);
  char name[64];
  nvt_check_opcode(exchange, name, sizeof(name));
  nvt_check_report(run, older != NULL && older != exchange ? older->command.record : 0,
                   "%s on SQ %u has command id 0x%04x, and the command with that id in record "
                   "%llu isn't completed",
                   name, exchange->sqid, exchange->cid,
                   older != NULL ? (unsigned long long)older->command.record : 0ull);
}

NVT_CHECK(
    command_id_in_use,
    .info = {.id = "command-id-in-use",
             .severity = NVT_SEVERITY_ERROR,
             .spec = NVT_SPEC_BASE("4.1.1"),
             .title =
                 "a command's identifier is that of another one that is outstanding on its queue"},
    .on = NVT_ON(COMMAND), .record = record);
