/* SPDX-License-Identifier: BSD-2-Clause */
/* Dependency order: each rule by itself, and random commands against the rules written down once
 * more. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "replay/order.h"

static struct nvt_order *order;

static int set_up(void **state) {
  (void)state;
  order = nvt_order_create();
  return order == NULL ? -1 : 0;
}

static int tear_down(void **state) {
  (void)state;
  nvt_order_destroy(order);
  return 0;
}

static void *tag(uintptr_t n) {
  return (void *)n;
}

static void add(struct nvt_order_command command, uintptr_t n) {
  command.user = tag(n);
  if (command.nsid == 0)
    command.nsid = 1;
  assert_true(nvt_order_add(order, &command));
}

#define READ(q, lba, blocks)                                                                       \
  (struct nvt_order_command) {                                                                     \
    .queue = (q), .first = (lba), .count = (blocks)                                                \
  }
#define WRITE(q, lba, blocks)                                                                      \
  (struct nvt_order_command) {                                                                     \
    .queue = (q), .first = (lba), .count = (blocks), .writes = true                                \
  }

/* The one that comes next. */
static uint32_t next(uintptr_t n) {
  uint32_t id;
  void *user[2];
  assert_true(nvt_order_next(order, &id, user));
  assert_ptr_equal(user[0], tag(n));
  return id;
}

static void none(void) {
  uint32_t id;
  void *user[2];
  assert_false(nvt_order_next(order, &id, user));
}

static void what_is_independent_goes_out_together(void **state) {
  (void)state;
  for (uint16_t q = 1; q <= 8; q++)
    for (unsigned i = 0; i < 4; i++)
      add(WRITE(q, q * 1000u + i * 8, 8), q * 10u + i);
  uint32_t id;
  void *user[2];
  unsigned count = 0;
  while (nvt_order_next(order, &id, user))
    count++;
  assert_int_equal(count, 32);
  assert_int_equal(nvt_order_waiting(order), 0);
}

static void reads_do_not_wait_for_reads(void **state) {
  (void)state;
  add(READ(1, 0, 8), 1);
  add(READ(2, 4, 8), 2);
  next(1);
  next(2);
}

static void one_queue_is_issued_in_its_order(void **state) {
  (void)state;
  add(WRITE(1, 0, 8), 1);
  add(READ(2, 0, 8), 2);  /* waits for 1 */
  add(READ(2, 50, 8), 3); /* would be free, but for 2 */
  uint32_t first = next(1);
  none();
  nvt_order_done(order, first);
  next(2);
  next(3); /* without 2's completion */
  none();
}

/* Block by block around a write of 100 to 107, by a read and by a write. */
static void overlaps(void **state) {
  (void)state;
  const struct {
    uint64_t first, count;
    bool waits;
  } cases[] = {{99, 1, false},           {92, 8, false},         {92, 9, true},
               {100, 1, true},           {107, 1, true},         {108, 1, false},
               {107, 100, true},         {0, 5000, true},        {0, UINT64_MAX, true},
               {108, UINT64_MAX, false}, {107, UINT64_MAX, true}};
  for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
    for (unsigned kind = 0; kind < 3; kind++) {
      add(kind == 0 ? READ(1, 100, 8) : WRITE(1, 100, 8), 1);
      add(kind == 1 ? READ(2, cases[i].first, cases[i].count)
                    : WRITE(2, cases[i].first, cases[i].count),
          2);
      uint32_t first = next(1), second;
      if (cases[i].waits) {
        none();
        nvt_order_done(order, first);
        second = next(2);
      } else {
        second = next(2);
        nvt_order_done(order, first);
      }
      nvt_order_done(order, second);
    }
}

static void other_namespaces_have_other_blocks(void **state) {
  (void)state;
  struct nvt_order_command other = WRITE(2, 0, 8);
  other.nsid = 2;
  add(WRITE(1, 0, 8), 1);
  add(other, 2);
  next(1);
  next(2);
}

