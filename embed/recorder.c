/* SPDX-License-Identifier: BSD-2-Clause */
/* Recorders: rings, the writer's thread, the end. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/dedup.h"
#include "capture/ring_file.h"
#include "capture/writer.h"
#include "embed/embed_int.h"

enum { RING_BYTES = 16 << 20 };
_Static_assert(NVMETAP_RING_MIN == NVT_RING_SIZE_MIN && NVMETAP_RING_MAX == NVT_RING_SIZE_MAX &&
                   NVMETAP_THREADS_MAX == NVT_RING_WRITER_RINGS,
               "the public limits are the ring's and the writer's");
_Static_assert(NVMETAP_DATA_NONE == (int)NVT_V_meta_data_mode_NONE &&
                   NVMETAP_DATA_HEAD == (int)NVT_V_meta_data_mode_HEAD &&
                   NVMETAP_DATA_FULL == (int)NVT_V_meta_data_mode_FULL &&
                   NVMETAP_DATA_CRC == (int)NVT_V_meta_data_mode_CRC &&
                   NVMETAP_DEDUP_MIN == NVT_DEDUP_PAGES_MIN &&
                   NVMETAP_DEDUP_MAX == NVT_DEDUP_PAGES_MAX,
               "the public numbers are the record's");

static _Thread_local char error_text[512];

const char *nvmetap_error(void) {
  return error_text;
}

int nvt_embed_refuse(int error, const char *format, ...) {
  va_list args;
  va_start(args, format);
  (void)vsnprintf(error_text, sizeof(error_text), format, args);
  va_end(args);
  return error;
}

static int check_options(const struct nvmetap_options *o) {
  if (o->size != sizeof(*o))
    return nvt_embed_refuse(-EINVAL,
                            "options.size is %zu, not %zu: set it to sizeof(struct "
                            "nvmetap_options)",
                            o->size, sizeof(*o));
  if (o->ring_bytes != 0 && (o->ring_bytes < NVMETAP_RING_MIN || o->ring_bytes > NVMETAP_RING_MAX))
    return nvt_embed_refuse(-EINVAL, "options.ring_bytes is %llu: %llu to %llu, or 0 for 16 MiB",
                            (unsigned long long)o->ring_bytes, (unsigned long long)NVMETAP_RING_MIN,
                            (unsigned long long)NVMETAP_RING_MAX);
  if (o->threads > NVMETAP_THREADS_MAX)
    return nvt_embed_refuse(-EINVAL, "options.threads is %u: at most %u", o->threads,
                            NVMETAP_THREADS_MAX);
  if (o->on_full > NVMETAP_DROP)
    return nvt_embed_refuse(-EINVAL, "options.on_full is %u: NVMETAP_BLOCK or NVMETAP_DROP",
                            o->on_full);
  if (o->data > NVMETAP_DATA_CRC)
    return nvt_embed_refuse(-EINVAL, "options.data is %u: one of NVMETAP_DATA_…", o->data);
  if (o->dedup_pages != 0 && (o->data != NVMETAP_DATA_FULL || o->dedup_pages < NVMETAP_DEDUP_MIN ||
                              o->dedup_pages > NVMETAP_DEDUP_MAX))
    return nvt_embed_refuse(-EINVAL,
                            "options.dedup_pages is %u: %u to %u with NVMETAP_DATA_FULL, or 0",
                            o->dedup_pages, NVMETAP_DEDUP_MIN, NVMETAP_DEDUP_MAX);
  if (o->recorder != NULL && strnlen(o->recorder, 64) == 64)
    return nvt_embed_refuse(-EINVAL, "options.recorder is longer than 63 bytes");
  return 0;
}

static void release(struct nvmetap_recorder *recorder) {
  struct nvmetap_controller *next;
  for (struct nvmetap_controller *at = recorder->controllers; at != NULL; at = next) {
    next = at->next;
    free(at);
  }
  for (unsigned i = 0; i < recorder->thread_count; i++) {
    if (recorder->threads != NULL) {
      (void)pthread_mutex_destroy(&recorder->threads[i].lock);
      nvt_digests_destroy(recorder->threads[i].digests);
    }
    nvt_ring_destroy(recorder->rings[i]);
  }
  (void)pthread_mutex_destroy(&recorder->lock);
  free(recorder->threads);
  free(recorder->path);
  free(recorder);
}

static int make_ring(struct nvt_ring **out, uint64_t bytes, const uint64_t *session) {
  char why[400] = "";
  int error = session != NULL ? nvt_ring_create_named(bytes, *session, out, why, sizeof(why))
                              : nvt_ring_create(bytes, out);
  if (error == 0)
    return 0;
  return nvt_embed_refuse(error, "no ring of %llu bytes: %s", (unsigned long long)bytes,
                          why[0] != '\0' ? why : strerror(-error));
}

static int make_threads(struct nvmetap_recorder *recorder, const struct nvmetap_options *options) {
  struct nvt_trace_clock clock;
  if (options->no_tsc)
    nvt_trace_clock_start_system(&clock);
  else
    nvt_trace_clock_start(&clock);
  const uint64_t bytes = options->ring_bytes != 0 ? options->ring_bytes : RING_BYTES;
  const uint64_t session = options->crash_safe ? nvt_ring_session() : 0;
  for (unsigned i = 0; i < recorder->thread_count; i++) {
    int error = make_ring(&recorder->rings[i], bytes, options->crash_safe ? &session : NULL);
    if (error != 0)
      return error;
    /* One clock for all: starts measured apart would differ by what measuring takes. */
    recorder->threads[i].emit = (struct nvt_emit){.ring = recorder->rings[i],
                                                  .block = options->on_full == NVMETAP_BLOCK,
                                                  .calm = true,
                                                  .thread = (uint16_t)i,
                                                  .clock = clock};
    if (recorder->data.mode == NVT_V_meta_data_mode_CRC || recorder->data.dedup_pages != 0)
      error = nvt_digests_create(&recorder->data, &recorder->threads[i].digests);
    if (error != 0)
      return nvt_embed_refuse(error, "out of memory");
  }
  return 0;
}

