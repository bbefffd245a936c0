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
#include "trace/links.h"
#include "trace/record.h"

struct nvt_session; /* one thread at a time */
struct nvt_transfer;
struct nvt_config_space;
struct nvt_register_image;
struct nvt_msix;

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
  struct nvt_moment cancel;      /* ended without a completion: the record that ended it; none where
                                    the trace ended */
  uint32_t depth;                /* outstanding on its queue at the fetch, itself included */
  uint32_t in_flight;            /* what the host had under way on its queue then: announced and not
                                    fetched, outstanding, or completed and not acknowledged; where
                                    a filter left out doorbells, those outstanding */
  bool duplicate_cid;            /* another command with this cid was outstanding */
  uint8_t set;                   /* enum nvt_opcode_set of the command; its queue's when only the
                                    completion is known */
  uint8_t page_shift;            /* CC.MPS at its fetch: memory pages are 1 << page_shift bytes */
  bool has_previous;             /* since_previous_ns is valid */
  bool size_known;               /* `size` is by its fields; else what was recorded of its data */
  uint8_t outcome;               /* of an Abort with a victim: enum nvt_abort_outcome, so far; where
                                    several named it, the last one's */
  uint64_t since_previous_ns;    /* from the fetch before on its queue to its own */
  uint64_t size;                 /* see nvt_exchange_size() */
  /* Other commands, by the record of their fetch; 0: none. Those of a range only in a session with
   * `ranges`. */
  uint64_t range_first;    /* the first that met one of its logical blocks */
  uint64_t range_previous; /* the last before it that did */
  uint64_t retry_of;       /* the same on the same range, which failed */
  uint64_t retried_in;     /* it failed, and was tried again; only in a session that keeps */
  uint64_t victim;         /* of an Abort: what it was to abort */
  uint64_t aborted_by;     /* the last Abort that named it */
  /* In a session that keeps; else see the view. */
  struct nvt_queue_life *queue; /* its submission queue; NULL: not known */
  struct nvt_queue_life *made;  /* Create or Delete I/O Queue that succeeded: the queue */
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

/* Bytes of data that it moves, without metadata: by its fields and its namespace's block size, or,
 * where these don't tell, what data records say so far. False: nothing, or not known. */
bool nvt_exchange_size(const struct nvt_exchange *, uint64_t *bytes);
/* Bytes a second, from command to completion, of one that succeeded. False: not known. */
bool nvt_exchange_throughput(const struct nvt_exchange *, uint64_t *bytes_per_s);

/* What became of a command that an Abort named. */
enum nvt_abort_outcome {
  NVT_ABORT_OUTSTANDING, /* it has no end yet */
  NVT_ABORT_ABORTED,     /* completed with Command Abort Requested */
  NVT_ABORT_BEFORE,      /* completed before the Abort was fetched */
  NVT_ABORT_AFTER,       /* completed after that, and not as aborted */
  NVT_ABORT_RESET,       /* ended by a reset or with its queue */
  NVT_ABORT_NEVER,       /* open where the trace ends, or was stopped */
  NVT_ABORT_COUNT
};
enum nvt_abort_outcome nvt_abort_outcome(const struct nvt_exchange *abort,
                                         const struct nvt_exchange *victim);
const char *nvt_abort_outcome_name(enum nvt_abort_outcome);

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
  uint32_t known; /* commands that it stands for so far; only in a session that keeps */
  bool valid;     /* doorbell of a queue that exists, value in range */
  /* The commands so far: the first and the last. Fills in as they are fetched. Only
   * in a session that keeps. */
  struct nvt_exchange *first;
  struct nvt_exchange *last;
  struct nvt_queue_life *queue; /* the doorbell's, or the interrupt's completion queue; or NULL */
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
  const struct nvt_queue_life *queue; /* the submission queue of a command or completion, the
                                         doorbell's, the interrupt's completion queue; or NULL */
  const struct nvt_queue_life *made;  /* Create or Delete I/O Queue's completion; or NULL */
  struct nvt_change *change; /* a reset, enabling or shutdown that starts here, or is told to be
                                done; or NULL */
  bool seq_gap;     /* records are missing before this one and no loss record accounts for them */
  uint64_t missing; /* how many */
  const struct nvt_config_space *config; /* the controller's, as far as it is known; or NULL */
};