/* More than are remembered one by one. */
static void all_readers_before_a_writer(void **state) {
  (void)state;
  enum { READERS = 40 };
  uint32_t ids[READERS];
  for (uint16_t i = 0; i < READERS; i++)
    add(READ((uint16_t)(i + 2), i, 1), i + 10u);
  add(WRITE(1, 0, READERS), 1);
  for (unsigned i = 0; i < READERS; i++)
    ids[i] = next(i + 10u);
  for (unsigned i = 0; i < READERS; i++) {
    none();
    nvt_order_done(order, ids[(i * 7) % READERS]);
  }
  next(1);
}

static void flush(void **state) {
  (void)state;
  struct nvt_order_command other = WRITE(2, 0, 8), all = {.queue = 4, .flush = true};
  other.nsid = 2;
  all.nsid = NVT_ORDER_ALL_NAMESPACES;
  add(WRITE(1, 0, 8), 1);
  add(other, 2);
  add((struct nvt_order_command){.queue = 3, .nsid = 1, .flush = true}, 3);
  add(all, 4);
  add(WRITE(5, 50, 8), 5); /* after it: free */
  uint32_t first = next(1), second = next(2);
  next(5);
  none();
  nvt_order_done(order, first);
  next(3);
  none();
  nvt_order_done(order, second);
  next(4);
}

static void barrier(void **state) {
  (void)state;
  add(READ(1, 0, 8), 1);
  add((struct nvt_order_command){.queue = 0, .barrier = true}, 2);
  add(READ(2, 100, 8), 3);
  uint32_t first = next(1);
  none();
  nvt_order_done(order, first);
  uint32_t second = next(2);
  none();
  nvt_order_done(order, second);
  next(3);
}

static void fused_go_together(void **state) {
  (void)state;
  struct nvt_order_command compare = READ(1, 0, 8), write = WRITE(1, 0, 8);
  uint32_t id;
  void *user[2];
  compare.fused = NVT_ORDER_FIRST;
  write.fused = NVT_ORDER_SECOND;
  add(compare, 1);
  none(); /* not without the other */
  assert_int_equal(nvt_order_waiting(order), 0);
  add(READ(2, 4, 1), 9); /* meanwhile on another queue */
  add(write, 2);
  add(READ(3, 4, 1), 3); /* waits for both */
  uint32_t between = next(9);
  none();
  nvt_order_done(order, between);
  assert_true(nvt_order_next(order, &id, user));
  assert_ptr_equal(user[0], tag(1));
  assert_ptr_equal(user[1], tag(2));
  none();
  nvt_order_done(order, id);
  nvt_order_done(order, next(3));
  /* Its second never comes: another command does, or the end. */
  add(compare, 4);
  add(READ(1, 500, 1), 5);
  nvt_order_done(order, next(4));
  nvt_order_done(order, next(5));
  add(compare, 6);
  none();
  nvt_order_end(order);
  nvt_order_done(order, next(6));
  /* A second without a first is a command. */
  add(write, 7);
  nvt_order_done(order, next(7));
}

static void the_window_is_full(void **state) {
  (void)state;
  struct nvt_order_command command = READ(1, 0, 1);
  uint32_t ids[NVT_ORDER_WINDOW], id;
  void *user[2];
  for (unsigned i = 0; i < NVT_ORDER_WINDOW; i++) {
    command.first = i;
    command.fused = i == 17 ? NVT_ORDER_FIRST : NVT_ORDER_ALONE;
    assert_true(nvt_order_add(order, &command));
  }
  assert_false(nvt_order_add(order, &command));
  for (unsigned i = 0; i < NVT_ORDER_WINDOW; i++)
    assert_true(nvt_order_next(order, &ids[i], user));
  none();
  /* All but the first: it still holds the place up. */
  for (unsigned i = 1; i < NVT_ORDER_WINDOW; i++)
    nvt_order_done(order, ids[i]);
  assert_false(nvt_order_add(order, &command));
  nvt_order_done(order, ids[0]);
  for (unsigned i = 0; i < NVT_ORDER_WINDOW; i++)
    assert_true(nvt_order_add(order, &command));
  while (nvt_order_next(order, &id, user))
    ;
}

/* --- random ones --- */

enum { COMMANDS = 20000, QUEUES = 6, BLOCKS = 3000 };

static struct happened {
  struct nvt_order_command command;
  uint64_t issued, completed; /* when; 0: not */
} all[COMMANDS];

