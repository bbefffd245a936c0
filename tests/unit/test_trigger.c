/* SPDX-License-Identifier: BSD-2-Clause */
/* What --trigger understands, and which records meet it. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "capture/commands_int.h"
#include "capture/match_int.h"
#include "capture/trigger.h"
#include "trace/build.h"
#include "trace/record.h"

static void spans(void **state) {
  (void)state;
  static const struct {
    const char *text;
    struct nvt_span span;
  } good[] = {
      {"0", {0}},
      {"1", {.records = 1}},
      {"4294967295", {.records = UINT32_MAX}},
      {"1B", {.bytes = 1}},
      {"64K", {.bytes = 65536}},
      {"8G", {.bytes = 8ull << 30}},
      {"1s", {.ns = 1000000000}},
      {"1.5ms", {.ns = 1500000}},
      {"2us", {.ns = 2000}},
      {"7ns", {.ns = 7}},
      {"1440min", {.ns = NVT_SPAN_NS_MAX}},
  };
  for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
    struct nvt_span span;
    assert_true(nvt_span_parse(good[i].text, &span));
    assert_memory_equal(&span, &good[i].span, sizeof(span));
  }
  static const char *const bad[] = {
      "",    "x",   "-1", "4294967296", "8193M", "9G",   "1441min", "1h",  "1 s",      "1..5s",
      ".5s", "1e3", "K",  "s",          "0x",    "1KB2", "86401s",  "1s ", "infinitys"};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    struct nvt_span span;
    if (nvt_span_parse(bad[i], &span))
      fail_msg("'%s' is taken", bad[i]);
  }
}

static void conditions(void **state) {
  (void)state;
  struct nvt_trigger t;
  char why[512] = "";
  assert_true(nvt_trigger_parse("error", &t, why, sizeof(why)));
  assert_int_equal(t.kind, NVT_TRIGGER_COMPLETION);
  assert_true(t.commands.errors && !t.before_given && t.before.records == NVT_SPAN_RECORDS);
  assert_int_equal(t.times, NVT_TRIGGER_TIMES);
  assert_true(nvt_trigger_parse("opcode=Read+Write+nsid=2+lba=0x10-20,before=1M,after=2s,times=0",
                                &t, why, sizeof(why)));
  assert_int_equal(t.kind, NVT_TRIGGER_COMMAND);
  assert_int_equal(t.commands.opcodes[1][0], 6);
  assert_int_equal(t.commands.range_count, 1);
  assert_true(t.commands.ranges[0].first == 16 && t.commands.ranges[0].last == 20);
  assert_int_equal(t.commands.nsid, 2);
  assert_true(t.before.bytes == 1 << 20 && t.after.ns == 2000000000 && t.times == 0);
  assert_true(nvt_trigger_parse("status=2/0x81+queue=1+2", &t, why, sizeof(why)));
  assert_int_equal(t.commands.status_count, 1);
  assert_int_equal(t.commands.statuses[0], 0x281);
  assert_int_equal(t.commands.queue_count, 2);
  assert_true(nvt_trigger_parse("status=invalid field in command+0/1", &t, why, sizeof(why)));
  assert_int_equal(t.commands.status_count, 2);
  assert_int_equal(t.commands.statuses[0], 2);
  assert_int_equal(t.commands.statuses[1], 1);
  assert_true(nvt_trigger_parse("event=fatal+reset+dma-fault", &t, why, sizeof(why)));
  assert_int_equal(t.events, 1u << 13 | 0xfu << 3 | 1u << 17);
  assert_true(nvt_trigger_parse("reg=cc", &t, why, sizeof(why)));
  assert_true(t.kind == NVT_TRIGGER_REGISTER && t.offset == 0x14 && t.size == 4);
  assert_true(nvt_trigger_parse("reg=0x1008", &t, why, sizeof(why)));
  assert_int_equal(t.offset, 0x1008);
  static const char *const bad[] = {"",
                                    "frob",
                                    "error+event=reset",
                                    "reg=CC+queue=1",
                                    "record=0",
                                    "record=x",
                                    "event=trigger",
                                    "event=",
                                    "status=8/1",
                                    "status=1/256",
                                    "status=nonsense",
                                    "slower=5",
                                    "lba=5-4",
                                    "lba=-1",
                                    "lba=1-2-3",
                                    "all",
                                    "errors",
                                    "metadata",
                                    "lba=18446744073709551616",
                                    "queue=65536",
                                    "admin+io",
                                    "reg=XX",
                                    "reg=0xfffffffd",
                                    "error,before=",
                                    "error,times=-1",
                                    "error,during=5",
                                    "error,",
                                    "+",
                                    "error+"};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    why[0] = '\0';
    if (nvt_trigger_parse(bad[i], &t, why, sizeof(why)))
      fail_msg("'%s' is taken", bad[i]);
    assert_true(why[0] != '\0');
  }
  char text[NVT_TRIGGER_TEXT + 2];
  memset(text, 'x', sizeof(text));
  text[sizeof(text) - 1] = '\0';
  assert_false(nvt_trigger_parse(text, &t, why, sizeof(why)));
  assert_non_null(strstr(why, "255"));
  /* As long as it may be. */
  memset(text, '0', sizeof(text));
  memcpy(text, "record=", 7);
  text[NVT_TRIGGER_TEXT - 1] = '5';
  text[NVT_TRIGGER_TEXT] = '\0';
  assert_true(nvt_trigger_parse(text, &t, why, sizeof(why)));
  assert_int_equal(t.record, 5);
}

