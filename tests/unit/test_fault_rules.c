/* SPDX-License-Identifier: BSD-2-Clause */
/* The fault plug-in's rules: what is read, what is refused and where, and what is hit. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "controller/plugin.h"
#include "nvme/nvme.h"
#include "plugins/fault/index.h"
#include "plugins/fault/marks.h"
#include "plugins/fault/match.h"
#include "plugins/fault/rules.h"

/* One rule of these two objects. */
static bool try_rule(struct fault_set *set, const char *match, const char *action, char *why) {
  char text[1000];
  int length = snprintf(text, sizeof(text), "{\"match\":%s,\"action\":%s}", match, action);
  assert_in_range(length, 1, sizeof(text) - 1);
  return fault_rule_parse(set, text, (size_t)length, why, 400);
}

static struct fault_rule one(const char *match, const char *action) {
  struct fault_set set = {0};
  char why[400] = "";
  if (!try_rule(&set, match, action, why))
    fail_msg("%s %s: %s", match, action, why);
  struct fault_rule rule = set.rules[0];
  assert_int_equal(set.count, 1);
  fault_rules_free(&set);
  rule.text = NULL;
  return rule;
}

/* Refused, with a message that has all of these words. */
static void refused(const char *match, const char *action, const char *where, const char *wanted) {
  struct fault_set set = {0};
  char why[400] = "";
  if (try_rule(&set, match, action, why))
    fail_msg("%s %s was taken", match, action);
  assert_int_equal(set.count, 0);
  if (strstr(why, "rule 1") == NULL || strstr(why, where) == NULL || strstr(why, wanted) == NULL)
    fail_msg("%s %s: '%s' lacks '%s' or '%s'", match, action, why, where, wanted);
  fault_rules_free(&set);
}

#define DROP "{\"drop\":true}"

static struct nvme_command command(uint8_t opcode, uint32_t nsid, uint64_t lba, uint32_t blocks) {
  return (struct nvme_command){.opc = opcode,
                               .nsid = nsid,
                               .cdw10 = (uint32_t)lba,
                               .cdw11 = (uint32_t)(lba >> 32),
                               .cdw12 = blocks - 1};
}

static bool has_opcode(const struct fault_rule *rule, unsigned opcode) {
  return rule->match.opcodes[opcode / 64] >> opcode % 64 & 1;
}

static unsigned opcode_count(const struct fault_rule *rule) {
  unsigned n = 0;
  for (unsigned i = 0; i < 256; i++)
    n += has_opcode(rule, i);
  return n;
}

static void opcodes(void **state) {
  (void)state;
  struct fault_rule rule = one("{}", DROP);
  assert_int_equal(opcode_count(&rule), 256);
  assert_false(rule.match.admin);
  static const char *const writes[] = {"\"Write\"", "\"write\"", "1", "\"0x01\"", "\"1\"", "[1]"};
  for (unsigned i = 0; i < 6; i++) {
    char match[64];
    snprintf(match, sizeof(match), "{\"opcode\":%s}", writes[i]);
    rule = one(match, DROP);
    assert_int_equal(opcode_count(&rule), 1);
    assert_true(has_opcode(&rule, NVT_NVM_WRITE));
  }
  rule = one("{\"opcode\":[\"Read\",\"Flush\",255]}", DROP);
  assert_int_equal(opcode_count(&rule), 3);
  assert_true(has_opcode(&rule, NVT_NVM_READ) && has_opcode(&rule, 0) && has_opcode(&rule, 255));
  /* Names are of the set; "admin" may come later. */
  rule = one("{\"opcode\":\"Identify\",\"admin\":true}", DROP);
  assert_true(rule.match.admin && has_opcode(&rule, NVT_ADMIN_IDENTIFY));
  refused("{\"opcode\":\"Identify\"}", DROP, "match.opcode", "I/O command");
  refused("{\"opcode\":\"Write\",\"admin\":true}", DROP, "match.opcode", "admin command");
  refused("{\"opcode\":256}", DROP, "match.opcode", "0 to 255");
  refused("{\"opcode\":-1}", DROP, "match.opcode", "0 to 255");
  refused("{\"opcode\":null}", DROP, "match.opcode", "wanted");
  refused("{\"opcode\":1.0}", DROP, "match.opcode", "wanted");
  refused("{\"opcode\":[]}", DROP, "match.opcode", "1 to 256");
  refused("{\"opcode\":[[1]]}", DROP, "match.opcode", "wanted");
}

/* A number between `before` and `after`, from least to most: one beyond is refused. */
static void limits(const char *before, const char *after, const char *where, uint64_t least,
                   uint64_t most) {
  const struct {
    uint64_t number;
    bool taken;
  } cases[] = {{least, true}, {least + 1, true}, {most - 1, true},
               {most, true},  {most + 1, false}, {least - 1, false}};
  for (unsigned i = 0; i < 5u + (least > 0); i++) {
    char text[200];
    snprintf(text, sizeof(text), "%s%llu%s", before, (unsigned long long)cases[i].number, after);
    if (cases[i].taken)
      (void)one(text, DROP);
    else
      refused(text, DROP, where, "wanted");
  }
}

