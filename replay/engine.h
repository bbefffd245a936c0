/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The engine: one recorded controller replayed into one target. It takes the
 * trace's records in order, re-issues what the host did, lets the target fetch
 * when the recorded controller fetched, and compares what the target answers with
 * what the trace has.
 */
#ifndef NVT_REPLAY_ENGINE_H
#define NVT_REPLAY_ENGINE_H

#include "replay/exceptions.h"
#include "replay/feed.h"
#include "replay/findings.h"
#include "replay/plan.h"
#include "replay/target.h"
#include "replay/window.h"

/* What engines of one replay share; the caller's. */
struct nvt_replay_totals {
  uint64_t commands;
  uint64_t compared;
  const struct nvt_window *window; /* NULL: all is compared */
  const struct nvt_plan *needs;    /* of a target that somebody else set up; NULL: not known */
  const struct nvt_remap *remap;   /* likewise, or NULL */
  bool may_write, read_only;       /* to a target's medium that isn't ours; see replay/pass.c */
  bool preload;                    /* and put there what the trace's reads found from before it */
  uint32_t depth;                  /* of a driven target: commands outstanding at most */
  uint32_t deepest;                /* and how many there were */
  uint64_t sent, driven_ns;        /* I/O commands, and from the first to the last of them */
  uint64_t driven_end;             /* when the last ended, by nvt_pace_now() */
  bool outside;                    /* of the window is the current record */
  uint64_t exceptions[NVT_EXCEPTION_COUNT];
  struct nvt_findings findings;
};

struct nvt_engine; /* one thread at a time */

/* From the controller's meta-record. `address`: of the target, or NULL; it, `feed` and `totals`
 * outlive the engine. False with a message for a person in why: no usable meta-record, or the
 * target can't be like that. */
bool nvt_engine_create(const struct nvt_record *meta, const struct nvt_target_ops *,
                       const char *address, struct nvt_feed *feed, struct nvt_replay_totals *totals,
                       struct nvt_engine **out, char *why, size_t whylen);
void nvt_engine_destroy(struct nvt_engine *); /* NULL is fine */
/* The current item of the feed, which is of this controller. */
void nvt_engine_take(struct nvt_engine *, const struct nvt_feed_item *);
/* Why the rest can't be replayed: the target has no room for what the trace needs. NULL: nothing
 * keeps it from that. Until the next call. */
const char *nvt_engine_refused(const struct nvt_engine *);
/* The replay ends in the middle of the trace, after record `last`. This is one of the next records:
 * what the target answered already isn't too much when it stands here. */
void nvt_engine_look_behind(struct nvt_engine *, const struct nvt_feed_item *, uint64_t last);
/* Answers of the target that the trace hasn't had yet. */
bool nvt_engine_owed(const struct nvt_engine *);
/* They may stand where nobody looked: no differences. */
void nvt_engine_forgive(struct nvt_engine *);
/* The trace has ended. */
void nvt_engine_finish(struct nvt_engine *);

#endif
