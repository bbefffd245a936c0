/* SPDX-License-Identifier: BSD-2-Clause */
/* A target that misbehaves in one way, once: exactly that is found. */
#include "host.h"
#include "replay_recorder.h"

#include <unistd.h>

#include "replay/replay.h"

static char trace_path[64];

enum fault {
  NO_FAULT,
  COMPLETION_LOST,
  COMPLETION_TWICE,
  COMPLETION_STATUS,
  COMPLETION_SLOT,
  INTERRUPT_LOST,
  INTERRUPT_TWICE,
  INTERRUPT_VECTOR,
  READ_VALUE,
  READ_REFUSED,
  DATA_BYTE,
  DATA_SHORT,
  EVENT_LOST,
  EVENT_TWICE,
  FETCH_SLOT,
  ENTRY_CHANGED,
};

/* The model, seen through a pane that lies at the `at`-th occasion. */
static struct {
  enum fault fault;
  unsigned at;
  unsigned seen;
  const struct nvt_target_ops *model;
  struct nvt_observer observer;
} pane;

static bool lie(enum fault fault) {
  return pane.fault == fault && ++pane.seen == pane.at;
}

static enum nvt_fetch_wish fetched(void *ctx, uint64_t handle, struct nvt_rec_command *command,
                                   struct nvt_cqe *cqe) {
  struct nvt_rec_command told = *command;
  if (lie(FETCH_SLOT))
    told.slot ^= 1;
  if (lie(ENTRY_CHANGED))
    told.sqe.cdw10 ^= 1;
  enum nvt_fetch_wish wish = pane.observer.fetched(ctx, handle, &told, cqe);
  command->sqe = told.sqe;
  return wish;
}
static bool finished(void *ctx, uint64_t handle, const struct nvt_cqe *cqe) {
  return pane.observer.finished(ctx, handle, cqe);
}
static void moved(void *ctx, const struct nvt_rec_data *data, const uint8_t *bytes) {
  struct nvt_rec_data told = *data;
  uint8_t *copy = malloc(data->true_length);
  assert_non_null(copy);
  memcpy(copy, bytes, data->true_length);
  bool in = data->direction == NVT_DIRECTION_IN;
  if (in && lie(DATA_BYTE))
    copy[100] ^= 1;
  if (in && lie(DATA_SHORT))
    told.true_length -= 4;
  pane.observer.moved(ctx, &told, copy);
  free(copy);
}
static void posted(void *ctx, const struct nvt_rec_completion *completion) {
  struct nvt_rec_completion told = *completion;
  if (lie(COMPLETION_STATUS))
    told.cqe.status ^= 0x20;
  if (lie(COMPLETION_SLOT))
    told.slot++;
  if (lie(COMPLETION_LOST))
    return;
  pane.observer.posted(ctx, &told);
  if (lie(COMPLETION_TWICE))
    pane.observer.posted(ctx, &told);
}
static void interrupt(void *ctx, const struct nvt_rec_interrupt *interrupt) {
  struct nvt_rec_interrupt told = *interrupt;
  if (lie(INTERRUPT_LOST))
    return;
  if (lie(INTERRUPT_VECTOR))
    told.vector += 7;
  pane.observer.interrupt(ctx, &told);
  if (lie(INTERRUPT_TWICE))
    pane.observer.interrupt(ctx, &told);
}
static void event(void *ctx, const struct nvt_rec_event *event) {
  if (lie(EVENT_LOST))
    return;
  pane.observer.event(ctx, event);
  if (lie(EVENT_TWICE))
    pane.observer.event(ctx, event);
}
static bool listening(void *ctx, uint16_t vector) {
  return pane.observer.listening(ctx, vector);
}
static int read_it(struct nvt_target *t, uint8_t space, uint64_t offset, uint8_t size,
                   uint64_t *value, uint8_t *flags) {
  int failed = pane.model->read(t, space, offset, size, value, flags);
  if (space == NVT_V_access_space_BAR0 && offset == NVT_REG_VS) {
    if (pane.fault == READ_VALUE)
      *value ^= 0x100;
    if (pane.fault == READ_REFUSED)
      *flags |= NVT_V_access_access_flags_REFUSED;
  }
  return failed;
}
static bool open_it(const struct nvt_target_setup *setup, struct nvt_target **out, char *why,
                    size_t whylen) {
  pane.observer = *setup->observer;
  const struct nvt_observer between = {
      .ctx = pane.observer.ctx,
      .fetched = fetched,
      .finished = finished,
      .moved = moved,
      .posted = posted,
      .interrupt = interrupt,
      .event = event,
      .listening = listening,
  };
  struct nvt_target_setup changed = *setup;
  changed.observer = &between;
  return pane.model->open(&changed, out, why, whylen);
}

