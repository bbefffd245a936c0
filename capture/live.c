/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/live.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "capture/clock.h"
#include "capture/live_int.h"
#include "capture/refuse_int.h"
#include "controller/host.h"
#include "controller/log.h"
#include "controller/thread.h"
#include "trace/writer.h"

struct nvt_live {
  struct nvt_plugin_host *host;
  uint32_t last; /* id given */
  /* In use where `id` isn't 0. The control thread's list; the device thread looks at it while that
   * one waits. */
  struct live_trace traces[NVT_LIVE_MAX];
};

int nvt_live_create(struct nvt_plugin_host *host, struct nvt_live **out) {
  struct nvt_live *live = calloc(1, sizeof(*live));
  *out = live;
  if (live == NULL)
    return -ENOMEM;
  live->host = host;
  return 0;
}

/* The thread is over, or never was; the tap is gone. */
static void release(struct live_trace *t) {
  if (t->begun)
    pthread_join(t->thread, NULL);
  const int fds[] = {t->fd, t->connection, t->wake};
  for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
    if (fds[i] >= 0)
      close(fds[i]);
  sem_destroy(&t->served);
  nvt_ring_destroy(t->ring);
  t->ring = NULL;
  t->begun = false;
  t->id = 0;
}

static void reap(struct nvt_live *live) {
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++)
    if (live->traces[i].id != 0 && live->traces[i].begun && atomic_load(&live->traces[i].over))
      release(&live->traces[i]);
}

static struct live_trace *find(struct nvt_live *live, uint32_t id) {
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++)
    if (live->traces[i].id == id)
      return &live->traces[i];
  return NULL;
}

/* Something that a trace can be written to, and that the client may write to. */
static int check_descriptor(int fd, char *why, size_t whylen) {
  struct stat st;
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fstat(fd, &st) != 0)
    return nvt_capture_refuse(-errno, why, whylen, "the descriptor: %s", strerror(errno));
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0)
    return nvt_capture_refuse(-EBADF, why, whylen, "the descriptor isn't open for writing");
  if (isatty(fd))
    return nvt_capture_refuse(-EINVAL, why, whylen, "a trace is no text for a terminal");
  int type = 0;
  socklen_t length = sizeof(type);
  bool stream = S_ISSOCK(st.st_mode) && getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0 &&
                type == SOCK_STREAM;
  if (!stream && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISCHR(st.st_mode))
    return nvt_capture_refuse(-EINVAL, why, whylen,
                              "the descriptor is neither a file nor a pipe nor a stream socket");
  return 0;
}

struct attach_job {
  struct live_trace *trace;
  const struct nvt_trace_options *options;
  int error;
};

/* Device thread: the state as it is now, then all that happens. */
static void attach(void *arg) {
  struct attach_job *job = arg;
  struct live_trace *t = job->trace;
  job->error = nvt_trace_tap_create(t->host, t->ring, job->options, &t->tap);
  if (job->error == 0)
    job->error = nvt_trace_tap_start(t->tap);
  if (job->error == 0)
    nvt_trace_tap_plugins(t->tap);
  if (job->error != 0) {
    nvt_ring_close(t->ring);
    nvt_trace_tap_destroy(t->tap, NULL);
    t->tap = NULL;
  }
}

static void detach(void *arg) {
  struct live_trace *t = arg;
  nvt_ring_close(t->ring);
  nvt_trace_tap_destroy(t->tap, NULL);
  t->tap = NULL;
}

/* What takes its time, before the device thread is asked for its part. */
static int prepare(struct live_trace *t, const struct nvt_control_open *wanted) {
  t->fd = fcntl(wanted->fd, F_DUPFD_CLOEXEC, 3);
  t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  struct stat st;
  if (t->fd < 0 || t->wake < 0 || fstat(t->fd, &st) != 0)
    return -errno;
  t->pipe = S_ISFIFO(st.st_mode);
  t->socket = S_ISSOCK(st.st_mode);
  int error = nvt_ring_create(wanted->ring, &t->ring);
  uint8_t header[NVT_FILE_HEADER_BYTES];
  if (error == 0)
    error = nvt_writer_file_header(header);
  if (error == 0) {
    memcpy(nvt_ring_reserve(t->ring, sizeof(header)), header, sizeof(header));
    nvt_ring_commit(t->ring, sizeof(header));
    t->record_left = sizeof(header);
  }
  struct nvt_trace_clock clock;
  nvt_trace_clock_start(&clock); /* the first one in a process measures */
  return error;
}

