/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The session: a fold over records that follows each controller's registers,
 * queues, interrupts and outstanding commands, pairs commands with completions,
 * and measures the stages of each. It is the only place where this is done: the
 * dissector, the command line and the replayer all use it. It uses nothing but
 * nvme/ and libc, and copes with any sequence of records, hostile ones too.
 */
#ifndef NVT_TRACE_SESSION_H
#define NVT_TRACE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/names.h"
#include "trace/record.h"

struct nvt_session; /* one thread at a time */
struct nvt_transfer;
struct nvt_config_space;

/* A record seen: number 0 when there was none. */
struct nvt_moment {
  uint64_t record; /* number */
  uint64_t time_ns;
};

/* How a command ended. */
enum nvt_exchange_end {
  NVT_EXCHANGE_OPEN, /* outstanding */
  NVT_EXCHANGE_COMPLETED,
  NVT_EXCHANGE_RESET,      /* outstanding when the controller was reset or its queue deleted */
  NVT_EXCHANGE_UNFINISHED, /* outstanding at the end of the trace */
  NVT_EXCHANGE_UNTRACED    /* outstanding when tracing was stopped: what became of it isn't known */
};

/* One command's life. Key: controller, epoch, sqid, cid and reuse. */
struct nvt_exchange {
  uint16_t controller;
  uint32_t epoch;
  uint16_t sqid;
  uint16_t cqid;
  uint16_t cid;
  uint64_t reuse; /* 0 for the first use of this cid on this queue in this epoch */
  enum nvt_exchange_end end;
  struct nvt_moment doorbell; /* the tail doorbell that announced it */
  struct nvt_moment command;  /* its fetch */
  struct nvt_moment completion;
  struct nvt_moment interrupt;   /* first one sent for its queue at or after the completion */
  struct nvt_moment acknowledge; /* the head doorbell that passed its completion */
  struct nvt_moment cancel;      /* end RESET and UNTRACED: the record that ended it */
  uint32_t depth;                /* outstanding on its queue at the fetch, itself included */
  uint32_t in_flight;            /* what the host had under way on its queue then: announced and not
                                    fetched, outstanding, or completed and not acknowledged; where
                                    a filter left out doorbells, those outstanding */
  bool duplicate_cid;            /* another command with this cid was outstanding */
  uint8_t set;                   /* enum nvt_opcode_set of the command; its queue's when only the
                                    completion is known */
  uint8_t page_shift;            /* CC.MPS at its fetch: memory pages are 1 << page_shift bytes */
  struct nvt_sqe sqe; /* all zero when the trace has only the completion (started later) */
  struct nvt_cqe cqe; /* valid when completion.record != 0 */
  void *user;         /* the session's user's; NULL at first */
  struct nvt_transfer *transfers; /* its data, where trace/transfer.h follows it; NULL at first */
};

/* Its number in its set: the opcode, or of a Fabrics command the type. */
uint8_t nvt_exchange_code(const struct nvt_exchange *);

/* Stage times in ns; false when one end is missing (or lies before the other). */
enum nvt_stage {
  NVT_STAGE_TOTAL,       /* command to completion: nvmetap.latency */
  NVT_STAGE_FETCH,       /* tail doorbell to command */
  NVT_STAGE_EXECUTE,     /* command to completion; equal to TOTAL until the trace tells more */
  NVT_STAGE_INTERRUPT,   /* completion to interrupt */
  NVT_STAGE_ACKNOWLEDGE, /* completion to head doorbell */
  NVT_STAGE_COUNT
};
bool nvt_exchange_stage(const struct nvt_exchange *, enum nvt_stage, uint64_t *ns);
const char *nvt_stage_name(enum nvt_stage); /* "total", "fetch", … */
/* The record that the stage's time is told of: the command of its fetch, the completion of all
 * others. 0: there is none. */
uint64_t nvt_stage_record(const struct nvt_exchange *, enum nvt_stage);

/* A doorbell write or an interrupt, and the commands that it stands for. */
struct nvt_signal {
  struct nvt_moment at;
  struct nvt_doorbell_id doorbell; /* for a doorbell */
  uint16_t controller;
  uint16_t vector;   /* for an interrupt */
  uint32_t value;    /* the doorbell's value */
  uint32_t previous; /* the value before */
  uint32_t count; /* tail: entries announced; head: completions acknowledged; interrupt: completions
                     covered */
  bool valid;     /* doorbell of a queue that exists, value in range */
  /* The commands so far: the first and the last. Fills in as they are fetched. Only
   * in a session that keeps. */
  struct nvt_exchange *first;
  struct nvt_exchange *last;
};