static void limits_of_numbers(void **state) {
  (void)state;
  limits("{\"queue\":", "}", "match.queue", 1, UINT16_MAX);
  limits("{\"namespace\":", "}", "match.namespace", 0, UINT32_MAX);
  limits("{\"after\":", "}", "match.after", 0, 1ull << 53);
  limits("{\"count\":", "}", "match.count", 1, 1ull << 53);
  limits("{\"every\":", "}", "match.every", 1, 1ull << 53);
  limits("{\"lba\":[0,", "]}", "match.lba", 0, UINT64_MAX - 1);
  limits("{\"size\":[1,", "]}", "match.size", 1, 65536);
  refused("{\"size\":[0,1]}", DROP, "match.size", "1 to 65536");
  refused("{\"size\":[1,65537]}", DROP, "match.size", "1 to 65536");
  refused("{\"lba\":[5,4]}", DROP, "match.lba", "more than the last");
  (void)one("{\"lba\":[5,5]}", DROP);
  refused("{\"lba\":[5]}", DROP, "match.lba", "[first, last]");
  refused("{\"lba\":[5,6,7]}", DROP, "match.lba", "[first, last]");
  refused("{\"lba\":5}", DROP, "match.lba", "[first, last]");
  /* What fits in no integer newer versions of json-c refuse themselves. */
  struct fault_set set = {0};
  char why[400] = "";
  assert_false(try_rule(&set, "{\"lba\":[0,99999999999999999999999999]}", DROP, why));
  assert_true(strstr(why, "match.lba") != NULL || strstr(why, "number expected") != NULL);
  fault_rules_free(&set);
  static const char *const bad[] = {"-1",  "\"-1\"", "\" 1\"", "\"\"", "\"0x\"", "\"1k\"",
                                    "1.5", "true",   "null",   "{}",   "[]",     "\"0xg\""};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char text[80];
    snprintf(text, sizeof(text), "{\"after\":%s}", bad[i]);
    refused(text, DROP, "match.after", "whole number");
  }
  (void)one("{\"probability\":0}", DROP);
  (void)one("{\"probability\":1}", DROP);
  assert_true(one("{\"probability\":0.25}", DROP).match.probability == 0.25);
  refused("{\"probability\":1.0000001}", DROP, "match.probability", "0 to 1");
  refused("{\"probability\":-0.0000001}", DROP, "match.probability", "0 to 1");
  refused("{\"probability\":\"0.5\"}", DROP, "match.probability", "0 to 1");
}

static void queue_lists(void **state) {
  (void)state;
  for (unsigned n = FAULT_QUEUES_MAX - 1; n <= FAULT_QUEUES_MAX + 1; n++) {
    char text[400] = "{\"queue\":[";
    for (unsigned i = 0; i < n; i++)
      sprintf(text + strlen(text), "%s%u", i == 0 ? "" : ",", i + 1);
    strcat(text, "]}");
    if (n <= FAULT_QUEUES_MAX)
      assert_int_equal(one(text, DROP).match.queue_count, n);
    else
      refused(text, DROP, "match.queue", "1 to 32");
  }
  refused("{\"queue\":[]}", DROP, "match.queue", "1 to 32");
  refused("{\"queue\":0}", DROP, "match.queue", "admin");
  refused("{\"queue\":1,\"admin\":true}", DROP, "match.queue", "admin");
  (void)one("{\"queue\":0,\"admin\":true}", DROP);
  struct fault_rule rule = one("{\"queue\":[2,4]}", DROP);
  struct nvme_command write = command(NVT_NVM_WRITE, 1, 0, 1);
  for (uint32_t queue = 1; queue < 6; queue++)
    assert_int_equal(fault_matches_command(&rule.match, queue, &write), queue == 2 || queue == 4);
}

