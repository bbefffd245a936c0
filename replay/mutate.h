/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A trace as the seed of a fuzz campaign against a target: nvmetap mutate's own function.
 * Each run changes what the host did in the trace in a few places and does that; it is
 * decided by the seed and the run's number alone. What the controller then promises
 * (replay/mutate_watch.c) is looked at, not what the recorded one answered.
 */
#ifndef NVT_REPLAY_MUTATE_H
#define NVT_REPLAY_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/target.h"
#include "trace/reader.h"

#define NVT_MUTATE_FINDINGS_MAX 200u /* kept; all are counted */
#define NVT_MUTATE_PATIENCE_MS 20000u

struct nvt_mutate_options {
  const char *path;
  const struct nvt_target_ops *target;
  const char *address; /* of the target, or NULL */
  uint64_t seed;
  uint64_t runs;        /* at most; run 0 is the trace as it is */
  double seconds;       /* at most; 0: no limit */
  const char *save;     /* directory for what finds something, made if need be; NULL: isn't saved */
  unsigned patience_ms; /* a run that takes longer hangs; 0: NVT_MUTATE_PATIENCE_MS */
  bool verbatim;        /* `path` is a saved input: it is run once, as it is */
  bool progress;        /* on standard error, after two seconds */
};

struct nvt_mutate_finding {
  uint64_t run;
  uint64_t step;   /* of the mutated input, from 1; 0: not known */
  char kind[32];   /* "crash", "hang", "sanitizer", "memory", "dead", or a rule of nvmetap check */
  char text[320];  /* for people */
  char saved[256]; /* file; "": not saved */
};

struct nvt_mutate_result {
  uint64_t steps; /* of the trace: what the host did */
  bool shortened; /* the trace is longer than what is used of it */
  uint64_t runs;
  uint64_t commands; /* fetched by the target, in all runs */
  uint64_t mutations;
  uint64_t count; /* findings, all */
  struct nvt_mutate_finding *findings;
  size_t kept;
  double seconds;
  bool failed; /* it didn't come to its end: *why */
  struct nvt_reason why;
};

/* Fills in *result; call nvt_mutate_clear() at the end. Forks: runs are done in a child, so that
 * what takes one down is a finding; no other thread may run. */
void nvt_mutate(const struct nvt_mutate_options *, struct nvt_mutate_result *result);
void nvt_mutate_clear(struct nvt_mutate_result *);

#endif
