/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control socket: what `nvmetap ctl` asks of a recorder that runs. docs/control.md has
 * the protocol. A thread of its own reads and parses; what touches the controller it hands to
 * the device thread, which it waits for.
 */
#ifndef NVT_CONTROL_CONTROL_H
#define NVT_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "control/filter.h"

struct nvt_plugin_host;
struct nvt_controller;
struct nvt_control;           /* opaque */
struct nvt_isolation_options; /* controller/isolated/isolated.h */

#define NVT_CONTROL_LINE 65536u /* bytes of a request, without its newline */
#define NVT_CONTROL_CLIENTS 8u

/* Of a flight recorder. */
struct nvt_control_pieces {
  unsigned armed;               /* triggers that may fire again */
  uint64_t fired, begun;        /* triggers; pieces of the trace */
  uint64_t bytes;               /* written */
  uint64_t held_bytes, held_ns; /* the past in the ring, and how far back it goes */
  uint64_t clipped;             /* times that it didn't go back as far as was asked for */
  uint64_t failed;              /* pieces that couldn't be written */
  bool writing;
};

struct nvt_control_trace {
  const char *path; /* borrowed */
  bool on;
  uint64_t records, lost, bytes;
  bool by_pieces; /* only pieces are written: then there is this */
  struct nvt_control_pieces pieces;
};

/* What firing by hand gives. */
struct nvt_control_piece {
  char path[4096]; /* "": it has none yet */
  uint64_t bytes;  /* of a dump */
};

#define NVT_CONTROL_RING_MIN (1u << 20)
#define NVT_CONTROL_RING_MAX (1u << 30)

/* A live trace that is wanted. */
struct nvt_control_open {
  int fd; /* where it goes: borrowed, may be anything that a client can send */
  enum nvt_trace_data data;
  uint32_t head; /* bytes, with HEAD */
  uint32_t dedup_pages;
  uint64_t ring; /* bytes */
  struct nvt_trace_filter filter;
};

struct nvt_control_live {
  uint32_t id;
  pid_t pid; /* of its client */
  enum nvt_trace_data data;
  const char *filter; /* borrowed, until the next call */
  uint64_t records, lost, bytes;
};

/* What is controlled. All of it outlives the control. */
struct nvt_control_target {
  struct nvt_plugin_host *host;
  struct nvt_controller *device;
  const struct nvt_isolation_options *isolation; /* of plug-ins to come; NULL: the defaults */
  unsigned patience_ms; /* with a client that is in the middle of something; 0: 10 s */
  void *ctx;            /* of the functions below */
  /* Any thread: let the recording end. */
  void (*stop)(void *ctx);
  /* Device thread. False: this recorder writes no trace. */
  bool (*trace)(void *ctx, struct nvt_control_trace *);
  /* Device thread: 0, -EALREADY, or another -errno. Only called where there is a trace. */
  int (*trace_switch)(void *ctx, bool on);
  /* Any thread but the device's: fire by hand, or dump what is held, to a path or NULL, and wait
   * until that is written. NULL: nobody can. 0, -ENOTSUP (the whole trace is written), or -errno.
   */
  int (*trace_fire)(void *ctx, bool dump, const char *path, struct nvt_control_piece *);
  /* Live traces; trace_open NULL: there are none. The control's thread, which may wait for the
   * device thread, but for trace_live. */
  /* 0, or -errno with a reason in why. Nothing is written before trace_begin(). */
  int (*trace_open)(void *ctx, const struct nvt_control_open *, uint32_t *id, char *why,
                    size_t whylen);
  /* The client has its answer. Its connection is handed over: the trace ends when the client hangs
   * up, and its last line goes there. -1: the client has gone. */
  void (*trace_begin)(void *ctx, uint32_t id, int connection);
  int (*trace_close)(void *ctx, uint32_t id); /* -ENOENT */
  /* The i-th, from 0; false: there are no more. */
  bool (*trace_live)(void *ctx, unsigned i, struct nvt_control_live *);
};

/* Listen at `path` (mode 0600) and start the thread. The target is copied. 0 or -errno, with
 * a message for a person in why. */
int nvt_control_start(const char *path, const struct nvt_control_target *, struct nvt_control **out,
                      char *why, size_t whylen);
/* End the thread, remove the socket. nvt_host_close() comes first: the thread may wait for the
 * device thread, which is who calls this. NULL is fine. */
void nvt_control_end(struct nvt_control *);

/* Device thread: the answer to one request of `length` bytes, without newlines, with which `fd`
 * came (-1: none); free() it. NULL: out of memory. For who has no thread to spare: the target's
 * functions for live traces are called here, too. */
char *nvt_control_answer(const struct nvt_control_target *, const char *request, size_t length,
                         int fd);

#endif
