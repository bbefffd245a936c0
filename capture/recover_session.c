/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whoever recovers may be killed, too, and anybody may begin anew: nothing is done that a second
 * run doesn't do alike. A stream's bytes have their place. Where records are appended, the rings
 * remember from where on, before the first one is (`resume`), and that all are, before the first
 * ring goes (`done`).
 */
#include "capture/recover_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace/writer.h"

__attribute__((format(printf, 3, 4))) static int fail(struct nvt_recovery *r, int error,
                                                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(r->why, sizeof(r->why), format, args);
  va_end(args);
  return error;
}

static int fail_on(struct nvt_recovery *r, const char *path, int error) {
  return fail(r, error, "%s: %s", path, strerror(-error));
}

/* --- the recorder's file --- */

/* Several rings are told of a next file one after another: until all were, it is the one before. */
static const struct nvt_ring_output *output_of(const struct nvt_recovery *r) {
  const struct nvt_orphan *oldest = r->rings[0];
  for (size_t i = 1; i < r->count; i++)
    if (atomic_load(&r->rings[i]->shared.turn) < atomic_load(&oldest->shared.turn))
      oldest = r->rings[i];
  return oldest->out;
}

/* The descriptor, or -errno: -ENOENT where the name is another file's now, too. */
static int open_own(const struct nvt_ring_output *out) {
  struct nvt_ring_output now = {0};
  if (out->mode == NVT_RING_NO_FILE)
    return -ENOENT;
  int fd = open(out->path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return errno == ENOTDIR || errno == ELOOP ? -ENOENT : -errno;
  if (nvt_ring_identify(fd, &now) && now.device == out->device && now.inode == out->inode &&
      now.born_ns == out->born_ns)
    return fd;
  close(fd);
  return -ENOENT;
}

static uint64_t size_of(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 && status.st_size > 0 ? (uint64_t)status.st_size : 0;
}

static int finish(struct nvt_recovery *r, struct nvt_tails *tails, struct nvt_sink *sink) {
  int error = nvt_sink_flush(sink);
  if (error == 0)
    error = nvt_recover_epilogue(r, tails, sink);
  return error == 0 ? nvt_sink_flush(sink) : error;
}

/* --- the three ways --- */

/* Whether a loss was told of is seen by the records after it. */
static bool knows_losers(const struct nvt_orphan *ring, const struct nvt_tails *tails) {
  for (unsigned i = 0; i < NVT_RING_LOSSES; i++) {
    const struct nvt_ring_loss *loss = &ring->shared.loss[i];
    if (loss->used != 0 && atomic_load(&loss->count) != 0 && tails->index[loss->controller] == 0)
      return false;
  }
  return true;
}

static int stream(struct nvt_recovery *r, int fd, struct nvt_tails *tails, struct nvt_sink *sink) {
  const struct nvt_orphan *ring = r->rings[0];
  /* What is long before isn't read again: a trace may be of hundreds of gigabytes. */
  struct nvt_extent extent = {
      .fd = fd, .from = nvt_take_boundary(ring), .old = size_of(fd), .end = ring->head};
  struct nvt_taken taken;
  int error = nvt_take_bytes(ring, fd);
  if (extent.end < NVT_FILE_HEADER_BYTES) {
    extent.end = NVT_FILE_HEADER_BYTES;
    error = nvt_sink_header(sink);
  }
  if (error == 0 && ftruncate(fd, (off_t)extent.end) != 0)
    error = -errno;
  if (error == 0)
    error = nvt_take_file(r, &extent, tails, NULL, &taken);
  if (error != 0)
    return error;
  bool none = taken.whole == extent.from && extent.from < extent.end;
  if (extent.from != 0 && (none || !knows_losers(ring, tails))) {
    nvt_tails_close(tails);
    extent.from = r->records = 0;
    error = nvt_tails_open(tails);
    if (error == 0)
      error = nvt_take_file(r, &extent, tails, NULL, &taken);
  }
  if (error != 0)
    return error;
  sink->offset = extent.end;
  if (taken.state != NVT_FRAMES_END) {
    /* What the recorder scribbled over isn't carried on; what others did to the file is theirs. */
    r->damaged += extent.end - taken.whole;
    if (taken.whole >= ring->tail)
      sink->offset = taken.whole;
  }
  if (ftruncate(fd, (off_t)sink->offset) != 0)
    return -errno;
  return finish(r, tails, sink);
}

static int append(struct nvt_recovery *r, int fd, struct nvt_tails *tails, struct nvt_sink *sink) {
  struct nvt_extent extent = {
      .fd = fd, .old = UINT64_MAX, .end = size_of(fd), .packed = sink->packed};
  struct nvt_taken taken;
  for (size_t i = 0; i < r->count; i++)
    if (r->rings[i]->shared.resume != 0 && r->rings[i]->shared.resume < extent.end)
      extent.end = r->rings[i]->shared.resume;
  int error = 0;
  if (!sink->packed && extent.end < NVT_FILE_HEADER_BYTES)
    extent.end = 0;
  if (extent.end > 0)
    error = nvt_take_file(r, &extent, tails, NULL, &taken);
  if (error == 0 && (extent.end == 0 || (taken.whole == 0 && taken.state == NVT_FRAMES_CUT))) {
    error = nvt_sink_header(sink);
    taken = (struct nvt_taken){NVT_FRAMES_END, sink->offset};
  }
  bool stream = output_of(r)->mode == NVT_RING_STREAM;
  if (error == 0 && (taken.state == NVT_FRAMES_BAD || (!stream && !nvt_take_continues(r, tails))))
    return -EBADMSG;
  if (error == 0 && ftruncate(fd, (off_t)taken.whole) != 0)
    error = -errno;
  for (size_t i = 0; i < r->count && error == 0; i++)
    error = nvt_orphan_note_resume(r->rings[i], taken.whole);
  sink->offset = taken.whole;
  if (error == 0)
    error = nvt_take_rings(r, false, tails, sink);
  return error == 0 ? finish(r, tails, sink) : error;
}

/* NAME.recovered.pcap, or NAME.recovered-N.pcap, that isn't there yet, in the current directory. */
static int choose_name(struct nvt_recovery *r, const struct nvt_ring_output *out) {
  char name[256];
  const char *base = out->mode == NVT_RING_NO_FILE ? NULL : strrchr(out->path, '/') + 1;
  if (base == NULL || *base == '\0')
    snprintf(name, sizeof(name), "recorder-%ld", (long)r->rings[0]->shared.pid);
  else
    snprintf(name, sizeof(name), "%.200s", base);
  char *end = strstr(name, ".pcap");
  if (end != NULL && end != name)
    *end = '\0';
  for (unsigned n = 1; n < 100000; n++) {
    struct stat status;
    free(r->path);
    r->path = NULL;
    if (n == 1 ? asprintf(&r->path, "%s.recovered.pcap", name) < 0
               : asprintf(&r->path, "%s.recovered-%u.pcap", name, n) < 0)
      return -ENOMEM;
    if (lstat(r->path, &status) != 0 && errno == ENOENT)
      return 0;
  }
  return -EEXIST;
}

/* All that the recorder's file has, and of a stream what is to follow. */
static int copy_own(struct nvt_recovery *r, int fd, struct nvt_tails *tails,
                    struct nvt_sink *sink) {
  struct nvt_extent extent = {
      .fd = fd, .end = size_of(fd), .packed = output_of(r)->mode == NVT_RING_APPEND_ZSTD};
  struct nvt_taken taken;
  if (output_of(r)->mode == NVT_RING_STREAM && nvt_take_fits(r->rings[0], fd)) {
    extent.ring = r->rings[0];
    extent.end = r->rings[0]->head;
  }
  return nvt_take_file(r, &extent, tails, sink, &taken);
}

static int apart(struct nvt_recovery *r, int fd, const char *output, struct nvt_tails *tails) {
  struct nvt_reason why;
  struct nvt_sink sink = {.fd = -1};
  r->apart = true;
  int error = 0;
  if (output == NULL)
    error = choose_name(r, output_of(r));
  else if ((r->path = strdup(output)) == NULL)
    error = -ENOMEM;
  if (error != 0)
    return error;
  if (!nvt_writer_open(r->path, &sink.writer, &why))
    return fail(r, -EIO, "%s", why.text);
  if (fd >= 0)
    error = copy_own(r, fd, tails, &sink);
  if (error == 0)
    error = nvt_take_rings(r, fd < 0, tails, &sink);
  if (error == 0)
    error = finish(r, tails, &sink);
  if (error != 0)
    nvt_writer_abort(sink.writer);
  else if (!nvt_writer_close(sink.writer, &why))
    return fail(r, -EIO, "%s", why.text);
  return error;
}

/* --- all of it --- */

/* A full disk: the file is a trace all the same, and the rings are still there. What a stream's
 * ring hasn't any more is kept, even if it is half a record. */
static void tidy(int fd, bool packed, uint64_t least) {
  struct nvt_recovery scratch = {0};
  struct nvt_tails tails;
  struct nvt_taken taken;
  const struct nvt_extent extent = {.fd = fd, .end = size_of(fd), .packed = packed};
  int error = nvt_tails_open(&tails);
  if (error == 0 && extent.end > NVT_FILE_HEADER_BYTES &&
      nvt_take_file(&scratch, &extent, &tails, NULL, &taken) == 0 &&
      taken.state == NVT_FRAMES_CUT && extent.end > least)
    error = ftruncate(fd, (off_t)(taken.whole > least ? taken.whole : least));
  (void)error; /* then its last record is cut: readers say so */
  nvt_tails_close(&tails);
}

static int into_own(struct nvt_recovery *r, int fd, struct nvt_tails *tails) {
  const struct nvt_ring_output *out = output_of(r);
  struct nvt_sink sink = {.fd = fd, .packed = out->mode == NVT_RING_APPEND_ZSTD};
  const struct nvt_orphan *ring = r->rings[0];
  bool streamed = out->mode == NVT_RING_STREAM && r->count == 1;
  int error;
  if ((r->path = strdup(out->path)) == NULL)
    return -ENOMEM;
  if (streamed && nvt_take_fits(ring, fd))
    error = stream(r, fd, tails, &sink);
  else if (streamed && size_of(fd) >= ring->tail)
    error = -EBADMSG;
  else
    error = append(r, fd, tails, &sink);
  nvt_sink_close(&sink);
  if (error == 0 && fdatasync(fd) != 0)
    error = -errno;
  if (error != 0 && error != -EBADMSG)
    tidy(fd, sink.packed, streamed ? ring->tail : 0);
  return error;
}

static int drain(struct nvt_recovery *r, const struct nvt_recover_options *options) {
  int fd = open_own(output_of(r));
  struct nvt_tails tails;
  int error = nvt_tails_open(&tails);
  if (fd < 0 && fd != -ENOENT)
    error = fail_on(r, output_of(r)->path, fd);
  bool own = fd >= 0 && options->output == NULL;
  if (error == 0 && own) {
    error = into_own(r, fd, &tails);
    own = error != -EBADMSG;
  }
  if (!own && (error == 0 || error == -EBADMSG)) {
    if (options->no_apart) {
      error = fail(r, -ENOENT, "%s: the file isn't there any more, or isn't what it was",
                   output_of(r)->path);
    } else {
      nvt_tails_close(&tails);
      error = nvt_tails_open(&tails);
      r->records = r->damaged = r->missing = r->lost = 0;
      if (error == 0)
        error = apart(r, options->output != NULL ? fd : -1, options->output, &tails);
    }
  }
  if (fd >= 0)
    close(fd);
  nvt_tails_close(&tails);
  return error;
}

bool nvt_recovery_empty(const struct nvt_recovery *r) {
  for (size_t i = 0; i < r->count; i++) {
    for (unsigned n = 0; n < NVT_RING_LOSSES; n++)
      if (r->rings[i]->shared.loss[n].used != 0)
        return false;
    if (r->rings[i]->head > NVT_FILE_HEADER_BYTES)
      return false;
  }
  return true;
}

const char *nvt_recovery_target(const struct nvt_recovery *r) {
  int fd = open_own(output_of(r));
  if (fd < 0)
    return NULL;
  close(fd);
  return output_of(r)->path;
}

int nvt_recover_session(struct nvt_recovery *r, const struct nvt_recover_options *options) {
  int error = 0;
  for (size_t i = 0; i < r->count; i++)
    r->done_before |= r->rings[i]->shared.done != 0;
  if (!r->done_before && !(nvt_recovery_empty(r) && nvt_recovery_target(r) == NULL))
    error = drain(r, options);
  nvt_recovery_progress_end(r);
  if (error != 0)
    return r->why[0] != '\0' ? error : fail_on(r, r->path != NULL ? r->path : "recovery", error);
  for (size_t i = 0; i < r->count && !options->keep && error == 0; i++)
    error = nvt_orphan_note_done(r->rings[i]);
  for (size_t i = 0; i < r->count && !options->keep && error == 0; i++)
    (void)unlink(r->rings[i]->path);
  return error == 0 ? 0 : fail_on(r, r->rings[0]->path, error);
}

void nvt_recovery_free(struct nvt_recovery *r) {
  free(r->path);
  r->path = NULL;
}
