/* SPDX-License-Identifier: BSD-2-Clause */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "capture/clock.h"

static uint64_t system_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Within 20 µs of the system's clock, at once and after a tenth of a second (which allows a rate
 * that is off by 200 parts in a million). A try may be interrupted: the best of several counts. */
static void agrees_with_the_system(void **state) {
  (void)state;
  struct nvt_trace_clock clock;
  nvt_trace_clock_start(&clock);
  for (int later = 0; later < 2; later++) {
    int64_t best = INT64_MAX;
    for (int i = 0; i < 100; i++) {
      int64_t off = (int64_t)(nvt_trace_clock_ns(&clock) - system_ns());
      if (llabs(off) < best)
        best = llabs(off);
    }
    assert_true(best < 20000);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
  }
}

static void never_goes_back(void **state) {
  (void)state;
  struct nvt_trace_clock clocks[2];
  nvt_trace_clock_start(&clocks[0]);
  nvt_trace_clock_start_system(&clocks[1]);
  assert_false(clocks[1].ticks);
  for (int c = 0; c < 2; c++) {
    uint64_t last = 0;
    for (int i = 0; i < 1000000; i++) {
      uint64_t now = nvt_trace_clock_ns(&clocks[c]);
      assert_true(now >= last);
      last = now;
    }
    clocks[c].last_ns += 1000000000u; /* as if the clock had been set back by a second */
    assert_int_equal(nvt_trace_clock_ns(&clocks[c]), last + 1000000000u);
  }
}

static void splits_at_seconds(void **state) {
  (void)state;
  static const uint64_t rows[][3] = {
      {0, 0, 0},
      {999999999, 0, 999999999},
      {1000000000, 1, 0},
      {1000000001, 1, 1},
      {1700000000999999999, 1700000000, 999999999},
      {1700000001000000000, 1700000001, 0},
      {4294967295999999999, 4294967295, 999999999},
      {5, 0, 5}, /* back, too: the cached second isn't trusted blindly */
  };
  struct nvt_trace_clock clock;
  nvt_trace_clock_start_system(&clock);
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
    struct nvt_trace_time time = nvt_trace_clock_split(&clock, rows[i][0]);
    assert_int_equal(time.seconds, rows[i][1]);
    assert_int_equal(time.nanoseconds, rows[i][2]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(agrees_with_the_system),
      cmocka_unit_test(never_goes_back),
      cmocka_unit_test(splits_at_seconds),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