static void blocks_are_compared(void **state) {
  (void)state;
  struct fault_rule rule = one("{\"lba\":[100,109]}", DROP);
  static const struct {
    uint64_t lba;
    uint32_t blocks;
    bool matches;
  } cases[] = {{99, 1, false},    {99, 2, true},          {100, 1, true},
               {109, 1, true},    {110, 1, false},        {0, 100, false},
               {0, 101, true},    {0, 65536, true},       {109, 500, true},
               {110, 500, false}, {UINT64_MAX, 1, false}, {UINT64_MAX, 65536, false}};
  for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
    struct nvme_command write = command(NVT_NVM_WRITE, 1, cases[i].lba, cases[i].blocks);
    assert_int_equal(fault_matches_command(&rule.match, 1, &write), cases[i].matches);
  }
  /* To the end of all blocks: a range that would go beyond counts up to there. */
  rule = one("{\"lba\":[18446744073709551614,18446744073709551614]}", DROP);
  struct nvme_command far = command(NVT_NVM_READ, 1, UINT64_MAX - 5, 65536);
  assert_true(fault_matches_command(&rule.match, 1, &far));
  rule = one("{\"size\":[8,16]}", DROP);
  for (uint32_t blocks = 7; blocks <= 17; blocks++) {
    struct nvme_command read = command(NVT_NVM_READ, 1, 0, blocks);
    assert_int_equal(fault_matches_command(&rule.match, 1, &read), blocks >= 8 && blocks <= 16);
  }
  /* Commands without a range aren't in one; those with one are, whatever they do. */
  rule = one("{\"lba\":[0,18446744073709551614]}", DROP);
  static const uint8_t with[] = {NVT_NVM_WRITE,   NVT_NVM_READ,         NVT_NVM_WRITE_UNCORRECTABLE,
                                 NVT_NVM_COMPARE, NVT_NVM_WRITE_ZEROES, NVT_NVM_VERIFY};
  static const uint8_t without[] = {NVT_NVM_FLUSH, NVT_NVM_DATASET_MANAGEMENT, 0x95};
  for (unsigned i = 0; i < sizeof(with); i++) {
    struct nvme_command sqe = command(with[i], 1, 0, 1);
    assert_true(fault_matches_command(&rule.match, 1, &sqe));
  }
  for (unsigned i = 0; i < sizeof(without); i++) {
    struct nvme_command sqe = command(without[i], 1, 0, 1);
    assert_false(fault_matches_command(&rule.match, 1, &sqe));
  }
  rule = one("{\"namespace\":2}", DROP);
  for (uint32_t nsid = 1; nsid <= 3; nsid++) {
    struct nvme_command sqe = command(NVT_NVM_FLUSH, nsid, 0, 1);
    assert_int_equal(fault_matches_command(&rule.match, 1, &sqe), nsid == 2);
  }
}

/* Which of n that match are hit: a bit each. */
static uint64_t hits(const char *match, unsigned n) {
  struct fault_rule rule = one(match, DROP);
  uint64_t seen = 0;
  for (unsigned i = 0; i < n; i++)
    seen |= (uint64_t)fault_hit(&rule) << i;
  assert_int_equal(rule.matches, n);
  assert_int_equal(rule.hits, __builtin_popcountll(seen));
  return seen;
}

static void which_are_hit(void **state) {
  (void)state;
  assert_int_equal(hits("{}", 8), 0xff);
  assert_int_equal(hits("{\"after\":3}", 8), 0xf8);
  assert_int_equal(hits("{\"count\":2}", 8), 0x03);
  assert_int_equal(hits("{\"every\":3}", 8), 0x24);
  assert_int_equal(hits("{\"after\":1,\"every\":2,\"count\":2}", 8), 0x14);
  assert_int_equal(hits("{\"probability\":0}", 64), 0);
  assert_int_equal(hits("{\"probability\":1}", 64), UINT64_MAX);
  uint64_t half = hits("{\"probability\":0.5}", 64);
  assert_in_range(__builtin_popcountll(half), 16, 48);
  assert_int_equal(half, hits("{\"probability\":0.5}", 64));
  /* Hits are counted, not tries. */
  assert_int_equal(__builtin_popcountll(hits("{\"probability\":0.5,\"count\":5}", 64)), 5);
}

static uint64_t luck(uint64_t seed, unsigned which) {
  struct fault_set set = {0};
  char why[400], text[400];
  snprintf(text, sizeof(text),
           "{\"rules\":[{\"match\":{\"probability\":0.5},\"action\":" DROP "},"
           "{\"match\":{\"probability\":0.5},\"action\":" DROP "}],\"seed\":%llu}",
           (unsigned long long)seed);
  assert_true(fault_rules_parse(&set, text, strlen(text), why, sizeof(why)));
  uint64_t seen = 0;
  for (unsigned i = 0; i < 64; i++)
    seen |= (uint64_t)fault_hit(&set.rules[which]) << i;
  fault_rules_free(&set);
  return seen;
}

static void seeds(void **state) {
  (void)state;
  assert_int_equal(luck(7, 0), luck(7, 0));
  assert_int_not_equal(luck(7, 0), luck(8, 0));
  assert_int_not_equal(luck(7, 0), luck(7, 1));
  assert_int_not_equal(luck(7, 1), luck(8, 0));
  /* None is another, or its complement, in a shifted place. */
  for (unsigned shift = 1; shift < 32; shift++)
    assert_int_not_equal(luck(7, 0) >> shift, luck(7, 1) & UINT64_MAX >> shift);
}

