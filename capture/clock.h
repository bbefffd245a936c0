/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time stamps for the hot path: nanoseconds since 1970, never going back.
 *
 * Where the CPU's time stamp counter is invariant it is read and scaled by one
 * multiplication, with a scale measured once at the start: for the length of a
 * recording the clock runs evenly, whatever is done to the system's clock
 * meanwhile. All clocks of a process have the same start, so that they agree with each other
 * as far as the counters of the processors do. Elsewhere it is clock_gettime().
 */
#ifndef NVT_CAPTURE_CLOCK_H
#define NVT_CAPTURE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* One per recording thread. Members are for the functions below only. */
struct nvt_trace_clock {
  uint64_t start_ticks;
  uint64_t start_ns;
  uint64_t scale;     /* nanoseconds per tick, times 2^32 */
  uint64_t second_ns; /* start of the second that was told last, since 1970 */
  uint64_t last_ns;
  uint32_t second;
  bool ticks; /* the time stamp counter is used */
};

struct nvt_trace_time {
  uint32_t seconds;
  uint32_t nanoseconds; /* below 10^9 */
};

/* Takes about 20 ms the first time in a process, to measure the counter's rate. */
void nvt_trace_clock_start(struct nvt_trace_clock *);
/* Without the counter, for tests. */
void nvt_trace_clock_start_system(struct nvt_trace_clock *);

static inline uint64_t nvt_trace_clock_ns(struct nvt_trace_clock *clock) {
  uint64_t ns;
#if defined(__x86_64__)
  if (__builtin_expect(clock->ticks, 1)) {
    uint64_t since = __rdtsc() - clock->start_ticks;
    ns = clock->start_ns + (uint64_t)((unsigned __int128)since * clock->scale >> 32);
  } else
#endif
  {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
  }
  /* A counter read on another CPU may be a little behind; the system's clock may be set back. */
  if (__builtin_expect((int64_t)(ns - clock->last_ns) < 0, 0))
    ns = clock->last_ns;
  clock->last_ns = ns;
  return ns;
}

/* Another second than last time: found by division. */
void nvt_trace_clock_new_second(struct nvt_trace_clock *, uint64_t ns);

/* Seconds and nanoseconds of ns, with a division once a second only. */
static inline struct nvt_trace_time nvt_trace_clock_split(struct nvt_trace_clock *clock,
                                                          uint64_t ns) {
  uint64_t part = ns - clock->second_ns;
  if (__builtin_expect(part >= 1000000000u, 0)) {
    nvt_trace_clock_new_second(clock, ns);
    part = ns - clock->second_ns;
  }
  return (struct nvt_trace_time){.seconds = clock->second, .nanoseconds = (uint32_t)part};
}

#endif
