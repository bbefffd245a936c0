/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The files of `nvmetap reduce`. load*.c read a trace into units and follow its queues, write.c
 * makes a trace of those that are kept, judge.c asks whether it still shows the difference, sound.c
 * whether nvmetap check has something new to say of it. search*.c drop what isn't needed, state.c
 * remembers how far that came, emit.c makes a test of the result, reduce.c is the subcommand.
 */
#ifndef NVT_REDUCE_INT_H
#define NVT_REDUCE_INT_H

#include <signal.h>
#include <stdio.h>

#include "nvme/nvme.h"
#include "reduce/sound_int.h"
#include "replay/replay.h"
#include "trace/meta.h"
#include "trace/reader.h"
#include "trace/record.h"

#define NVT_REDUCE_NONE UINT32_MAX
/* What a trace takes in memory at most, bytes of its records. */
#define NVT_REDUCE_BYTES_MAX (UINT64_C(4) << 30)
#define NVT_REDUCE_FIELDS 64u
/* Data of a record: all of it, or not even the record. */
#define NVT_CUT_NOTHING UINT32_MAX
#define NVT_CUT_RECORD (UINT32_MAX - 1)

/* How a record is written anew. */
enum nvt_role {
  NVT_ROLE_PLAIN,
  NVT_ROLE_COMMAND,
  NVT_ROLE_COMPLETION,
  NVT_ROLE_TAIL,      /* doorbell, for the commands that it announced */
  NVT_ROLE_FREE_TAIL, /* likewise, and none of them was fetched */
  NVT_ROLE_ACK,       /* head doorbell */
  NVT_ROLE_INTERRUPT, /* for the completions before it */
  NVT_ROLE_DEASSERT,  /* the pin, after the host's head doorbell */
};

struct nvt_item { /* a record */
  uint64_t time_ns;
  uint64_t at;       /* its bytes in the blob */
  uint32_t captured; /* of them */
  uint32_t original; /* bytes that its frame had before a snap length */
  uint32_t unit;     /* NONE: what it is for decides */
  uint32_t link;  /* command: its doorbell; completion: its interrupt; ack: the last completion that
                     it acknowledges; deassert: the ack; items, or NONE */
  uint32_t queue; /* of commands and tail doorbells, and a completion's completion queue */
  uint32_t sq;    /* of a completion */
  uint32_t fetched; /* tail doorbells: entries that became commands */
  uint32_t count;   /* tail doorbells: entries; ack: completions acknowledged up to it, in all */
  uint32_t cut;     /* data: bytes kept, CUT_NOTHING or CUT_RECORD */
  /* What the recording has beyond what its queues explain: kept as it is. */
  int32_t off[3];
  uint8_t role;
  uint8_t type;
  bool off_phase;
  bool msix;     /* an interrupt as a message */
  bool shortens; /* payload */
  bool may_go;   /* payload of which the trace doesn't have all bytes anyway */
};

/* Units are what is dropped or kept: a command with all that belongs to it, an access, … */
enum nvt_unit_kind {
  NVT_UNIT_COMMAND,
  NVT_UNIT_ENABLE, /* admin queue registers, CC.EN, and that it is ready */
  NVT_UNIT_META,   /* a controller's first */
  NVT_UNIT_QUEUE,  /* a queue's state in a snapshot */
  NVT_UNIT_ACK,
  NVT_UNIT_MSIX, /* what sets messages up */
  NVT_UNIT_OTHER,
};

struct nvt_unit {
  uint32_t first;    /* item */
  uint32_t needs[3]; /* units, or NONE */
  uint32_t queue;    /* commands: submission queue; creation and deletion: the queue; or NONE */
  uint32_t nsid;     /* 0: none */
  uint64_t lba, blocks;
  uint16_t controller;
  uint16_t sqid, cid;
  uint32_t older; /* unit in its bucket, or NONE */
  uint32_t life;  /* of the controller, that it was fetched in */
  uint8_t kind;
  uint8_t opcode;
  bool used; /* it has records of its own */
  bool open; /* while loading: it isn't completed */
};

