/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the session: see session.h. */
#ifndef NVT_TRACE_SESSION_INT_H
#define NVT_TRACE_SESSION_INT_H

#include "trace/config_space.h"
#include "trace/msix.h"
#include "trace/ranges.h"
#include "trace/registers.h"
#include "trace/session.h"

/* --- a hash table of 64-bit keys --- */

/* A slot whose value is NULL is idle: its key stays, with its count, until the
 * table is rebuilt and more than NVT_MAP_IDLE_MAX slots are idle. */
#define NVT_MAP_IDLE_MAX (1u << 18)
struct nvt_map_slot {
  uint64_t key; /* plus one: 0 is an empty slot */
  void *value;
  uint64_t count; /* the user's */
  void *recent;   /* the user's */
};
struct nvt_map {
  struct nvt_map_slot *slots;
  size_t size; /* a power of two */
  size_t used; /* idle ones included */
  uint64_t seed;
};
void nvt_map_init(struct nvt_map *, uint64_t seed);
void nvt_map_free(struct nvt_map *);
struct nvt_map_slot *nvt_map_find(const struct nvt_map *, uint64_t key);
/* The key's slot, made if it isn't there; valid until the next call. NULL: no memory. */
struct nvt_map_slot *nvt_map_get(struct nvt_map *, uint64_t key);

/* --- objects --- */

struct nvt_queue;

struct nvt_exchange_node {
  struct nvt_exchange pub;        /* first: users get a pointer to it */
  struct nvt_exchange_node *next; /* in its list: outstanding of a submission queue, or posted of a
                                     completion queue; in the free list */
  struct nvt_exchange_node *previous;
  struct nvt_exchange_node *younger;  /* outstanding with the same key, fetched next */
  struct nvt_exchange_node *youngest; /* of the oldest: the end of that chain */
  struct nvt_exchange_node *later;    /* outstanding on its controller, fetched next and before */
  struct nvt_exchange_node *earlier;
  struct nvt_exchange_node *next_unranged;
  struct nvt_queue *sq; /* that counts it as unacknowledged, if it still has this generation */
  uint64_t sq_generation;
  struct nvt_exchange_node *aborter; /* the Abort of pub.aborted_by, if it still is that */
  uint16_t slot;                     /* of the completion, in its queue */
  uint16_t sq_slot;                  /* of the command, in its queue */
};

struct nvt_signal_node {
  struct nvt_signal pub;
  struct nvt_signal_node *next;
  bool anywhere; /* the tail before it isn't known: covers whatever is fetched next */
};

struct nvt_exchange_list {
  struct nvt_exchange_node *first;
  struct nvt_exchange_node *last;
};

#define NVT_QUEUES_MAX (1u << 18) /* in one session, submission and completion queues */
#define NVT_LIST_MAX 65535u       /* what the largest queue holds when it is full */
/* Of all queues of a session together; beyond it each queue forgets its oldest. */
#define NVT_UNACKNOWLEDGED_MAX (1u << 19)
#define NVT_DOORBELLS_MAX (1u << 20)
#define NVT_NAMESPACES_MAX (1u << 16) /* of another set than NVM; more are taken for NVM's */

struct nvt_queue {
  struct nvt_queue_view view;
  uint64_t generation;  /* never used twice in a session */
  uint64_t lossy_until; /* the controller's, when it became known */
  struct nvt_controller_node *controller;
  struct nvt_queue *next; /* of the controller, in order of creation; in the free list */
  struct nvt_queue *previous;
  struct nvt_queue_life *life; /* its own, or one that is kept */
  struct nvt_queue_life life_here;
  uint64_t fetch_ns; /* of its last command, if fetched */
  bool fetched;
  struct nvt_exchange_list list;
  /* submission queue: doorbells whose entries aren't all fetched */
  struct nvt_signal_node *doorbells;
  struct nvt_signal_node *last_doorbell;
  uint32_t doorbell_count;
  uint32_t unacknowledged; /* completed, and the host hasn't said that it saw it */
  /* completion queue: the first posted one that no interrupt covers, and how many */
  struct nvt_exchange_node *uncovered;
  uint32_t uncovered_count;
  void *past;                     /* the history's, of its name; NULL at first */
  struct nvt_queue *next_waiting; /* of its vector: completion queues with uncovered ones */
  struct nvt_queue *previous_waiting;
  bool waiting;
};

