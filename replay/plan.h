/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a replay of a trace would send, and what it couldn't or wouldn't compare, found by reading
 * the trace alone: nvmetap replay --target dry. Memory doesn't grow with the trace's length.
 */
#ifndef NVT_REPLAY_PLAN_H
#define NVT_REPLAY_PLAN_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replay/feed.h"
#include "trace/meta.h"

#define NVT_PLAN_CONTROLLERS_MAX 64u
#define NVT_PLAN_NOTES_MAX 32u /* kept; all are counted */

struct nvt_plan_namespace {
  uint32_t nsid;
  uint32_t block_size; /* bytes */
  uint64_t blocks;
  uint64_t reads, writes;           /* commands */
  uint64_t bytes_read, bytes_wrote; /* that they ask for */
  uint64_t end;                     /* one beyond the highest block of a command that succeeded */
  uint64_t edges;                   /* first blocks and numbers of blocks of those, or-ed */
  uint64_t from_before;             /* blocks whose first read is of what the trace didn't write */
  void *known;                      /* the plan's own */
};

struct nvt_plan_controller {
  uint16_t id;
  struct nvt_meta details;
  uint64_t commands;     /* admin ones too */
  uint32_t queues;       /* I/O submission queues created, in all sessions */
  uint16_t highest;      /* of their identifiers */
  uint16_t highest_cq;   /* of those of I/O completion queues */
  uint32_t entries;      /* of the largest */
  uint32_t vectors;      /* that completion queues were given: one more than the highest; 0: none */
  uint16_t pages;        /* bit n: the controller was enabled with CC.MPS = n */
  uint32_t depth;        /* I/O commands outstanding at most */
  uint64_t transfer;     /* bytes of the largest read or write */
  uint64_t memory;       /* bytes of guest memory mapped at most */
  uint64_t without_data; /* Writes whose data isn't in the trace, or not whole */
  struct nvt_plan_namespace *namespaces;
  uint32_t namespace_count;
  uint32_t outstanding; /* the plan's own, as what follows */
  uint64_t mapped;
};

struct nvt_plan {
  uint64_t records, steps;               /* steps: what the host did */
  uint64_t nanoseconds;                  /* from the first to the last of them */
  uint64_t commands[NVT_SET_COUNT][256]; /* by enum nvt_opcode_set and nvt_command_code() */
  struct nvt_plan_controller *controllers;
  uint32_t controller_count;
  struct nvt_plan_note {
    uint64_t record;
    char text[160];
  } notes[NVT_PLAN_NOTES_MAX]; /* what won't be compared, from which record on */
  uint64_t note_count;
  uint64_t first_time; /* the plan's own */
};

/* progress: on standard error, after two seconds. Read all of `path` ("-": standard input). The
 * plan is the caller's; NULL: out of memory. False in *good, with *why: it can't be replayed, or
 * can't be read to its end. */
struct nvt_plan *nvt_plan_make(const char *path, bool progress, bool *good, struct nvt_reason *why);
void nvt_plan_destroy(struct nvt_plan *); /* NULL is fine */

void nvt_plan_text(const struct nvt_plan *);         /* on standard output */
json_object *nvt_plan_json(const struct nvt_plan *); /* the caller's */

#endif
