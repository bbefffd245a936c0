/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "controller/listen.h"
#include "controller/log.h"
#include "controller/spin_int.h"
#include "controller/vfio_user/server.h"
#include "controller/vfio_user/session_int.h"
#include "controller/vfio_user/sigbus_int.h"

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull

/* Without this, a signal that comes between the look at *stop and the wait would be
 * noticed only when something else happens. */
#define WAIT_MS 100
#define HANDSHAKE_NS (5000 * NS_PER_MS)
#define LOOK_AROUND_NS (10 * NS_PER_MS)
#define MESSAGES_AT_ONCE 256u
/* The device works this many times in a row before the socket is looked at. */
#define POLLS_AT_ONCE 64u

/* Shared doorbells: how often the socket is looked at, and how the loop goes to
 * sleep: spinning, yielding, sleeping. */
#define SOCKET_EVERY_NS (50 * NS_PER_US)
#define SPIN_NS (30 * NS_PER_US)
#define YIELD_NS (300 * NS_PER_US)
#define NAP_NS (100 * NS_PER_US)
/* A guest that has done nothing for a second: waking up for it costs a tenth of a
 * processor, so less often. */
#define LONG_IDLE_NS (1000 * NS_PER_MS)
#define LONG_NAP_NS (500 * NS_PER_US)
#define CROWDED_NS (5 * NS_PER_US)
#define STEP_ASIDE_NS (10 * NS_PER_MS)
/* After an unmap the client may be about to map the same memory otherwise (QEMU does
 * it in one burst); the device isn't run in between for at most this long. */
#define REMAP_MS 1
#define REMAPS 64u /* so often in a row at most: nobody holds up the device for long */

enum source { LISTENER, CLIENT, DEVICE, REFUSED };

#define WAITING 8u
struct nvt_vfio_server {
  struct nvt_vfio_server_options options;
  struct nvt_listener listener;
  struct nvt_vfio_session session;
  int epoll;
  int event_fd;
  uint64_t accepted_ns;
  uint64_t stepped_ns;
  bool served;           /* a client has negotiated */
  bool listening;        /* the listener is in the epoll set */
  int refused[WAITING];  /* second clients, until they have spoken */
  unsigned next_refused; /* the oldest of them */
  unsigned faults;       /* nvt_sigbus_count() last told of */
};

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static void tell(const struct nvt_vfio_server *s,
                                                       const char *format, ...) {
  char text[300];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  nvt_log(NVT_LOG_NORMAL, "%s: %s", s->listener.path, text);
}

