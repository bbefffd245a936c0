/* SPDX-License-Identifier: BSD-2-Clause */
/* The parent's side of the shared memory: ask, wait, believe nothing. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "controller/isolated/isolated_int.h"
#include "controller/isolated/spin_int.h"

static uint64_t *guards(struct isolated_shared *shared, unsigned i) {
  uint64_t *const all[] = {shared->guard0, shared->guard1, shared->guard2, shared->guard3};
  return all[i];
}

void nvt_isolated_guard(struct nvt_isolated *s) {
  for (unsigned i = 0; i < 4; i++)
    for (unsigned j = 0; j < 8; j++)
      guards(s->shared, i)[j] = s->guard;
}

bool nvt_isolated_guarded(const struct nvt_isolated *s) {
  uint64_t different = 0;
  for (unsigned i = 0; i < 4; i++) {
    const volatile uint64_t *guard = guards(s->shared, i);
    for (unsigned j = 0; j < 8; j++)
      different |= guard[j] ^ s->guard;
  }
  return different == 0;
}

static void send(struct nvt_isolated *s, enum nvt_isolated_kind kind) {
  struct isolated_shared *shared = s->shared;
  shared->to_child.kind = (uint16_t)kind;
  shared->to_child.number = ++s->number;
  atomic_store(&shared->down, s->number);
  if (atomic_load(&shared->child_sleeps) != 0)
    syscall(SYS_futex, &shared->down, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

enum turn { TURN_THEIRS, TURN_OURS, TURN_NONSENSE };

static enum turn turn(const struct nvt_isolated *s) {
  uint32_t up = atomic_load(&s->shared->up);
  if (up == s->number)
    return TURN_OURS;
  return up == s->number - 1 ? TURN_THEIRS : TURN_NONSENSE;
}

/* False: it is time to give up. */
static bool time_left(struct nvt_isolated *s, struct timespec *left) {
  uint64_t now = nvt_isolated_clock();
  if (s->deadline == 0)
    s->deadline = now + s->allowed;
  if (now >= s->deadline)
    return false;
  uint64_t ns = s->deadline - now;
  *left =
      (struct timespec){.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};
  return true;
}

/* Until it is our turn, or there is none any more. */
static enum turn sleep_until(struct nvt_isolated *s) {
  for (;;) {
    enum turn now = turn(s);
    if (now != TURN_THEIRS)
      return now;
    struct timespec left;
    if (!time_left(s, &left)) {
      nvt_isolated_end(s, NVT_DIED_HANG);
      return TURN_NONSENSE;
    }
    struct pollfd fds[] = {{.fd = s->socket, .events = POLLIN}, {.fd = s->pidfd, .events = POLLIN}};
    /* What it said before its end still counts. */
    if (ppoll(fds, 2, &left, NULL) <= 0 || turn(s) != TURN_THEIRS)
      continue;
    if (fds[1].revents != 0)
      nvt_isolated_end(s, 0);
    else if (fds[0].revents != 0)
      nvt_isolated_notes(s);
    if (s->cause != 0)
      return TURN_NONSENSE;
  }
}

/* Both on one processor, each waits while the other runs, and the scheduler thinks that well
 * so: then every question takes twenty times as long. */
static void part(const struct nvt_isolated *s) {
  int here = sched_getcpu();
  cpu_set_t set;
  if (here < 0 || here != (int)atomic_load_explicit(&s->shared->cpu, memory_order_relaxed) ||
      sched_getaffinity(0, sizeof(set), &set) != 0)
    return;
  CPU_CLR((size_t)here, &set);
  if (CPU_COUNT(&set) > 0)
    (void)sched_setaffinity(s->pid, sizeof(set), &set);
}

bool nvt_isolated_wait(struct nvt_isolated *s) {
  enum turn now = turn(s);
  for (unsigned i = 0; s->spin && i < NVT_ISOLATED_SPINS && now == TURN_THEIRS; i++) {
    if (i == NVT_ISOLATED_YIELD)
      part(s);
    nvt_isolated_turn(i);
    now = turn(s);
  }
  if (now == TURN_THEIRS) {
    atomic_store(&s->shared->parent_sleeps, 1);
    now = sleep_until(s);
    atomic_store(&s->shared->parent_sleeps, 0);
  }
  if (now == TURN_NONSENSE)
    nvt_isolated_end(s, NVT_DIED_SCRIBBLE);
  return now == TURN_OURS;
}

static bool receive(struct nvt_isolated *s, struct isolated_up *up) {
  if (!s->wait(s))
    return false;
  memcpy(up, &s->shared->to_parent, sizeof(*up));
  /* From here on the copy is the message, whatever the child writes there. */
  __asm__ volatile("" ::: "memory");
  if (up->number == s->number && up->sum == nvt_isolated_sum(up) && nvt_isolated_guarded(s) &&
      atomic_load(&s->shared->down) == s->number && up->kind >= ISOLATED_ANSWER &&
      up->kind < ISOLATED_KINDS)
    return true;
  nvt_isolated_end(s, NVT_DIED_SCRIBBLE);
  return false;
}

/* Calls without end are an endless loop, too. */
static bool calls_too_long(struct nvt_isolated *s) {
  struct timespec left;
  if (time_left(s, &left))
    return false;
  nvt_isolated_end(s, NVT_DIED_HANG);
  return true;
}

bool nvt_isolated_ask(struct nvt_isolated *s, enum nvt_isolated_kind kind, uint64_t allowed,
                      struct isolated_up *answer) {
  if (s->cause != 0)
    return false;
  if (s->depth++ == 0) {
    s->deadline = 0;
    s->noted = 0;
    s->allowed = allowed;
  }
  s->shared->to_child.depth = s->depth;
  send(s, kind);
  bool answered = false;
  while (receive(s, answer)) {
    answered = answer->kind == ISOLATED_ANSWER;
    if (answered || calls_too_long(s))
      break;
    nvt_isolated_serve(s, answer);
    if (s->cause != 0)
      break;
    send(s, ISOLATED_REPLY);
  }
  s->depth--;
  return answered;
}
