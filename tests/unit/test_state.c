/* SPDX-License-Identifier: BSD-2-Clause */
/* What the state says: the controller's condition, registers, MSI-X, and what is left out of long
 * lists. (That Wireshark says the same of real traces: tests/dissector/state.test.) */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "trace/text_state.h"

static struct nvt_session *session;
static struct nvt_record last;
static struct nvt_view view;
static struct nvt_state state;

static void start(void) {
  nvt_session_destroy(session);
  assert_int_equal(nvt_session_create(NULL, &session), 0);
  memset(&last, 0, sizeof(last));
}

static void put(unsigned type, struct nvt_record r) {
  r.number = r.header.seq = last.number + 1;
  r.time_ns = last.time_ns + 1000;
  r.header.type = (uint8_t)type;
  r.header.epoch = r.header.epoch != 0 ? r.header.epoch : last.header.epoch;
  last = r;
  assert_int_equal(nvt_session_record(session, &last, &view), 0);
  assert_true(nvt_state_now(session, &last, &view, &state));
}

static void access(unsigned type, uint64_t offset, uint64_t value, uint8_t size, uint8_t flags) {
  struct nvt_record r = {
      .access = {
          .offset = offset, .value = value, .size = size, .space = 1, .access_flags = flags}};
  put(type, r);
}
static void reads(uint64_t offset, uint64_t value) {
  access(NVT_REC_REG_READ, offset, value, 4, 0);
}
static void writes(uint64_t offset, uint64_t value) {
  access(NVT_REC_REG_WRITE, offset, value, 4, 0);
}
static void event(unsigned number) {
  struct nvt_record r = {0};
  r.event.event = (uint16_t)number;
  put(NVT_REC_EVENT, r);
}
static void command(uint16_t cid) {
  put(NVT_REC_COMMAND, (struct nvt_record){.command = {.sqid = 1, .cqid = 1, .sqe = {.cid = cid}}});
}
static void is(enum nvt_condition condition) {
  assert_string_equal(nvt_condition_name(state.condition), nvt_condition_name(condition));
}

/* --- the condition --- */

#define CC_SHUTDOWN 0x4001u
#define CSTS_FATAL 2u
#define CSTS_SHUTTING_DOWN 5u
#define CSTS_SHUT_DOWN 9u

static void starts_and_stops(void **unused) {
  (void)unused;
  start();
  reads(NVT_REG_CAP, 0);
  is(NVT_CONDITION_UNKNOWN);
  writes(NVT_REG_CC, 1);
  is(NVT_CONDITION_STARTING);
  reads(NVT_REG_CSTS, 0);
  is(NVT_CONDITION_STARTING);
  reads(NVT_REG_CSTS, 1);
  is(NVT_CONDITION_READY);
  writes(NVT_REG_CC, 0x00460001);
  is(NVT_CONDITION_READY);
  writes(NVT_REG_CC, CC_SHUTDOWN);
  is(NVT_CONDITION_SHUTTING_DOWN);
  reads(NVT_REG_CSTS, CSTS_SHUTTING_DOWN);
  is(NVT_CONDITION_SHUTTING_DOWN);
  reads(NVT_REG_CSTS, CSTS_SHUT_DOWN);
  is(NVT_CONDITION_SHUT_DOWN);
  reads(NVT_REG_CC, CC_SHUTDOWN);
  is(NVT_CONDITION_SHUT_DOWN);
  writes(NVT_REG_CC, 0);
  is(NVT_CONDITION_DISABLED);
  reads(NVT_REG_CSTS, 1); /* not yet down */
  is(NVT_CONDITION_DISABLED);
  reads(NVT_REG_CC, 1); /* enabled where the trace doesn't show it */
  is(NVT_CONDITION_STARTING);
  command(1);
  is(NVT_CONDITION_READY);
  reads(NVT_REG_CSTS, 0);
  is(NVT_CONDITION_STARTING);
  reads(NVT_REG_CSTS, CSTS_FATAL);
  is(NVT_CONDITION_FAILED);
  writes(NVT_REG_CC, CC_SHUTDOWN);
  is(NVT_CONDITION_FAILED);
}