static int watch(struct nvt_vfio_server *s, int fd, enum source source, unsigned slot) {
  struct epoll_event e = {.events = EPOLLIN, .data.u64 = (uint64_t)slot << 32 | source};
  return epoll_ctl(s->epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

int nvt_vfio_server_create(const struct nvt_vfio_server_options *options,
                           struct nvt_vfio_server **out, char *why, size_t whylen) {
  *out = NULL;
  struct nvt_vfio_server *s = calloc(1, sizeof *s);
  if (!s) {
    snprintf(why, whylen, "no memory for the server");
    return -ENOMEM;
  }
  s->options = *options;
  for (unsigned i = 0; i < WAITING; i++)
    s->refused[i] = -1;
  int error = nvt_listen(&s->listener, options->path, why, whylen);
  if (error) {
    free(s);
    return error;
  }
  s->options.path = s->listener.path;
  error = nvt_vfio_session_init(&s->session, options->device, options->shared_doorbells);
  if (error) {
    snprintf(why, whylen, "%s: making the doorbell page: %s", options->path, strerror(-error));
    nvt_unlisten(&s->listener);
    free(s);
    return error;
  }
  s->epoll = epoll_create1(EPOLL_CLOEXEC);
  s->event_fd = nvt_controller_event_fd(options->device);
  s->faults = nvt_sigbus_count();
  error = s->epoll < 0 ? -errno : watch(s, s->listener.fd, LISTENER, 0);
  s->listening = true;
  if (!error && s->event_fd >= 0)
    error = watch(s, s->event_fd, DEVICE, 0);
  if (error) {
    snprintf(why, whylen, "%s: watching the socket: %s", options->path, strerror(-error));
    nvt_vfio_server_destroy(s);
    return error;
  }
  *out = s;
  return 0;
}

void nvt_vfio_server_destroy(struct nvt_vfio_server *s) {
  if (!s)
    return;
  nvt_vfio_session_fini(&s->session);
  for (unsigned i = 0; i < WAITING; i++)
    if (s->refused[i] >= 0)
      close(s->refused[i]);
  if (s->epoll >= 0)
    close(s->epoll);
  nvt_unlisten(&s->listener);
  free(s);
}

/* A second client is told so by the answer to its first message. */
static void refuse(struct nvt_vfio_server *s, int fd) {
  unsigned slot = s->next_refused++ % WAITING;
  if (s->refused[slot] >= 0)
    close(s->refused[slot]);
  s->refused[slot] = fd;
  if (watch(s, fd, REFUSED, slot)) {
    close(fd);
    s->refused[slot] = -1;
  }
}

static void answer_refused(struct nvt_vfio_server *s, unsigned slot) {
  char buffer[4096]; /* descriptors that came along are dropped by the kernel */
  struct nvt_vfio_header h;
  int fd = s->refused[slot];
  ssize_t n = recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (n >= (ssize_t)sizeof h) {
    memcpy(&h, buffer, sizeof h);
    h.size = sizeof h;
    h.flags = NVT_VFIO_TYPE_REPLY | NVT_VFIO_ERROR;
    h.error = EBUSY;
    struct iovec iov = {&h, sizeof h};
    nvt_vfio_send(fd, &iov, 1, NULL, 0, 0);
    tell(s, "a second client was refused: there is one already");
  }
  close(fd);
  s->refused[slot] = -1;
}

static void accept_client(struct nvt_vfio_server *s) {
  int fd = accept4(s->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE) {
      tell(s, "a client can't be accepted: %s", strerror(errno));
      usleep(10000);
    }
    return;
  }
  if (s->session.fd >= 0) {
    refuse(s, fd);
    return;
  }
  int error = nvt_vfio_session_open(&s->session, fd);
  if (!error) {
    error = watch(s, fd, CLIENT, 0);
    if (error)
      nvt_vfio_session_close(&s->session);
  }
  if (error)
    tell(s, "a client can't be served: %s", strerror(-error));
  s->accepted_ns = now_ns();
}

static void end_session(struct nvt_vfio_server *s) {
  if (s->session.why[0])
    tell(s, "client dropped: %s", s->session.why);
  nvt_vfio_session_close(&s->session);
}

static void tell_of_faults(struct nvt_vfio_server *s) {
  unsigned faults = nvt_sigbus_count();
  if (faults != s->faults)
    tell(s, "%u page(s) of the client's memory are gone from its file; zeroes stand in for them",
         faults - s->faults);
  s->faults = faults;
}

/* Messages of the client, until there are no more for now. Their number. */
static unsigned serve(struct nvt_vfio_server *s) {
  struct nvt_vfio_session *session = &s->session;
  if (session->fd < 0)
    return 0;
  int n = nvt_vfio_session_work(session, MESSAGES_AT_ONCE);
  if (n == -EAGAIN) {
    if (!session->negotiated && now_ns() - s->accepted_ns > HANDSHAKE_NS) {
      snprintf(session->why, sizeof session->why, "it sent no VERSION message for %llu s",
               HANDSHAKE_NS / 1000 / NS_PER_MS);
      end_session(s);
    }
    return 0;
  }
  s->served |= session->negotiated;
  if (n < 0) {
    end_session(s);
    return 1;
  }
  return (unsigned)n;
}

/* True when the client's next messages should be taken before the device runs. */
static bool remapping(struct nvt_vfio_server *s) {
  struct pollfd p = {.fd = s->session.fd, .events = POLLIN};
  if (s->session.fd < 0 || !s->session.unmapped)
    return false;
  s->session.unmapped = false;
  return poll(&p, 1, REMAP_MS) == 1;
}

static unsigned serve_batch(struct nvt_vfio_server *s) {
  unsigned messages = serve(s);
  for (unsigned i = 0; i < REMAPS && remapping(s); i++)
    messages += serve(s);
  return messages;
}

/* Things that happened on the descriptors. wait_ns 0: only look. True: the client spoke. */
static bool events(struct nvt_vfio_server *s, uint64_t wait_ns) {
  /* The first namespace that completes asynchronously brings it. */
  if (s->event_fd < 0 && (s->event_fd = nvt_controller_event_fd(s->options.device)) >= 0)
    watch(s, s->event_fd, DEVICE, 0);
  struct epoll_event e[WAITING + 3];
  struct timespec t = {.tv_sec = (time_t)(wait_ns / 1000000000ull),
                       .tv_nsec = (long)(wait_ns % 1000000000ull)};
  int n = epoll_pwait2(s->epoll, e, sizeof e / sizeof e[0], &t, NULL);
  if (n < 0 && errno == ENOSYS)
    n = epoll_wait(s->epoll, e, sizeof e / sizeof e[0], (int)(wait_ns / NS_PER_MS));
  bool newcomer = false, spoke = false;
  for (int i = 0; i < n; i++)
    switch ((enum source)(uint32_t)e[i].data.u64) {
    case LISTENER:
      newcomer = true;
      break;
    case REFUSED:
      answer_refused(s, (unsigned)(e[i].data.u64 >> 32));
      break;
    case CLIENT:
      spoke = true;
      break;
    case DEVICE:
      break;
    }
  /* One that comes as the last one leaves isn't a second one. */
  while (newcomer && s->session.fd >= 0) {
    struct pollfd p = {.fd = s->session.fd, .events = POLLRDHUP};
    if (poll(&p, 1, 0) != 1)
      break;
    serve(s);
  }
  if (newcomer)
    accept_client(s);
  return spoke;
}

static unsigned work(struct nvt_vfio_server *s) {
  unsigned done = 0;
  for (unsigned i = 0; i < POLLS_AT_ONCE; i++) {
    unsigned n = nvt_controller_poll(s->options.device, 0);
    if (!n)
      break;
    done += n;
  }
  return done;
}

static bool finished(const struct nvt_vfio_server *s, const volatile sig_atomic_t *stop) {
  return (stop && *stop) || (s->options.once && s->served && s->session.fd < 0);
}

static void run_trapped(struct nvt_vfio_server *s, const volatile sig_atomic_t *stop) {
  bool busy = false;
  uint64_t looked = 0;
  while (!finished(s, stop)) {
    if (!busy)
      events(s, WAIT_MS * NS_PER_MS);
    unsigned messages = serve_batch(s);
    unsigned done = work(s);
    busy = messages || done;
    tell_of_faults(s);
    /* A client that keeps us busy doesn't keep others from being refused. */
    uint64_t now = now_ns();
    if (busy && now - looked > LOOK_AROUND_NS) {
      events(s, 0);
      looked = now;
    }
  }
}

/* Let others run. When one did, it may well be the client, put on our processor as it
 * spoke to us: the two would take turns for up to seconds, before the kernel's balance
 * moves one to an idle processor beside it. So step aside, on to any other that we may
 * use, at most every STEP_ASIDE_NS. */
static void give_way(struct nvt_vfio_server *s, uint64_t now) {
  sched_yield();
  if (now_ns() - now < CROWDED_NS || now - s->stepped_ns < STEP_ASIDE_NS)
    return;
  s->stepped_ns = now;
  cpu_set_t allowed, others;
  int here = sched_getcpu();
  if (here < 0 || here >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) < 0)
    return;
  others = allowed;
  CPU_CLR((unsigned)here, &others);
  if (CPU_COUNT(&others) && sched_setaffinity(0, sizeof others, &others) == 0)
    sched_setaffinity(0, sizeof allowed, &allowed);
}

