/* SPDX-License-Identifier: BSD-2-Clause */
/* One live trace, between who opens it (live.c) and the thread that writes it (live_writer.c). */
#ifndef NVT_CAPTURE_LIVE_INT_H
#define NVT_CAPTURE_LIVE_INT_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "capture/live.h"
#include "capture/ring.h"
#include "capture/trace_tap.h"

/* What the writer asks of the device thread. */
enum live_step { LIVE_NOTHING, LIVE_STOP, LIVE_FORGET };

enum live_end {
  LIVE_GOES_ON,
  LIVE_CLOSED,   /* by its client, or `trace close` */
  LIVE_RECORDER, /* ends */
  LIVE_READER,   /* has gone */
  LIVE_FAILED,   /* with an errno */
};

struct live_trace {
  struct nvt_plugin_host *host;
  uint32_t id;
  enum nvt_trace_data data;
  char filter[NVT_FILTER_TEXT + 1];
  pid_t pid;
  struct nvt_ring *ring;

  /* The device thread's. */
  struct nvt_trace_tap *tap; /* NULL: it writes nothing more */
  struct nvt_trace_counts counts;

  /* The writer's. */
  pthread_t thread;
  int fd, connection;
  bool pipe, socket;  /* what fd is */
  size_t record_left; /* bytes of the record that was begun */
  uint64_t pieces;    /* that went out whole: the file's header, then records */
  uint64_t bytes;
  bool hung_up; /* the client */
  int error;    /* errno, with LIVE_FAILED */
  enum live_end why;

  /* Both's. */
  int wake;           /* eventfd: `wanted` has changed */
  _Atomic int wanted; /* enum live_end: that it ends */
  _Atomic int step;   /* enum live_step */
  _Atomic bool over;  /* the thread is about to return */
  sem_t served;
  bool begun; /* there is a thread; the control thread's */
};

/* The thread's function; its argument is the live_trace. */
void *nvt_live_write(void *);
/* Device thread: do what the writer asks for. */
void nvt_live_serve(struct live_trace *);
/* Any thread: let it end, if it doesn't yet. */
void nvt_live_want(struct live_trace *, enum live_end);

#endif
