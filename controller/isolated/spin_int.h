/* SPDX-License-Identifier: BSD-2-Clause */
/* How the two sides wait for each other. */
#ifndef NVT_CONTROLLER_ISOLATED_SPIN_INT_H
#define NVT_CONTROLLER_ISOLATED_SPIN_INT_H

#include <sched.h>
#include <stdbool.h>

#include "controller/spin_int.h"

/* Turns of a loop of nvt_spin_pause(): some 50 us, more than a sleep and a wake-up take
 * together; with less, two sides that have once slept never meet awake again. */
#define NVT_ISOLATED_SPINS 2000u

/* The i-th turn. Now and then whoever waits for this processor may have it: that can be the
 * other side. */
#define NVT_ISOLATED_YIELD 64u
static inline void nvt_isolated_turn(unsigned i) {
  if (i % NVT_ISOLATED_YIELD == NVT_ISOLATED_YIELD - 1)
    (void)sched_yield();
  else
    nvt_spin_pause();
}

/* On one processor spinning only keeps the other side from running. */
static inline bool nvt_isolated_may_spin(void) {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

#endif
