/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine of the rules: which run, what is counted and what is reported, what is forgotten, and
 * that a record's cost is bounded. What each rule is for is tested by tests/cli/check.test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "trace/checks.h"

struct fixture {
  struct nvt_session *session;
  struct nvt_checks *checks;
  struct nvt_record record;
  uint64_t found;
  struct nvt_finding last;
  char text[512];
};

static void on_found(void *ctx, const struct nvt_finding *finding) {
  struct fixture *f = ctx;
  f->found++;
  f->last = *finding;
  snprintf(f->text, sizeof(f->text), "%s", finding->text);
}

static void on_ended(void *ctx, struct nvt_exchange *exchange) {
  struct fixture *f = ctx;
  nvt_checks_ended(f->checks, exchange);
}

static void start(struct fixture *f, uint64_t per_rule, const bool *skip) {
  memset(f, 0, sizeof(*f));
  const struct nvt_session_options session = {.ended = on_ended, .ended_ctx = f};
  const struct nvt_checks_options options = {
      .skip = skip, .per_rule = per_rule, .found = on_found, .ctx = f};
  assert_int_equal(nvt_session_create(&session, &f->session), 0);
  assert_int_equal(nvt_checks_create(&options, f->session, &f->checks), 0);
}

static void stop(struct fixture *f) {
  nvt_checks_finish(f->checks);
  nvt_session_finish(f->session);
  nvt_checks_destroy(f->checks);
  nvt_session_destroy(f->session);
}

static void feed(struct fixture *f, unsigned type) {
  struct nvt_view view;
  f->record.header.type = (uint8_t)type;
  f->record.header.seq++;
  f->record.number++;
  f->record.time_ns += 1000;
  assert_int_equal(nvt_session_record(f->session, &f->record, &view), 0);
  assert_int_equal(nvt_checks_record(f->checks, &f->record, &view), 0);
}

static void write_register(struct fixture *f, uint64_t offset, uint64_t value) {
  f->record.access =
      (struct nvt_rec_access){.offset = offset, .value = value, .size = 4, .space = 1};
  feed(f, NVT_REC_REG_WRITE);
}

static void read_csts(struct fixture *f, uint64_t value) {
  f->record.access =
      (struct nvt_rec_access){.offset = NVT_REG_CSTS, .value = value, .size = 4, .space = 1};
  feed(f, NVT_REC_REG_READ);
}

static void command(struct fixture *f, uint16_t cid) {
  write_register(f, NVT_REG_DOORBELLS, cid);
  f->record.command = (struct nvt_rec_command){
      .sqid = 0, .slot = (uint16_t)(cid - 1), .sqe = {.opcode = NVT_ADMIN_KEEP_ALIVE, .cid = cid}};
  feed(f, NVT_REC_COMMAND);
}

static void enable(struct fixture *f) {
  write_register(f, NVT_REG_AQA, 0x000f000f);
  write_register(f, NVT_REG_CC, 0x00460001);
  read_csts(f, 1);
}

static size_t rule(const char *id) {
  size_t index = nvt_check_find(id, strlen(id));
  assert_true(index < nvt_check_count());
  return index;
}

static void test_table(void **state) {
  (void)state;
  assert_true(nvt_check_count() >= 40);
  assert_null(nvt_check_at(nvt_check_count()));
  for (size_t i = 0; i < nvt_check_count(); i++) {
    const struct nvt_check_info *info = nvt_check_at(i);
    char spec[96];
    nvt_check_spec_text(info, spec, sizeof(spec));
    assert_non_null(strstr(spec, ", section "));
    assert_int_equal(rule(info->id), i);
    if (i > 0)
      assert_true(strcmp(nvt_check_at(i - 1)->id, info->id) < 0);
  }
  assert_int_equal(nvt_check_find("sq-overru", 9), nvt_check_count());
  assert_int_equal(nvt_check_find("sq-overrun", 9), nvt_check_count());
  assert_int_equal(nvt_check_find("", 0), nvt_check_count());
}

static void test_options(void **state) {
  (void)state;
  struct nvt_checks *checks;
  const struct nvt_checks_options none = {0};
  struct nvt_session *session;
  assert_int_equal(nvt_session_create(NULL, &session), 0);
  assert_int_equal(nvt_checks_create(&none, session, &checks), -22);
  nvt_session_destroy(session);
  nvt_checks_destroy(NULL);
}

