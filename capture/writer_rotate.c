/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From one file to the next. Each is to decode and replay by itself, so it begins where the device
 * thread has written a preamble, which is asked for when what is in the ring makes the current file
 * as long or as old as it may get: there the next one begins, when all before it was put.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/packer.h"
#include "capture/ring.h"
#include "capture/writer_int.h"
#include "controller/log.h"

/* A preamble that wasn't written by then was lost, or the trace is stopped: asked for again. */
static const uint64_t again_ns = 200000000u;
static const uint64_t look_ns = 200000000u; /* between looks whether the file is still there */

uint64_t nvt_writer_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t head_of(const struct nvt_ring_writer *writer) {
  return atomic_load_explicit(&writer->sources[0].ring->shared->head, memory_order_acquire);
}

void nvt_writer_rotate_start(struct nvt_ring_writer *writer) {
  writer->rotation.planned = nvt_writer_position(writer);
  writer->rotation.due_ns = nvt_writer_now() + writer->files.ns;
}

uint64_t nvt_writer_file_end(const struct nvt_ring_writer *writer) {
  return writer->rotation.count > 0 ? writer->rotation.starts[0] : UINT64_MAX;
}

/* What so many bytes of a ring become in a file, as far as that is known. */
static uint64_t in_file(const struct nvt_ring_writer *writer, uint64_t bytes) {
  if (writer->files.packer == NULL && writer->files.snaplen == 0)
    return bytes;
  struct nvt_output_counts counts;
  nvt_output_counts(writer->output, &counts);
  if (writer->put == 0)
    return 0;
  return (uint64_t)((double)bytes * (double)counts.bytes / (double)writer->put);
}

/* Bytes that the newest file will have when what is in rings is in it: that may be one which is
 * planned, and doesn't exist yet. Where rings are several only the current one is looked at. */
static uint64_t size_soon(const struct nvt_ring_writer *writer, uint64_t head) {
  struct nvt_output_counts counts;
  if (writer->count == 1)
    return in_file(writer, head - writer->rotation.planned);
  if (writer->rotation.count > 0)
    return 0;
  uint64_t waiting = 0;
  for (unsigned i = 0; i < writer->count; i++) {
    const struct source *source = &writer->sources[i];
    waiting += atomic_load_explicit(&source->ring->shared->head, memory_order_acquire) -
               source->ring->tail - source->ahead;
  }
  nvt_output_counts(writer->output, &counts);
  return counts.file_bytes + in_file(writer, waiting);
}

static bool is_due(const struct nvt_ring_writer *writer, uint64_t head, uint64_t now) {
  const struct nvt_ring_writer_files *files = &writer->files;
  const struct rotation *r = &writer->rotation;
  if (r->discard)
    return r->count == 0;
  return (files->ns > 0 && now >= r->due_ns) ||
         (files->bytes > 0 && size_soon(writer, head) >= files->bytes);
}

/* All the files that there were to be. */
static bool is_last(const struct nvt_ring_writer *writer) {
  struct nvt_output_counts counts;
  nvt_output_counts(writer->output, &counts);
  return !writer->rotation.discard && writer->files.bytes == 0 && writer->files.count > 0 &&
         counts.files >= writer->files.count;
}

static void plan(struct nvt_ring_writer *writer, uint64_t start, uint64_t now) {
  struct rotation *r = &writer->rotation;
  r->starts[r->count++] = r->planned = start;
  r->asked = false;
  r->due_ns = now + writer->files.ns;
}

static void ask(struct nvt_ring_writer *writer, uint64_t head, uint64_t now) {
  struct rotation *r = &writer->rotation;
  if (writer->want_preamble == NULL) { /* nobody can: records go on in the next file */
    plan(writer, head, now);
    return;
  }
  r->asked = true;
  r->from = head > r->planned ? head : r->planned + 1;
  r->asked_ns = now;
  writer->want_preamble(writer->ctx);
}