static void registers(void **state) {
  (void)state;
  struct fault_rule rule = one("{\"register\":\"CC\",\"write\":true}", DROP);
  assert_int_equal(rule.match.on, FAULT_ON_REGISTER);
  for (uint64_t at = 0; at < 64; at += 4)
    assert_int_equal(fault_matches_access(&rule.match, true, at, 4, 0), at == NVT_REG_CC);
  assert_false(fault_matches_access(&rule.match, false, NVT_REG_CC, 4, 0));
  assert_true(fault_matches_access(&rule.match, true, NVT_REG_CC - 4, 8, 0));
  assert_true(fault_matches_access(&rule.match, true, NVT_REG_CC + 3, 1, 0));
  assert_false(fault_matches_access(&rule.match, true, NVT_REG_CC + 4, 1, 0));
  assert_false(fault_matches_access(&rule.match, true, UINT64_MAX - 2, 4, 0));
  rule = one("{\"register\":\"cc\",\"write\":true,\"value\":0,\"mask\":1}", DROP);
  assert_true(fault_matches_access(&rule.match, true, NVT_REG_CC, 4, 0x460000));
  assert_false(fault_matches_access(&rule.match, true, NVT_REG_CC, 4, 0x460001));
  /* The byte without the bit doesn't tell. */
  assert_false(fault_matches_access(&rule.match, true, NVT_REG_CC + 1, 1, 0));
  assert_true(fault_matches_access(&rule.match, true, NVT_REG_CC - 4, 8, 0x12345678));
  assert_false(fault_matches_access(&rule.match, true, NVT_REG_CC - 4, 8, 1ull << 32));
  rule = one("{\"register\":\"CC\",\"value\":\"0x460001\"}", "{\"fatal\":true}");
  assert_true(fault_matches_access(&rule.match, false, NVT_REG_CC, 4, 0x460001));
  assert_false(fault_matches_access(&rule.match, false, NVT_REG_CC, 4, 0x460000));
  rule = one("{\"register\":\"CAP\"}", "{\"value\":\"0x02000000\",\"mask\":\"0xff000000\"}");
  const struct fault_action *change = &rule.action;
  static const struct {
    uint64_t offset, before, after;
    uint32_t size;
  } changes[] = {{0, 0x1122334455667788, 0x1122334402667788, 8},
                 {0, 0x55667788, 0x02667788, 4},
                 {4, 0x11223344, 0x11223344, 4},
                 {3, 0x55, 0x02, 1},
                 {2, 0x5566, 0x0266, 2}};
  for (unsigned i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
    assert_int_equal(fault_changed_access(&rule.match, changes[i].offset, changes[i].size,
                                          changes[i].before, change->mask, change->value),
                     changes[i].after);
  rule = one("{\"register\":\"CSTS\"}", "{\"value\":1}");
  assert_int_equal(rule.action.mask, UINT32_MAX);
  assert_int_equal(fault_changed_access(&rule.match, NVT_REG_CSTS - 4, 8, 0xaabbccdd11223344,
                                        rule.action.mask, rule.action.value),
                   0x0000000111223344);
  refused("{\"register\":\"CC\"}", "{\"value\":4294967296}", "action", "4 bytes");
  refused("{\"register\":\"CC\"}", "{\"value\":1,\"mask\":0}", "action.mask", "wanted");
  refused("{}", "{\"value\":1}", "action", "commands");
  refused("{}", "{\"drop\":true,\"mask\":1}", "action.mask", "value");
  refused("{\"register\":\"XX\"}", "{\"fatal\":true}", "match.register", "no register");
  refused("{\"register\":\"CC\",\"mask\":1}", "{\"fatal\":true}", "match", "value");
  refused("{\"register\":\"CC\",\"value\":4294967296}", "{\"fatal\":true}", "match", "4 bytes");
  (void)one("{\"register\":\"CC\",\"value\":4294967295}", "{\"fatal\":true}");
  refused("{\"register\":\"CC\",\"queue\":1}", "{\"fatal\":true}", "match", "queue");
  refused("{\"register\":\"CC\"}", DROP, "action", "register reads");
  refused("{\"register\":\"CC\",\"opcode\":1}", "{\"fatal\":true}", "match", "don't go together");
  refused("{\"write\":true}", DROP, "match", "register");
  rule = one("{\"interrupt\":true,\"queue\":[0,3]}", "{\"lose_interrupt\":true}");
  assert_int_equal(rule.match.on, FAULT_ON_INTERRUPT);
  assert_true(fault_matches_interrupt(&rule.match, 0) && fault_matches_interrupt(&rule.match, 3));
  assert_false(fault_matches_interrupt(&rule.match, 1));
  refused("{\"interrupt\":false}", "{\"lose_interrupt\":true}", "match.interrupt", "true");
  refused("{\"interrupt\":true,\"opcode\":1}", "{\"lose_interrupt\":true}", "match", "together");
  refused("{\"interrupt\":true}", DROP, "action", "interrupts");
}

/* An action of commands; its words. */
static struct fault_action action(const char *text) {
  return one("{}", text).action;
}

static void statuses(void **state) {
  (void)state;
  assert_int_equal(action("{\"status\":\"0x182\"}").status, 0x182);
  assert_int_equal(action("{\"status\":386}").status, 0x182);
  assert_int_equal(action("{\"status\":{\"sct\":1,\"sc\":130}}").status, 0x182);
  assert_int_equal(action("{\"status\":\"Write Fault\"}").status, NVT_SC_WRITE_FAULT);
  assert_int_equal(action("{\"status\":\"write fault\"}").status, NVT_SC_WRITE_FAULT);
  assert_int_equal(action("{\"status\":0}").status, 0);
  assert_int_equal(action("{\"status\":2047}").status, 0x7ff);
  assert_true(action("{\"status\":1,\"dnr\":true}").dnr);
  assert_false(action("{\"status\":1}").dnr);
  assert_true(action("{\"status\":1,\"executed\":true}").executed);
  static const char *const bad[] = {"2048",
                                    "-1",
                                    "\"0x800\"",
                                    "\"Nonsense\"",
                                    "1.5",
                                    "null",
                                    "[]",
                                    "{}",
                                    "{\"sct\":1}",
                                    "{\"sct\":8,\"sc\":0}",
                                    "{\"sct\":1,\"sc\":256}"};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char text[80];
    snprintf(text, sizeof(text), "{\"status\":%s}", bad[i]);
    refused("{}", text, "action.status", "wanted");
  }
  refused("{}", "{\"status\":{\"sct\":1,\"sc\":1,\"x\":1}}", "action.status", "no key 'x'");
}

