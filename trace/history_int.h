/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the history: see history.h. */
#ifndef NVT_TRACE_HISTORY_INT_H
#define NVT_TRACE_HISTORY_INT_H

#include "trace/history.h"
#include "trace/series_int.h"
#include "trace/session_int.h"

/* --- history_open.c: which commands were outstanding --- */

/* Of 16 commands, of 16 such blocks, …: the last record that one of them was outstanding before;
 * 0 while it isn't known. */
#define NVT_OPEN_FANOUT 16u
#define NVT_OPEN_LEVELS 7u
struct nvt_open_commands {    /* of one controller */
  struct nvt_series commands; /* struct nvt_exchange *, in the order of their fetches */
  struct nvt_series ends;     /* the records in which commands ended: uint32_t, ascending */
  struct nvt_series levels[NVT_OPEN_LEVELS]; /* uint32_t for each whole block */
};
void nvt_open_free(struct nvt_open_commands *);
size_t nvt_open_memory(const struct nvt_open_commands *);
/* In this record a command was fetched (or NULL), and then so many are outstanding. 0 or -ENOMEM.
 */
int nvt_open_record(struct nvt_open_commands *, uint32_t record, const struct nvt_exchange *fetched,
                    uint32_t outstanding);
/* Sets the state's outstanding, shown and commands. */
void nvt_open_at(struct nvt_open_commands *, const struct nvt_record *, struct nvt_state *);

#endif
