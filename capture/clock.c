/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/clock.h"

#include <pthread.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

static uint64_t system_ns(clockid_t which) {
  struct timespec now;
  clock_gettime(which, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void nvt_trace_clock_new_second(struct nvt_trace_clock *clock, uint64_t ns) {
  clock->second = (uint32_t)(ns / 1000000000u);
  clock->second_ns = (uint64_t)clock->second * 1000000000u;
}

void nvt_trace_clock_start_system(struct nvt_trace_clock *clock) {
  *clock = (struct nvt_trace_clock){.ticks = false};
}

#if defined(__x86_64__)
static uint64_t scale; /* 0: the counter isn't used */
/* One start for all clocks of a process: time stamps of its threads are compared when their records
 * are merged. */
static uint64_t start_ticks, start_ns;

/* The counter and a clock of the system at one moment: the tightest of several tries. */
static void both(clockid_t which, uint64_t *ticks, uint64_t *ns) {
  uint64_t best = UINT64_MAX;
  for (int i = 0; i < 32; i++) {
    uint64_t before = __rdtsc();
    uint64_t now = system_ns(which);
    uint64_t after = __rdtsc();
    if (after - before < best) {
      best = after - before;
      *ticks = before + best / 2;
      *ns = now;
    }
  }
}

/* Runs at one rate in all power states: leaf 80000007h, EDX bit 8. */
static int invariant(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007u, &a, &b, &c, &d) != 0 && (d >> 8 & 1) != 0;
}

static void measure(void) {
  if (!invariant())
    return;
  uint64_t ticks[2] = {0}, ns[2] = {0};
  both(CLOCK_MONOTONIC, &ticks[0], &ns[0]);
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  both(CLOCK_MONOTONIC, &ticks[1], &ns[1]);
  if (ticks[1] > ticks[0] && ns[1] > ns[0])
    scale = (uint64_t)(((unsigned __int128)(ns[1] - ns[0]) << 32) / (ticks[1] - ticks[0]));
  both(CLOCK_REALTIME, &start_ticks, &start_ns);
}

void nvt_trace_clock_start(struct nvt_trace_clock *clock) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, measure);
  nvt_trace_clock_start_system(clock);
  if (scale == 0)
    return;
  clock->start_ticks = start_ticks;
  clock->start_ns = start_ns;
  clock->scale = scale;
  clock->ticks = true;
}
#else
void nvt_trace_clock_start(struct nvt_trace_clock *clock) {
  nvt_trace_clock_start_system(clock);
}
#endif
