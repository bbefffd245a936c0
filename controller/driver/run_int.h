/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the workload's loop (run.c) and what watches over it (watch.c). */
#ifndef NVT_CONTROLLER_DRIVER_RUN_INT_H
#define NVT_CONTROLLER_DRIVER_RUN_INT_H

#include "controller/driver/driver_int.h"

struct nvt_run_state {
  struct nvt_driver *d;
  uint64_t now;      /* ticks, as of the last look */
  uint64_t progress; /* when something completed last */
  uint64_t alive;    /* when CSTS was read last */
  uint64_t tick;     /* when to do what is done once a second */
  uint64_t deadline; /* of a workload by seconds */
  uint64_t second;   /* in ticks */
  uint64_t started;
  uint64_t ended;
  unsigned idle;
  bool stopping;
};

static inline uint64_t nvt_lba_of(const struct nvt_driver *d, uint64_t unit) {
  return unit * d->blocks_per_unit;
}

/* Keep the first trouble that doesn't end the run. */
void nvt_note(struct nvt_driver *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void nvt_io_failed(struct nvt_driver *, const struct nvt_slot *, nvt_status) __attribute__((cold));
/* Log asynchronous events that came. */
int nvt_take_events(struct nvt_driver *);
/* Start no more I/Os. */
void nvt_stop_starting(struct nvt_run_state *);
/* After a look at the clock: the deadline, and what is done once a second. */
int nvt_by_clock(struct nvt_run_state *);
/* Now and then while nothing completes: timeouts, lost interrupts, is it still there? */
int nvt_idle_look(struct nvt_run_state *);

#endif