static void durations(void **state) {
  (void)state;
  assert_int_equal(action("{\"delay\":\"10ms\"}").ns, 10000000);
  assert_int_equal(action("{\"delay\":\"1.5us\"}").ns, 1500);
  assert_int_equal(action("{\"delay\":\"1ns\"}").ns, 1);
  assert_int_equal(action("{\"delay\":\"3600s\"}").ns, FAULT_NS_MAX);
  assert_int_equal(action("{\"delay\":\"3599.9s\"}").ns, FAULT_NS_MAX - 100000000);
  static const char *const bad[] = {"\"3600.001s\"", "\"0s\"", "\"0.5ns\"", "\"10\"", "\"ms\"",
                                    "\"-1s\"",       "10",     "\"1 s\"",   "\"1m\"", "\"1e3s\"",
                                    "\"1.2.3s\"",    "null",   "\"inf s\"", "\"\"",   "\".s\""};
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    char text[80];
    snprintf(text, sizeof(text), "{\"delay\":%s}", bad[i]);
    refused("{}", text, "action.delay", "duration");
  }
  assert_int_equal(action("{\"ready\":\"stuck-0\",\"for\":\"2s\"}").ns, 2000000000);
  assert_true(action("{\"ready\":\"stuck-0\",\"for\":\"ever\"}").ns == FAULT_FOR_EVER);
  assert_true(action("{\"ready\":\"stuck-1\"}").ns == FAULT_FOR_EVER);
  assert_true(action("{\"ready\":\"stuck-1\"}").ready);
  assert_int_equal(action("{\"duplicate\":1,\"later\":\"1ms\"}").ns, 1000000);
  assert_int_equal(action("{\"remove\":true}").ns, 0);
  assert_int_equal(action("{\"remove\":true,\"return\":\"3s\"}").ns, 3000000000);
}