/* How many records a plain file has up to its end. */
static uint64_t records_in(int fd, uint64_t length) {
  enum { BUFFER = NVT_OUTPUT_PIECE };
  uint8_t *buffer = malloc(BUFFER);
  uint64_t count = 0, at = 24;
  while (buffer != NULL && at < length) {
    size_t want = length - at < BUFFER ? (size_t)(length - at) : BUFFER, whole;
    ssize_t n = pread(fd, buffer, want, (off_t)at);
    if (n <= 0)
      break;
    count += nvt_output_count(buffer, (size_t)n, &whole);
    if (whole == 0)
      break;
    at += whole;
  }
  free(buffer);
  return count;
}

/* What was written is gone with its name. The next file gets that name again. */
static void give_up(struct nvt_ring_writer *writer) {
  uint64_t before = writer->result.removed;
  struct nvt_output_counts counts;
  if (writer->file) {
    struct source *source = &writer->sources[0];
    before = 0;
    writer->result.removed += records_in(writer->plain.fd, writer->stream.position);
    nvt_ring_consume(source->ring, (size_t)(writer->stream.position - source->ring->tail));
    nvt_stream_end(&writer->stream);
    (void)nvt_outfile_close(&writer->plain);
    writer->file = false;
    writer->rotation.planned = nvt_writer_position(writer);
  } else {
    nvt_output_counts(writer->output, &counts);
    before = counts.removed;
    nvt_output_give_up(writer->output);
  }
  writer->rotation.discard = true;
  nvt_output_counts(writer->output, &counts);
  nvt_log(
      NVT_LOG_QUIET,
      "%s was removed while it was written: %llu records are lost with it; the trace goes on in "
      "a new file",
      nvt_output_path(writer->output),
      (unsigned long long)(counts.removed + writer->result.removed - before));
}

/* Whether the file has no name any more. One that has another name is still written: said once. */
static bool is_removed(struct nvt_ring_writer *writer) {
  struct stat ours, named;
  int fd = writer->file ? writer->plain.fd : nvt_output_fd(writer->output);
  const char *path = nvt_output_path(writer->output);
  if (fd < 0 || strcmp(path, "-") == 0 || fstat(fd, &ours) != 0 || !S_ISREG(ours.st_mode))
    return false;
  if (ours.st_nlink == 0)
    return true;
  bool same = stat(path, &named) == 0 && named.st_dev == ours.st_dev && named.st_ino == ours.st_ino;
  if (!same && !writer->rotation.renamed)
    nvt_log(NVT_LOG_NORMAL, "%s was renamed or replaced: the trace goes on in the file that it was",
            path);
  writer->rotation.renamed = !same;
  return false;
}

void nvt_writer_rotate(struct nvt_ring_writer *writer) {
  struct rotation *r = &writer->rotation;
  uint64_t now = nvt_writer_now(), head = head_of(writer), start;
  if (!r->discard && now - r->looked_ns > look_ns) {
    r->looked_ns = now;
    if (is_removed(writer))
      give_up(writer);
  }
  if (r->asked && nvt_ring_start_after(writer->sources[0].ring, r->from, &start))
    plan(writer, start, now);
  if (r->reached || r->count == ROTATE_STARTS || !is_due(writer, head, now))
    return;
  if (is_last(writer)) {
    r->reached = true;
    if (writer->ended != NULL)
      writer->ended(writer->ctx, 0);
  } else if (!r->asked || now - r->asked_ns > again_ns) {
    ask(writer, head, now);
  }
}

void nvt_writer_switch(struct nvt_ring_writer *writer) {
  struct rotation *r = &writer->rotation;
  char why[512];
  memmove(r->starts, r->starts + 1, --r->count * sizeof(r->starts[0]));
  r->discard = false;
  int error = nvt_output_end(writer->output);
  if (error != 0)
    snprintf(why, sizeof(why), "%s", "the file holds all whole records before that");
  /* What a ring still has belongs to the next file: who finds it after a crash relies on that. */
  for (unsigned i = 0; i < writer->count; i++) {
    struct source *source = &writer->sources[i];
    nvt_ring_consume(source->ring, source->ahead);
    source->ahead = source->sent = 0;
  }
  if (error == 0)
    error = nvt_output_next(writer->output, why, sizeof(why));
  if (error != 0) {
    nvt_writer_fail(writer, error, why);
    return;
  }
  nvt_log(NVT_LOG_VERBOSE, "%s begins", nvt_output_path(writer->output));
}
