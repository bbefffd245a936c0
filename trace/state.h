/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state of a controller as of a record: after that record has taken effect. Out of the session
 * right after the record (nvt_state_now), or of the history at any time later (trace/history.h);
 * both say the same. Of what the trace doesn't show, nothing is told.
 */
#ifndef NVT_TRACE_STATE_H
#define NVT_TRACE_STATE_H

#include "trace/msix.h"
#include "trace/registers.h"
#include "trace/session.h"

#define NVT_STATE_COMMANDS 64u /* of the outstanding ones: the oldest */

struct nvt_state_command {
  uint64_t record; /* of its fetch */
  uint64_t age_ns; /* from its fetch to the record; 0 where the clock went back */
  uint16_t sqid;
  uint16_t cid;
  uint8_t set;  /* enum nvt_opcode_set */
  uint8_t code; /* nvt_exchange_code() */
};

struct nvt_state {
  enum nvt_condition condition;
  uint32_t outstanding; /* commands of the controller, Asynchronous Event Requests included */
  uint32_t queues;      /* I/O queues that exist, submission and completion queues together */
  uint64_t registers[NVT_REGISTER_ROWS]; /* as last seen; 0 unless known */
  bool known[NVT_REGISTER_ROWS];
  /* The queues that the record is about, where they exist: those of its command; a doorbell's or
   * queue state's alone; an interrupt's completion queue. */
  bool has_sq;
  bool has_cq;
  struct nvt_queue_view sq;
  struct nvt_queue_view cq;
  bool has_msix;                                         /* something was seen of it */
  struct nvt_msix msix;                                  /* `changes` says nothing here */
  uint32_t shown;                                        /* of `outstanding` in `commands` */
  struct nvt_state_command commands[NVT_STATE_COMMANDS]; /* `shown` of them, the oldest first; last
                                                            member */
};

/* The record is the last that the session took. False, and nothing set: the session has nothing
 * on its controller. */
bool nvt_state_now(const struct nvt_session *, const struct nvt_record *, const struct nvt_view *,
                   struct nvt_state *out);

/* Which queues a record is about, by their identifiers. */
struct nvt_record_queues {
  bool sq;
  bool cq;
  bool cq_of_sq; /* the completion queue is the submission queue's, which isn't told here */
  uint16_t sqid;
  uint16_t cqid;
};
struct nvt_record_queues nvt_record_queues(const struct nvt_record *, const struct nvt_view *);

/* Of an outstanding command, at a record of that time. */
struct nvt_state_command nvt_state_command(const struct nvt_exchange *, uint64_t time_ns);

#endif
