/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/refuse_int.h"
#include "capture/ring.h"
#include "capture/stream_int.h"
#include "controller/log.h"
#include "controller/thread.h"
#include "trace/writer.h"

enum {
  CHUNK = 1 << 20,              /* bytes given to one write() */
  PAUSE_NS = 4 * 1000 * 1000,   /* between rounds: what comes meanwhile goes in one write */
  SHORT_NS = 100 * 1000,        /* and when it may be too much for the ring */
  IDLE_NS = 20 * 1000 * 1000,   /* and when nothing came for a while */
  SETTLE_NS = 10 * 1000 * 1000, /* merging: a ring without a record may still bring one this old */
};

struct source {
  struct nvt_ring *ring;
  const uint8_t *at; /* what is left of this round's bytes */
  size_t left;
};

struct nvt_ring_writer {
  pthread_t thread;
  char *path;
  int fd;
  bool file; /* one ring into a regular file: `stream` does the work */
  struct nvt_stream stream;
  unsigned count;
  uint64_t bytes; /* of the file: whole records only */
  _Atomic int error;
  atomic_bool finish;
  uint8_t *batch; /* merged records on their way; only with several rings */
  size_t batched;
  uint64_t unsaved; /* records of batches that could not be written */
  struct source sources[NVT_RING_WRITER_RINGS];
};

/* 0 or -errno; *done is how far it came. */
static int write_all(int fd, const uint8_t *from, size_t length, size_t *done) {
  *done = 0;
  while (*done < length) {
    ssize_t n = write(fd, from + *done, length - *done);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n == 0 ? -EIO : -errno;
    *done += (size_t)n;
  }
  return 0;
}

/* Bytes of the record at `from`, its pcap header included. */
static size_t record_bytes(const uint8_t *from) {
  uint32_t captured;
  memcpy(&captured, from + 8, sizeof(captured));
  return NVT_FRAME_HEADER_BYTES + (size_t)captured;
}

static uint64_t record_ns(const uint8_t *from) {
  uint32_t time[2];
  memcpy(time, from, sizeof(time));
  return (uint64_t)time[0] * 1000000000u + time[1];
}

/* Whole records in the first `length` bytes; *bytes of them. */
static uint64_t count_records(const uint8_t *from, size_t length, size_t *bytes) {
  uint64_t count = 0;
  *bytes = 0;
  while (*bytes + NVT_FRAME_HEADER_BYTES <= length &&
         *bytes + record_bytes(from + *bytes) <= length) {
    *bytes += record_bytes(from + *bytes);
    count++;
  }
  return count;
}

/* The writing is over: say so, let producers go. */
static void fail(struct nvt_ring_writer *writer, int error, const char *state) {
  nvt_log(NVT_LOG_QUIET, "%s: writing failed after %llu bytes: %s%s", writer->path,
          (unsigned long long)writer->bytes, strerror(-error), state);
  atomic_store(&writer->error, -error);
  for (unsigned i = 0; i < writer->count; i++)
    nvt_ring_close(writer->sources[i].ring);
}

/* Bytes of whole records that went out: less than length when the writing failed. */
static size_t out(struct nvt_ring_writer *writer, const uint8_t *from, size_t length) {
  size_t done;
  int error = write_all(writer->fd, from, length, &done);
  if (error != 0)
    (void)count_records(from, done, &done);
  writer->bytes += done;
  if (error != 0)
    fail(writer, error, "");
  return done;
}

/* Whole records at `from`, as many as go into one write(). */
static size_t chunk(const uint8_t *from, size_t length) {
  if (length <= CHUNK)
    return length;
  size_t whole = 0;
  while (whole < CHUNK)
    whole += record_bytes(from + whole);
  return whole;
}

/* One ring into a pipe: straight out of it. Bytes that there were. */
static size_t drain_one(struct nvt_ring_writer *writer) {
  struct nvt_ring *ring = writer->sources[0].ring;
  size_t length;
  const uint8_t *from = nvt_ring_peek(ring, &length);
  size_t all = length;
  while (length > 0 && atomic_load(&writer->error) == 0) {
    size_t part = out(writer, from, chunk(from, length));
    nvt_ring_consume(ring, part);
    from += part;
    length -= part;
  }
  return all;
}

/* One ring into a file. */
static size_t drain_file(struct nvt_ring_writer *writer) {
  size_t drained;
  int error = nvt_stream_drain(&writer->stream, &drained);
  if (error != 0) {
    int cut = nvt_stream_cut(&writer->stream, NVT_FILE_HEADER_BYTES);
    writer->bytes = writer->stream.position;
    fail(writer, error,
         cut == 0 ? "; the file holds all whole records before that"
                  : "; its last record may be cut");
  }
  writer->bytes = writer->stream.position;
  return drained;
}

static void flush(struct nvt_ring_writer *writer) {
  size_t done = 0, ignored;
  if (writer->batched > 0 && atomic_load(&writer->error) == 0)
    done = out(writer, writer->batch, writer->batched);
  writer->unsaved += count_records(writer->batch + done, writer->batched - done, &ignored);
  writer->batched = 0;
}