static void actions(void **state) {
  (void)state;
  struct fault_action a = action("{\"corrupt\":{}}");
  assert_true(a.offset == 0 && a.bytes == 1 && a.xor_with == 0xff && a.directions == 3);
  a = action("{\"corrupt\":{\"offset\":512,\"bytes\":4,\"xor\":1,\"direction\":\"to-host\"}}");
  assert_true(a.offset == 512 && a.bytes == 4 && a.xor_with == 1 && a.directions == 2);
  assert_int_equal(action("{\"corrupt\":{\"direction\":\"from-host\"}}").directions, 1);
  assert_int_equal(action("{\"wrong_id\":true}").id, 0xffff);
  assert_int_equal(action("{\"wrong_id\":5}").id, 5);
  assert_int_equal(action("{\"duplicate\":100}").times, 100);
  assert_int_equal(action("{\"spurious_interrupt\":2047}").vector, 2047);
  a = action("{\"event\":{\"type\":7,\"info\":255,\"log\":\"0x70\"}}");
  assert_true(a.event[0] == 7 && a.event[1] == 255 && a.event[2] == 0x70);
  static const struct {
    const char *text, *where;
  } bad[] = {
      {"{\"corrupt\":{\"xor\":0}}", "action.corrupt.xor"},
      {"{\"corrupt\":{\"xor\":256}}", "action.corrupt.xor"},
      {"{\"corrupt\":{\"bytes\":0}}", "action.corrupt.bytes"},
      {"{\"corrupt\":{\"bytes\":4294967296}}", "action.corrupt.bytes"},
      {"{\"corrupt\":{\"offset\":4294967296}}", "action.corrupt.offset"},
      {"{\"corrupt\":{\"direction\":\"up\"}}", "action.corrupt.direction"},
      {"{\"wrong_id\":65536}", "action.wrong_id"},
      {"{\"wrong_id\":false}", "action.wrong_id"},
      {"{\"duplicate\":0}", "action.duplicate"},
      {"{\"duplicate\":101}", "action.duplicate"},
      {"{\"spurious_interrupt\":2048}", "action.spurious_interrupt"},
      {"{\"spurious_interrupt\":true}", "action.spurious_interrupt"},
      {"{\"event\":{\"type\":8}}", "action.event.type"},
      {"{\"event\":{\"info\":256}}", "action.event.info"},
      {"{\"event\":{\"log\":256}}", "action.event.log"},
      {"{\"event\":true}", "action.event"},
      {"{\"ready\":\"stuck\"}", "action.ready"},
      {"{\"ready\":true}", "action.ready"},
      {"{\"drop\":false}", "action.drop"},
      {"{\"drop\":1}", "action.drop"},
      {"{\"fatal\":false}", "action.fatal"},
      {"{\"remove\":false}", "action.remove"},
      {"{\"lose_interrupt\":false}", "action.lose_interrupt"},
  };
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
    refused("{}", bad[i].text, bad[i].where, "");
  refused("{}", "{}", "action", "one of status");
  refused("{}", "{\"drop\":true,\"fatal\":true}", "action", "one only");
  refused("{}", "{\"drop\":true,\"dnr\":true}", "action.dnr", "status");
  refused("{}", "{\"drop\":true,\"for\":\"1s\"}", "action.for", "ready");
  refused("{}", "{\"drop\":true,\"later\":\"1s\"}", "action.later", "duplicate");
  refused("{}", "{\"drop\":true,\"return\":\"1s\"}", "action.return", "remove");
  refused("{}", "{\"duplicate\":1,\"executed\":true}", "action.executed", "no choice");
  refused("{}", "{\"drop\":true,\"wait\":1}", "action", "no key 'wait'");
  refused("{\"colour\":1}", DROP, "match", "no key 'colour' here; there are: admin");
  refused("{\"admin\":true,\"lba\":[0,1]}", DROP, "match", "admin commands");
  refused("7", DROP, "match", "object");
  refused("null", DROP, "match", "object");
  refused("{}", "null", "action", "object");
}

static bool parses(const char *text, size_t length, char *why) {
  struct fault_set set = {0};
  why[0] = '\0';
  bool good = fault_rules_parse(&set, text, length, why, 400);
  assert_true(good || (set.count == 0 && why[0] != '\0'));
  fault_rules_free(&set);
  return good;
}

static void texts(void **state) {
  (void)state;
  char why[400];
  assert_true(parses("{\"rules\":[]}", 12, why));
  assert_true(parses(" {\"rules\":[]}\n", 14, why));
  static const struct {
    const char *text, *wanted;
  } bad[] = {
      {"", "too early"},
      {"{", "too early"},
      {"{\"rules\":[]", "too early"},
      {"{\"rules\":[]} x", "line 1"},
      {"{\n\"rules\":[\n,]}", "line 3"},
      {"[]", "object"},
      {"null", "object"},
      {"{}", "no \"rules\""},
      {"{\"rules\":{}}", "list"},
      {"{\"rules\":[7]}", "rule 1"},
      {"{\"rules\":[{\"match\":{}}]}", "no \"action\""},
      {"{\"rules\":[{\"action\":" DROP "}]}", "no \"match\""},
      {"{\"seed\":-1,\"rules\":[]}", "seed"},
      {"{\"seed\":18446744073709551615,\"rules\":[]}", "seed"},
      {"{\"rule\":[]}", "no key 'rule' here; there are: seed, rules"},
      {"{\"rules\":[{\"match\":{},\"action\":" DROP
       "},{\"name\":\"b\",\"match\":{},\"action\":{}}]}",
       "rule 2 (\"b\"), action"},
      {"{\"rules\":[{\"name\":\"\",\"match\":{},\"action\":" DROP "}]}", "rule 1, name"},
      {"{\"rules\":[{\"name\":\"a\\nb\",\"match\":{},\"action\":" DROP "}]}", "rule 1, name"},
      {"{\"rules\":[{\"name\":\"a\\u0000b\",\"match\":{},\"action\":" DROP "}]}", "rule 1, name"},
      {"{\"rules\":[{\"name\":\"\xff\",\"match\":{},\"action\":" DROP "}]}", "line 1"},
      {"{\"rules\":[{\"\\u001b[2J\":1}]}", "no key '?[2J'"},
  };
  for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
    if (parses(bad[i].text, strlen(bad[i].text), why))
      fail_msg("%s was taken", bad[i].text);
    if (strstr(why, bad[i].wanted) == NULL)
      fail_msg("%s: '%s' lacks '%s'", bad[i].text, why, bad[i].wanted);
  }
  static const char most[] = "{\"seed\":18446744073709551614,\"rules\":[]}";
  assert_true(parses(most, strlen(most), why));
  /* A name's length. */
  for (unsigned n = FAULT_NAME_MAX - 1; n <= FAULT_NAME_MAX + 1; n++) {
    char text[300];
    int length =
        snprintf(text, sizeof(text),
                 "{\"rules\":[{\"name\":\"%0*d\",\"match\":{},\"action\":" DROP "}]}", (int)n, 0);
    assert_int_equal(parses(text, (size_t)length, why), n <= FAULT_NAME_MAX);
  }
}