/* --- matching --- */

struct rig {
  struct nvt_match *match;
  struct nvt_trigger triggers[NVT_TRIGGERS_MAX];
  uint64_t ns, number;
  uint8_t flags;
};

static void start(struct rig *rig, unsigned count, const char *const *texts) {
  char why[512];
  *rig = (struct rig){.ns = 1000000000};
  for (unsigned i = 0; i < count; i++)
    if (!nvt_trigger_parse(texts[i], &rig->triggers[i], why, sizeof(why)))
      fail_msg("%s", why);
  assert_int_equal(nvt_match_create(rig->triggers, count, &rig->match), 0);
}

#define FEED(rig, TYPE, body)                                                                      \
  ({                                                                                               \
    uint8_t bytes_[256];                                                                           \
    const struct nvt_rec_header base_ = {.controller = 1, .flags = (rig)->flags};                  \
    size_t length_ = nvt_build_##TYPE(bytes_, sizeof(bytes_), &base_, body, NULL, 0);              \
    nvt_match((rig)->match, bytes_, length_, (rig)->ns, ++(rig)->number);                          \
  })

static uint32_t fetch(struct rig *rig, uint16_t sqid, uint16_t cid, uint8_t opcode, uint32_t nsid,
                      uint64_t slba, uint16_t nlb) {
  const struct nvt_rec_command body = {.sqid = sqid,
                                       .sqe = {.opcode = opcode,
                                               .cid = cid,
                                               .nsid = nsid,
                                               .cdw10 = (uint32_t)slba,
                                               .cdw11 = (uint32_t)(slba >> 32),
                                               .cdw12 = nlb}};
  return FEED(rig, COMMAND, &body);
}

static uint32_t complete(struct rig *rig, uint16_t sqid, uint16_t cid, uint8_t opcode,
                         uint16_t status) {
  const struct nvt_rec_completion body = {
      .sqid = sqid,
      .opcode = opcode,
      .cqe = {.sqid = sqid, .cid = cid, .status = (uint16_t)(status << 1 | 1)}};
  return FEED(rig, COMPLETION, &body);
}

static void commands_and_completions(void **state) {
  (void)state;
  struct rig r;
  start(&r, 7,
        (const char *const[]){"error", "status=2/0x81", "opcode=Write+nsid=1", "lba=100-110",
                              "slower=1ms", "error+lba=50+queue=2", "opcode=read+admin"});
  assert_int_equal(fetch(&r, 1, 1, 2, 1, 0, 0), 0);
  assert_int_equal(fetch(&r, 1, 2, 1, 1, 0, 0), 1u << 2);
  assert_int_equal(fetch(&r, 1, 3, 1, 2, 99, 0), 0);
  assert_int_equal(fetch(&r, 1, 4, 2, 2, 99, 1), 1u << 3);
  assert_int_equal(fetch(&r, 1, 5, 2, 2, 110, 9), 1u << 3);
  assert_int_equal(fetch(&r, 1, 6, 2, 2, 111, 9), 0);
  assert_int_equal(fetch(&r, 1, 7, 2, 2, UINT64_MAX, 0xffff), 0); /* doesn't wrap */
  assert_int_equal(fetch(&r, 0, 8, 2, 0, 100, 0), 0);             /* Get Log Page has no blocks */
  r.ns += 1000000;
  assert_int_equal(complete(&r, 1, 1, 2, 0), 0);
  assert_int_equal(fetch(&r, 0, 77, 0xc, 0, 0, 0), 0); /* an event request takes its time */
  r.ns += 1000000;
  assert_int_equal(complete(&r, 0, 77, 0xc, 0), 0);
  assert_int_equal(complete(&r, 1, 2, 1, 0), 1u << 4);
  assert_int_equal(complete(&r, 1, 3, 1, 2), 1u << 4 | 1);
  assert_int_equal(complete(&r, 1, 4, 2, 0x281), 1u << 4 | 3);
  assert_int_equal(complete(&r, 1, 4, 2, 0), 0); /* whose command isn't known took no time */
  assert_int_equal(fetch(&r, 2, 9, 2, 1, 50, 0), 0);
  assert_int_equal(complete(&r, 2, 9, 2, 1), 1u << 5 | 1);
  assert_int_equal(fetch(&r, 3, 9, 2, 1, 50, 0), 0);
  assert_int_equal(complete(&r, 3, 9, 2, 1), 1);
  /* What tells of before isn't an event. */
  r.flags = NVT_V_header_flags_SNAPSHOT;
  assert_int_equal(complete(&r, 1, 5, 2, 1), 0);
  nvt_match_destroy(r.match);
}

