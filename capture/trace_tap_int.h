/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the trace tap and what writes the state of a controller. */
#ifndef NVT_CAPTURE_TRACE_TAP_INT_H
#define NVT_CAPTURE_TRACE_TAP_INT_H

#include "capture/trace_tap.h"

/* The place of a record's body, `body` bytes; filled in, it is ended. NULL: lost, and counted. */
void *nvt_trace_tap_begin_snapshot(struct nvt_trace_tap *, const struct nvt_controller *,
                                   enum nvt_record_type, size_t body);
void nvt_trace_tap_end_snapshot(struct nvt_trace_tap *, enum nvt_record_type, size_t body);

/* snapshot.c: registers, MSI-X entries and queues as they are now. */
void nvt_capture_snapshot(struct nvt_trace_tap *, const struct nvt_controller *);
/* Bytes that it and a meta-record take in a ring at most, rather more. */
size_t nvt_capture_snapshot_room(const struct nvt_controller *);

#endif