static void put(struct nvt_ring_writer *writer, struct source *source) {
  size_t length = record_bytes(source->at);
  if (writer->batched + length > CHUNK)
    flush(writer);
  memcpy(writer->batch + writer->batched, source->at, length);
  writer->batched += length;
  source->at += length;
  source->left -= length;
  nvt_ring_consume(source->ring, length);
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Several rings: oldest first, and nothing so young that another ring may still bring an older. */
static size_t drain_merged(struct nvt_ring_writer *writer, bool all) {
  bool crowded = all;
  size_t sum = 0;
  uint64_t until = now_ns() - SETTLE_NS;
  for (unsigned i = 0; i < writer->count; i++) {
    struct source *source = &writer->sources[i];
    source->at = nvt_ring_peek(source->ring, &source->left);
    crowded |= source->left > (source->ring->mask + 1) / 2;
  }
  while (atomic_load(&writer->error) == 0) {
    struct source *oldest = NULL;
    uint64_t oldest_ns = crowded ? UINT64_MAX : until;
    for (unsigned i = 0; i < writer->count; i++) {
      struct source *source = &writer->sources[i];
      if (source->left > 0 && record_ns(source->at) < oldest_ns) {
        oldest = source;
        oldest_ns = record_ns(source->at);
      }
    }
    if (oldest == NULL)
      break;
    sum += oldest->left;
    put(writer, oldest);
    sum -= oldest->left;
  }
  flush(writer);
  return sum;
}

static size_t drain(struct nvt_ring_writer *writer, bool all) {
  if (writer->file)
    return drain_file(writer);
  return writer->count == 1 ? drain_one(writer) : drain_merged(writer, all);
}

static void *run(void *user) {
  struct nvt_ring_writer *writer = user;
  const uint64_t much = (writer->sources[0].ring->mask + 1) / 8;
  unsigned idle = 0;
  while (atomic_load(&writer->error) == 0) {
    bool finish = atomic_load(&writer->finish);
    size_t bytes = drain(writer, finish);
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

/* A file is read back when it has to be cut. A FIFO must not be: it would have a reader in us, and
 * the end of its other reader would go unseen. */
static int open_path(const char *path) {
  struct stat status;
  bool special = stat(path, &status) == 0 && !S_ISREG(status.st_mode);
  return open(path, (special ? O_WRONLY : O_RDWR) | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
}

static int open_output(struct nvt_ring_writer *writer, char *why, size_t whylen) {
  bool standard = strcmp(writer->path, "-") == 0;
  writer->fd = standard ? dup(STDOUT_FILENO) : open_path(writer->path);
  if (writer->fd < 0)
    return nvt_capture_refuse(-errno, why, whylen, "%s: the trace can't be created: %s",
                              writer->path, strerror(errno));
  if (standard && isatty(writer->fd))
    return nvt_capture_refuse(
        -EINVAL, why, whylen,
        "a trace is no text for a terminal: pipe it ('| wireshark -k -i -') or name a "
        "file with --trace");
  struct nvt_ring *ring = writer->sources[0].ring;
  struct stat status;
  bool regular = !standard && fstat(writer->fd, &status) == 0 && S_ISREG(status.st_mode);
  writer->file = regular && writer->count == 1 && ring->head == 0;
  for (unsigned i = 0; i < writer->count && regular; i++)
    nvt_ring_set_output(writer->sources[i].ring, writer->path, writer->fd,
                        writer->file ? NVT_RING_STREAM : NVT_RING_APPEND);
  uint8_t header[NVT_FILE_HEADER_BYTES];
  int error = nvt_writer_file_header(header);
  size_t done = 0;
  if (error == 0)
    error = write_all(writer->fd, header, sizeof(header), &done);
  if (error != 0)
    return nvt_capture_refuse(error, why, whylen, "%s: the trace's header can't be written: %s",
                              writer->path, strerror(-error));
  writer->bytes = sizeof(header);
  if (writer->file) {
    memcpy(nvt_ring_reserve(ring, sizeof(header)), header, sizeof(header));
    nvt_ring_commit(ring, sizeof(header));
    nvt_stream_start(&writer->stream, ring, writer->fd, writer->path);
    writer->stream.position = sizeof(header);
  }
  return 0;
}

static void release(struct nvt_ring_writer *writer) {
  if (writer->file)
    nvt_stream_end(&writer->stream);
  if (writer->fd >= 0)
    close(writer->fd);
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
  writer->fd = -1;
  writer->count = count;
  for (unsigned i = 0; i < count; i++)
    writer->sources[i].ring = options->rings[i];
  writer->path = strdup(path);
  writer->batch = count > 1 ? malloc(CHUNK + NVT_RECORD_MAX) : NULL;
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

bool nvt_ring_writer_failed(const struct nvt_ring_writer *writer) {
  return atomic_load(&writer->error) != 0;
}

bool nvt_ring_writer_finish(struct nvt_ring_writer *writer, struct nvt_ring_writer_result *result,
                            char *why, size_t whylen) {
  atomic_store(&writer->finish, true);
  pthread_join(writer->thread, NULL);
  int error = atomic_load(&writer->error);
  /* Some file systems tell only now that there was no room. */
  int closing = close(writer->fd) == 0 ? 0 : errno;
  writer->fd = -1;
  if (error == 0 && closing != 0) {
    error = closing;
    fail(writer, -error, "");
  }
  *result = (struct nvt_ring_writer_result){
      .bytes = writer->bytes, .unsaved = writer->unsaved, .error = error};
  if (writer->file)
    result->unsaved = nvt_stream_unsaved(&writer->stream);
  for (unsigned i = 0; i < writer->count && !writer->file; i++) {
    size_t left;
    const uint8_t *from = nvt_ring_peek(writer->sources[i].ring, &left);
    result->unsaved += count_records(from, left, &left);
  }
  if (error != 0)
    (void)nvt_capture_refuse(error, why, whylen, "%s: writing failed after %llu bytes: %s",
                             writer->path, (unsigned long long)writer->bytes, strerror(error));
  release(writer);
  return error == 0;
}
