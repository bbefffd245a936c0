/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Work for the device thread: jobs of other threads, timers, descriptors. One epoll
 * descriptor stands for all of them, so that whoever waits for the controller wakes up.
 */
#include "controller/host.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "controller/controller.h"
#include "controller/tap_int.h"

#define TIMERS_MAX 65536u
#define JOBS_AT_ONCE 256u
/* Between two looks at the descriptors while the device is busy: each is a system call. */
#define LOOK_NS 20000u

struct nvt_host_job {
  struct nvt_host_job *next;
  const void *owner;
  void (*call)(void *arg);
  void *arg;
  bool *ran; /* of who waits for it: false until then */
  bool *dropped;
  uint64_t copy[]; /* of arg */
};

struct nvt_host_timer {
  uint64_t at, id; /* ns */
  const void *owner;
  void (*call)(void *arg);
  void *arg;
  bool copied; /* what arg points to is here: */
  uint64_t copy[NVT_TIMER_COPY / 8];
};

struct nvt_host_watch {
  struct nvt_host_watch *next;
  const void *owner;
  int fd;
  void (*ready)(void *arg);
  void *arg;
  bool gone; /* freed when nobody is in the middle of the list */
  uint64_t looked;
};

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int watch(struct nvt_plugin_host *host, int fd, void *what) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
  return epoll_ctl(host->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int nvt_host_wakes(struct nvt_plugin_host *host, int fd) {
  return watch(host, fd, NULL);
}

int nvt_host_start(struct nvt_plugin_host *host) {
  host->last = &host->first;
  pthread_mutex_init(&host->lock, NULL);
  pthread_cond_init(&host->ran, NULL);
  host->epoll = epoll_create1(EPOLL_CLOEXEC);
  host->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  host->timerfd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  int error = host->epoll < 0 || host->wake < 0 || host->timerfd < 0 ? -errno : 0;
  if (error == 0)
    error = watch(host, host->wake, NULL);
  if (error == 0)
    error = watch(host, host->timerfd, NULL);
  if (error != 0)
    nvt_host_stop(host);
  return error;
}

static void drop(struct nvt_host_job *job) {
  if (job->dropped != NULL)
    *job->dropped = true;
  free(job);
}

void nvt_host_close(struct nvt_plugin_host *host) {
  pthread_mutex_lock(&host->lock);
  host->closed = true;
  while (host->first != NULL) {
    struct nvt_host_job *job = host->first;
    host->first = job->next;
    drop(job);
  }
  host->last = &host->first;
  pthread_cond_broadcast(&host->ran);
  pthread_mutex_unlock(&host->lock);
}

static void bury(struct nvt_plugin_host *host) {
  for (struct nvt_host_watch **at = &host->watches; *at != NULL;) {
    struct nvt_host_watch *w = *at;
    if (w->gone) {
      *at = w->next;
      free(w);
    } else {
      at = &w->next;
    }
  }
}

void nvt_host_stop(struct nvt_plugin_host *host) {
  nvt_host_close(host);
  for (struct nvt_host_watch *w = host->watches; w != NULL; w = w->next)
    w->gone = true;
  bury(host);
  free(host->timers);
  int *fds[] = {&host->epoll, &host->wake, &host->timerfd};
  for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
    if (*fds[i] >= 0)
      close(*fds[i]);
  pthread_cond_destroy(&host->ran);
  pthread_mutex_destroy(&host->lock);
}

/* size: of job.arg, when it is to be copied; else 0. */
static int put(struct nvt_plugin_host *host, const struct nvt_host_job *job, size_t size) {
  if (host->closed)
    return -ESHUTDOWN;
  struct nvt_host_job *copy = malloc(sizeof(*copy) + size);
  if (copy == NULL)
    return -ENOMEM;
  *copy = *job;
  if (size != 0) {
    memcpy(copy->copy, job->arg, size);
    copy->arg = copy->copy;
  }
  bool first = host->first == NULL;
  *host->last = copy;
  host->last = &copy->next;
  __atomic_store_n(&host->busy, true, __ATOMIC_RELEASE);
  /* Full, it is readable all the same. */
  if (first && write(host->wake, &(uint64_t){1}, 8) < 0)
    return errno == EAGAIN ? 0 : -errno;
  return 0;
}

int nvt_host_post(struct nvt_plugin_host *host, const void *owner, void (*call)(void *arg),
                  void *arg) {
  const struct nvt_host_job job = {.owner = owner, .call = call, .arg = arg};
  pthread_mutex_lock(&host->lock);
  int error = put(host, &job, 0);
  pthread_mutex_unlock(&host->lock);
  return error;
}

int nvt_host_post_copy(struct nvt_plugin_host *host, const void *owner, void (*call)(void *arg),
                       const void *arg, size_t size) {
  const struct nvt_host_job job = {.owner = owner, .call = call, .arg = (void *)(uintptr_t)arg};
  pthread_mutex_lock(&host->lock);
  int error = put(host, &job, size);
  pthread_mutex_unlock(&host->lock);
  return error;
}

int nvt_host_call(struct nvt_plugin_host *host, void (*call)(void *arg), void *arg) {
  bool ran = false, dropped = false;
  const struct nvt_host_job job = {.call = call, .arg = arg, .ran = &ran, .dropped = &dropped};
  pthread_mutex_lock(&host->lock);
  int error = put(host, &job, 0);
  while (error == 0 && !ran && !dropped)
    pthread_cond_wait(&host->ran, &host->lock);
  pthread_mutex_unlock(&host->lock);
  return error == 0 && dropped ? -ESHUTDOWN : error;
}

static void find_last(struct nvt_plugin_host *host) {
  host->last = &host->first;
  while (*host->last != NULL)
    host->last = &(*host->last)->next;
}

static unsigned run_jobs(struct nvt_plugin_host *host) {
  unsigned count = 0;
  pthread_mutex_lock(&host->lock);
  while (host->first != NULL && count < JOBS_AT_ONCE) {
    struct nvt_host_job *job = host->first;
    host->first = job->next;
    if (host->first == NULL)
      host->last = &host->first;
    pthread_mutex_unlock(&host->lock);
    job->call(job->arg);
    count++;
    pthread_mutex_lock(&host->lock);
    if (job->ran != NULL) {
      *job->ran = true;
      pthread_cond_broadcast(&host->ran);
    }
    free(job);
  }
  if (host->first == NULL) {
    uint64_t taken;
    if (read(host->wake, &taken, sizeof(taken)) < 0)
      taken = 0; /* it was put by somebody whose job ran before it was looked at */
  }
  pthread_mutex_unlock(&host->lock);
  return count;
}

/* --- timers --- */

/* Set timerfd to the soonest, if it isn't. */
static void arm(struct nvt_plugin_host *host) {
  uint64_t at = host->timer_count == 0 ? 0 : host->timers[0].at;
  if (at == host->timer_armed)
    return;
  host->timer_armed = at;
  struct itimerspec spec = {
      .it_value = {.tv_sec = (time_t)(at / 1000000000u), .tv_nsec = (long)(at % 1000000000u)}};
  (void)timerfd_settime(host->timerfd, TFD_TIMER_ABSTIME, &spec, NULL);
  if (at != 0)
    __atomic_store_n(&host->busy, true, __ATOMIC_RELAXED);
}

/* Later ones of the same time come later: ids tell. */
static bool sooner(const struct nvt_host_timer *a, const struct nvt_host_timer *b) {
  return a->at != b->at ? a->at < b->at : a->id < b->id;
}

static void sift_up(struct nvt_host_timer *heap, uint32_t i) {
  while (i > 0 && sooner(&heap[i], &heap[(i - 1) / 2])) {
    struct nvt_host_timer t = heap[i];
    heap[i] = heap[(i - 1) / 2];
    heap[(i - 1) / 2] = t;
    i = (i - 1) / 2;
  }
}

static void sift_down(struct nvt_host_timer *heap, uint32_t count, uint32_t i) {
  for (;;) {
    uint32_t least = i;
    for (uint32_t child = 2 * i + 1; child < count && child <= 2 * i + 2; child++)
      if (sooner(&heap[child], &heap[least]))
        least = child;
    if (least == i)
      return;
    struct nvt_host_timer t = heap[i];
    heap[i] = heap[least];
    heap[least] = t;
    i = least;
  }
}

static void take_out(struct nvt_plugin_host *host, uint32_t i) {
  host->timers[i] = host->timers[--host->timer_count];
  if (i < host->timer_count) {
    sift_up(host->timers, i);
    sift_down(host->timers, host->timer_count, i);
  }
}

static int start(struct nvt_plugin_host *host, struct nvt_host_timer timer, uint64_t ns,
                 uint64_t *id) {
  if (host->timer_count == TIMERS_MAX)
    return -ENOSPC;
  if (host->timer_count == host->timer_capacity) {
    uint32_t capacity = host->timer_capacity == 0 ? 64 : host->timer_capacity * 2;
    struct nvt_host_timer *more = realloc(host->timers, capacity * sizeof(*more));
    if (more == NULL)
      return -ENOMEM;
    host->timers = more;
    host->timer_capacity = capacity;
  }
  uint64_t now = now_ns();
  timer.at = ns > INT64_MAX - now ? INT64_MAX : now + ns;
  timer.id = ++host->timer_last;
  host->timers[host->timer_count] = timer;
  sift_up(host->timers, host->timer_count++);
  arm(host);
  if (id != NULL)
    *id = timer.id;
  return 0;
}

int nvt_host_timer_start(struct nvt_plugin_host *host, const void *owner, uint64_t ns,
                         void (*call)(void *arg), void *arg, uint64_t *id) {
  return start(host, (struct nvt_host_timer){.owner = owner, .call = call, .arg = arg}, ns, id);
}

int nvt_host_timer_start_copy(struct nvt_plugin_host *host, const void *owner, uint64_t ns,
                              void (*call)(void *arg), const void *arg, size_t size, uint64_t *id) {
  struct nvt_host_timer timer = {.owner = owner, .call = call};
  if (size > sizeof(timer.copy))
    return -EINVAL;
  memcpy(timer.copy, arg, size);
  timer.copied = true;
  return start(host, timer, ns, id);
}

int nvt_host_timer_stop(struct nvt_plugin_host *host, uint64_t id) {
  for (uint32_t i = 0; i < host->timer_count; i++) {
    if (host->timers[i].id != id)
      continue;
    take_out(host, i);
    arm(host);
    return 0;
  }
  return -ENOENT;
}

static unsigned run_timers(struct nvt_plugin_host *host) {
  unsigned count = 0;
  if (host->timer_count == 0)
    return 0;
  uint64_t now = now_ns();
  /* One that a timer's callback starts waits for the next look, however soon it is. */
  uint64_t last = host->timer_last;
  while (host->timer_count > 0 && host->timers[0].at <= now && host->timers[0].id <= last) {
    struct nvt_host_timer timer = host->timers[0];
    take_out(host, 0);
    timer.call(timer.copied ? timer.copy : timer.arg);
    count++;
  }
  arm(host);
  return count;
}

/* --- descriptors --- */

int nvt_host_watch(struct nvt_plugin_host *host, const void *owner, int fd,
                   void (*ready)(void *arg), void *arg) {
  struct nvt_host_watch *w = calloc(1, sizeof(*w));
  if (w == NULL)
    return -ENOMEM;
  *w = (struct nvt_host_watch){
      .next = host->watches, .owner = owner, .fd = fd, .ready = ready, .arg = arg};
  int error = watch(host, fd, w);
  if (error != 0) {
    free(w);
    return error;
  }
  host->watches = w;
  __atomic_store_n(&host->busy, true, __ATOMIC_RELAXED);
  return 0;
}

static void unwatch(struct nvt_plugin_host *host, struct nvt_host_watch *w) {
  (void)epoll_ctl(host->epoll, EPOLL_CTL_DEL, w->fd, NULL);
  w->gone = true;
}

int nvt_host_unwatch(struct nvt_plugin_host *host, int fd) {
  for (struct nvt_host_watch *w = host->watches; w != NULL; w = w->next)
    if (w->fd == fd && !w->gone) {
      unwatch(host, w);
      if (!host->working)
        bury(host);
      return 0;
    }
  return -ENOENT;
}

static unsigned look(struct nvt_plugin_host *host) {
  if (host->watches == NULL)
    return 0;
  uint64_t now = now_ns();
  if (now - host->watches->looked < LOOK_NS)
    return 0;
  host->watches->looked = now;
  struct epoll_event events[16];
  int count = epoll_wait(host->epoll, events, 16, 0);
  unsigned done = 0;
  for (int i = 0; i < count; i++) {
    struct nvt_host_watch *w = events[i].data.ptr;
    if (w == NULL || w->gone)
      continue;
    w->ready(w->arg);
    done++;
  }
  bury(host);
  return done;
}

/* Take one owner's jobs out of the list, in their order. */
static struct nvt_host_job *take_jobs(struct nvt_plugin_host *host, const void *owner) {
  struct nvt_host_job *mine = NULL, **end = &mine;
  pthread_mutex_lock(&host->lock);
  for (struct nvt_host_job **at = &host->first; *at != NULL;) {
    struct nvt_host_job *job = *at;
    if (job->owner != owner || job->ran != NULL) {
      at = &job->next;
      continue;
    }
    *at = job->next;
    job->next = NULL;
    *end = job;
    end = &job->next;
  }
  find_last(host);
  pthread_mutex_unlock(&host->lock);
  return mine;
}

void nvt_host_run(struct nvt_plugin_host *host, const void *owner) {
  struct nvt_host_job *mine = take_jobs(host, owner);
  while (mine != NULL) {
    struct nvt_host_job *job = mine;
    mine = job->next;
    job->call(job->arg);
    free(job);
  }
}

unsigned nvt_host_work(struct nvt_plugin_host *host) {
  if (host->working)
    return 0;
  host->working = true;
  unsigned done = run_jobs(host) + run_timers(host) + look(host);
  host->working = false;
  pthread_mutex_lock(&host->lock);
  bool busy = host->first != NULL || host->timer_count != 0 || host->watches != NULL;
  __atomic_store_n(&host->busy, busy, __ATOMIC_RELAXED);
  pthread_mutex_unlock(&host->lock);
  return done;
}

void nvt_host_forget(struct nvt_plugin_host *host, const void *owner) {
  struct nvt_host_job *mine = take_jobs(host, owner);
  while (mine != NULL) {
    struct nvt_host_job *job = mine;
    mine = job->next;
    free(job);
  }
  uint32_t kept = 0;
  for (uint32_t i = 0; i < host->timer_count; i++)
    if (host->timers[i].owner != owner)
      host->timers[kept++] = host->timers[i];
  host->timer_count = kept;
  for (uint32_t i = kept / 2; i-- > 0;)
    sift_down(host->timers, kept, i);
  arm(host);
  for (struct nvt_host_watch *w = host->watches; w != NULL; w = w->next)
    if (w->owner == owner && !w->gone)
      unwatch(host, w);
  if (!host->working)
    bury(host);
}

/* --- controllers --- */

int nvt_host_add(struct nvt_plugin_host *host, struct nvt_controller *c) {
  for (unsigned i = 0; i < NVT_HOST_CONTROLLERS; i++)
    if (host->controllers[i] == NULL) {
      host->controllers[i] = c;
      return (int)i;
    }
  return -ENOSPC;
}

void nvt_host_remove(struct nvt_plugin_host *host, const struct nvt_controller *c) {
  for (unsigned i = 0; i < NVT_HOST_CONTROLLERS; i++)
    if (host->controllers[i] == c)
      host->controllers[i] = NULL;
}

struct nvt_controller *nvt_host_controller(const struct nvt_plugin_host *host, unsigned i) {
  for (unsigned slot = 0; slot < NVT_HOST_CONTROLLERS; slot++)
    if (host->controllers[slot] != NULL && i-- == 0)
      return host->controllers[slot];
  return NULL;
}

struct nvt_controller *nvt_host_controller_of(const struct nvt_plugin_host *host, uint64_t handle) {
  return host->controllers[handle >> NVT_HANDLE_SLOT & (NVT_HOST_CONTROLLERS - 1)];
}

struct nvt_controller *nvt_host_controller_at(const struct nvt_plugin_host *host,
                                              uint32_t pci_address) {
  struct nvt_controller_info info;
  for (unsigned slot = 0; slot < NVT_HOST_CONTROLLERS; slot++) {
    if (host->controllers[slot] == NULL)
      continue;
    nvt_controller_info(host->controllers[slot], &info);
    if (info.pci_address == pci_address)
      return host->controllers[slot];
  }
  return NULL;
}