static void run_shared(struct nvt_vfio_server *s, const volatile sig_atomic_t *stop) {
  uint64_t active = now_ns(), looked = 0;
  unsigned spins = 0, looks = 0;
  while (!finished(s, stop)) {
    if (s->session.fd < 0) {
      events(s, WAIT_MS * NS_PER_MS);
      serve(s);
      work(s);
      active = now_ns();
      continue;
    }
    bool worked = nvt_controller_poll(s->options.device, 0) != 0;
    /* The clock costs as much as looking at a few doorbells. */
    if (++spins % 16 != 0) {
      if (!worked)
        nvt_spin_pause();
      else
        active = 0;
      continue;
    }
    uint64_t now = now_ns();
    if (worked || !active)
      active = now;
    uint64_t idle = now - active;
    if (now - looked < SOCKET_EVERY_NS && idle < SPIN_NS)
      continue;
    if (idle >= YIELD_NS) {
      spins = 15; /* one look at the doorbells, then the next nap */
      if (!events(s, idle < LONG_IDLE_NS ? NAP_NS : LONG_NAP_NS) && now - looked < LOOK_AROUND_NS)
        continue;
    } else if (idle >= SPIN_NS) {
      give_way(s, now);
    }
    if (++looks % 256 == 0)
      events(s, 0);
    unsigned messages = serve_batch(s);
    looked = now;
    if (messages)
      active = now_ns();
    tell_of_faults(s);
  }
}

int nvt_vfio_server_run(struct nvt_vfio_server *s, const volatile sig_atomic_t *stop) {
  s->served = false;
  if (!s->options.shared_doorbells) {
    run_trapped(s, stop);
  } else {
    /* Naps of 100 µs would take 150 with the usual slack of 50 µs. */
    int slack = prctl(PR_GET_TIMERSLACK);
    prctl(PR_SET_TIMERSLACK, 1000ul);
    run_shared(s, stop);
    if (slack > 0)
      prctl(PR_SET_TIMERSLACK, (unsigned long)slack);
  }
  nvt_vfio_session_close(&s->session);
  return 0;
}
