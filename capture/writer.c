/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/packer.h"
#include "capture/refuse_int.h"
#include "capture/ring.h"
#include "capture/writer_int.h"
#include "controller/log.h"
#include "controller/thread.h"
#include "trace/record.h"
#include "trace/writer.h"

enum {
  PAUSE_NS = 4 * 1000 * 1000,   /* between rounds: what comes meanwhile goes in one write */
  SHORT_NS = 100 * 1000,        /* and when it may be too much for the ring */
  IDLE_NS = 20 * 1000 * 1000,   /* and when nothing came for a while */
  FRAME_NS = 250 * 1000 * 1000, /* a compressed frame waits so long for more than a few records */
  FRAME = 256 * 1024,           /* or until there is this much */
};

static struct nvt_output_counts counts_of(const struct nvt_ring_writer *writer) {
  struct nvt_output_counts counts;
  nvt_output_counts(writer->output, &counts);
  if (writer->file) {
    counts.files = 1;
    counts.bytes = counts.file_bytes = writer->stream.position;
  }
  return counts;
}

void nvt_writer_fail(struct nvt_ring_writer *writer, int error, const char *state) {
  if (atomic_exchange(&writer->error, -error) != 0)
    return;
  nvt_log(NVT_LOG_QUIET, "%s: writing failed after %llu bytes: %s%s%s",
          nvt_output_path(writer->output), (unsigned long long)counts_of(writer).file_bytes,
          strerror(-error), state[0] != '\0' ? "; " : "", state);
  for (unsigned i = 0; i < writer->count; i++)
    nvt_ring_close(writer->sources[i].ring);
  if (writer->ended != NULL)
    writer->ended(writer->ctx, -error);
}

/* One ring, straight out of it. Bytes that there were. */
static size_t drain_one(struct nvt_ring_writer *writer) {
  struct source *source = &writer->sources[0];
  size_t length;
  const uint8_t *from = nvt_ring_peek(source->ring, &length);
  size_t all = length - source->ahead, left = all;
  from += source->ahead;
  nvt_writer_rotate(writer);
  while (left > 0 && atomic_load(&writer->error) == 0) {
    uint64_t until = nvt_writer_file_end(writer) - nvt_writer_position(writer);
    if (until == 0) {
      nvt_writer_switch(writer);
      continue;
    }
    size_t piece = nvt_output_piece(from, left < until ? left : (size_t)until, NVT_OUTPUT_PIECE);
    size_t held = 0;
    int error = 0;
    if (writer->rotation.discard) {
      writer->result.unsaved += nvt_output_count(from, piece, &held);
      held = 0;
    } else {
      error = nvt_output_put(writer->output, from, piece);
      writer->put += piece;
      held = nvt_output_held(writer->output);
    }
    source->ahead += piece;
    nvt_ring_consume(source->ring, source->ahead - held);
    source->ahead = held;
    from += piece;
    left -= piece;
    if (error != 0)
      nvt_writer_fail(writer, error, "the file holds all whole records before that");
    nvt_writer_rotate(writer);
  }
  return all;
}

/* One ring into one plain file. */
static size_t drain_file(struct nvt_ring_writer *writer) {
  size_t drained;
  int error = nvt_stream_drain(&writer->stream, &drained);
  if (error != 0) {
    int cut = nvt_stream_cut(&writer->stream, NVT_FILE_HEADER_BYTES);
    nvt_writer_fail(writer, error,
                    cut == 0 ? "the file holds all whole records before that"
                             : "its last record may be cut");
  }
  nvt_writer_rotate(writer);
  return drained;
}

/* Not worth a compressed frame yet. */
static bool too_little(struct nvt_ring_writer *writer) {
  size_t length, sum = 0;
  for (unsigned i = 0; i < writer->count; i++) {
    (void)nvt_ring_peek(writer->sources[i].ring, &length);
    sum += length;
  }
  if (sum == 0 || sum >= FRAME) {
    writer->waiting_ns = 0;
    return sum == 0;
  }
  uint64_t now = nvt_writer_now();
  if (writer->waiting_ns == 0)
    writer->waiting_ns = now;
  if (now - writer->waiting_ns < FRAME_NS)
    return true;
  writer->waiting_ns = 0;
  return false;
}