struct nvt_queue {
  uint16_t controller;
  uint16_t qid;
  bool is_cq;
  uint32_t hash_next;
  /* While loading or writing. */
  uint32_t entries; /* 0: there is none */
  uint32_t head, tail;
  uint32_t posted, acked; /* completion queue: since it was made */
  bool phase;
  bool interrupts;
  uint32_t made_by; /* unit, or NONE */
  uint32_t life;    /* as of trace.lives */
  /* While loading: items of what waits, a ring that starts at `first`: announced entries'
   * doorbells, completions not acknowledged. */
  uint32_t *waiting;
  uint32_t waits, first, room;
  uint32_t due; /* completions that no interrupt has told of: the first of a list, by `link` */
};

/* A queue comes into being at an item: in the order of items. */
struct nvt_making {
  uint32_t item;
  uint32_t queue;
  uint32_t entries;
  uint32_t head, tail, posted;
  bool phase;
};

struct nvt_trace {
  uint8_t *blob;
  uint64_t bytes, room;
  struct nvt_item *items;
  uint32_t item_count, item_room;
  struct nvt_unit *units;
  uint32_t unit_count, unit_room;
  struct nvt_queue *queues;
  uint32_t queue_count, queue_room;
  struct nvt_making *makings;
  uint32_t making_count, making_room;
  uint32_t buckets[4096];
  uint32_t lives[UINT16_MAX + 1]; /* by controller: resets so far, while loading */
  uint32_t *scratch;              /* item_count of them, for write.c */
  uint32_t *written;              /* the item of each record written last */
  uint32_t written_count;
  uint32_t crc; /* of all records: which trace it is */
};

/* What is kept of a trace. */
struct nvt_choice {
  uint8_t *keep;  /* by unit */
  uint32_t end;   /* items from here on are left out */
  bool no_msix;   /* interrupts are recorded as those of a controller whose MSI-X is off */
  uint32_t *cuts; /* by item: bytes of data, NVT_CUT_NOTHING or NVT_CUT_RECORD */
};

/* --- load.c --- */

/* The whole trace. False with *why: unreadable, longer than NVT_REDUCE_BYTES_MAX, out of memory. */
bool nvt_reduce_load(const char *path, struct nvt_trace *out, struct nvt_reason *why);
void nvt_reduce_unload(struct nvt_trace *);
/* The record's header and body as they are in the blob. */
void nvt_reduce_record(const struct nvt_trace *, uint32_t item, struct nvt_record *out);

/* --- load_queues.c --- */

/* The queue, made where nothing was known of it, until the next is; NULL: out of memory. */
struct nvt_queue *nvt_reduce_queue(struct nvt_trace *, uint16_t controller, uint16_t qid,
                                   bool is_cq, uint32_t *index);
/* Each sets what the item is, by the queues so far. False: out of memory. */
bool nvt_follow_doorbell(struct nvt_trace *, uint32_t item, uint16_t qid, bool is_cq,
                         uint32_t value);
bool nvt_follow_command(struct nvt_trace *, uint32_t item, const struct nvt_record *);
bool nvt_follow_completion(struct nvt_trace *, uint32_t item, const struct nvt_record *);
void nvt_follow_interrupt(struct nvt_trace *, uint32_t item, const struct nvt_record *);
bool nvt_make_queue(struct nvt_trace *, const struct nvt_making *, uint32_t unit, bool interrupts);
void nvt_forget_queues(struct nvt_trace *, uint16_t controller);

/* --- write.c --- */

typedef int (*nvt_put)(void *ctx, uint64_t time_ns, const void *bytes, size_t captured,
                       size_t original);
/* What the choice keeps, with queue positions, epochs and sequence numbers as they are then. 0 or
 * what `put` returned. */
