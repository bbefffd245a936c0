/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session on records that are well-formed but come in any order, with ids
 * and slots from a small range so that they meet. What must hold whatever comes:
 * each command ends exactly once, nothing is outstanding after the end, and the history tells of
 * each record what was told right after it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/some_record.h"
#include "tests/unit/state_compare.h"
#include "trace/history.h"
#include "trace/links_of.h"
#include "trace/session.h"
#include "trace/summary.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct count {
  uint64_t commands;
  uint64_t strays;
  uint64_t ended;
};

static void on_end(void *ctx, struct nvt_exchange *exchange) {
  struct count *count = ctx;
  if (exchange->user != NULL || exchange->end == NVT_EXCHANGE_OPEN)
    abort();
  exchange->user = count; /* a second end would see it */
  count->ended++;
}

struct taken {
  struct nvt_record record;
  struct nvt_view view;
  struct nvt_state state;
};

static void compare(struct nvt_history *history, const struct taken *taken) {
  struct nvt_state then;
  if (!nvt_history_at(history, &taken->record, &taken->view, &then) ||
      state_differs(&taken->state, &then) != NULL)
    abort();
}

/* Of the records at the end: an input may be long, and states are large. */
#define STATES 512u
/* A link leads to a record before this one, or, of what fills in, to any that there was. */
static void on_link(void *ctx, enum nvt_link link, uint64_t value) {
  if (nvt_link_info(link)->kind == NVT_LINK_KIND_RECORD && value > *(const uint64_t *)ctx)
    abort();
}

static void check_exchange(const struct nvt_exchange *exchange) {
  uint64_t number = exchange->command.record;
  if (exchange->range_previous > number || exchange->range_first > exchange->range_previous ||
      (exchange->range_first == 0) != (exchange->range_previous == 0) ||
      exchange->retry_of > number || (exchange->victim != 0 && exchange->victim >= number) ||
      exchange->outcome >= NVT_ABORT_COUNT)
    abort();
}

static void run(const uint8_t *bytes, size_t length, bool keep) {
  static struct taken taken[STATES];
  struct nvt_history *history = NULL;
  size_t states = 0;
  struct count count = {0};
  struct nvt_session_options options = {
      .keep = keep, .ranges = true, .ended = on_end, .ended_ctx = &count};
  struct nvt_session *session;
  if (nvt_session_create(&options, &session) != 0)
    abort();
  if (keep && nvt_history_create(session, &history) != 0)
    abort();
  uint64_t seq = 0;
  uint32_t epoch = 0;
  for (size_t at = 0; at + 5 <= length; at += 5) {
    struct nvt_record record;
    memset(&record, 0, sizeof(record));
    some_record(bytes + at, &record);
    record.number = at / 5 + 1;
    record.time_ns = at - at % 64; /* several at a time, as a snapshot repeats them */
    epoch += bytes[at + 3] == 0xff;
    seq += bytes[at + 4] == 0xff ? 3 : 1;
    record.header.epoch = epoch;
    record.header.seq = seq;
    struct nvt_view view;
    if (nvt_session_record(session, &record, &view) != 0)
      abort();
    /* Those of a snapshot may be known already. */
    const struct nvt_exchange *exchange = view.exchange;
    count.commands += record.header.type == NVT_REC_COMMAND && exchange != NULL &&
                      exchange->command.record == record.number;
    count.strays += record.header.type == NVT_REC_COMPLETION && exchange != NULL &&
                    exchange->command.record == 0;
    char buffer[512];
    struct nvt_text text;
    nvt_text_init(&text, buffer, sizeof(buffer));
    nvt_summary(&text, &record, &view);
    if (record.number % 5 == 0)
      nvt_session_ranges(session);
    nvt_links_of(&record, &view, on_link, &record.number);
    if (view.exchange != NULL)
      check_exchange(view.exchange);
    if (!keep)
      continue;
    struct taken *one = &taken[states++ % STATES];
    one->record = record;
    one->view = view;
    if (nvt_history_record(history, &record, &view) != 0 ||
        !nvt_state_now(session, &record, &view, &one->state))
      abort();
  }
  for (size_t i = 0; i < states && i < STATES; i++)
    compare(history, &taken[i]);
  nvt_history_destroy(history);
  nvt_session_finish(session);
  if (count.ended != count.commands + count.strays)
    abort();
  for (uint16_t id = 0; id < 2; id++) {
    const struct nvt_controller_state *state = nvt_session_controller(session, id);
    if (state != NULL && state->outstanding != 0)
      abort();
  }
  nvt_session_destroy(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
  run(bytes, length, false);
  run(bytes, length, true);
  return 0;
}
