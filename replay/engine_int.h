/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the engine's files share: engine.c dispatches, access.c has registers and
 * events, commands.c submission and data, answers.c completions and interrupts.
 */
#ifndef NVT_REPLAY_ENGINE_INT_H
#define NVT_REPLAY_ENGINE_INT_H

#include "replay/blocks.h"
#include "replay/engine.h"
#include "replay/memory.h"

#define NVT_ENGINE_QUEUES 65536u
/* Something that the target did and the trace hasn't: reported after so many records. */
#define NVT_ANSWER_AGE 65536u
#define NVT_ANSWERS_MAX 8192u

enum answer_kind { ANSWER_COMPLETION, ANSWER_INTERRUPT, ANSWER_EVENT };

/* Something that the target did and the trace hasn't said yet. */
struct answer {
  enum answer_kind kind;
  bool taken;      /* matched; goes when it is first */
  bool ignored;    /* outside of what is compared */
  bool overtaken;  /* a later one was matched before it */
  uint64_t record; /* in which record's course it came */
  union {
    struct nvt_rec_completion completion;
    struct nvt_rec_interrupt interrupt;
    struct nvt_rec_event event;
  };
};

struct submission_queue {
  uint64_t base;
  uint32_t entries; /* 0: there is none */
  unsigned shift;   /* log2 of the bytes between them */
};

struct replay_namespace {
  uint32_t nsid;
  uint32_t block_size;
  uint64_t blocks;
  bool asynchronous;
  bool keeps_nothing; /* null: */
  bool checked;       /* pass_fits.c: the target's blocks are known */
  int scale;          /* and smaller, by this power of two; negative: larger */
  struct nvt_blocks *known;
};

struct nvt_pass_order;

struct nvt_engine {
  const struct nvt_target_ops *ops;
  const char *address;
  struct nvt_target *target;
  struct nvt_feed *feed;
  struct nvt_replay_totals *totals;
  struct nvt_memory *memory;
  const struct nvt_plan_controller *needs; /* or NULL */
  uint64_t target_cap;                     /* with needs */
  struct nvt_pass_order *order;            /* with a driven target */
  bool other_limits;                       /* whose MDTS or blocks aren't the recorded ones */
  char refused[384];                       /* by its limits; empty: it isn't */
  struct nvt_rec_meta meta;
  struct nvt_meta details;
  struct replay_namespace *spaces;
  uint32_t space_count;
  uint64_t record; /* number of the current one */
  uint64_t last_stimulus;
  uint64_t begun; /* the first record after what the trace begins with; 0: not reached */
  bool ready_due, shutdown_due; /* where it begins, they were asked for and not told of */
  bool taken_over; /* from a snapshot: features and other settings aren't known until a reset */
  bool restored;   /* likewise, and what counts over resets isn't known at all */
  bool blind;      /* state isn't known: nothing is compared until the next controller reset */
  struct nvt_finding untold; /* why it is blind, where that came before the window; else no field */
  bool under_way;            /* there was more than the state at the start */
  bool maps_seen;            /* the trace tells which guest memory there is */
  bool maps_made;            /* it doesn't, and some was made where it was needed */

  struct submission_queue *queues; /* by id */
  uint8_t registers[0x38];         /* what the host last wrote */
  uint32_t csts_loose;             /* bits of CSTS that may differ just now */
  uint16_t due_reset;              /* event that the last write must have brought, or 0 */
  bool answered_otherwise;         /* a plug-in changed what the next read gives */
  uint64_t injected;               /* record that says that a plug-in caused what comes next; 0 */
  uint8_t injected_at;             /* at this tap */

  /* Commands that the target has fetched and not posted, newest first. */
  struct nvt_replay_command *in_target;
  struct nvt_replay_command *current; /* being stepped or released */

  bool fatal_due;                  /* the snapshot says that it has failed */
  uint64_t due_before[65536 / 64]; /* completion queues with completions from before the trace that
                                      no interrupt had told of */
  uint64_t deaf[65536 / 64];       /* vectors whose last recorded interrupt wasn't delivered */