/* n rules as a text; its length. */
static size_t many(char *text, unsigned n) {
  size_t used = (size_t)sprintf(text, "{\"rules\":[");
  for (unsigned i = 0; i < n; i++)
    used += (size_t)sprintf(text + used, "%s{\"match\":{},\"action\":" DROP "}", i == 0 ? "" : ",");
  return used + (size_t)sprintf(text + used, "]}");
}

static void sizes(void **state) {
  (void)state;
  char why[400];
  char *text = malloc(FAULT_TEXT_MAX + 2);
  assert_non_null(text);
  for (unsigned n = FAULT_RULES_MAX - 1; n <= FAULT_RULES_MAX + 1; n++)
    assert_int_equal(parses(text, many(text, n), why), n <= FAULT_RULES_MAX);
  assert_non_null(strstr(why, "1000 rules"));
  /* Rules added one by one count, too. */
  struct fault_set set = {0};
  assert_true(fault_rules_parse(&set, text, many(text, FAULT_RULES_MAX - 1), why, sizeof(why)));
  assert_true(try_rule(&set, "{}", DROP, why));
  assert_int_equal(set.count, FAULT_RULES_MAX);
  assert_int_equal(set.rules[999].number, 1000);
  assert_false(try_rule(&set, "{}", DROP, why));
  assert_int_equal(set.count, FAULT_RULES_MAX);
  /* The list goes on where it ended. */
  char out[4096];
  unsigned seen = 0, rounds = 0;
  for (const char *next; rounds < 1000; rounds++) {
    fault_rules_list(&set, seen, out, sizeof(out));
    assert_true(strlen(out) < sizeof(out));
    assert_int_equal(out[strlen(out) - 1], '}');
    next = strstr(out, "\"next\":");
    if (next == NULL)
      break;
    assert_true((unsigned)atoi(next + 7) > seen);
    seen = (unsigned)atoi(next + 7);
  }
  assert_in_range(rounds, 10, 100);
  for (size_t length = 1; length < 200; length++) {
    memset(out, 'x', sizeof(out));
    fault_rules_list(&set, 0, out, length);
    assert_true(memchr(out, 0, length) != NULL);
    assert_int_equal(out[length], 'x');
  }
  fault_rules_free(&set);
  for (size_t n = FAULT_TEXT_MAX - 1; n <= FAULT_TEXT_MAX + 1; n++) {
    memset(text, ' ', n);
    memcpy(text, "{\"rules\":[]}", 12);
    assert_int_equal(parses(text, n, why), n <= FAULT_TEXT_MAX);
  }
  assert_non_null(strstr(why, "1048576"));
  /* Nesting: refused by depth, not followed; what rules need is within. */
  for (unsigned depth = 1; depth < 100000; depth *= 10) {
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_false(parses(text, 2 * depth, why));
    assert_int_equal(strstr(why, "nesting") != NULL, depth > FAULT_DEPTH_MAX);
  }
  free(text);
}

static void files(void **state) {
  (void)state;
  char path[] = "/tmp/nvmetap-rules.XXXXXX", why[400];
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  char *text = malloc(FAULT_TEXT_MAX + 1);
  assert_non_null(text);
  memset(text, ' ', FAULT_TEXT_MAX + 1);
  memcpy(text, "{\"rules\":[]}", 12);
  for (size_t n = FAULT_TEXT_MAX - 1; n <= FAULT_TEXT_MAX + 1; n++) {
    struct fault_set set = {0};
    assert_int_equal(pwrite(fd, text, n, 0), n);
    bool good = fault_rules_read(&set, path, why, sizeof(why));
    assert_int_equal(good, n <= FAULT_TEXT_MAX);
    assert_true(good || (strncmp(why, path, strlen(path)) == 0 && strstr(why, "bytes") != NULL));
    fault_rules_free(&set);
  }
  free(text);
  close(fd);
  unlink(path);
  struct fault_set set = {0};
  assert_false(fault_rules_read(&set, path, why, sizeof(why)));
  assert_non_null(strstr(why, "No such file"));
  assert_false(fault_rules_read(&set, "/tmp", why, sizeof(why)));
  assert_non_null(strstr(why, "directory"));
  assert_false(fault_rules_read(&set, "/dev/zero", why, sizeof(why)));
  assert_non_null(strstr(why, "no file"));
}

