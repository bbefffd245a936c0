/* SPDX-License-Identifier: BSD-2-Clause */
/* Time by the processor's counter, its rate measured against the system's clock. */
#include "controller/driver/driver_int.h"

#define SAMPLE_NS 10000000.0

static double since(const struct timespec *start, const struct timespec *end) {
  return (double)(end->tv_sec - start->tv_sec) * 1e9 + (double)(end->tv_nsec - start->tv_nsec);
}

static void measure(struct nvt_driver *d, double at_least_ns) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  double passed = since(&d->clock_time, &now);
  if (passed < at_least_ns) {
    nanosleep(&(struct timespec){.tv_nsec = (long)(at_least_ns - passed) + 1000}, NULL);
    clock_gettime(CLOCK_MONOTONIC, &now);
    passed = since(&d->clock_time, &now);
  }
  uint64_t ticks = nvt_ticks() - d->clock_ticks;
  if (ticks > 0 && passed > 0)
    d->ns_per_tick = passed / (double)ticks;
}

void nvt_clock_start(struct nvt_driver *d) {
  d->ns_per_tick = 1;
  clock_gettime(CLOCK_MONOTONIC, &d->clock_time);
  d->clock_ticks = nvt_ticks();
  measure(d, SAMPLE_NS / 10); /* good enough for timeouts */
}

void nvt_clock_sample(struct nvt_driver *d) {
  measure(d, SAMPLE_NS);
}

double nvt_clock_seconds(const struct nvt_driver *d, uint64_t ticks) {
  return (double)ticks * d->ns_per_tick * 1e-9;
}

double nvt_patience(const struct nvt_driver *d) {
  bool stopped = d->stop != NULL && *d->stop != 0;
  return stopped && d->w->timeout > 2 ? 2 : d->w->timeout;
}