  struct answer *answers; /* ring */
  size_t answer_first;
  size_t answer_count;
};

/* engine.c */
void nvt_engine_stimulus(struct nvt_engine *); /* the host does something now */
void nvt_engine_blind(struct nvt_engine *, const char *field, const char *expected,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
static inline void nvt_engine_excuse(struct nvt_engine *e, enum nvt_exception exception) {
  if (!e->totals->findings.muted)
    e->totals->exceptions[exception]++;
}
static inline void nvt_engine_compared(struct nvt_engine *e) {
  if (!e->totals->findings.muted)
    e->totals->compared++;
}

/* A namespace came while the recording ran. */
int nvt_engine_resize_namespace(struct nvt_engine *, const struct nvt_rec_event *);
void nvt_engine_tracing_stopped(struct nvt_engine *);
int nvt_engine_add_namespace(struct nvt_engine *, uint16_t controller,
                             const struct nvt_rec_event *);

/* restore.c: the trace begins in the middle of a session */
/* A record of its beginning, which needs nothing else then. */
bool nvt_engine_restore(struct nvt_engine *, const struct nvt_feed_item *);
/* A completion that the target can't have, of a command from before the trace: have it. */
bool nvt_engine_restore_completion(struct nvt_engine *, const struct nvt_replay_command *,
                                   const struct nvt_record *);
/* An interrupt for completions that were posted before the trace: it may have been kept from the
 * host there. Once. */
bool nvt_engine_told_before(struct nvt_engine *, uint16_t cqid);
/* What it answers depends on what was before the trace. */
bool nvt_engine_from_before(const struct nvt_engine *, const struct nvt_replay_command *);

/* pass.c */
/* The record, with a target that takes whole commands. */
void nvt_engine_pass(struct nvt_engine *, const struct nvt_feed_item *);
/* Has the drive the blocks that the trace works on? False with a message in why. */
bool nvt_engine_pass_fits(struct nvt_engine *, char *why, size_t whylen);

/* verdicts.c */
void nvt_engine_verdict(struct nvt_engine *, const struct nvt_record *);
/* Did a plug-in keep the current write from the controller? */
bool nvt_engine_write_dropped(struct nvt_engine *);
/* Where a plug-in caused this record, by that tap's verdict: cause it in the target too. */
void nvt_engine_inject(struct nvt_engine *, uint8_t tap, const struct nvt_record *);

/* access.c */
void nvt_engine_read(struct nvt_engine *, const struct nvt_record *, uint8_t space);
void nvt_engine_write(struct nvt_engine *, const struct nvt_record *, uint8_t space);
void nvt_engine_event(struct nvt_engine *, const struct nvt_record *);

/* memory that the trace didn't tell of is made where the address is needed */
void nvt_engine_need_memory(struct nvt_engine *, uint64_t address);
uint64_t nvt_engine_page(const struct nvt_engine *);        /* CC.MPS, bytes */
unsigned nvt_engine_entry_shift(const struct nvt_engine *); /* log2 of bytes, of I/O queues */

/* commands.c */
void nvt_engine_command(struct nvt_engine *, const struct nvt_feed_item *);
/* One that was fetched before the trace is under way in the target, too. */
void nvt_engine_restore_command(struct nvt_engine *, const struct nvt_feed_item *);
enum nvt_fetch_wish nvt_engine_fetched(void *engine, uint64_t handle, struct nvt_rec_command *,
                                       struct nvt_cqe *);
bool nvt_engine_finished(void *engine, uint64_t handle, const struct nvt_cqe *);
/* The target has no commands any more. */
void nvt_engine_forget_commands(struct nvt_engine *);
/* Let the target post a completion that was kept back. */
void nvt_engine_release(struct nvt_engine *, struct nvt_replay_command *);
/* The command to release for a recorded completion: its own or, when that can't be
 * since its identifiers were falsified, the likeliest. NULL: none is kept back. */
struct nvt_replay_command *nvt_engine_kept_for(struct nvt_engine *,
                                               struct nvt_replay_command *command,
                                               const struct nvt_rec_completion *);
void nvt_engine_unlink(struct nvt_engine *, struct nvt_replay_command *);
struct nvt_replay_command *nvt_engine_find(struct nvt_engine *, uint16_t sqid, uint16_t cid);

/* pointers.c */
/* Memory where the command's PRPs or SGL point to, where the trace has no map events. */
void nvt_engine_need_pointers(struct nvt_engine *, const struct nvt_replay_command *);
/* Its SGL has segments, and the trace hasn't them. */
bool nvt_engine_list_missing(const struct nvt_replay_command *);

/* substitute.c: blocks that stand for those of which the trace has CRCs alone */

/* The bytes of the command's chunks that have digests, where they are whole blocks from the
 * transfer's start on; the rest is taken away. `block`: bytes of one; 0: it moves no blocks. */
void nvt_substitute(struct nvt_replay_command *, uint32_t block);
/* The CRC that a block stands for, or its own where it is no substitute. */
uint32_t nvt_substitute_crc(const uint8_t *bytes, uint32_t block);
/* The one that the trace has of the block at this byte of the command's data. */
uint32_t nvt_substitute_expected(const struct nvt_replay_command *, uint64_t at, uint32_t block);

/* data.c */
/* Two that were under way together, in a namespace that completes out of order: where they overlap
 * and one writes, either order is right. */
void nvt_engine_race(struct nvt_engine *, struct nvt_replay_command *, struct nvt_replay_command *);
struct replay_namespace *nvt_engine_namespace(struct nvt_engine *, uint32_t nsid);
/* Everything in guest memory, and on the medium, that the command needs. */
void nvt_engine_prepare_data(struct nvt_engine *, struct nvt_replay_command *);
void nvt_engine_moved(void *engine, const struct nvt_rec_data *, const uint8_t *bytes);
/* Its data is through: what of the medium is known now. */
void nvt_engine_data_done(struct nvt_engine *, struct nvt_replay_command *, nvt_status);
/* The recorded completion is reached: differences in its data are certain. */
void nvt_engine_compare_data(struct nvt_engine *, struct nvt_replay_command *);

/* May status and dword 0 differ, and why? */
bool nvt_engine_outcome_excused(struct nvt_engine *, const struct nvt_replay_command *,
                                enum nvt_exception *why);

/* judge.c */
/* Is what comes now compared? As findings' `muted` says from here. */
void nvt_engine_judge(struct nvt_engine *, const struct nvt_feed_item *);
/* Why it is blind, if it is and nobody was told. */
void nvt_engine_tell_blind(struct nvt_engine *);
/* Would an answer that the trace hasn't be a difference? `command`: its own, or NULL. */
bool nvt_engine_judges(struct nvt_engine *, const struct answer *,
                       const struct nvt_replay_command *command);

/* answers.c */
void nvt_engine_posted(void *engine, const struct nvt_rec_completion *);
void nvt_engine_interrupted(void *engine, const struct nvt_rec_interrupt *);
void nvt_engine_happened(void *engine, const struct nvt_rec_event *);
bool nvt_engine_listening(void *engine, uint16_t vector);
void nvt_engine_completion(struct nvt_engine *, const struct nvt_feed_item *);
void nvt_engine_interrupt(struct nvt_engine *, const struct nvt_record *);
/* An interrupt of the target for this completion queue, that isn't in the trace: false,
 * there was none. */
bool nvt_engine_lose_interrupt(struct nvt_engine *, uint16_t cqid);
/* Was an event like this one seen? Takes it. */
struct answer *nvt_engine_take_event(struct nvt_engine *, uint16_t event);
/* Report what the trace doesn't have: all answers before `until`, or all (NULL). */
void nvt_engine_report_extra(struct nvt_engine *, const struct answer *until);
void nvt_engine_forget_answers(struct nvt_engine *);

#endif
