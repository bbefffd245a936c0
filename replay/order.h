/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dependency order: which of a trace's commands may be issued now, so that what depends on the
 * order of commands comes out as it was recorded. Kept are
 *   - the order of commands on blocks that overlap, where one of them writes: the first one is
 *     completed before the other is issued;
 *   - the order in which the commands of one queue are issued (not that of their completions);
 *   - a Flush: all that wrote to its namespace before it is completed before it is issued;
 *   - fused commands: both together, one right after the other;
 *   - a barrier: what is before it is completed before it is issued, and it before what follows.
 * The rest is free. Pure bookkeeping: commands are added in the order of the trace.
 */
#ifndef NVT_REPLAY_ORDER_H
#define NVT_REPLAY_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NVT_ORDER_WINDOW 1024u /* commands known and not done, fused ones as one */
#define NVT_ORDER_ALL_NAMESPACES UINT32_MAX

enum nvt_order_fused { NVT_ORDER_ALONE, NVT_ORDER_FIRST, NVT_ORDER_SECOND };

struct nvt_order_command {
  uint16_t queue;
  uint32_t nsid;         /* NVT_ORDER_ALL_NAMESPACES with flush: all */
  uint64_t first, count; /* blocks it works on; count 0: none. UINT64_MAX: to the end */
  bool writes;           /* them */
  bool flush, barrier;
  enum nvt_order_fused fused;
  void *user;
};

struct nvt_order; /* one thread at a time; about half a MiB */

struct nvt_order *nvt_order_create(void);   /* NULL: out of memory */
void nvt_order_destroy(struct nvt_order *); /* NULL is fine */
/* False: the window is full, and it isn't taken before another is done. */
bool nvt_order_add(struct nvt_order *, const struct nvt_order_command *);
/* No more comes for now: the first of a fused pair, whose second didn't, goes alone. */
void nvt_order_end(struct nvt_order *);
/* The oldest that may be issued, as the caller's from now on: its number, for nvt_order_done(), and
 * what was given as `user`, of a fused pair both, else user[1] is NULL. False: none may just now.
 */
bool nvt_order_next(struct nvt_order *, uint32_t *id, void *user[2]);
/* It is completed, both of a pair. */
void nvt_order_done(struct nvt_order *, uint32_t id);
/* How many were added and not issued, but for those that wait for the second of a pair. */
size_t nvt_order_waiting(const struct nvt_order *);

#endif
