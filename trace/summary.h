/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line that tells a record's part in the story; the same in `nvmetap dump`
 * and in Wireshark's Info column. Needs no library.
 */
#ifndef NVT_TRACE_SUMMARY_H
#define NVT_TRACE_SUMMARY_H

#include "trace/record.h"
#include "trace/session.h"
#include "trace/text.h"

/* "SQ 1 tail doorbell = 33 (+1)". What the session knows of the record adds
 * latency, counts and names of doorbells; view may be NULL. */
void nvt_summary(struct nvt_text *, const struct nvt_record *, const struct nvt_view *);

/* The queue that a record is about, what the session knows of it being its view; false: none. */
bool nvt_record_queue(const struct nvt_record *, const struct nvt_view *, uint16_t *qid);

/* Who sent it: '>' host to controller, '<' controller to host, ' ' neither. */
char nvt_summary_direction(const struct nvt_record *);

#endif
