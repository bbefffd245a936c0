/* SPDX-License-Identifier: BSD-2-Clause */
/* The host of a mutated run: mutate_host.c drives, mutate_observe.c listens. */
#ifndef NVT_REPLAY_MUTATE_HOST_INT_H
#define NVT_REPLAY_MUTATE_HOST_INT_H

#include "replay/mutate_int.h"

#define NVT_HOST_QUEUES 512u /* with lower numbers are followed */
#define NVT_HOST_CREATES 64u
#define NVT_HOST_COLLECTED 256u

struct nvt_host_queue {
  uint64_t base;
  uint32_t entries; /* 0: there is none */
  uint32_t head, tail;
  uint32_t shift; /* log2 of an entry's bytes */
  uint16_t cqid;
};

struct nvt_host {
  const struct nvt_input *in;
  const struct nvt_target_ops *ops;
  struct nvt_target *target;
  struct nvt_canary *canary;
  struct nvt_watch *watch;
  struct nvt_run_report *report;
  size_t at; /* step */
  unsigned dstrd;
  uint32_t cc;
  bool maps_seen; /* the trace tells what memory there is */
  bool maps_made; /* it hasn't so far, and some was made */
  bool detached;
  struct nvt_host_queue sqs[NVT_HOST_QUEUES], cqs[NVT_HOST_QUEUES];
  struct nvt_sqe creates[NVT_HOST_CREATES]; /* admin commands fetched last, a ring */
  unsigned next_create;
  bool collecting; /* during an access */
  struct nvt_record collected[NVT_HOST_COLLECTED];
  size_t collected_count;
  uint16_t last_cid; /* completion of the admin queue */
  uint16_t last_status;
  bool moved_outside; /* told once */
  bool over;          /* the watch has ended */
};

void nvt_host_access(struct nvt_host *, uint8_t type, struct nvt_rec_access);
void nvt_host_ring(struct nvt_host *, struct nvt_doorbell_id, uint32_t value);
int nvt_host_step(struct nvt_host *, uint16_t sqid); /* as the target's */
void nvt_host_map(struct nvt_host *, uint64_t iova, uint64_t len, bool readable, bool writable);
/* Memory around an address, where the trace tells of none. */
void nvt_host_need_memory(struct nvt_host *, uint64_t address);

/* mutate_observe.c */
struct nvt_observer nvt_host_observer(struct nvt_host *);
void nvt_host_forget_queues(struct nvt_host *);
/* After a device reset the controller does as a new one does: one Identify succeeds. */
void nvt_host_still_works(struct nvt_host *);

#endif