static size_t drain(struct nvt_ring_writer *writer, bool all) {
  if (writer->file)
    return drain_file(writer);
  if (writer->files.packer != NULL && !all && too_little(writer)) {
    nvt_writer_rotate(writer);
    return 0;
  }
  size_t bytes;
  if (writer->count == 1) {
    bytes = drain_one(writer);
  } else {
    nvt_writer_rotate(writer);
    return nvt_writer_merge(writer, all);
  }
  int error = atomic_load(&writer->error) == 0 ? nvt_output_flush(writer->output) : 0;
  if (error != 0)
    nvt_writer_fail(writer, error, "the file holds all whole records before that");
  nvt_ring_consume(writer->sources[0].ring, writer->sources[0].ahead);
  writer->sources[0].ahead = 0;
  return bytes;
}

/* One plain file's ring keeps the last block of what was written. */
static void tell_written(struct nvt_ring_writer *writer) {
  for (unsigned i = 0; i < writer->count; i++) {
    struct source *source = &writer->sources[i];
    uint64_t written = writer->file ? writer->stream.position : source->ring->tail;
    atomic_store_explicit(&source->written, written, memory_order_release);
  }
}

static void *run(void *user) {
  struct nvt_ring_writer *writer = user;
  const uint64_t much = (writer->sources[0].ring->mask + 1) / 8;
  unsigned idle = 0;
  if (writer->count > 1)
    nvt_writer_merge_start(writer);
  nvt_writer_rotate_start(writer);
  while (atomic_load(&writer->error) == 0) {
    bool finish = atomic_load(&writer->finish);
    size_t bytes = drain(writer, finish);
    tell_written(writer);
    if (finish && bytes == 0)
      break;
    if (finish)
      continue;
    idle = bytes > 0 ? 0 : idle + 1;
    nanosleep(&(struct timespec){.tv_nsec = bytes > much ? SHORT_NS
                                            : idle > 25  ? IDLE_NS
                                                         : PAUSE_NS},
              NULL);
  }
  return NULL;
}

/* One ring into one plain file: the ring gets the file's header, so that positions are the same. */
static int open_plain(struct nvt_ring_writer *writer, char *why, size_t whylen) {
  struct nvt_ring *ring = writer->sources[0].ring;
  uint8_t header[NVT_FILE_HEADER_BYTES];
  struct stat status; /* a FIFO can be opened once: closed, it ends its reader */
  if (stat(writer->path, &status) == 0 && !S_ISREG(status.st_mode))
    return 0;
  int error = nvt_outfile_open(&writer->plain, writer->path, false, true);
  if (error != 0)
    return nvt_capture_refuse(error, why, whylen, "%s: the trace can't be created: %s",
                              writer->path, strerror(-error));
  error = ftruncate(writer->plain.fd, 0) == 0 ? nvt_writer_file_header(header) : -errno;
  if (error == 0)
    nvt_ring_set_output(ring, writer->path, writer->plain.fd, NVT_RING_STREAM);
  if (error == 0)
    error = nvt_outfile_header(&writer->plain, header, sizeof(header));
  if (error != 0)
    return nvt_capture_refuse(error, why, whylen, "%s: the trace's header can't be written: %s",
                              writer->path, strerror(-error));
  memcpy(nvt_ring_reserve(ring, sizeof(header)), header, sizeof(header));
  nvt_ring_commit(ring, sizeof(header));
  nvt_stream_start(&writer->stream, ring, writer->plain.fd, writer->path);
  writer->stream.position = sizeof(header);
  writer->file = true;
  return 0;
}

/* Who finds the rings without their process looks there. */
static void opened(void *ctx, const char *path, int fd) {
  struct nvt_ring_writer *writer = ctx;
  for (unsigned i = 0; i < writer->count; i++)
    nvt_ring_set_output(writer->sources[i].ring, path, fd,
                        writer->files.packer != NULL ? NVT_RING_APPEND_ZSTD : NVT_RING_APPEND);
}

static int open_output(struct nvt_ring_writer *writer, char *why, size_t whylen) {
  const struct nvt_ring_writer_files *files = &writer->files;
  bool set = files->bytes > 0 || files->ns > 0;
  const struct nvt_output_options options = {.path = writer->path,
                                             .set = set,
                                             .keep = files->bytes > 0 ? files->count : 0,
                                             .snaplen = files->snaplen,
                                             .packer = files->packer,
                                             .level = files->level,
                                             .opened = opened,
                                             .ctx = writer};
  int error = nvt_output_create(&options, &writer->output, why, whylen);
  if (error == 0 && !set && files->snaplen == 0 && files->packer == NULL && writer->count == 1 &&
      writer->sources[0].ring->head == 0 && strcmp(writer->path, "-") != 0)
    error = open_plain(writer, why, whylen);
  if (error == 0 && !writer->file)
    error = nvt_output_next(writer->output, why, whylen);
  return error;
}

