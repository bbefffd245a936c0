/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kill test: a host that notes, outside of the recorder, each completion that it saw, and a
 * judge that reads the recovered trace by docs/trace-format.md alone.
 */
#ifndef NVT_TESTS_CAPTURE_KILL_H
#define NVT_TESTS_CAPTURE_KILL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each I/O command has a number of its own in CDW14, which is its index here. */
#define NOTES (1u << 20)
struct note {
  uint16_t sqid, cid;
  bool seen; /* its completion was */
};

struct host {
  const char *socket;
  atomic_bool dead; /* the recorder is: look once more, and end */
  struct note *notes;
  uint32_t submitted; /* notes in use; 0 is none */
  uint32_t seen;
  atomic_bool begun; /* an I/O command's was seen */
  char why[256];     /* it couldn't even begin, because */
};
/* Drive the device as hard as it can be until it is dead. */
void host_run(struct host *);

struct verdict {
  uint64_t records, lost, commands, completions;
  uint64_t in_gaps; /* commands and completions that the host knows of, in gaps that are told */
  bool recovered;   /* the last record is the event */
  char wrong[256];  /* empty: nothing is */
};
/* `drop`: losses are allowed, as long as a record tells of each. */
void judge(const char *trace, const struct host *, bool drop, struct verdict *out);

#endif