struct nvt_controller_node {
  struct nvt_controller_state state;
  struct nvt_controller_node *next; /* in order of appearance */
  struct nvt_queue *queues;
  struct nvt_queue *last_queue;
  struct nvt_exchange_node *oldest; /* outstanding */
  struct nvt_exchange_node *youngest;
  struct nvt_register_image registers;
  struct nvt_config_space *config;              /* NULL until it was accessed */
  struct nvt_msix *msix;                        /* NULL until something was seen of it */
  struct nvt_change *changes[NVT_CHANGE_COUNT]; /* that aren't over; or NULL */
  struct nvt_change changes_here[NVT_CHANGE_COUNT];
  struct nvt_change *resetting; /* the commands that end now are its */
  uint32_t formatted;           /* how often all its namespaces were */
  uint8_t format;               /* to which format, the last time */
  bool whole; /* the trace has all queues of this epoch: a doorbell of another one is invalid */
  bool seen;  /* next_seq is valid */
  uint64_t next_seq;
  uint64_t loss_first; /* the last loss record's range */
  uint64_t loss_end;
  uint64_t gap_first; /* the last gap's range */
  uint64_t gap_end;
  uint64_t lossy_until; /* number of the last record before which something was lost */
};

/* A controller more than that shows its capabilities without names, and no MSI-X. */
#define NVT_CONFIG_SPACES_MAX 256u

struct nvt_slab {
  struct nvt_slab *next;
};

struct nvt_session {
  struct nvt_session_options options;
  struct nvt_map controllers; /* by id */
  struct nvt_map queues;      /* by controller, kind and id */
  struct nvt_map commands;    /* by queue generation and cid: oldest outstanding; count: uses;
                                 recent: see nvt_session_note_recent() */
  struct nvt_map namespaces;  /* by controller and nsid; count: their set, where it isn't NVM */
  struct nvt_map formats;     /* by controller and nsid: struct nvt_block_format */
  struct nvt_ranges *ranges;  /* NULL: not asked for */
  struct nvt_exchange_node *first_unranged; /* in a session that keeps: not in `ranges` yet */
  struct nvt_exchange_node *last_unranged;
  struct nvt_map vectors; /* by controller and vector: completion queues that wait */
  struct nvt_controller_node *first_controller;
  struct nvt_controller_node *last_controller;
  struct nvt_controller_node *recent;
  struct nvt_queue *free_queues;
  struct nvt_exchange_node *free_exchanges;
  struct nvt_exchange_node *ended_exchanges; /* free from the next record on */
  struct nvt_signal_node *free_signals;
  struct nvt_slab *slabs;
  struct nvt_signal_node scratch; /* not kept: of this record only */
  uint64_t generation;
  uint32_t queue_count;
  uint32_t config_count;
  uint32_t msix_count;
  uint32_t unacknowledged; /* completions in all completion queues' lists */
  uint32_t doorbell_count; /* doorbells in all submission queues' lists */
  struct nvt_moment now;
};

/* session_memory.c: NULL when there is none. */
struct nvt_exchange_node *nvt_session_new_exchange(struct nvt_session *);
struct nvt_signal_node *nvt_session_new_signal(struct nvt_session *);
struct nvt_queue *nvt_session_new_queue(struct nvt_session *);
struct nvt_controller_node *nvt_session_new_controller(struct nvt_session *);
/* Of a session that keeps: lives as long as it. Zeroed. */
void *nvt_session_new_kept(struct nvt_session *, size_t size);
void nvt_session_free_signal(struct nvt_session *, struct nvt_signal_node *);
void nvt_session_free_queue(struct nvt_session *, struct nvt_queue *);
void nvt_session_reclaim(struct nvt_session *); /* ended exchanges of the record before */
void nvt_session_free_slabs(struct nvt_session *);