static void record(void) {
  static struct host h;
  struct recorder r = {.data_mode = NVT_V_meta_data_mode_FULL};
  memset(&h, 0, sizeof(h));
  assert_int_equal(nvt_plugin_host_create(&h.plugins), 0);
  assert_true(recorder_start(&r, trace_path, h.plugins));
  const struct nvt_port_ops port = {.interrupt = host_interrupt, .ctx = &h};
  const struct nvt_controller_options options = {.plugins = h.plugins, .port = &port};
  char why[256];
  assert_int_equal(nvt_controller_create(&options, &h.c), 0);
  assert_int_equal(nvt_controller_add_namespace(h.c, "ram:1M", NULL, why, sizeof(why)), 0);
  assert_true(recorder_meta(&r, h.c));
  h.arena = aligned_alloc(4096, ARENA);
  assert_non_null(h.arena);
  memset(h.arena, 0, ARENA);
  assert_int_equal(nvt_controller_dma_map(h.c, ARENA_IOVA, ARENA, h.arena, true, true), 0);
  for (unsigned round = 0; round < 2; round++) {
    msix_on(&h);
    (void)reg32(&h, NVT_REG_VS + round * 4); /* VS once only */
    enable(&h);
    create_pair(&h, 1, 16);
    for (unsigned i = 0; i < 10; i++) {
      pattern(guest(&h, DATA_AT), 4096, i);
      assert_status(io(&h, NVT_NVM_WRITE, i * 8, 8, DATA_AT, 0), NVT_SC_SUCCESS);
      assert_status(io(&h, NVT_NVM_READ, i * 8, 8, DATA_AT + 8192, 0), NVT_SC_SUCCESS);
    }
    set32(&h, NVT_REG_CC, 0);
    (void)reg32(&h, NVT_REG_CSTS);
  }
  host_close(&h);
  assert_true(recorder_stop(&r));
}

static void replay(struct nvt_replay_result *result) {
  pane.model = nvt_target_find("model", NULL);
  struct nvt_target_ops ops = *pane.model;
  ops.open = open_it;
  ops.read = read_it;
  const struct nvt_replay_options options = {
      .path = trace_path, .target = &ops, .max_findings = 20};
  nvt_replay(&options, result);
  assert_true(result->readable);
}

static void each_fault_is_one_difference(void **state) {
  (void)state;
  static const struct {
    enum fault fault;
    unsigned at;
    unsigned differences;
    const char *field;
  } cases[] = {
      {NO_FAULT, 0, 0, NULL},
      {COMPLETION_LOST, 5, 1, "completion"},
      {COMPLETION_TWICE, 5, 1, "completion"},
      {COMPLETION_STATUS, 5, 1, "completion.status"},
      {COMPLETION_SLOT, 5, 1, "completion.slot"},
      {INTERRUPT_LOST, 3, 1, "interrupt"},
      {INTERRUPT_TWICE, 3, 1, "interrupt"},
      {INTERRUPT_VECTOR, 3, 2, "interrupt"}, /* one missing, one too many */
      {READ_VALUE, 0, 1, "register.value"},
      {READ_REFUSED, 0, 1, "register.refused"},
      {DATA_BYTE, 4, 1, "data"},
      {DATA_SHORT, 4, 1, "data.in.length"},
      {EVENT_LOST, 2, 1, "event"},
      {EVENT_TWICE, 2, 1, "event"},
      {FETCH_SLOT, 6, 1, "command.slot"},
      {ENTRY_CHANGED, 6, 1, "command.sqe"},
  };
  record();
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvt_replay_result result;
    pane.fault = cases[i].fault;
    pane.at = cases[i].at;
    pane.seen = 0;
    replay(&result);
    const struct nvt_findings *findings = &result.totals.findings;
    if (findings->count != cases[i].differences)
      for (size_t n = 0; n < findings->kept; n++)
        print_message("fault %d: record %llu %s: %s\n", cases[i].fault,
                      (unsigned long long)findings->list[n].record, findings->list[n].field,
                      findings->list[n].text);
    assert_int_equal(findings->count, cases[i].differences);
    if (cases[i].differences > 0) {
      assert_string_equal(findings->list[0].field, cases[i].field);
      assert_true(findings->list[0].record > 0 && findings->list[0].record <= result.records);
    }
    nvt_replay_clear(&result);
  }
  unlink(trace_path);
}

int main(void) {
  snprintf(trace_path, sizeof(trace_path), "/tmp/nvmetap-target-%d.pcap", (int)getpid());
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_fault_is_one_difference),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
