/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace tap: turns what passes the taps into records, in their final form,
 * in a ring. It is a plug-in like any other: it uses nvt_tap_attach() and nothing
 * else of the controller's inside.
 *
 * All functions belong to the device thread, but those marked otherwise.
 */
#ifndef NVT_CAPTURE_TRACE_TAP_H
#define NVT_CAPTURE_TRACE_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/emit.h"
#include "control/filter.h"
#include "trace/record.h"

struct nvt_controller;
struct nvt_plugin_host;
struct nvt_ring;
struct nvt_trace_tap; /* opaque */

struct nvt_trace_options {
  enum nvt_trace_data data;
  uint32_t head;        /* bytes, with HEAD */
  uint32_t dedup_pages; /* with HEAD and FULL: pages that aren't recorded again; 0: all are */
  bool block;           /* wait when the ring is full; else drop, and count */
  bool calm;            /* after a loss, go on when half of the ring is free again */
  uint16_t thread;      /* number of the recording thread, as in the record */
  bool no_tsc;          /* time stamps by clock_gettime() */
  bool paused;          /* attach to nothing until nvt_trace_tap_start() */
  const struct nvt_trace_filter *filter; /* NULL: everything; copied */
};

/* Attach to every tap of the host, which may have other trace taps, too. The ring is borrowed and
 * this thread is its producer. What a filter leaves out has no sequence number. 0, -ENOMEM. */
int nvt_trace_tap_create(struct nvt_plugin_host *, struct nvt_ring *,
                         const struct nvt_trace_options *, struct nvt_trace_tap **out);
/* Detach. What was lost and not yet told is recorded now. *counts, if not NULL, is
 * the final state. A tap of NULL is fine. */
void nvt_trace_tap_destroy(struct nvt_trace_tap *, struct nvt_trace_counts *counts);

/* Write the meta-record of a controller: when it is ready to be attached to. A
 * new one follows by itself when its namespaces, or its kind of doorbells,
 * change. 0, -ENOMEM, -ENOSPC (lost: counted like any record). */
int nvt_trace_tap_meta(struct nvt_trace_tap *, const struct nvt_controller *);

/* What a trace begins with, now: of each controller of the host a meta-record and its state as
 * records with the flag SNAPSHOT; the place is marked in the ring. 0, -ENOMEM, -ENOSPC (lost, as
 * far as it wasn't written: counted like any record). */
int nvt_trace_tap_preamble(struct nvt_trace_tap *);

/* Stop recording: an annotation and an event say so, then all taps are left. And go on:
 * a meta-record, the state of each controller of the host as records with the flag
 * SNAPSHOT, an annotation, then all taps again. Sequence numbers go on. -EALREADY; start
 * also -ENOMEM, -ENOSPC (the ring is full: still stopped). */
int nvt_trace_tap_stop(struct nvt_trace_tap *);
int nvt_trace_tap_start(struct nvt_trace_tap *);
/* Record which plug-ins are loaded now, as nvt_plugins_tell() does for everybody. */
void nvt_trace_tap_plugins(struct nvt_trace_tap *);
bool nvt_trace_tap_on(const struct nvt_trace_tap *);

/* Write text as an annotation record of controller `id`. */
int nvt_trace_tap_annotate(struct nvt_trace_tap *, uint16_t id, const char *text);

/* Record that a trigger fired: event 23 of docs/trace-format.md. False: it couldn't be, or tracing
 * is stopped. */
bool nvt_trace_tap_trigger(struct nvt_trace_tap *, uint16_t controller, uint32_t trigger,
                           uint64_t seq, uint64_t fired);

void nvt_trace_tap_counts(const struct nvt_trace_tap *, struct nvt_trace_counts *);

#endif