static uint64_t seed = 1;
static uint32_t dice(uint32_t sides) {
  seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)(seed >> 33) % sides;
}

static struct nvt_order_command make(void) {
  struct nvt_order_command command = {.queue = (uint16_t)(1 + dice(QUEUES)), .nsid = 1 + dice(2)};
  uint32_t kind = dice(100);
  command.first = dice(BLOCKS);
  command.count = 1 + dice(kind < 5 ? 2500 : 16);
  command.writes = dice(2) == 0;
  if (kind == 99) {
    command = (struct nvt_order_command){.queue = 0, .barrier = true};
  } else if (kind >= 96) {
    command.count = 0;
    command.writes = false;
    command.flush = true;
    command.nsid = kind == 98 ? NVT_ORDER_ALL_NAMESPACES : command.nsid;
  }
  return command;
}

static bool must_wait(const struct nvt_order_command *one, const struct nvt_order_command *other) {
  if (one->barrier || other->barrier)
    return true;
  if (other->flush)
    return one->writes && (other->nsid == NVT_ORDER_ALL_NAMESPACES || other->nsid == one->nsid);
  return one->nsid == other->nsid && (one->writes || other->writes) && one->count > 0 &&
         other->count > 0 && one->first < other->first + other->count &&
         other->first < one->first + one->count;
}

/* Issued whatever may be, up to a depth; completed in any order. The deepest that it got. */
static size_t play(void) {
  struct {
    uint32_t id;
    size_t at;
  } out[64];
  size_t count = 0, added = 0, done = 0, deepest = 0;
  uint64_t clock = 0;
  while (done < COMMANDS) {
    while (added < COMMANDS && nvt_order_waiting(order) < 200) {
      all[added].command = make();
      all[added].command.user = &all[added];
      if (!nvt_order_add(order, &all[added].command))
        break;
      added++;
    }
    void *user[2];
    while (count < 64 && nvt_order_next(order, &out[count].id, user)) {
      struct happened *happened = user[0];
      out[count].at = (size_t)(happened - all);
      assert_int_equal(happened->issued, 0);
      happened->issued = ++clock;
      count++;
    }
    assert_true(count > 0); /* else nothing would ever go on */
    deepest = count > deepest ? count : deepest;
    size_t chosen = dice((uint32_t)count);
    all[out[chosen].at].completed = ++clock;
    nvt_order_done(order, out[chosen].id);
    out[chosen] = out[--count];
    done++;
  }
  return deepest;
}

static void random_commands_keep_the_rules(void **state) {
  (void)state;
  memset(all, 0, sizeof(all));
  size_t deepest = play(), waited = 0;
  for (size_t i = 0; i < COMMANDS; i++)
    for (size_t k = i + 1; k < COMMANDS && k < i + 2 * NVT_ORDER_WINDOW; k++) {
      if (must_wait(&all[i].command, &all[k].command)) {
        assert_true(all[i].completed < all[k].issued);
        waited++;
      }
      if (all[i].command.queue == all[k].command.queue)
        assert_true(all[i].issued < all[k].issued);
    }
  assert_true(waited > COMMANDS);
  assert_true(deepest > 8); /* it isn't just one after the other */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(what_is_independent_goes_out_together, set_up, tear_down),
      cmocka_unit_test_setup_teardown(reads_do_not_wait_for_reads, set_up, tear_down),
      cmocka_unit_test_setup_teardown(one_queue_is_issued_in_its_order, set_up, tear_down),
      cmocka_unit_test_setup_teardown(overlaps, set_up, tear_down),
      cmocka_unit_test_setup_teardown(other_namespaces_have_other_blocks, set_up, tear_down),
      cmocka_unit_test_setup_teardown(all_readers_before_a_writer, set_up, tear_down),
      cmocka_unit_test_setup_teardown(flush, set_up, tear_down),
      cmocka_unit_test_setup_teardown(barrier, set_up, tear_down),
      cmocka_unit_test_setup_teardown(fused_go_together, set_up, tear_down),
      cmocka_unit_test_setup_teardown(the_window_is_full, set_up, tear_down),
      cmocka_unit_test_setup_teardown(random_commands_keep_the_rules, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
