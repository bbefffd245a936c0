/* SPDX-License-Identifier: BSD-2-Clause */
/* Replay a trace file into a target and compare: nvmetap replay's own function. */
#ifndef NVT_REPLAY_REPLAY_H
#define NVT_REPLAY_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "replay/engine.h"
#include "replay/pace.h"
#include "replay/plan.h"
#include "replay/target.h"
#include "trace/reader.h"

#define NVT_REPLAY_CONTROLLERS_MAX 64u
#define NVT_REPLAY_FINDINGS_DEFAULT 100u
#define NVT_REPLAY_LOOPS_MAX 1000000u
#define NVT_REPLAY_SECONDS_MIN 0.001
#define NVT_REPLAY_SECONDS_MAX 1e8
#define NVT_REPLAY_FINDINGS_MAX 1000000u
#define NVT_REPLAY_DEPTH_DEFAULT 32u
#define NVT_REPLAY_DEPTH_MAX 1023u

struct nvt_replay_options {
  const char *path; /* "-": standard input */
  const struct nvt_target_ops *target;
  const char *address; /* of the target, or NULL */
  size_t max_findings; /* kept; the count is exact */
  double speed;        /* of the recorded time (struct nvt_pace); 0: as fast as possible */
  uint32_t loops;      /* through the trace; 0: until the seconds are over, or 1 without such */
  double seconds;      /* end then, wherever; 0: no bound */
  struct nvt_window window;
  struct nvt_remap remap;
  bool dependency; /* target is a driven one: only what depends on order keeps it */
  uint32_t depth;  /* then: commands outstanding, 1 to NVT_REPLAY_DEPTH_MAX */
  bool preload;    /* put onto the target's medium what the trace's reads found from before it */
  bool destroy;    /* what is on a device may be overwritten */
  bool read_only;  /* or, each Write is a Read of the same blocks */
  bool progress;   /* on standard error, after two seconds */
};

struct nvt_replay_result {
  uint64_t records; /* in all loops */
  uint32_t loops;   /* whole ones */
  bool ended;       /* by options.seconds */
  uint64_t foreign; /* frames passed over */
  struct nvt_replay_totals totals;
  struct nvt_pace_result pace; /* with options.speed */
  struct nvt_plan *plan;       /* of a target that plans; else NULL */
  double seconds;
  bool readable; /* false: *why; what was read before was replayed all the same */
  struct nvt_reason why;
};

/* Why a trace can't be replayed that has this meta-record; NULL: nothing keeps it from that. */
const char *nvt_replay_refusal(const struct nvt_record *meta);
#define NVT_REPLAY_TOO_MANY "a trace of more than 64 controllers can't be replayed at once"
#define NVT_REPLAY_NO_META                                                                         \
  "no meta-record tells what this controller was, so the target can't be set up like it; record "  \
  "again with nvmetap record, or import with a description"
/* May this record stand before its controller's meta-record? */
bool nvt_replay_before_meta(const struct nvt_record *);

/* Each loop begins with a target of its own, as the first one did. Fills in *result; call
 * nvt_replay_clear() at the end. */
void nvt_replay(const struct nvt_replay_options *, struct nvt_replay_result *result);
void nvt_replay_clear(struct nvt_replay_result *);

#endif
