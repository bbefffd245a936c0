/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A capture: the trace tap, its ring and the writer thread, from start to stop.
 * `nvmetap record`, the benchmarks and the tests use it.
 */
#ifndef NVT_CAPTURE_CAPTURE_H
#define NVT_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "trace/record.h"

struct nvt_capture;
struct nvt_controller;
struct nvt_plugin_host;

enum nvt_capture_data { NVT_CAPTURE_NONE, NVT_CAPTURE_HEAD, NVT_CAPTURE_FULL };

struct nvt_capture_options {
  const char *path;           /* of the trace; "-": standard output */
  enum nvt_capture_data data; /* payload; PRP lists are recorded always */
  uint32_t head;              /* with HEAD: bytes of each payload fragment kept */
  bool drop;                  /* ring full: drop and count, instead of waiting for the writer */
  size_t ring_bytes;          /* a power of two of at least 64 KiB; 0: 16 MiB */
};

/* Opens the trace, starts the writer, and attaches the trace tap to every tap of
 * `plugins`. Call it before controllers are created or a host is attached. On
 * failure -errno and a message for a person in why. */
int nvt_capture_start(const struct nvt_capture_options *, struct nvt_plugin_host *plugins,
                      struct nvt_capture **out, char *why, size_t whylen);

/* Write the meta-record of a controller: once its namespaces are there, and again
 * when they have changed. Device thread. */
void nvt_capture_meta(struct nvt_capture *, const struct nvt_controller *);

struct nvt_capture_summary {
  uint64_t records; /* in the trace, loss records included */
  uint64_t lost;
  uint64_t bytes; /* of the trace */
  uint64_t by_type[NVT_REC_COUNT];
  int error; /* errno of the first failed write, 0: none. What was written before is valid. */
};
/* What has been written so far; any thread. `error` is set as soon as a write has
 * failed: the trace has ended there, and the tap drops (and counts) from then on. */
void nvt_capture_progress(const struct nvt_capture *, struct nvt_capture_summary *);

/* Detach the tap, drain the rings, close the trace. Device thread, after the
 * controllers were destroyed or will not be used any more. */
void nvt_capture_stop(struct nvt_capture *, struct nvt_capture_summary *);

#endif