/* session_queues.c */
struct nvt_queue *nvt_session_find_queue(const struct nvt_session *, uint16_t controller,
                                         struct nvt_doorbell_id);
/* Found, or made with nothing known of it; NULL: no memory, or too many: what
 * nvt_session_no_queue() tells. */
int nvt_session_no_queue(const struct nvt_session *); /* -ENOMEM, or 0: there are too many */
struct nvt_queue *nvt_session_need_queue(struct nvt_session *, struct nvt_controller_node *,
                                         struct nvt_doorbell_id);
/* A new queue; one of that name ends first. NULL as above. */
struct nvt_queue *nvt_session_create_queue(struct nvt_session *, struct nvt_controller_node *,
                                           struct nvt_doorbell_id, uint32_t entries, uint64_t base);
void nvt_session_set_vector(struct nvt_session *, struct nvt_queue *, uint16_t vector);
/* Ends what it holds. */
void nvt_session_delete_queue(struct nvt_session *, struct nvt_queue *);
void nvt_session_reset(struct nvt_session *, struct nvt_controller_node *);
/* Tracing was stopped: nothing is known of the queues from here on. */
void nvt_session_stopped(struct nvt_session *, struct nvt_controller_node *);
/* created_here: by this record. */
int nvt_session_admin_queues(struct nvt_session *, struct nvt_controller_node *, bool created_here);
int nvt_session_queue_state(struct nvt_session *, struct nvt_controller_node *,
                            const struct nvt_rec_queue *);
/* An admin command succeeded: does it create or delete a queue? */
int nvt_session_admin_done(struct nvt_session *, struct nvt_controller_node *,
                           struct nvt_exchange *, struct nvt_view *);

/* session_condition.c: the record has been taken; registers have what it says */
void nvt_session_condition(struct nvt_controller_node *, const struct nvt_record *);

/* session_sets.c */
enum nvt_opcode_set nvt_session_set(const struct nvt_session *, const struct nvt_controller_node *,
                                    uint16_t sqid, const struct nvt_sqe *);
/* An admin command succeeded, or its data was seen: does it tell a namespace's set? */
int nvt_session_sets_done(struct nvt_session *, uint16_t controller, const struct nvt_sqe *,
                          uint32_t dw0);
int nvt_session_sets_data(struct nvt_session *, const struct nvt_exchange *,
                          const struct nvt_record *);

/* session_links.c */
bool nvt_session_begin_life(struct nvt_session *, struct nvt_queue *); /* false: no memory */
void nvt_session_end_life(struct nvt_queue *, enum nvt_queue_end, uint64_t record);
void nvt_session_attach(struct nvt_session *, struct nvt_queue *sq, const struct nvt_queue *cq);
void nvt_session_use_life(const struct nvt_session *, struct nvt_queue *); /* by this record */
/* The command's links to those before it, which has been fetched just now. */
void nvt_session_link(struct nvt_session *, struct nvt_queue *sq, struct nvt_exchange_node *,
                      bool snapshot);
/* It ended: what the Abort that named it has come to. */
void nvt_session_tell_aborter(struct nvt_exchange_node *);
/* It ended without success: somebody may try it again. */
void nvt_session_failed(struct nvt_session *, struct nvt_exchange *);
/* The last command with the slot's id is this one. */
void nvt_session_note_recent(const struct nvt_session *, struct nvt_map_slot *,
                             struct nvt_exchange_node *);

/* session_changes.c */
/* NULL: no memory, which is no error. */
struct nvt_change *nvt_session_begin_change(struct nvt_session *, struct nvt_controller_node *,
                                            enum nvt_change_kind, struct nvt_view *);
/* A write of CC, whose value before is given, or a read of CSTS; the registers are as after it. */
void nvt_session_changed_cc(struct nvt_session *, struct nvt_controller_node *, uint32_t cc_before,
                            struct nvt_view *);
