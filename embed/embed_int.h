/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of libnvmetap-capture. */
#ifndef NVT_EMBED_EMBED_INT_H
#define NVT_EMBED_EMBED_INT_H

#include <pthread.h>

#include "capture/digests.h"
#include "capture/emit_records.h"
#include "embed/nvmetap/capture.h"

struct nvt_ring_writer;

struct nvt_embed_thread { /* a recording thread */
  struct nvt_emit emit;
  struct nvt_digests *digests; /* NULL: data is recorded as it is */
  pthread_mutex_t lock;        /* taken where options.locked is set */
};

struct nvmetap_recorder {
  char *path;
  char name[64];
  struct nvt_emit_data_options data;
  bool locked;
  struct nvt_ring_writer *writer; /* NULL: it wasn't started */
  pthread_mutex_t lock;           /* of `controllers` */
  struct nvmetap_controller *controllers;
  unsigned thread_count;
  struct nvt_ring *rings[NVMETAP_THREADS_MAX];
  struct nvt_embed_thread *threads; /* thread_count of them */
};

struct nvmetap_controller {
  struct nvmetap_recorder *recorder;
  struct nvt_embed_thread *thread;
  struct nvt_emit_who who;
  uint32_t stride; /* of doorbells, bytes */
  bool preamble;   /* what is recorded now is state */
  struct nvmetap_controller *next;
};

/* Sets what nvmetap_error() says; returns `error`. */
int nvt_embed_refuse(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A call on a controller begins and ends. */
static inline struct nvt_emit *nvt_embed_enter(struct nvmetap_controller *controller) {
  if (__builtin_expect(controller->recorder->locked, 0))
    (void)pthread_mutex_lock(&controller->thread->lock);
  return &controller->thread->emit;
}

static inline void nvt_embed_leave(struct nvmetap_controller *controller) {
  if (__builtin_expect(controller->recorder->locked, 0))
    (void)pthread_mutex_unlock(&controller->thread->lock);
}

#endif