int nvt_reduce_write(struct nvt_trace *, const struct nvt_choice *, nvt_put put, void *ctx);
/* As a capture to an open stream. 0 or -errno. */
int nvt_reduce_write_stream(struct nvt_trace *, const struct nvt_choice *, FILE *);
/* How many records that were. */
uint32_t nvt_reduce_written(const struct nvt_trace *);

/* --- judge.c --- */

struct nvt_judge {
  const char *command; /* for the shell; NULL: replay in this process */
  int status;          /* with which it says that the difference is there */
  const struct nvt_target_ops *target;
  const char *address;
  const char *field; /* of the finding; NULL: of the first one */
  char candidate[4096];
  /* The finding to be kept, as the last try had it, and as the last one that showed it. */
  struct nvt_finding wanted;
  struct nvt_finding asked;
  struct nvt_finding found;
  uint32_t asked_item, found_item;
  const char *fields[NVT_REDUCE_FIELDS]; /* of all findings of the whole trace */
  unsigned field_count;
  struct nvt_sound *sound;
  uint8_t wanted_type;
  uint16_t wanted_code;
  uint64_t tries;
};

enum nvt_verdict_word { NVT_SHOWS, NVT_SHOWS_NOT, NVT_STOPPED, NVT_JUDGE_FAILED };

extern volatile sig_atomic_t nvt_reduce_interrupted;

/* FIRST: of the whole trace, which finding it is. UPTO: of the trace up to there, whose other
 * findings are no news either: they come of the end. */
enum nvt_ask { NVT_ASK, NVT_ASK_FIRST, NVT_ASK_UPTO };
/* Does what the choice keeps show it? With JUDGE_FAILED *why is set. */
enum nvt_verdict_word nvt_judge_ask(struct nvt_judge *, struct nvt_trace *,
                                    const struct nvt_choice *, enum nvt_ask,
                                    struct nvt_reason *why);
/* In single quotes, for the shell. */
void nvt_put_quoted(FILE *to, const char *text);
void nvt_judge_clear(struct nvt_judge *); /* the candidate's file */

/* --- search.c --- */

struct nvt_search {
  struct nvt_trace *trace;
  struct nvt_judge *judge;
  struct nvt_choice best;
  struct nvt_choice next;
  uint32_t records; /* of the best */
  const char *step;
  const char *out; /* the state file stands beside it */
  bool quiet;
  bool terminal;
  bool stopped;
  struct nvt_reason why; /* text[0]: the judge failed */
  double started, shown, saved;
};

/* Drops from `best` whatever isn't needed. False: stopped or failed before the end. */
bool nvt_reduce_search(struct nvt_search *);
double nvt_reduce_now(void);
/* Tries s->next, and takes it where it shows the difference. */
bool nvt_search_try(struct nvt_search *);
void nvt_choice_copy(const struct nvt_trace *, struct nvt_choice *to,
                     const struct nvt_choice *from);
bool nvt_choice_create(const struct nvt_trace *, struct nvt_choice *);
void nvt_choice_clear(struct nvt_choice *);
/* Units that kept ones need are kept. */
void nvt_choice_close(const struct nvt_trace *, struct nvt_choice *);

/* --- search_data.c --- */

void nvt_search_data(struct nvt_search *);

/* --- state.c --- */

/* OUT.state: 0 or -errno. */
int nvt_state_save(const struct nvt_search *);
/* False with *why: there is none, or it is of another trace. */
bool nvt_state_load(struct nvt_search *, struct nvt_reason *why);
void nvt_state_remove(const struct nvt_search *);

/* --- emit.c --- */

enum nvt_emit { NVT_EMIT_NOTHING, NVT_EMIT_SH, NVT_EMIT_C };
/* A test of the trace at `trace`, which fails while the difference is there. False with *why. */
bool nvt_emit_test(enum nvt_emit, const char *path, const char *trace, const struct nvt_judge *,
                   struct nvt_reason *why);

#endif
