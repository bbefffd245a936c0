/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the engine and the rules. A rule is one file in trace/checks/ that ends in NVT_CHECK();
 * the table is a linker section, as that of the subcommands is.
 *
 * All state starts as zero, which has to mean "not known": the engine zeroes it again when
 * something was lost, tracing was stopped, the host left or the controller was reset.
 */
#ifndef NVT_TRACE_CHECKS_INT_H
#define NVT_TRACE_CHECKS_INT_H

#include "trace/checks.h"

/* For .spec. */
#define NVT_SPEC_BASE(section)                                                                     \
  { "NVM Express Base", "2.1", (section) }
#define NVT_SPEC_PCIE(section)                                                                     \
  { "NVMe over PCIe Transport", "1.1", (section) }
#define NVT_SPEC_NVM(section)                                                                      \
  { "NVM Command Set", "1.1", (section) }
#define NVT_SPEC_TRACE(section)                                                                    \
  { "nvmetap trace format", "1", (section) }

/* Nothing that a controller may do to an interrupt takes this long: coalescing delays by 25.5 ms at
 * most (Base 2.1, Interrupt Coalescing: 255 times 100 microseconds). */
#define NVT_CHECK_INTERRUPT_NS 100000000u
/* An announced entry that isn't fetched, a command that isn't completed: no specification has a
 * time for it; hosts wait for seconds. */
#define NVT_CHECK_FETCH_NS 500000000u
#define NVT_CHECK_COMPLETE_NS 1000000000u

/* What the host knows of the controller's registers, as far as the trace shows it. */
struct nvt_check_registers {
  bool cc_known;
  uint32_t cc;
  bool enabled_here;          /* EN went from 0 to 1 in the trace */
  bool disabled_here;         /* EN went from 1 to 0 in the trace, and hasn't gone back */
  bool ready_seen;            /* since EN last changed, CSTS.RDY = 1 was read */
  bool unready_seen;          /* since EN last changed, or a reset, CSTS.RDY = 0 was read */
  bool csts_known;            /* it was read */
  uint32_t csts;              /* as last read */
  struct nvt_moment switched; /* the write that changed EN last */
  struct nvt_moment shutdown; /* the write of CC.SHN that asked for one; record 0: none did */
  bool shutdown_seen;         /* CSTS.SHST = 10b was read since */
};

/* What Identify Controller data says of the drive; as in nvme/identify.h. */
struct nvt_check_limits {
  bool known;
  uint8_t acl; /* zero-based */
  uint8_t aerl;
  uint8_t sqes;
  uint8_t cqes;
  uint16_t oacs;
  uint16_t oncs;
  uint32_t nn;
};

#define NVT_CHECK_NAMESPACES 16u /* whose sizes are known */
struct nvt_check_namespace {
  uint32_t nsid; /* 0: free */
  uint64_t blocks;
};

#define NVT_CHECK_BLOCK_MIN 512u /* bytes of the smallest logical block */
struct nvt_check_controller {
  uint16_t id;
  uint32_t epoch;
  uint64_t generation; /* state of an older one is void */
  uint8_t left_out;    /* by a filter: as its last meta-record says */
  bool seen;           /* a record of it was */
  bool active;         /* a doorbell, a command or a completion was, since it is known */
  bool whole;          /* every queue that exists now is in the trace */
  bool cap_known;
  uint64_t cap;
  struct nvt_check_registers registers;
  uint64_t lost;       /* the last record before which something was lost, or 0 */
  uint64_t last_write; /* offset of the last register write */
  uint16_t vectors;    /* 0: not known */
  bool keeps_nothing;  /* one of its namespaces is null:, and forgets what is written */
  bool mdts_known;     /* as in Identify Controller */
  uint8_t mdts;
  uint32_t block_min; /* bytes; of all namespaces that are known; 0: none is */
  uint32_t block_max;
  struct nvt_check_limits limits;
  struct nvt_check_namespace namespaces[NVT_CHECK_NAMESPACES];
  bool queues_asked;    /* Set Features 07h succeeded since EN = 1 */
  uint32_t granted_sqs; /* I/O queues that it granted */
  uint32_t granted_cqs;
  struct nvt_moment interference; /* the last verdict of a plug-in that changed something */
  char plugin[25];
  uint8_t *state; /* of rules */
  uint64_t state_generation;
};