/* What the session knows of a record; valid until the next record, but what it
 * points to lives as long as the session where `keep` is set, and otherwise
 * until the exchange's end was reported. */
struct nvt_view {
  struct nvt_exchange *exchange; /* of a command, completion, data or verdict record; or NULL */
  struct nvt_signal *signal;     /* of a doorbell or interrupt record; or NULL */
  bool is_doorbell;              /* a BAR0 or shadow doorbell write; id valid */
  struct nvt_doorbell_id doorbell;
  enum nvt_opcode_set set; /* of the command that the record is or belongs to: by its queue, its
                              namespace's command set and, of Fabrics commands, its opcode */
  bool seq_gap;     /* records are missing before this one and no loss record accounts for them */
  uint64_t missing; /* how many */
  const struct nvt_config_space *config; /* the controller's, as far as it is known; or NULL */
};

struct nvt_session_options {
  bool keep; /* keep every exchange and signal until destroy (dissector) */
  /* Allocator for what `keep` keeps; NULL: calloc. Memory from it is never freed by the session. */
  void *(*alloc)(void *ctx, size_t size);
  void *alloc_ctx;
  /* Called once per exchange when nothing more can be learned of it (acknowledged,
   * reset, or at nvt_session_finish). May be NULL. */
  void (*ended)(void *ctx, struct nvt_exchange *);
  void *ended_ctx;
  /* Called when a completed exchange's interrupt, then its acknowledgement becomes known. May be
   * NULL. */
  void (*measured)(void *ctx, struct nvt_exchange *, enum nvt_stage);
  void *measured_ctx;
};

/* 0 or -ENOMEM. */
int nvt_session_create(const struct nvt_session_options *, struct nvt_session **out);
void nvt_session_destroy(struct nvt_session *);
/* Take the next record, in file order. 0 or -ENOMEM (the record is then not counted). */
int nvt_session_record(struct nvt_session *, const struct nvt_record *, struct nvt_view *out);
/* The trace has ended: what is outstanding becomes UNFINISHED and is reported. */
void nvt_session_finish(struct nvt_session *);

/* What is known of a controller so far; NULL if no record named it. */
struct nvt_controller_state {
  uint16_t controller;
  uint32_t pci_address;
  uint32_t epoch;
  bool meta_seen;
  uint64_t cap; /* from the meta-record or a read of CAP */
  uint32_t cc;
  uint32_t csts;
  uint32_t outstanding; /* commands fetched and not completed, all queues, AERs included */
  uint32_t queues;      /* I/O queues that exist */
  uint64_t lost;        /* records lost, by loss records and by gaps */
  uint8_t left_out;     /* by a filter, as the last meta-record says: not to be missed */
};
const struct nvt_controller_state *nvt_session_controller(const struct nvt_session *,
                                                          uint16_t controller);

/* What is known of its configuration space (trace/config_space.h); NULL: nothing. Lives as long as
 * the session. */
const struct nvt_config_space *nvt_session_config(const struct nvt_session *, uint16_t controller);

/* What is known of a queue that exists; NULL otherwise. Valid until the next record. */
struct nvt_queue_view {
  uint16_t qid;
  bool is_cq;
  uint16_t cqid;        /* of a submission queue: its completion queue */
  uint16_t vector;      /* of a completion queue, if vector_known */
  bool vector_known;    /* its creation or its state was recorded */
  uint32_t entries;     /* 0: not known (the trace started later) */
  uint32_t outstanding; /* submission queue: fetched and not completed; completion queue:
                           posted and not acknowledged */
  uint16_t head;        /* submission queue: after the last fetch; completion queue: doorbell */
  uint16_t tail;        /* submission queue: doorbell; completion queue: after the last post */
  uint64_t base;        /* guest address; 0 where not known */
};
const struct nvt_queue_view *nvt_session_queue(const struct nvt_session *, uint16_t controller,
                                               struct nvt_doorbell_id);
/* The oldest outstanding command with this identifier; NULL: there is none. Valid until the next
 * record. */
const struct nvt_exchange *nvt_session_outstanding_command(const struct nvt_session *,
                                                           uint16_t controller, uint16_t sqid,
                                                           uint16_t cid);

#endif
