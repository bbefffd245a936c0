/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Habits of hosts: what host=naive and host=careful do otherwise than this driver does of
 * its own accord, a pair for each trouble (habits.c has the table). Those for the time
 * before the workload are in habits_start.c, those while it runs in habits_run.c.
 */
#ifndef NVT_CONTROLLER_DRIVER_HABITS_INT_H
#define NVT_CONTROLLER_DRIVER_HABITS_INT_H

#include "controller/driver/driver_int.h"
#include "controller/driver/run_int.h"
#include "controller/profiles/profile.h"

struct nvt_habits {
  /* Before the workload. */
  int (*taken_over)(struct nvt_driver *); /* instead of finding the controller disabled */
  int (*identified)(struct nvt_driver *); /* Identify Controller was read */
  int (*queues_made)(struct nvt_driver *);
  bool ignores_limits;    /* MDTS, entry sizes, number of queues, MQES */
  bool takes_less;        /* bs, depth and queues, where the device has less */
  bool wide_entries;      /* submission queue entries of 128 bytes, where they are required */
  bool no_queue_count;    /* Set Features 07h isn't asked for */
  bool reads_back;        /* AQA, ASQ and ACQ, and writes them again when they differ */
  unsigned spare_buffers; /* data buffers to rotate over, beyond one for each command */
  bool believes;          /* takes a completion of no command for one all the same */
  bool poisons;           /* marks completion entries as consumed, waits for whole ones */
  bool unflushed;         /* writes to the MSI-X table aren't followed by a read */
  uint8_t flags;          /* of I/O commands; it is reserved */

  /* While it runs. */
  bool (*acknowledges)(const struct nvt_hostq *); /* now? NULL: at once */
  void (*before_doorbell)(struct nvt_driver *);
  void (*completed)(struct nvt_driver *, uint64_t ticks); /* it took so long */
  int (*each_pass)(struct nvt_run_state *, int reaped);
  int (*ended)(struct nvt_driver *); /* all I/Os are done: how was it? */
};

/* The command id of a completion entry that was consumed: no command has it. */
#define NVT_POISON 0xffffu

#define NVT_ODD_WINDOW 16u /* latencies that a median is taken of */

struct nvt_buffer {
  uint8_t *data;
  uint64_t prp1, prp2;
  bool busy;
};

/* What they remember. */
struct nvt_odd {
  bool paused;         /* start no I/O for now */
  uint64_t last_ring;  /* ticks */
  uint64_t until_move; /* completions */
  uint64_t window[NVT_ODD_WINDOW];
  unsigned filled;
  uint64_t baseline, median; /* ticks; the best window's, the last's */
  bool slow;
  struct nvt_buffer *buffers; /* of each queue so many: */
  uint32_t buffers_each;
  uint32_t *next_buffer; /* of each queue */
};

/* The row of a trouble, NULL: there is none of that name. */
const struct nvt_habits *nvt_habits_find(const char *trouble, enum nvt_host);
extern const struct nvt_habits nvt_habits_usual;

/* habits_start.c */
/* Bytes that they need of the arena, beyond the driver's own; page size and CAP are known. */
size_t nvt_habits_memory(const struct nvt_driver *);
/* Make what they remember; queues and slots are there. */
int nvt_habits_prepare(struct nvt_driver *);
void nvt_habits_end(struct nvt_driver *);
int nvt_take_over_in_a_hurry(struct nvt_driver *);
int nvt_take_over_with_patience(struct nvt_driver *);
int nvt_stay_within_limits(struct nvt_driver *);
int nvt_set_entry_size(struct nvt_driver *);  /* submission queue entries as they are required */
int nvt_take_entry_size(struct nvt_driver *); /* and the vendor's command that goes with it */
int nvt_hint_unasked(struct nvt_driver *);
int nvt_hint_if_supported(struct nvt_driver *);

/* habits_run.c */
void nvt_rotate_buffer(struct nvt_driver *, struct nvt_hostq *, struct nvt_slot *);
bool nvt_acknowledge_late(const struct nvt_hostq *);
void nvt_keep_doorbells_apart(struct nvt_driver *);
void nvt_watch_latency(struct nvt_driver *, uint64_t ticks);
int nvt_format_when_slow(struct nvt_run_state *, int reaped);
int nvt_complain_when_slow(struct nvt_driver *);
int nvt_complain_when_still_slow(struct nvt_driver *);
int nvt_move_interrupts(struct nvt_run_state *, int reaped);

#endif
