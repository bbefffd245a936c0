/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes one live trace. The descriptor's flags belong to the client, too, so they are left alone:
 * what may block is asked before, and is given no more than it takes for sure.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture/live_int.h"
#include "controller/host.h"
#include "controller/log.h"
#include "trace/writer.h"

enum {
  CHUNK = 1 << 20,            /* bytes given to one write() */
  PAUSE_NS = 4 * 1000 * 1000, /* between rounds: what comes meanwhile goes together */
  SHORT_NS = 200 * 1000,      /* and when it may be too much for the ring */
  IDLE_NS = 20 * 1000 * 1000, /* and when nothing came for a while */
  PATIENCE_MS = 2000,         /* at the end, with a reader that takes nothing */
};

/* --- the device thread's part --- */

void nvt_live_serve(struct live_trace *t) {
  switch (atomic_exchange(&t->step, LIVE_NOTHING)) {
  case LIVE_STOP:
    if (t->tap != NULL)
      (void)nvt_trace_tap_stop(t->tap);
    break;
  case LIVE_FORGET:
    nvt_trace_tap_destroy(t->tap, &t->counts);
    t->tap = NULL;
    break;
  default:
    return; /* it was done when the recorder ended */
  }
  sem_post(&t->served);
}

static void serve(void *arg) {
  nvt_live_serve(arg);
}

/* From the writer. When the host takes no more jobs nvt_live_destroy() looks itself. */
static void ask(struct live_trace *t, enum live_step step) {
  atomic_store(&t->step, step);
  while (nvt_host_post(t->host, t, serve, t) == -ENOMEM)
    nanosleep(&(struct timespec){.tv_nsec = IDLE_NS}, NULL);
  while (sem_wait(&t->served) != 0)
    continue;
}

void nvt_live_want(struct live_trace *t, enum live_end end) {
  int none = LIVE_GOES_ON;
  (void)atomic_compare_exchange_strong(&t->wanted, &none, end);
  uint64_t one = 1;
  ssize_t written = write(t->wake, &one, sizeof(one));
  (void)written; /* a counter that is full wakes as well */
}

/* --- writing --- */

/* Bytes that it took; 0: none now; -errno. */
static ssize_t put_some(const struct live_trace *t, const uint8_t *from, size_t length) {
  ssize_t n;
  if (t->socket) {
    n = send(t->fd, from, length, MSG_DONTWAIT | MSG_NOSIGNAL);
  } else {
    struct pollfd ready = {.fd = t->fd, .events = POLLOUT};
    if (t->pipe && poll(&ready, 1, 0) == 0)
      return 0;
    size_t most = t->pipe ? PIPE_BUF : CHUNK; /* a pipe that is ready has room for so much */
    n = write(t->fd, from, length < most ? length : most);
  }
  if (n < 0)
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -errno;
  return n;
}

static void stop_for(struct live_trace *t, int error) {
  if (t->why == LIVE_READER || t->why == LIVE_FAILED)
    return;
  t->why = error == EPIPE || error == ECONNRESET ? LIVE_READER : LIVE_FAILED;
  t->error = error;
}

/* The file's header, and whole records, in the `length` bytes that went out, which may begin and
 * end within one. */
static void count(struct live_trace *t, const uint8_t *from, size_t length) {
  while (length > 0) {
    if (t->record_left == 0) {
      uint32_t captured; /* in the ring's mapping, even where the bytes that went out end before */
      memcpy(&captured, from + 8, sizeof(captured));
      t->record_left = NVT_FRAME_HEADER_BYTES + (size_t)captured;
    }
    size_t part = length < t->record_left ? length : t->record_left;
    t->record_left -= part;
    t->pieces += t->record_left == 0;
    from += part;
    length -= part;
  }
}

/* What it takes now; *blocked: there is more. */
static size_t drain(struct live_trace *t, bool *blocked) {
  size_t sum = 0;
  *blocked = false;
  for (;;) {
    size_t length;
    const uint8_t *from = nvt_ring_peek(t->ring, &length);
    if (length == 0)
      return sum;
    ssize_t n = put_some(t, from, length);
    if (n < 0)
      stop_for(t, (int)-n);
    *blocked = n == 0;
    if (n <= 0)
      return sum;
    count(t, from, (size_t)n);
    nvt_ring_consume(t->ring, (size_t)n);
    t->bytes += (size_t)n;
    sum += (size_t)n;
  }
}

