/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

#define VECTORS 64u /* that are looked at */

struct state {
  uint16_t owner[VECTORS]; /* an I/O completion queue since the reset; 0: none */
  bool told;
};

static void created(struct nvt_check_run *run, const struct nvt_exchange *exchange) {
  struct state *state = nvt_check_controller_state(run);
  uint16_t qid = (uint16_t)exchange->sqe.cdw10;
  uint32_t vector = exchange->sqe.cdw11 >> 16;
  uint32_t vectors = run->controller->vectors;
  if ((exchange->sqe.cdw11 & 2) == 0 || vector >= VECTORS || vector >= vectors)
    return;
  uint32_t used = 0;
  for (unsigned i = 0; i < VECTORS; i++)
    used += state->owner[i] != 0;
  if (state->owner[vector] != 0 && used + 1 < vectors && !state->told) {
    state->told = true;
    nvt_check_report_at(run, exchange->command, 0,
                        "I/O Completion Queue %u is created on vector %u, which is CQ %u's; of %u "
                        "vectors, I/O queues use %u",
                        qid, vector, state->owner[vector], vectors, used);
  }
  state->owner[vector] = qid;
}

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  if (exchange == NULL || exchange->sqid != 0 || exchange->command.record == 0 ||
      NVT_CQE_STATUS(exchange->cqe.status) != NVT_SC_SUCCESS)
    return;
  if (exchange->sqe.opcode == NVT_ADMIN_CREATE_IO_CQ)
    created(run, exchange);
  if (exchange->sqe.opcode != NVT_ADMIN_DELETE_IO_CQ)
    return;
  struct state *state = nvt_check_controller_state(run);
  for (unsigned i = 0; i < VECTORS; i++)
    if (state->owner[i] == (uint16_t)exchange->sqe.cdw10)
      state->owner[i] = 0;
}

NVT_CHECK(vector_shared,
          .info = {.id = "vector-shared",
                   .severity = NVT_SEVERITY_NOTE,
                   .spec = NVT_SPEC_BASE("5.2.1"),
                   .title = "I/O completion queues share a vector, and others are free"},
          .on = NVT_ON(COMPLETION), .record = record, .controller_state = sizeof(struct state));