static void starts_in_the_middle(void **unused) {
  (void)unused;
  start();
  reads(NVT_REG_CC, 1); /* starting, or ready? */
  is(NVT_CONDITION_UNKNOWN);
  command(1);
  is(NVT_CONDITION_READY);
  start();
  reads(NVT_REG_CSTS, 1);
  is(NVT_CONDITION_READY);
  reads(NVT_REG_CSTS, 0); /* disabled, or starting? */
  is(NVT_CONDITION_UNKNOWN);
  access(NVT_REC_REG_WRITE, NVT_REG_CC, 1, 1, 0); /* its other bytes weren't seen */
  is(NVT_CONDITION_UNKNOWN);
  access(NVT_REC_REG_WRITE, NVT_REG_CC, 1, 4, NVT_V_access_access_flags_REFUSED);
  is(NVT_CONDITION_UNKNOWN);
  assert_false(state.known[NVT_ROW_CC]);
  writes(NVT_REG_CSTS, 1); /* of no account */
  is(NVT_CONDITION_UNKNOWN);
  event(NVT_V_event_event_ATTACH);
  is(NVT_CONDITION_DISABLED);
  reads(NVT_REG_CSTS, 0);
  is(NVT_CONDITION_DISABLED);
}

static void follows_events(void **unused) {
  (void)unused;
  static const struct {
    unsigned event;
    enum nvt_condition condition;
    bool forgets;
  } rows[] = {{NVT_V_event_event_READY, NVT_CONDITION_READY, false},
              {NVT_V_event_event_SHUTDOWN, NVT_CONDITION_SHUT_DOWN, false},
              {NVT_V_event_event_FATAL, NVT_CONDITION_FAILED, false},
              {NVT_V_event_event_CONTROLLER_RESET, NVT_CONDITION_DISABLED, false},
              {NVT_V_event_event_FUNCTION_RESET, NVT_CONDITION_DISABLED, false},
              {NVT_V_event_event_SUBSYSTEM_RESET, NVT_CONDITION_DISABLED, false},
              {NVT_V_event_event_DEVICE_RESET, NVT_CONDITION_DISABLED, false},
              {NVT_V_event_event_ATTACH, NVT_CONDITION_DISABLED, false},
              {NVT_V_event_event_DETACH, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_REMOVED, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_RETURNED, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_MIGRATE_OUT, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_MIGRATE_IN, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_TRACE_STOPPED, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_RECOVERED, NVT_CONDITION_UNKNOWN, true},
              {NVT_V_event_event_DMA_MAP, NVT_CONDITION_SHUTTING_DOWN, false}};
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    start();
    reads(NVT_REG_VS, 0x20000);
    writes(NVT_REG_CC, CC_SHUTDOWN);
    event(rows[i].event);
    is(rows[i].condition);
    assert_int_equal(state.known[NVT_ROW_VS], !rows[i].forgets);
  }
  start();
  writes(NVT_REG_CC, 0x00460001);
  event(NVT_V_event_event_READY);
  put(NVT_REC_ANNOTATION, (struct nvt_record){.header = {.epoch = 1}});
  is(NVT_CONDITION_DISABLED);
  assert_int_equal(state.registers[NVT_ROW_CC], 0);
  assert_true(state.known[NVT_ROW_CC]);
}

/* --- registers --- */