static int start(struct nvmetap_recorder *recorder, const struct nvmetap_options *options) {
  if (recorder->path == NULL || recorder->threads == NULL)
    return nvt_embed_refuse(-ENOMEM, "out of memory");
  for (unsigned i = 0; i < recorder->thread_count; i++)
    (void)pthread_mutex_init(&recorder->threads[i].lock, NULL);
  int error = make_threads(recorder, options);
  if (error != 0)
    return error;
  char why[400];
  const struct nvt_ring_writer_options writer = {
      .path = recorder->path, .rings = recorder->rings, .count = recorder->thread_count};
  error = nvt_ring_writer_start(&writer, &recorder->writer, why, sizeof(why));
  return error == 0 ? 0 : nvt_embed_refuse(error, "%s", why);
}

int nvmetap_create(const char *path, const struct nvmetap_options *options,
                   struct nvmetap_recorder **out) {
  static const struct nvmetap_options usual = {.size = sizeof(usual)};
  if (out == NULL)
    return nvt_embed_refuse(-EINVAL, "nvmetap_create(): no place for the recorder");
  *out = NULL;
  if (path == NULL || path[0] == '\0')
    return nvt_embed_refuse(-EINVAL, "nvmetap_create(): no path; \"-\" is standard output");
  if (options == NULL)
    options = &usual;
  int error = check_options(options);
  if (error != 0)
    return error;
  struct nvmetap_recorder *recorder = calloc(1, sizeof(*recorder));
  if (recorder == NULL)
    return nvt_embed_refuse(-ENOMEM, "out of memory");
  (void)pthread_mutex_init(&recorder->lock, NULL);
  recorder->thread_count = options->threads == 0 ? 1 : options->threads;
  recorder->threads = calloc(recorder->thread_count, sizeof(recorder->threads[0]));
  recorder->path = strdup(path);
  recorder->locked = options->locked;
  recorder->data.mode = (uint8_t)options->data;
  recorder->data.dedup_pages = options->dedup_pages;
  recorder->data.head = options->data == NVMETAP_DATA_HEAD ? options->data_head : 0;
  (void)snprintf(recorder->name, sizeof(recorder->name), "%s",
                 options->recorder != NULL ? options->recorder : "libnvmetap-capture");
  error = start(recorder, options);
  if (error != 0)
    release(recorder);
  else
    *out = recorder;
  return error;
}

int nvmetap_flush(struct nvmetap_recorder *recorder) {
  if (recorder == NULL || nvt_ring_writer_flush(recorder->writer))
    return 0;
  return nvt_embed_refuse(-EIO, "%s: writing has failed", recorder->path);
}

bool nvmetap_failed(const struct nvmetap_recorder *recorder) {
  return recorder != NULL && nvt_ring_writer_failed(recorder->writer);
}

int nvmetap_close(struct nvmetap_recorder *recorder, struct nvmetap_counts *counts) {
  struct nvmetap_counts sum = {0};
  struct nvt_ring_writer_result result = {0};
  int error = 0;
  if (recorder != NULL) {
    char why[400];
    for (unsigned i = 0; i < recorder->thread_count; i++) {
      struct nvt_trace_counts one;
      nvt_emit_end_all(&recorder->threads[i].emit);
      nvt_emit_counts(&recorder->threads[i].emit, &one);
      sum.records += one.records;
      sum.lost += one.lost;
    }
    if (!nvt_ring_writer_finish(recorder->writer, &result, why, sizeof(why)))
      error = nvt_embed_refuse(-result.error, "%s", why);
    release(recorder);
  }
  sum.unsaved = result.unsaved;
  sum.bytes = result.bytes;
  if (counts != NULL)
    *counts = sum;
  return error;
}