struct nvt_session_options {
  bool keep; /* keep every exchange and signal until destroy (dissector) */
  bool
      ranges; /* follow who met which logical blocks, and retries: some 2 microseconds and up to
                 160 bytes for a command; with `keep`, the former where nvt_session_ranges() asks */
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
/* In a session that keeps: range_first and range_previous of all commands so far. */
void nvt_session_ranges(struct nvt_session *);
/* The trace has ended: what is outstanding becomes UNFINISHED and is reported. */
void nvt_session_finish(struct nvt_session *);

/* What a controller is about, as the trace shows it: by registers as they are written and read
 * (Base 2.1, sections 3.5 and 3.6), by the recorder's events, which may be ahead of what the host
 * has read, and by commands, which only a controller that was ready fetches.
 * An access that shows CC: EN 0 is DISABLED. EN 1 with SHN set is SHUTTING_DOWN, unless it is
 * SHUT_DOWN or FAILED by then. EN 1 is STARTING after DISABLED and, where it is written, after
 * UNKNOWN; else it changes nothing.
 * A read that shows CSTS: CFS is FAILED; SHST 1 and 2 are SHUTTING_DOWN and SHUT_DOWN; RDY 1 is
 * READY, unless CC.EN is known to be 0. All else is STARTING or DISABLED, as CC.EN is 1 or 0; where
 * that isn't known, DISABLED stays and all others become UNKNOWN.
 * An event: ready, shutdown complete and fatal status say what they say; a reset, a new epoch and a
 * host's arrival are DISABLED; its leaving, removal, return and migration of the controller, and a
 * trace that was stopped are UNKNOWN, and no register counts as seen then.
 * A command's fetch: READY after UNKNOWN and STARTING.
 * What a snapshot says counts as read, and what the controller refused doesn't count. */
enum nvt_condition {
  NVT_CONDITION_UNKNOWN,
  NVT_CONDITION_DISABLED,
  NVT_CONDITION_STARTING, /* CC.EN is 1, CSTS.RDY isn't yet */
  NVT_CONDITION_READY,
  NVT_CONDITION_SHUTTING_DOWN,
  NVT_CONDITION_SHUT_DOWN,
  NVT_CONDITION_FAILED, /* CSTS.CFS */
  NVT_CONDITION_COUNT
};
const char *nvt_condition_name(enum nvt_condition); /* "shutting down" */

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
  enum nvt_condition condition;
};
const struct nvt_controller_state *nvt_session_controller(const struct nvt_session *,
                                                          uint16_t controller);

/* What is known of its configuration space (trace/config_space.h); NULL: nothing. Lives as long as
 * the session. */
const struct nvt_config_space *nvt_session_config(const struct nvt_session *, uint16_t controller);

/* Its registers as last seen (trace/registers.h); a reset makes CC 0. NULL: no record named the
 * controller. Valid as long as the session, and so is: */
const struct nvt_register_image *nvt_session_registers(const struct nvt_session *,
                                                       uint16_t controller);
/* its MSI-X (trace/msix.h); NULL: nothing of it was seen. */
const struct nvt_msix *nvt_session_msix(const struct nvt_session *, uint16_t controller);
/* Its outstanding commands, the oldest first: fills `out`, and returns how many it filled, at most
 * `max`. Valid until the next record. */
size_t nvt_session_outstanding_commands(const struct nvt_session *, uint16_t controller,
                                        const struct nvt_exchange **out, size_t max);

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
  bool head_known;      /* not so where the trace started later */
  bool tail_known;
  bool phase;    /* of a completion queue: of the next completion, where the tail is known */
  uint64_t base; /* guest address; 0 where not known */
};
const struct nvt_queue_view *nvt_session_queue(const struct nvt_session *, uint16_t controller,
                                               struct nvt_doorbell_id);
/* The oldest outstanding command with this identifier; NULL: there is none. Valid until the next
 * record. */
const struct nvt_exchange *nvt_session_outstanding_command(const struct nvt_session *,
                                                           uint16_t controller, uint16_t sqid,
                                                           uint16_t cid);

#endif