static void events_registers_numbers(void **state) {
  (void)state;
  struct rig r;
  start(&r, 4, (const char *const[]){"event=reset+fatal", "reg=CC", "reg=ASQ", "record=3"});
  struct nvt_rec_event event = {.event = NVT_V_event_event_FATAL};
  assert_int_equal(FEED(&r, EVENT, &event), 1);
  event.event = NVT_V_event_event_DMA_MAP;
  assert_int_equal(FEED(&r, EVENT, &event), 0);
  event.event = 64 + NVT_V_event_event_FATAL;
  assert_int_equal(FEED(&r, EVENT, &event), 1u << 3);
  struct nvt_rec_access access = {.offset = 0x14, .size = 4, .space = NVT_V_access_space_BAR0};
  assert_int_equal(FEED(&r, REG_READ, &access), 0);
  assert_int_equal(FEED(&r, REG_WRITE, &access), 2);
  access.offset = 0x10;
  assert_int_equal(FEED(&r, REG_WRITE, &access), 0);
  access.size = 8;
  assert_int_equal(FEED(&r, REG_WRITE, &access), 2);
  access = (struct nvt_rec_access){.offset = 0x2c, .size = 4, .space = NVT_V_access_space_BAR0};
  assert_int_equal(FEED(&r, REG_WRITE, &access), 4);
  access.space = NVT_V_access_space_CONFIG;
  assert_int_equal(FEED(&r, REG_WRITE, &access), 0);
  nvt_match_destroy(r.match);
}

/* Whatever bytes come, cut anywhere. */
static void nonsense_is_survived(void **state) {
  (void)state;
  struct rig r;
  start(&r, 6,
        (const char *const[]){"error+nsid=1", "slower=1ns", "lba=0-18446744073709551615",
                              "event=fatal", "reg=CC", "record=5"});
  srandom(3);
  for (unsigned n = 0; n < 20000; n++) {
    uint8_t bytes[160];
    const struct nvt_rec_header base = {.controller = (uint16_t)(n % 3)};
    struct nvt_rec_command command = {.sqid = (uint16_t)(n % 5)};
    struct nvt_rec_completion completion = {.sqid = (uint16_t)(n % 5)};
    size_t length = n % 2 == 0
                        ? nvt_build_COMMAND(bytes, sizeof(bytes), &base, &command, NULL, 0)
                        : nvt_build_COMPLETION(bytes, sizeof(bytes), &base, &completion, NULL, 0);
    for (unsigned i = 0; i < n % 7; i++)
      bytes[(unsigned)random() % length] = (uint8_t)random();
    uint8_t *exact = malloc(length); /* for the sanitizer */
    size_t captured = (size_t)random() % (length + 1);
    memcpy(exact, bytes, captured);
    (void)nvt_match(r.match, exact, captured, (uint64_t)random(), n);
    free(exact);
  }
  nvt_match_destroy(r.match);
}

static void the_table_is_bounded(void **state) {
  (void)state;
  struct nvt_commands *table = nvt_commands_create();
  struct nvt_kept_command command = {0};
  for (unsigned i = 0; i <= NVT_COMMANDS_MAX; i++) { /* one too many: the first is forgotten */
    command.ns = i;
    nvt_commands_put(table, 0, (uint16_t)(i >> 12), (uint16_t)(i & 0xfff), &command);
  }
  assert_false(nvt_commands_take(table, 0, 0, 0, &command));
  for (unsigned i = 1; i <= NVT_COMMANDS_MAX; i++) {
    assert_true(nvt_commands_take(table, 0, (uint16_t)(i >> 12), (uint16_t)(i & 0xfff), &command));
    assert_int_equal(command.ns, i);
  }
  assert_false(nvt_commands_take(table, 0, 0, 1, &command));
  for (unsigned i = 0; i < 3; i++) { /* the same key: the last */
    command.ns = i;
    nvt_commands_put(table, 1, 2, 3, &command);
  }
  assert_false(nvt_commands_take(table, 0, 2, 3, &command));
  assert_true(nvt_commands_take(table, 1, 2, 3, &command));
  assert_int_equal(command.ns, 2);
  assert_false(nvt_commands_take(table, 1, 2, 3, &command));
  nvt_commands_destroy(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(spans),
      cmocka_unit_test(conditions),
      cmocka_unit_test(commands_and_completions),
      cmocka_unit_test(events_registers_numbers),
      cmocka_unit_test(nonsense_is_survived),
      cmocka_unit_test(the_table_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