static void knows_registers(void **unused) {
  (void)unused;
  start();
  put(NVT_REC_META, (struct nvt_record){.meta = {.cap = 0x123456789abcdef0, .vs = 0x20100}});
  assert_true(state.known[NVT_ROW_CAP] && state.known[NVT_ROW_VS]);
  assert_int_equal(state.registers[NVT_ROW_CAP], 0x123456789abcdef0);
  writes(NVT_REG_ASQ, 0x1000);
  assert_false(state.known[NVT_ROW_ASQ]); /* half of it */
  assert_int_equal(state.registers[NVT_ROW_ASQ], 0);
  writes(NVT_REG_ASQ + 4, 2);
  assert_true(state.known[NVT_ROW_ASQ]);
  assert_int_equal(state.registers[NVT_ROW_ASQ], 0x200001000);
  writes(NVT_REG_INTMS, 5); /* sets bits: what it then reads as isn't seen */
  writes(NVT_REG_VS, 5);
  assert_false(state.known[NVT_ROW_INTMS]);
  assert_int_equal(state.registers[NVT_ROW_VS], 0x20100);
  access(NVT_REC_REG_READ, 0x20, 0x7777777700000001, 8, 0); /* NSSR and AQA */
  assert_int_equal(state.registers[NVT_ROW_NSSR], 1);
  assert_int_equal(state.registers[NVT_ROW_AQA], 0x77777777);
  /* The last of each of the two ranges, and what lies beside them. */
  reads(NVT_REG_CRTO, 0x11);
  reads(NVT_REG_CRTO + 4, 0x22);
  reads(NVT_REG_PMRCAP - 4, 0x33);
  reads(NVT_REG_PMRCAP, 0x44);
  reads(NVT_REG_PMRMSCU, 0x55);
  reads(NVT_REG_PMRMSCU + 4, 0x66);
  reads(UINT64_MAX - 1, 0x77);
  assert_int_equal(state.registers[NVT_ROW_CRTO], 0x11);
  assert_int_equal(state.registers[NVT_ROW_PMRCAP], 0x44);
  assert_int_equal(state.registers[NVT_ROW_PMRMSCU], 0x55);
}

/* --- MSI-X --- */

static void configures(unsigned type, uint64_t offset, uint64_t value, uint8_t size) {
  put(type,
      (struct nvt_record){.access = {.offset = offset, .value = value, .size = size, .space = 0}});
}
static void table(unsigned type, uint64_t offset, uint64_t value, uint8_t size) {
  put(type,
      (struct nvt_record){.access = {.offset = offset, .value = value, .size = size, .space = 2}});
}
static void pending_bits(uint64_t offset, uint64_t value, uint8_t size) {
  put(NVT_REC_MSIX_READ,
      (struct nvt_record){.access = {.offset = offset, .value = value, .size = size, .space = 3}});
}
static void interrupt(uint16_t vector, unsigned how) {
  put(NVT_REC_INTERRUPT,
      (struct nvt_record){.interrupt = {.vector = vector, .state = (uint8_t)how}});
}
static bool masked(unsigned vector) {
  return (state.msix.words[vector / 32].masked >> vector % 32 & 1) != 0;
}
static bool pending(unsigned vector) {
  return (state.msix.words[vector / 32].pending >> vector % 32 & 1) != 0;
}

static void follows_msix(void **unused) {
  (void)unused;
  start();
  configures(NVT_REC_CONFIG_WRITE, 0x52, 0x8007, 2); /* of what capability isn't known */
  assert_false(state.msix.control_known);
  configures(NVT_REC_CONFIG_READ, 0x34, 0x50, 1);
  configures(NVT_REC_CONFIG_READ, 0x50, 0x00070011, 4);
  assert_true(state.msix.control_known && !state.msix.enabled);
  configures(NVT_REC_CONFIG_WRITE, 0x52, 0xc007, 2);
  assert_true(state.msix.enabled && state.msix.function_masked);
  table(NVT_REC_MSIX_WRITE, 12, 1, 4);
  table(NVT_REC_MSIX_WRITE, 16 * 2047 + 8, 0x100000000,
        8); /* data, and the last vector's control */
  table(NVT_REC_MSIX_WRITE, 16 * 2048 + 12, 1, 4);
  table(NVT_REC_MSIX_WRITE, 13, 1, 1);
  assert_true(masked(0) && masked(2047));
  assert_false(masked(1));
  assert_int_equal(state.msix.words[0].known, 1);
  table(NVT_REC_MSIX_READ, 12, 0, 4);
  assert_false(masked(0));
  pending_bits(0, 5, 8);
  assert_true(pending(0) && !pending(1) && pending(2));
  pending_bits(255, 0x80, 1);
  assert_true(pending(2047));
  pending_bits(256, 0xff, 1);
  interrupt(2, NVT_V_interrupt_state_SENT);
  assert_false(pending(2));
  assert_false(state.msix.function_masked); /* or it wouldn't have been */
  interrupt(3, NVT_V_interrupt_state_MASKED);
  interrupt(4, NVT_V_interrupt_state_DISABLED);
  interrupt(2048, NVT_V_interrupt_state_MASKED);
  assert_true(pending(3) && !pending(4));
  event(NVT_V_event_event_CONTROLLER_RESET);
  assert_true(!pending(0) && !pending(3) && masked(2047) && state.msix.enabled);
  event(NVT_V_event_event_FUNCTION_RESET);
  assert_true(!masked(2047) && !state.msix.enabled && state.msix.control_known);
}