static void test_skip(void **state) {
  (void)state;
  struct fixture f;
  bool *skip = calloc(nvt_check_count(), sizeof(*skip));
  skip[rule("doorbell-absent-queue")] = true;
  start(&f, 0, skip);
  memset(skip, 0, nvt_check_count() * sizeof(*skip)); /* it was borrowed for the creation alone */
  enable(&f);
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 0);
  assert_int_equal(nvt_checks_found(f.checks, rule("doorbell-absent-queue")), 0);
  stop(&f);
  free(skip);
}

static void test_limit(void **state) {
  (void)state;
  for (uint64_t limit = 2; limit <= 4; limit++) {
    struct fixture f;
    start(&f, limit, NULL);
    enable(&f);
    for (unsigned i = 0; i < 3; i++)
      write_register(&f, 0x1010, 1);
    assert_int_equal(f.found, limit < 3 ? limit : 3);
    assert_int_equal(nvt_checks_found(f.checks, rule("doorbell-absent-queue")), 3);
    stop(&f);
  }
}

static void test_forgotten(void **state) {
  (void)state;
  struct fixture f;
  start(&f, 0, NULL);
  enable(&f);
  f.record.header.seq += 2; /* records are missing: the queue may have been created there */
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 1);
  assert_string_equal(f.last.rule->id, "records-missing");
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 1);
  write_register(&f, NVT_REG_CC, 0x00460000); /* from a reset on, all is known again */
  read_csts(&f, 0);
  enable(&f);
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 2);
  assert_string_equal(f.last.rule->id, "doorbell-absent-queue");
  f.record.event = (struct nvt_rec_event){.event = NVT_V_event_event_TRACE_STOPPED};
  feed(&f, NVT_REC_EVENT);
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 2);
  stop(&f);
}

static void meta(struct fixture *f, uint8_t left_out) {
  f->record.meta = (struct nvt_rec_meta){.cap = 0x2028010fff, .left_out_flags = left_out};
  feed(f, NVT_REC_META);
}

/* What isn't there because of a filter isn't judged; nor does it show that nothing was. */
static void test_left_out(void **state) {
  (void)state;
  const struct nvt_check_info *overrun = nvt_check_at(rule("sq-overrun"));
  const struct nvt_check_info *phase = nvt_check_at(rule("completion-phase"));
  assert_true(nvt_check_applies(overrun, 0) && nvt_check_applies(overrun, 2));
  assert_false(nvt_check_applies(overrun, 1) || nvt_check_applies(overrun, 4));
  assert_true(nvt_check_applies(phase, 3));
  assert_false(nvt_check_applies(phase, 4));
  assert_true(nvt_check_applies(overrun, 0x14) && nvt_check_applies(overrun, 0x16));
  assert_false(nvt_check_applies(overrun, 0x15) || nvt_check_applies(phase, 0x14));
  for (uint8_t left_out = 0; left_out <= NVT_V_meta_left_out_flags_COMMANDS; left_out++) {
    struct fixture f;
    start(&f, 0, NULL);
    meta(&f, left_out);
    assert_int_equal(nvt_checks_left_out(f.checks), left_out);
    write_register(&f, NVT_REG_CC, 0x00460001); /* the start, or a driver at work? */
    write_register(&f, 0x1000, 1);
    assert_int_equal(f.found, left_out == 0 ? 1 : 0);
    stop(&f);
  }
  struct fixture f;
  start(&f, 0, NULL);
  meta(&f, 0);
  enable(&f);
  meta(&f, 0);
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 1);
  meta(&f, NVT_V_meta_left_out_flags_COMMANDS); /* what was known may have changed */
  write_register(&f, 0x1010, 1);
  assert_int_equal(f.found, 1);
  stop(&f);
}

static void twice(struct fixture *f, uint16_t sqid, struct nvt_sqe sqe, const char *name) {
  for (unsigned i = 0; i < 2; i++) {
    f->record.command = (struct nvt_rec_command){.sqid = sqid, .cqid = sqid, .sqe = sqe};
    feed(f, NVT_REC_COMMAND);
  }
  assert_int_equal(f->last.index, rule("command-id-in-use"));
  if (strncmp(f->text, name, strlen(name)) != 0)
    fail_msg("%s: %s", name, f->text);
}