/* Until there is something to do, or ns have passed; the reader's end and the client's are
 * noticed. */
static void wait_for(struct live_trace *t, bool blocked, long ns) {
  struct pollfd fds[] = {{.fd = t->fd, .events = blocked ? POLLOUT : 0},
                         {.fd = t->hung_up ? -1 : t->connection, .events = POLLIN},
                         {.fd = t->wake, .events = POLLIN}};
  struct timespec most = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  if (ppoll(fds, 3, &most, NULL) <= 0)
    return;
  if ((fds[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
    stop_for(t, EPIPE);
  uint64_t woken;
  if (fds[2].revents != 0 && read(t->wake, &woken, sizeof(woken)) < 0)
    woken = 0;
  char more[256]; /* nothing is asked for on this connection any more */
  ssize_t n = fds[1].revents == 0 ? 1 : recv(t->connection, more, sizeof(more), MSG_DONTWAIT);
  if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
    t->hung_up = true;
    nvt_live_want(t, LIVE_CLOSED);
  }
}

static bool dead(const struct live_trace *t) {
  return t->why == LIVE_READER || t->why == LIVE_FAILED;
}

static uint64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* All that is there, as long as the reader takes some of it. */
static void drain_rest(struct live_trace *t) {
  uint64_t last = now_ms();
  for (bool blocked = true; blocked && !dead(t);) {
    if (drain(t, &blocked) > 0)
      last = now_ms();
    if (now_ms() - last >= PATIENCE_MS)
      return;
    if (blocked)
      wait_for(t, true, IDLE_NS);
  }
}

static void say_last_words(struct live_trace *t) {
  static const char *const ends[] = {[LIVE_CLOSED] = "closed",
                                     [LIVE_RECORDER] = "recorder",
                                     [LIVE_READER] = "reader",
                                     [LIVE_FAILED] = "failed"};
  uint64_t sent = t->pieces > 0 ? t->pieces - 1 : 0;
  /* What a reader that has gone didn't take isn't lost to anybody. */
  uint64_t lost = t->counts.lost + (t->why == LIVE_READER ? 0 : t->counts.records - sent);
  nvt_log(NVT_LOG_VERBOSE, "live trace %u ended (%s): %llu records, %llu lost", t->id, ends[t->why],
          (unsigned long long)sent, (unsigned long long)lost);
  char line[512], failure[256] = "";
  if (t->why == LIVE_FAILED)
    (void)snprintf(failure, sizeof(failure), ",\"error\":\"the trace can't be written: %s\"",
                   strerror(t->error));
  int length = snprintf(line, sizeof(line),
                        "{\"ok\":%s,\"ended\":\"%s\"%s,\"records\":%" PRIu64 ",\"lost\":%" PRIu64
                        ",\"bytes\":%" PRIu64 "}\n",
                        t->why == LIVE_FAILED ? "false" : "true", ends[t->why], failure, sent, lost,
                        t->bytes);
  (void)send(t->connection, line, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static long pace(const struct live_trace *t, size_t bytes, bool blocked, unsigned *idle) {
  *idle = bytes > 0 || blocked ? 0 : *idle + 1;
  if (blocked || *idle > 25)
    return IDLE_NS;
  return bytes > (t->ring->mask + 1) / 8 ? SHORT_NS : PAUSE_NS;
}

void *nvt_live_write(void *arg) {
  struct live_trace *t = arg;
  for (unsigned idle = 0; t->why == LIVE_GOES_ON;) {
    bool blocked;
    size_t bytes = drain(t, &blocked);
    if (!dead(t))
      t->why = (enum live_end)atomic_load(&t->wanted);
    if (t->why == LIVE_GOES_ON)
      wait_for(t, blocked, pace(t, bytes, blocked, &idle));
  }
  ask(t, LIVE_STOP);
  if (!dead(t))
    drain_rest(t);
  nvt_ring_close(t->ring); /* the tap is not to wait for room */
  ask(t, LIVE_FORGET);
  if (!dead(t))
    drain_rest(t);
  close(t->fd); /* the reader sees the end before the client hears of it */
  say_last_words(t);
  close(t->connection);
  t->fd = t->connection = -1;
  nvt_ring_destroy(t->ring);
  t->ring = NULL;
  atomic_store(&t->over, true);
  return NULL;
}