/* --- long lists --- */

static unsigned seen[NVT_STATE_FIELDS];
static uint64_t value[NVT_STATE_FIELDS];
static void count(void *ctx, const struct nvt_state_part *part) {
  (void)ctx;
  char buffer[160];
  struct nvt_text text;
  nvt_text_init(&text, buffer, sizeof(buffer));
  nvt_text_state_label(&text, part);
  assert_true(text.length > 0 && text.length < 100);
  nvt_text_init(&text, buffer, sizeof(buffer));
  nvt_text_state_value(&text, part);
  assert_true((text.length > 0) == (part->kind != NVT_STATE_PART_GROUP));
  if (part->kind != NVT_STATE_PART_FIELD)
    return;
  seen[part->field]++;
  value[part->field] = part->value;
}
static void walk(void) {
  memset(seen, 0, sizeof(seen));
  nvt_state_walk(&state, count, NULL);
}

static void long_lists_are_cut(void **unused) {
  (void)unused;
  start();
  for (unsigned i = 1; i <= NVT_STATE_COMMANDS + 1; i++) {
    command((uint16_t)i);
    walk();
    assert_int_equal(state.outstanding, i);
    assert_int_equal(seen[NVT_STATE_COMMAND], i < 64 ? i : 64);
    assert_int_equal(seen[NVT_STATE_COMMAND_AGE], seen[NVT_STATE_COMMAND]);
    assert_int_equal(seen[NVT_STATE_OMITTED], i > 64);
    assert_int_equal(state.commands[0].cid, 1);
    assert_int_equal(state.commands[0].age_ns, (i - 1) * 1000);
  }
  assert_int_equal(value[NVT_STATE_OMITTED], 1);
  for (unsigned i = 0; i < 65; i++) {
    table(NVT_REC_MSIX_WRITE, 16 * (i + 100) + 12, 1, 4);
    walk();
    assert_int_equal(value[NVT_STATE_MSIX_MASKED_COUNT], i + 1);
    assert_int_equal(seen[NVT_STATE_MSIX_MASKED], i < 64 ? i + 1 : 64);
    assert_int_equal(value[NVT_STATE_MSIX_MASKED], i < 64 ? i + 100 : 163);
  }
}

/* Of a trace that starts later, what isn't known isn't told. */
static void unknown_is_left_out(void **unused) {
  (void)unused;
  start();
  command(1);
  walk();
  assert_int_equal(seen[NVT_STATE_SQ], 1);
  assert_int_equal(seen[NVT_STATE_SQ_HEAD], 1);
  assert_int_equal(seen[NVT_STATE_SQ_TAIL], 0);
  assert_int_equal(seen[NVT_STATE_SQ_ENTRIES], 0);
  assert_int_equal(seen[NVT_STATE_SQ_BASE], 0);
  assert_int_equal(seen[NVT_STATE_CQ], 0);
  assert_int_equal(seen[NVT_STATE_MSIX_ENABLED], 0);
  access(NVT_REC_REG_WRITE, 0x1008, 3, 4, 0);
  walk();
  assert_int_equal(seen[NVT_STATE_SQ_TAIL], 1);
  assert_int_equal(value[NVT_STATE_SQ_TAIL], 3);
  struct nvt_record other = {.header = {.controller = 9}};
  assert_false(nvt_state_now(session, &other, &view, &state));
}

static int stop(void **unused) {
  (void)unused;
  nvt_session_destroy(session);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(starts_and_stops),    cmocka_unit_test(starts_in_the_middle),
      cmocka_unit_test(follows_events),      cmocka_unit_test(knows_registers),
      cmocka_unit_test(follows_msix),        cmocka_unit_test(long_lists_are_cut),
      cmocka_unit_test(unknown_is_left_out),
  };
  return cmocka_run_group_tests(tests, NULL, stop);
}