#define NVT_CHECK_DONE 32u
struct nvt_check_queue {
  uint64_t generation; /* of its controller: of another one it is void */
  uint64_t serial;     /* of this life of it: timers of another one are void */
  uint16_t controller;
  struct nvt_doorbell_id id;
  bool from_start;   /* its creation is in the trace, and nothing was lost since */
  bool exists;       /* it was created, or a snapshot has it */
  uint32_t entries;  /* 0: not known */
  uint32_t attached; /* completion queue: submission queues known to use it */
  uint16_t cqid;     /* submission queue from start: its completion queue */
  uint64_t created;  /* record */
  /* submission queue: the commands completed last, a ring */
  uint16_t done_cid[NVT_CHECK_DONE];
  uint64_t done_record[NVT_CHECK_DONE]; /* of the completion; 0: none */
  uint32_t done_next;
  uint64_t state[]; /* of rules */
};

struct nvt_pages;
struct nvt_check_rule;
struct nvt_check_rule_state; /* the engine's of one rule that runs */

/* What a rule is called with. */
struct nvt_check_run {
  struct nvt_checks *checks;
  const struct nvt_check_rule *rule;
  struct nvt_check_rule_state *state;
  const struct nvt_session *session;
  const struct nvt_record *record; /* NULL in `ended` */
  const struct nvt_view *view;     /* NULL in `ended` */
  struct nvt_pages *pages;         /* what digest records stand for */
  struct nvt_check_controller *controller;
  struct nvt_check_registers before; /* the registers before this record; `controller` has them as
                                        they are now */
  struct nvt_check_queue *sq;        /* of a command, a completion and a tail doorbell; or NULL */
  struct nvt_check_queue *cq; /* of a command, a completion, an interrupt, and a head doorbell */
  struct nvt_moment now;
  bool finishing; /* `ended`: the trace has ended, or is looked at as if it had */
};

/* For .needs, with | between. Who needs doorbells or interrupts needn't say that it needs commands:
 * where a filter left some of those out, it may have left out their queues' doorbells as well. */
#define NVT_NEEDS(what) NVT_V_meta_left_out_flags_##what
#define NVT_ON(type) (1u << NVT_REC_##type)
#define NVT_ON_GAP 1u /* whatever the type, where records are missing before it */

struct nvt_check_rule {
  struct nvt_check_info info;
  uint32_t on; /* NVT_ON()s: record types that `record` is called for */
  void (*record)(struct nvt_check_run *);
  /* An exchange ended, or is open at the end: `finishing`. */
  void (*ended)(struct nvt_check_run *, const struct nvt_exchange *);
  /* A timer of nvt_check_arm() ran out. */
  void (*due)(struct nvt_check_run *, struct nvt_check_queue *);
  uint16_t controller_state; /* bytes */
  uint16_t queue_state;
};

#define NVT_CHECK(ident, ...)                                                                      \
  static const struct nvt_check_rule nvt_check_##ident = {__VA_ARGS__};                            \
  static const struct nvt_check_rule *const nvt_check_entry_##ident                                \
      __attribute__((used, section("nvt_checks"))) = &nvt_check_##ident

/* --- for rules: checks.c --- */

/* Something is wrong at `at`; related: a record's number, or 0. */
void nvt_check_report_at(struct nvt_check_run *, struct nvt_moment at, uint64_t related,
                         const char *format, ...) __attribute__((format(printf, 4, 5)));
/* At the record that was just fed. */
#define nvt_check_report(run, related, ...)                                                        \
  nvt_check_report_at((run), (run)->now, (related), __VA_ARGS__)
/* The rule's own memory: never NULL where the rule has asked for some. */
void *nvt_check_controller_state(const struct nvt_check_run *);
void *nvt_check_queue_state(const struct nvt_check_run *, struct nvt_check_queue *);
/* For a rule whose controller state is a uint32_t: how many commands of a kind are under way. Of a
 * command this one is counted; a completion ends one, and the answer is 0. */
uint32_t nvt_check_under_way(const struct nvt_check_run *);
/* Call rule->due for this queue at the first access of the host from now + ns on; it is forgotten
 * when the queue's state is zeroed. One timer for a queue and a rule at a time. False: too many
 * run. */
bool nvt_check_arm(struct nvt_check_run *, struct nvt_check_queue *, uint64_t ns);