static void the_index(void **state) {
  (void)state;
  struct fault_set set = {0};
  struct fault_index index = {0};
  char why[400];
  assert_true(try_rule(&set, "{\"opcode\":\"Write\"}", DROP, why));
  assert_true(try_rule(&set, "{\"opcode\":[\"Write\",\"Read\"]}", "{\"duplicate\":1}", why));
  assert_true(try_rule(&set, "{\"opcode\":1}", "{\"corrupt\":{}}", why));
  assert_true(
      try_rule(&set, "{\"register\":\"CC\",\"write\":true}", "{\"ready\":\"stuck-1\"}", why));
  assert_true(fault_index_make(&index, &set));
  const struct fault_span *writes = &index.command[0][0][NVT_NVM_WRITE];
  assert_int_equal(writes->count, 2);
  assert_ptr_equal(index.at[writes->first], &set.rules[0]);
  assert_ptr_equal(index.at[writes->first + 1], &set.rules[2]);
  assert_int_equal(index.command[0][0][NVT_NVM_READ].count, 0);
  assert_int_equal(index.command[1][0][NVT_NVM_READ].count, 1);
  assert_int_equal(index.command[0][1][NVT_NVM_WRITE].count, 0);
  assert_int_equal(index.access[1].count, 1);
  assert_int_equal(index.access[0].count, 0);
  assert_int_equal(index.interrupt.count, 0);
  assert_true(index.commands[0][0] && index.commands[1][0] && index.corrupts[0] && index.readies);
  assert_false(index.commands[0][1] || index.commands[1][1] || index.corrupts[1] ||
               index.loses[0] || index.loses[1]);
  fault_index_free(&index);
  fault_rules_free(&set);
}

static uint8_t buffer[64];
static unsigned asked;
static void *piece(void) {
  asked++;
  return buffer;
}

static void corruption(void **state) {
  (void)state;
  struct fault_marks marks = {0};
  struct fault_action flip = action("{\"corrupt\":{\"offset\":60,\"bytes\":8,\"xor\":1}}");
  assert_true(fault_mark_add(&marks, 40, 1, 5, &flip));
  memset(buffer, 0, sizeof(buffer));
  /* Another command, another queue, another controller. */
  fault_marks_apply(&marks, 40, 1, 6, 2, 64, piece);
  fault_marks_apply(&marks, 40, 2, 5, 2, 64, piece);
  fault_marks_apply(&marks, 41, 1, 5, 2, 64, piece);
  assert_int_equal(asked, 0);
  /* The piece that the change begins in, the one that it ends in, and the next. */
  fault_marks_apply(&marks, 40, 1, 5, 2, 64, piece);
  for (unsigned i = 0; i < 64; i++)
    assert_int_equal(buffer[i], i >= 60);
  memset(buffer, 0, sizeof(buffer));
  fault_marks_apply(&marks, 40, 1, 5, 2, 64, piece);
  for (unsigned i = 0; i < 64; i++)
    assert_int_equal(buffer[i], i < 4);
  fault_marks_apply(&marks, 40, 1, 5, 2, 64, piece);
  assert_int_equal(asked, 2);
  fault_mark_forget(&marks, 40, 1, 5);
  assert_int_equal(marks.count, 0);
  /* As many as there may be, and one more. */
  for (uint32_t i = 0; i < FAULT_MARKS_MAX; i++)
    assert_true(fault_mark_add(&marks, 40, 1 + i / 65536, (uint16_t)i, &flip));
  assert_false(fault_mark_add(&marks, 40, 9, 9, &flip));
  fault_marks_free(&marks);
  assert_int_equal(marks.count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(opcodes),

      cmocka_unit_test(limits_of_numbers),
      cmocka_unit_test(queue_lists),
      cmocka_unit_test(blocks_are_compared),
      cmocka_unit_test(which_are_hit),
      cmocka_unit_test(seeds),
      cmocka_unit_test(registers),
      cmocka_unit_test(statuses),
      cmocka_unit_test(durations),
      cmocka_unit_test(actions),
      cmocka_unit_test(texts),
      cmocka_unit_test(sizes),
      cmocka_unit_test(files),
      cmocka_unit_test(the_index),
      cmocka_unit_test(corruption),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
