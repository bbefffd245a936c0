/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When the host's next step is due. Each moment is reckoned from the first one, never from the one
 * before: what comes late doesn't make the rest late.
 */
#ifndef NVT_REPLAY_PACE_H
#define NVT_REPLAY_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/record.h"

#define NVT_PACE_SPEED_MIN 0.1
#define NVT_PACE_SPEED_MAX 100.0
/* A gap that would last longer than this is left out, and told: nobody waits for what a broken time
 * stamp says. Nanoseconds. */
#define NVT_PACE_GAP_MAX (UINT64_C(86400) * 1000000000u)
/* Later than this counts as late. Nanoseconds. */
#define NVT_PACE_LATE (UINT64_C(1000000))

/* All in nanoseconds, over all runs. */
struct nvt_pace_result {
  uint64_t steps;
  uint64_t late;      /* of them, by more than NVT_PACE_LATE */
  uint64_t scheduled; /* from first step to last step */
  uint64_t largest;   /* lateness */
  uint64_t at_end;    /* lateness of the last step; of several runs the largest */
  uint64_t left_out;  /* gaps, in recorded time */
};

struct nvt_pace { /* one thread; zeroed but for what is said */
  double speed;   /* of the recorded time: 10 is ten times as fast; 0: as fast as possible */
  uint64_t until; /* CLOCK_MONOTONIC, nanoseconds: wait no longer; 0: as long as need be */
  void (*idle)(void *ctx); /* called every quarter of a second while nothing is due */
  void *ctx;
  struct nvt_pace_result result;
  /* Its own. */
  bool started;
  uint64_t begun;  /* CLOCK_MONOTONIC of the first step */
  uint64_t first;  /* its recorded time */
  uint64_t newest; /* recorded time never goes back */
  uint64_t due;    /* of the last step, from `begun` */
  uint64_t lateness;
};

/* CLOCK_MONOTONIC, nanoseconds. */
uint64_t nvt_pace_now(void);
/* Is it the host (or what stands for it) that does something with this record? */
bool nvt_pace_is_step(const struct nvt_record *);
/* Wait until the record's step is due. False: `until` came first. */
bool nvt_pace_wait(struct nvt_pace *, const struct nvt_record *);
/* The run has ended: the next step starts a schedule of its own. */
void nvt_pace_end(struct nvt_pace *);
/* Digits with or without a point. False: another thing, or out of bounds. */
bool nvt_pace_number(const char *text, double least, double most, double *out);
/* "original" or "original:x10". False: neither, or out of bounds. */
bool nvt_pace_parse(const char *text, double *speed);

#endif