static void release(struct nvt_ring_writer *writer) {
  if (writer->file)
    nvt_stream_end(&writer->stream);
  (void)nvt_outfile_close(&writer->plain);
  nvt_output_destroy(writer->output);
  free(writer->path);
  free(writer->batch);
  free(writer);
}

int nvt_ring_writer_start(const struct nvt_ring_writer_options *options,
                          struct nvt_ring_writer **out_writer, char *why, size_t whylen) {
  const char *path = options->path;
  unsigned count = options->count;
  *out_writer = NULL;
  if (count == 0 || count > NVT_RING_WRITER_RINGS)
    return nvt_capture_refuse(-EINVAL, why, whylen, "%s: %u rings", path, count);
  struct nvt_ring_writer *writer = calloc(1, sizeof(*writer));
  if (writer == NULL)
    return nvt_capture_refuse(-ENOMEM, why, whylen, "%s: out of memory", path);
  writer->plain = (struct nvt_outfile){.fd = -1, .direct = -1};
  writer->count = count;
  writer->files = options->files;
  writer->want_preamble = options->want_preamble;
  writer->ended = options->ended;
  writer->ctx = options->ctx;
  for (unsigned i = 0; i < count; i++) {
    writer->sources[i].ring = options->rings[i];
    options->rings[i]->merged = count > 1;
  }
  writer->path = strdup(path);
  writer->batch = count > 1 ? malloc(NVT_OUTPUT_PIECE + NVT_RECORD_MAX) : NULL;
  int error = 0;
  if (writer->path == NULL || (count > 1 && writer->batch == NULL))
    error = nvt_capture_refuse(-ENOMEM, why, whylen, "%s: out of memory", path);
  if (error == 0)
    error = open_output(writer, why, whylen);
  if (error == 0) {
    error = nvt_thread_start(&writer->thread, run, writer);
    if (error != 0)
      nvt_capture_refuse(error, why, whylen, "%s: no thread to write it: %s", path,
                         strerror(-error));
  }
  if (error != 0) {
    release(writer);
    return error;
  }
  *out_writer = writer;
  return 0;
}

bool nvt_ring_writer_flush(struct nvt_ring_writer *writer) {
  uint64_t heads[NVT_RING_WRITER_RINGS];
  for (unsigned i = 0; i < writer->count; i++)
    heads[i] = atomic_load_explicit(&writer->sources[i].ring->shared->head, memory_order_acquire);
  for (unsigned i = 0; i < writer->count;) {
    if (atomic_load(&writer->error) != 0)
      return false;
    if (atomic_load_explicit(&writer->sources[i].written, memory_order_acquire) >= heads[i])
      i++;
    else
      nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
  }
  return true;
}

bool nvt_ring_writer_failed(const struct nvt_ring_writer *writer) {
  return atomic_load(&writer->error) != 0;
}

/* Some file systems tell only now that there was no room. */
static void close_output(struct nvt_ring_writer *writer) {
  int error = writer->file ? nvt_outfile_close(&writer->plain) : 0;
  if (error == 0 && !writer->file && atomic_load(&writer->error) == 0)
    error = nvt_output_end(writer->output);
  if (error != 0)
    nvt_writer_fail(writer, error, "");
}

bool nvt_ring_writer_finish(struct nvt_ring_writer *writer, struct nvt_ring_writer_result *result,
                            char *why, size_t whylen) {
  atomic_store(&writer->finish, true);
  pthread_join(writer->thread, NULL);
  close_output(writer);
  struct nvt_output_counts counts = counts_of(writer);
  int error = atomic_load(&writer->error);
  *result = writer->result;
  result->bytes = counts.bytes;
  result->files = counts.files;
  result->error = error;
  result->removed += counts.removed;
  result->unsaved += counts.unsaved;
  snprintf(result->path, sizeof(result->path), "%s", nvt_output_path(writer->output));
  if (writer->file)
    result->unsaved += nvt_stream_unsaved(&writer->stream);
  for (unsigned i = 0; i < writer->count && !writer->file; i++) {
    size_t left;
    const uint8_t *from = nvt_ring_peek(writer->sources[i].ring, &left);
    result->unsaved += nvt_output_count(from, left, &left);
  }
  if (error != 0)
    (void)nvt_capture_refuse(error, why, whylen, "%s: writing failed after %llu bytes: %s",
                             result->path, (unsigned long long)counts.file_bytes, strerror(error));
  release(writer);
  return error == 0;
}