/* A command is named by its set, which isn't its queue's alone. */
static void test_names(void **state) {
  (void)state;
  struct fixture f;
  start(&f, 0, NULL);
  write_register(&f, NVT_REG_CC, 0x00460061); /* CSS 110b: all command sets */
  f.record.command = (struct nvt_rec_command){.sqe = {.opcode = NVT_ADMIN_IDENTIFY,
                                                      .cid = 1,
                                                      .nsid = 2,
                                                      .cdw10 = NVT_CNS_CS_NAMESPACE,
                                                      .cdw11 = 1u << 24}};
  feed(&f, NVT_REC_COMMAND);
  f.record.completion = (struct nvt_rec_completion){.cqe = {.cid = 1}};
  feed(&f, NVT_REC_COMPLETION);
  twice(&f, 1, (struct nvt_sqe){.opcode = 1, .cid = 2, .nsid = 2}, "Store on SQ 1");
  twice(&f, 1, (struct nvt_sqe){.opcode = 1, .cid = 3, .nsid = 1}, "Write on SQ 1");
  twice(&f, 1, (struct nvt_sqe){.opcode = 0x7d, .cid = 4, .nsid = 1}, "Zone Append on SQ 1");
  twice(&f, 0, (struct nvt_sqe){.opcode = 0x7f, .cid = 5, .nsid = 1}, "Connect on SQ 0");
  twice(&f, 1, (struct nvt_sqe){.opcode = 0x7f, .cid = 6, .nsid = 8}, "Disconnect on SQ 1");
  stop(&f);
}

static void test_plugin(void **state) {
  (void)state;
  struct fixture f;
  start(&f, 0, NULL);
  enable(&f);
  f.record.verdict = (struct nvt_rec_verdict){
      .cid = UINT16_MAX, .verdict = NVT_V_verdict_verdict_LOADED, .plugin = "being there isn't it"};
  feed(&f, NVT_REC_VERDICT);
  write_register(&f, 0x1010, 1);
  assert_null(strstr(f.text, "plug-in"));
  memset(f.record.verdict.plugin, 'x', sizeof(f.record.verdict.plugin)); /* not terminated */
  f.record.verdict.cid = 1;
  f.record.verdict.sqid = 0;
  f.record.verdict.verdict = NVT_V_verdict_verdict_DROPPED;
  f.record.verdict.tap = NVT_V_verdict_tap_IO_INTERRUPT;
  feed(&f, NVT_REC_VERDICT);
  write_register(&f, 0x1010, 1);
  assert_non_null(strstr(f.text, "(plug-in xxxxxxxxxxxxxxxxxxxxxxxx interfered, last in record "));
  stop(&f);
}

/* Open at the end: from one second on, and told before the end without being counted. */
static void test_open(void **state) {
  (void)state;
  for (int64_t more = -1; more <= 1; more++) {
    struct fixture f;
    size_t index = rule("command-never-completed");
    start(&f, 0, NULL);
    enable(&f);
    command(&f, 1);
    uint64_t at = f.record.number;
    f.record.time_ns += (uint64_t)(1000000000 - 1000 + more);
    read_csts(&f, 1);
    const struct nvt_exchange *exchange = nvt_session_outstanding_command(f.session, 0, 0, 1);
    assert_non_null(exchange);
    nvt_checks_open(f.checks, exchange);
    assert_int_equal(f.found, more >= 0);
    assert_int_equal(nvt_checks_found(f.checks, index), 0);
    nvt_checks_finish(f.checks);
    nvt_session_finish(f.session);
    assert_int_equal(f.found, more >= 0 ? 2 : 0);
    if (more >= 0) {
      assert_int_equal(f.last.index, index);
      assert_int_equal(f.last.at.record, at);
    }
    nvt_checks_destroy(f.checks);
    nvt_session_destroy(f.session);
  }
}

/* 65,535 completion queues wait for an interrupt that never comes, and the clock makes all of them
 * due at every record. */
static void test_bounded(void **state) {
  (void)state;
  struct fixture f;
  start(&f, 0, NULL);
  for (unsigned qid = 1; qid < 65536; qid++) {
    f.record.queue = (struct nvt_rec_queue){
        .qid = (uint16_t)qid, .is_cq = 1, .queue_flags = 2, .vector = 1, .entries = 16};
    feed(&f, NVT_REC_QUEUE_STATE);
    f.record.completion = (struct nvt_rec_completion){.sqid = 1, .cqid = (uint16_t)qid};
    feed(&f, NVT_REC_COMPLETION);
  }
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (unsigned i = 0; i < 200000; i++) {
    f.record.time_ns += 1000000000;
    read_csts(&f, 1);
  }
  clock_gettime(CLOCK_MONOTONIC, &to);
  assert_true(to.tv_sec - from.tv_sec < 20); /* without the bound: hours */
  stop(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),     cmocka_unit_test(test_options),
      cmocka_unit_test(test_skip),      cmocka_unit_test(test_limit),
      cmocka_unit_test(test_forgotten), cmocka_unit_test(test_plugin),
      cmocka_unit_test(test_open),      cmocka_unit_test(test_bounded),
      cmocka_unit_test(test_left_out),  cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