int nvt_live_open(void *ctx, const struct nvt_control_open *wanted, uint32_t *id, char *why,
                  size_t whylen) {
  struct nvt_live *live = ctx;
  reap(live);
  struct live_trace *t = find(live, 0);
  if (t == NULL)
    return nvt_capture_refuse(-EBUSY, why, whylen, "there are %u live traces already; end one",
                              NVT_LIVE_MAX);
  int error = check_descriptor(wanted->fd, why, whylen);
  if (error != 0)
    return error;
  *t = (struct live_trace){
      .host = live->host, .data = wanted->data, .fd = -1, .connection = -1, .wake = -1};
  sem_init(&t->served, 0, 0);
  memcpy(t->filter, wanted->filter.text, sizeof(t->filter));
  const struct nvt_trace_options options = {.data = wanted->data,
                                            .head = wanted->head,
                                            .dedup_pages = wanted->dedup_pages,
                                            .paused = true,
                                            .calm = true,
                                            .filter = &wanted->filter};
  struct attach_job job = {.trace = t, .options = &options};
  error = prepare(t, wanted);
  if (error == 0)
    error = nvt_host_call(live->host, attach, &job);
  if (error == 0)
    error = job.error;
  if (error != 0) {
    release(t);
    return nvt_capture_refuse(error, why, whylen, "the trace can't be made: %s",
                              error == -ESHUTDOWN ? "the recorder is about to end"
                                                  : strerror(-error));
  }
  t->id = *id = ++live->last == 0 ? ++live->last : live->last;
  nvt_log(NVT_LOG_VERBOSE, "live trace %u begins", t->id);
  return 0;
}

static int start_thread(struct live_trace *t) {
  int error = nvt_thread_start(&t->thread, nvt_live_write, t);
  t->begun = error == 0;
  return error;
}

void nvt_live_begin(void *ctx, uint32_t id, int connection) {
  struct nvt_live *live = ctx;
  struct live_trace *t = find(live, id);
  struct ucred peer;
  socklen_t length = sizeof(peer);
  t->connection = connection;
  if (connection >= 0 && getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0)
    t->pid = peer.pid;
  if (connection >= 0 && start_thread(t) == 0)
    return;
  /* Refused, it is nvt_live_destroy() that detaches it. */
  if (nvt_host_call(live->host, detach, t) == 0)
    release(t);
}

int nvt_live_close(void *ctx, uint32_t id) {
  struct nvt_live *live = ctx;
  reap(live);
  struct live_trace *t = id == 0 ? NULL : find(live, id);
  if (t == NULL)
    return -ENOENT;
  nvt_live_want(t, LIVE_CLOSED);
  return 0;
}

bool nvt_live_info(void *ctx, unsigned i, struct nvt_control_live *out) {
  struct nvt_live *live = ctx;
  for (unsigned n = 0; n < NVT_LIVE_MAX; n++) {
    struct live_trace *t = &live->traces[n];
    if (t->id == 0 || (t->begun && atomic_load(&t->over)) || i-- > 0)
      continue;
    struct nvt_trace_counts counts = t->counts;
    if (t->tap != NULL)
      nvt_trace_tap_counts(t->tap, &counts);
    *out = (struct nvt_control_live){.id = t->id,
                                     .pid = t->pid,
                                     .data = t->data,
                                     .filter = t->filter,
                                     .records = counts.records,
                                     .lost = counts.lost,
                                     .bytes = counts.bytes};
    return true;
  }
  return false;
}

static bool all_over(struct nvt_live *live) {
  bool over = true;
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++) {
    struct live_trace *t = &live->traces[i];
    if (t->id == 0 || !t->begun)
      continue;
    nvt_live_serve(t);
    over &= atomic_load(&t->over);
  }
  return over;
}

void nvt_live_destroy(struct nvt_live *live) {
  if (live == NULL)
    return;
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++)
    if (live->traces[i].id != 0 && live->traces[i].begun)
      nvt_live_want(&live->traces[i], LIVE_RECORDER);
  while (!all_over(live))
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  for (unsigned i = 0; i < NVT_LIVE_MAX; i++) {
    if (live->traces[i].id == 0)
      continue;
    if (!live->traces[i].begun)
      detach(&live->traces[i]);
    release(&live->traces[i]);
  }
  free(live);
}
