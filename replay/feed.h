/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace as the engine wants it: records in file order, each with the command
 * that it belongs to, and a bounded look ahead. What a command needs to be executed
 * (PRP lists, payload, whether a plug-in meddled) stands after its record, so the
 * feed reads on until the command's completion and collects that.
 */
#ifndef NVT_REPLAY_FEED_H
#define NVT_REPLAY_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/reader.h"
#include "trace/record.h"

/* Bounds of the look ahead: records, and bytes of payload held. */
#define NVT_FEED_RECORDS 16384u
#define NVT_FEED_BYTES (UINT64_C(32) << 20)
/* Commands known at a time; a trace that has more outstanding is not plausible. */
#define NVT_FEED_COMMANDS 65536u

struct nvt_chunk { /* a data or digest record of a command */
  struct nvt_chunk *next;
  uint64_t record;
  size_t held; /* bytes of memory, for the feed's bound */
  struct nvt_rec_data data;
  struct nvt_record *digest; /* CRCs in the place of the bytes, which are nvt_substitute()'s to
                                make; NULL: the bytes are the recorded ones */
  uint8_t bytes[];           /* data.captured_length */
};

/* One command of the recording. References are counted: the feed's, until the
 * session has no more to say of it, each item's, and the engine's. */
struct nvt_replay_command {
  unsigned references;
  uint16_t controller;
  struct nvt_replay_command *bucket_next; /* the feed's */
  uint64_t record;                        /* number of its command record */
  struct nvt_rec_command command;
  uint8_t set;                /* enum nvt_opcode_set that it is in */
  bool closed;                /* all there is in the trace of it was read */
  bool twice;                 /* a second completion has its identifiers: one was falsified */
  bool resolved;              /* which one, was decided */
  uint64_t completion_record; /* 0: not read, or there is none */
  struct nvt_rec_completion completion;
  /* What plug-ins did with it in the recording. */
  bool imposed; /* completed by one without execution */
  bool dropped;
  bool changed;   /* its entry or its completion */
  bool corrupted; /* its data, on the way */
  bool held;
  struct nvt_chunk *chunks; /* in file order */
  struct nvt_chunk **last;
  uint64_t moved[3];      /* payload bytes by enum nvt_direction, as recorded */
  uint64_t captured_upto; /* payload bytes from the transfer's start that are all captured */
  bool has_lists;         /* PRP lists or SGL segments were recorded */
  bool incomplete;        /* some of its data wasn't captured whole */
  bool earlier;           /* fetched before the trace: a snapshot has it */
  bool executed;          /* set by the engine: data that comes now is too late */
  /* The engine's own. */
  uint8_t direction;   /* enum nvt_direction, by the opcode */
  bool in_target;      /* fetched by the target, not yet posted */
  bool raced;          /* its data overlapped another one's in flight */
  bool foreign_medium; /* it reads what nothing wrote, from a medium that can't be preloaded */
  bool posted;         /* by the target */
  bool impose;         /* the recorded completion is to be taken */
  bool kept;           /* the target holds its completion for us */
  bool muted;          /* what comes of it isn't compared: of one that is sent later */
  uint64_t handle;
  uint64_t target_moved[3];
  bool unknowable;         /* its outcome depends on what wasn't recorded */
  uint64_t differs_record; /* a difference in its data, kept back until it is certain */
  uint64_t differs_at;
  uint32_t differs_expected, differs_actual; /* bytes, or with differs_block CRCs */
  uint32_t differs_block; /* bytes of the block whose CRC it is; 0: bytes differ */
  struct nvt_replay_command *next, *previous; /* in the target */
};

/* The specification's name, or "command". */
const char *nvt_replay_command_name(const struct nvt_replay_command *);

struct nvt_feed_item {
  struct nvt_record record;           /* tail: owned by the item, of meta-records only */
  struct nvt_replay_command *command; /* or NULL */
  uint64_t missing;                   /* records missing before this one */
  uint8_t *tail;
};

struct nvt_feed; /* one thread at a time */

/* False with *why set. */
bool nvt_feed_open(const char *path, struct nvt_feed **out, struct nvt_reason *why);
void nvt_feed_close(struct nvt_feed *); /* NULL is fine; after all engines are gone */

enum nvt_feed_status {
  NVT_FEED_ITEM,
  NVT_FEED_END,
  NVT_FEED_CUT,   /* the file ends inside a record */
  NVT_FEED_ERROR, /* not readable further, or out of memory */
};
/* The next item, valid until the next call. *why is set on CUT and ERROR. */
enum nvt_feed_status nvt_feed_next(struct nvt_feed *, const struct nvt_feed_item **out,
                                   struct nvt_reason *why);
/* Read ahead until the command is closed, or with `briefly` until the first record
 * of the current item's controller that isn't of this command. False: a bound or the file's end
 * came first; what is known then is what there is. */
bool nvt_feed_look_ahead(struct nvt_feed *, struct nvt_replay_command *, bool briefly);
/* Commands that were fetched after this one, the current item's, and before its completion, as far
 * as was read ahead: one by one, *index is 0 before the first. NULL: no more. */
struct nvt_replay_command *nvt_feed_meanwhile(struct nvt_feed *, const struct nvt_replay_command *,
                                              size_t *index);
/* Does the host's side have the INTx pin? It is in no meta-record, but in what a host
 * reads first (Interrupt Pin, PCI offset 3Dh) and in what the pin does: looks for
 * that in the next records, within bounds. */
bool nvt_feed_find_pin(struct nvt_feed *, uint16_t controller);
/* The controller's next meta-record, where it comes soon; NULL otherwise. Valid until
 * the next call of nvt_feed_next() or nvt_feed_look_ahead(). */
const struct nvt_record *nvt_feed_peek_meta(struct nvt_feed *, uint16_t controller);
/* The record after the current one; NULL at the end. Valid as the above. */
const struct nvt_record *nvt_feed_peek(struct nvt_feed *);
/* Is there an interrupt record for `vector` in the run of interrupt records that
 * starts at the current item or right after it? Its state, if so. */
bool nvt_feed_peek_interrupt(struct nvt_feed *, uint16_t vector, uint8_t *state);
/* Free a command's data. */
void nvt_feed_forget_data(struct nvt_feed *, struct nvt_replay_command *);
void nvt_feed_hold(struct nvt_replay_command *);
void nvt_feed_drop(struct nvt_feed *, struct nvt_replay_command *);

uint64_t nvt_feed_size(const struct nvt_feed *);     /* bytes of the file, 0: not known */
uint64_t nvt_feed_position(const struct nvt_feed *); /* bytes read */
uint64_t nvt_feed_foreign(const struct nvt_feed *); /* frames passed over: not ours, or malformed */

#endif
