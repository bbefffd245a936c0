/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  uint64_t first, count;
  if (exchange == NULL || !nvt_check_blocks(run->view->set, &exchange->sqe, &first, &count))
    return;
  const struct nvt_check_limits *limits = &run->controller->limits;
  uint32_t nsid = exchange->sqe.nsid;
  char name[64];
  nvt_check_opcode(exchange, name, sizeof(name));
  if (nsid == 0 || nsid == UINT32_MAX)
    nvt_check_report(run, 0,
                     "%s on SQ %u of namespace 0x%x, which is no single namespace's "
                     "identifier",
                     name, exchange->sqid, nsid);
  else if (limits->known && limits->nn != 0 && nsid > limits->nn)
    nvt_check_report(run, 0, "%s on SQ %u of namespace %u; identifiers go to %u (NN)", name,
                     exchange->sqid, nsid, limits->nn);
}

NVT_CHECK(namespace_invalid,
          .info = {.id = "namespace-invalid",
                   .severity = NVT_SEVERITY_WARNING,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("3.2.1"),
                   .title = "a command on blocks has a namespace identifier that no namespace can "
                            "have"},
          .on = NVT_ON(COMMAND), .record = record);
