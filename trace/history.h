/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What nvt_state_now() said at each record, to be asked again later in any order, as Wireshark's
 * windows do: beside a session that keeps. It holds changes only, and finds what is outstanding by
 * the exchanges themselves: 8 bytes for each record that moves a queue, and queue that it moves,
 * and 12 for each command; that is 10 to 13 bytes a record of a driver's trace. An answer takes a
 * time that grows with the logarithm of the trace.
 */
#ifndef NVT_TRACE_HISTORY_H
#define NVT_TRACE_HISTORY_H

#include "trace/state.h"

struct nvt_history; /* one thread at a time */

/* The session must keep, and live as long as answers are asked for. 0 or -ENOMEM. */
int nvt_history_create(const struct nvt_session *, struct nvt_history **out);
void nvt_history_destroy(struct nvt_history *);
/* The session has just taken this record; numbers must grow. 0; -ENOMEM; -ERANGE: a number of
 * 2^32 - 1 and more. After an error nothing is told of this record and later ones. */
int nvt_history_record(struct nvt_history *, const struct nvt_record *, const struct nvt_view *);
/* As nvt_state_now() said at that record; view is the session's, as far as it says whether the
 * record is a doorbell. False, and nothing set: nothing is known of it. */
bool nvt_history_at(struct nvt_history *, const struct nvt_record *, const struct nvt_view *,
                    struct nvt_state *out);
/* Bytes that it holds now. */
size_t nvt_history_memory(const struct nvt_history *);

#endif