/* checks_stuck.c: zeroed memory of a submission queue. `seen` at its tail doorbells and commands;
 * `due` when the timer ran out, true: nothing is fetched for NVT_CHECK_FETCH_NS, and nothing is
 * outstanding. */
struct nvt_check_stuck {
  bool armed;
  uint64_t since_ns;          /* of the last thing that moved */
  struct nvt_moment doorbell; /* the last one */
};
void nvt_check_stuck_seen(struct nvt_check_run *, struct nvt_check_stuck *);
bool nvt_check_stuck_due(struct nvt_check_run *, struct nvt_check_queue *sq,
                         struct nvt_check_stuck *, uint64_t *waited);

/* Entries from `from` to `to` of a ring, both below `entries`. */
static inline uint32_t nvt_check_distance(uint32_t from, uint32_t to, uint32_t entries) {
  return to >= from ? to - from : entries - from + to;
}

/* --- what is known: checks_facts.c --- */

/* A queue's facts; NULL: no memory, or too many. */
struct nvt_check_queue *nvt_check_queue(struct nvt_check_run *, struct nvt_doorbell_id);
/* The session's view of it; NULL: it doesn't exist. */
const struct nvt_queue_view *nvt_check_queue_view(const struct nvt_check_run *,
                                                  struct nvt_doorbell_id);
/* Does an access touch one of `size` bytes at `offset` of BAR0? */
bool nvt_check_touches(const struct nvt_record *, uint32_t offset, uint32_t size);
/* The register's value by this access, if all of it was accessed. */
bool nvt_check_register(const struct nvt_record *, uint32_t offset, uint32_t size, uint64_t *value);
bool nvt_check_is_snapshot(const struct nvt_record *);
bool nvt_check_is_refused(const struct nvt_record *);
/* A write of the host to a register of BAR0 that the controller took, not a doorbell. */
bool nvt_check_is_write(const struct nvt_check_run *);
/* An access of the host, of any kind: what the controller was at is done then. */
bool nvt_check_is_access(const struct nvt_record *);
/* "Read", "opcode 0x99": the exchange's command. Written to out. */
void nvt_check_opcode(const struct nvt_exchange *, char *out, size_t size);
static inline bool nvt_check_is_aer(const struct nvt_exchange *exchange) {
  return exchange->sqid == 0 && exchange->sqe.opcode == NVT_ADMIN_ASYNC_EVENT_REQUEST;
}
/* Bytes that a command transfers: between *low and *high, equal where that is known exactly.
 * False: it transfers nothing, or it isn't known. */
bool nvt_check_length(const struct nvt_check_controller *, enum nvt_opcode_set,
                      const struct nvt_sqe *, uint64_t *low, uint64_t *high);
/* Whether a command works on a range of blocks, and which: of NVM, by its first two dwords. */
bool nvt_check_blocks(enum nvt_opcode_set, const struct nvt_sqe *, uint64_t *first,
                      uint64_t *count);
/* The namespace's size in blocks; 0: it isn't known. */
uint64_t nvt_check_namespace_blocks(const struct nvt_check_controller *, uint32_t nsid);
/* Log2 of the memory page size that the host set (CC.MPS), of the least there is (CAP.MPSMIN). */
unsigned nvt_check_page_shift(const struct nvt_check_controller *);
unsigned nvt_check_min_page_shift(const struct nvt_check_controller *);

/* --- engine to facts --- */

void nvt_check_facts_before(struct nvt_check_run *); /* before the rules see the record */
void nvt_check_facts_after(struct nvt_check_run *);
/* Nothing is known of it any more but what doesn't change. */
void nvt_check_forget(struct nvt_check_controller *);
void nvt_check_queue_clear(struct nvt_checks *, struct nvt_check_queue *);
struct nvt_check_queue *nvt_checks_find_queue(struct nvt_checks *,
                                              const struct nvt_check_controller *,
                                              struct nvt_doorbell_id);
/* checks_identify.c: what a meta-record and Identify data say */
void nvt_check_learn_meta(struct nvt_check_controller *, const struct nvt_record *);
/* Of its namespaces' sizes; or, with `limits`, of all that Identify said. */
void nvt_check_forget_drive(struct nvt_check_controller *, bool limits);
void nvt_check_learn_data(struct nvt_check_controller *, const struct nvt_record *,
                          const struct nvt_exchange *);

#endif
