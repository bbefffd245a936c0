/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace/checks_int.h"

#define LAST 8u /* commands of the queue that are remembered */

struct state {
  uint64_t record[LAST];
  uint64_t page[LAST];
  uint32_t next;
};

static void record(struct nvt_check_run *run) {
  const struct nvt_exchange *exchange = run->view->exchange;
  uint64_t low, high;
  if (run->sq == NULL || exchange == NULL || exchange->sqid == 0 ||
      !nvt_check_length(run->controller, run->view->set, &exchange->sqe, &low, &high))
    return;
  struct state *state = nvt_check_queue_state(run, run->sq);
  state->record[state->next] = run->now.record;
  state->page[state->next] = exchange->sqe.prp1 >> nvt_check_page_shift(run->controller);
  state->next = (state->next + 1) % LAST;
}

static void ended(struct nvt_check_run *run, const struct nvt_exchange *exchange) {
  if (exchange->command.record == 0 || exchange->sqid == 0 || exchange->end != NVT_EXCHANGE_RESET)
    return;
  struct nvt_check_queue *sq =
      nvt_check_queue(run, (struct nvt_doorbell_id){.qid = exchange->sqid});
  if (sq == NULL)
    return;
  const struct state *state = nvt_check_queue_state(run, sq);
  uint64_t page = 0, other = 0;
  for (unsigned i = 0; i < LAST; i++)
    if (state->record[i] == exchange->command.record)
      page = state->page[i];
  for (unsigned i = 0; i < LAST && page != 0; i++)
    if (state->page[i] == page && state->record[i] < exchange->command.record &&
        state->record[i] > other)
      other = state->record[i];
  if (other != 0)
    nvt_check_report_at(
        run, exchange->command, other,
        "this command isn't completed, and uses the page at 0x%llx that the command in "
        "record %llu used: some drives stall on that",
        (unsigned long long)exchange->sqe.prp1, (unsigned long long)other);
}

NVT_CHECK(buffer_reused_before_stall,
          .info = {.id = "buffer-reused-before-stall",
                   .severity = NVT_SEVERITY_NOTE,
                   .needs = NVT_NEEDS(COMMANDS),
                   .spec = NVT_SPEC_BASE("3.3.1.2"),
                   .title = "a command that isn't completed uses a page that one of the commands "
                            "just before it used"},
          .on = NVT_ON(COMMAND), .record = record, .ended = ended,
          .queue_state = sizeof(struct state));
