/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A filter at work: which events of the taps are recorded. What the rest can't be read without
 * always is: register accesses but doorbells, device events, commands that create and delete
 * queues, and their completions.
 */
#ifndef NVT_CAPTURE_SELECT_INT_H
#define NVT_CAPTURE_SELECT_INT_H

#include "capture/commands_int.h"
#include "control/filter.h"
#include "controller/tap.h"
#include "trace/record.h"

struct nvt_select; /* opaque; one thread's */

enum nvt_selected {
  NVT_SELECT_NO,
  NVT_SELECT_YES,
  NVT_SELECT_BOTH, /* a completion, and its command, which was kept until now, before it */
};

/* 0, -ENOMEM. The filter is copied. */
int nvt_select_create(const struct nvt_trace_filter *, struct nvt_select **out);
void nvt_select_destroy(struct nvt_select *); /* NULL is fine */
const struct nvt_trace_filter *nvt_select_filter(const struct nvt_select *);
/* left_out_flags of the meta-record. */
uint8_t nvt_select_left_out(const struct nvt_select *);

/* In the order of events. `ns`: now. *kept is set with BOTH, borrowed until the next call. */
enum nvt_selected nvt_select(struct nvt_select *, const struct nvt_tap_event *, uint64_t ns,
                             const struct nvt_kept_command **kept);

/* What a filter says of a command: by its queue, by its entry, by its status, by how long it took.
 */
bool nvt_select_queue(const struct nvt_trace_filter *, uint16_t qid);
bool nvt_select_command(const struct nvt_trace_filter *, uint16_t sqid, const struct nvt_sqe *);
bool nvt_select_status(const struct nvt_trace_filter *, nvt_status);
bool nvt_select_slow(const struct nvt_trace_filter *, uint16_t sqid, const struct nvt_sqe *,
                     uint64_t took_ns);

#endif