void nvt_session_saw_csts(struct nvt_session *, struct nvt_controller_node *, struct nvt_view *);
void nvt_session_told(struct nvt_session *, struct nvt_controller_node *, unsigned event,
                      struct nvt_view *);
/* The queues go, and the commands in them. */
void nvt_session_reset_here(struct nvt_session *, struct nvt_controller_node *, bool always,
                            struct nvt_view *);

/* session_sizes.c */
struct nvt_block_format; /* what is known of a namespace's block size */
void nvt_session_free_formats(struct nvt_session *);
void nvt_session_sizes_meta(struct nvt_session *, struct nvt_controller_node *,
                            const struct nvt_record *);
void nvt_session_sizes_data(struct nvt_session *, const struct nvt_controller_node *,
                            struct nvt_exchange *, const struct nvt_record *);
void nvt_session_sizes_done(struct nvt_session *, struct nvt_controller_node *,
                            const struct nvt_sqe *);
void nvt_session_size(struct nvt_session *, const struct nvt_controller_node *,
                      struct nvt_exchange *);

/* session_exchange.c */
int nvt_session_command(struct nvt_session *, struct nvt_controller_node *,
                        const struct nvt_record *, struct nvt_view *);
int nvt_session_completion(struct nvt_session *, struct nvt_controller_node *,
                           const struct nvt_record *, struct nvt_view *);
struct nvt_exchange *nvt_session_outstanding(const struct nvt_session *, uint16_t controller,
                                             uint16_t sqid, uint16_t cid);
/* Nothing more will be learned of it. It must be in no list. */
void nvt_session_end(struct nvt_session *, struct nvt_exchange_node *);
/* End the oldest of a submission queue without a completion. */
void nvt_session_cancel(struct nvt_session *, struct nvt_queue *sq, struct nvt_exchange_node *,
                        enum nvt_exchange_end);
/* Take the first of a completion queue's list out and end it. */
void nvt_session_retire(struct nvt_session *, struct nvt_queue *cq);

/* session_signals.c */
int nvt_session_doorbell(struct nvt_session *, struct nvt_controller_node *,
                         const struct nvt_record *, struct nvt_doorbell_id, uint32_t value,
                         bool refused, struct nvt_view *);
int nvt_session_interrupt(struct nvt_session *, struct nvt_controller_node *,
                          const struct nvt_record *, struct nvt_view *);
/* The oldest doorbell whose entries aren't all fetched; there must be one. */
void nvt_session_drop_doorbell(struct nvt_session *, struct nvt_queue *sq);
/* Entries announced by doorbells and not fetched; 0 where that isn't known. */
uint32_t nvt_session_announced(const struct nvt_queue *sq);
/* Entries lie there that the host announced before the trace. 0 or -ENOMEM. */
int nvt_session_announced_before(struct nvt_session *, struct nvt_queue *sq);
/* Note which doorbell announced `slot`; used-up ones go. */
void nvt_session_announced_by(struct nvt_session *, struct nvt_queue *sq, uint16_t slot,
                              struct nvt_exchange *);
/* A completion now waits for an interrupt. 0 or -ENOMEM. */
int nvt_session_wait(struct nvt_session *, struct nvt_queue *cq, struct nvt_exchange_node *);
/* The queue goes: it waits for none. */
void nvt_session_unwait(struct nvt_session *, struct nvt_queue *cq);

/* It tells of the time before the trace: docs/trace-format.md, "Snapshot". */
static inline bool nvt_is_snapshot(const struct nvt_record *record) {
  return (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
}

static inline uint64_t nvt_queue_key(uint16_t controller, struct nvt_doorbell_id id) {
  return (uint64_t)controller << 17 | (id.is_cq ? 1u << 16 : 0u) | id.qid;
}

/* Is slot in [from, to) of a ring? No need to know its size. */
static inline bool nvt_in_ring(uint32_t from, uint32_t to, uint32_t slot) {
  return from <= to ? slot >= from && slot < to : slot >= from || slot < to;
}

#endif
