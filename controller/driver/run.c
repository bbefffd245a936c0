/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workload. One pass of the loop reaps what has completed on each queue,
 * rings the head doorbell once, starts as much again and rings the tail doorbell
 * once: no system call, no division, and one look at the clock a pass.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "controller/driver/habits_int.h"

/* Passes without a completion between two looks at the clock. */
#define IDLE_LOOK 64u
#define ALWAYS_INLINE inline __attribute__((always_inline))

static ALWAYS_INLINE uint64_t next_random(struct nvt_hostq *q) {
  uint64_t x = q->random += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static __attribute__((noinline)) void verify_done(struct nvt_driver *d, const struct nvt_slot *slot,
                                                  bool good) {
  uint32_t *generation = &d->generations[slot->unit];
  if (slot->write) {
    *generation = good ? slot->generation : 0; /* 0: nobody knows what is there now */
    return;
  }
  *generation &= ~NVT_UNIT_BUSY;
  if (!good)
    return;
  char why[160];
  d->result->verified++;
  if (nvt_pattern_check(slot->data, d->blocks_per_unit, d->block_size, nvt_lba_of(d, slot->unit),
                        *generation, d->w->seed, why, sizeof(why)))
    return;
  d->result->verify_errors++;
  nvt_note(d, "verify: %s", why);
}

static __attribute__((noinline)) void verify_start(struct nvt_driver *d, struct nvt_slot *slot) {
  d->generations[slot->unit] |= NVT_UNIT_BUSY;
  if (!slot->write) {
    /* So that a device that writes nothing isn't taken for one that reads right. */
    memset(slot->data, 0xa5, d->w->bs);
    return;
  }
  d->generation = d->generation % (NVT_UNIT_BUSY - 1) + 1;
  slot->generation = d->generation;
  nvt_pattern_fill(slot->data, d->blocks_per_unit, d->block_size, nvt_lba_of(d, slot->unit),
                   slot->generation, d->w->seed);
}

/* Choose this queue's next I/O. False: there is none. */
static ALWAYS_INLINE bool pick(struct nvt_driver *d, struct nvt_hostq *q) {
  if (q->picked)
    return true;
  if (q->left == 0)
    return false;
  uint64_t random;
  switch (d->w->rw) {
  case NVT_RW_READ:
  case NVT_RW_WRITE:
    q->pick = q->next;
    q->next += d->w->queues;
    if (q->next >= d->units)
      q->next = q->id - 1u < d->units ? q->id - 1u : 0;
    q->pick_write = d->w->rw == NVT_RW_WRITE;
    break;
  default:
    random = next_random(q);
    q->pick = (uint64_t)(((unsigned __int128)random * d->units) >> 64);
    q->pick_write = d->w->rw == NVT_RW_RANDWRITE || (d->w->rw == NVT_RW_RANDRW && (random & 1));
    break;
  }
  q->left--;
  q->picked = true;
  return true;
}

/* The final pass: what was written, in order of place. */
static bool pick_read_back(struct nvt_driver *d, struct nvt_hostq *q) {
  if (q->picked)
    return true;
  for (; d->read_back_unit < d->units; d->read_back_unit++)
    if ((d->generations[d->read_back_unit] & ~NVT_UNIT_BUSY) != 0) {
      q->pick = d->read_back_unit++;
      q->pick_write = false;
      q->picked = true;
      return true;
    }
  return false;
}

/* Doorbells as a host with habits has them. */
static __attribute__((noinline)) void odd_doorbell(struct nvt_driver *d, struct nvt_hostq *q,
                                                   bool is_cq) {
  const struct nvt_habits *habits = d->habits;
  if (is_cq && habits->acknowledges != NULL && !habits->acknowledges(q))
    return;
  if (habits->before_doorbell != NULL)
    habits->before_doorbell(d);
  nvt_doorbell(d, q, is_cq, is_cq ? q->head : q->tail);
  if (is_cq)
    q->unacknowledged = 0;
}

/* `odd`: a host with habits; false costs nothing, as it is known when this is compiled. */
static ALWAYS_INLINE void ring_tail(struct nvt_driver *d, struct nvt_hostq *q, bool odd) {
  if (odd)
    odd_doorbell(d, q, false);
  else
    nvt_doorbell(d, q, false, q->tail);
}

static ALWAYS_INLINE void start_ios(struct nvt_run_state *r, struct nvt_hostq *q, bool verify,
                                    bool odd) {
  struct nvt_driver *d = r->d;
  uint32_t told = q->tail, untold = 0;
  if (odd && d->odd->paused)
    return;
  while (q->outstanding < q->depth) {
    if (!(verify && d->reading_back ? pick_read_back(d, q) : pick(d, q)))
      break;
    /* Two at once on one unit could end in either order: wait for the first. */
    if (verify && (d->generations[q->pick] & NVT_UNIT_BUSY) != 0)
      break;
    struct nvt_slot *slot = &q->slots[q->free[q->depth - 1 - q->outstanding]];
    slot->unit = q->pick;
    slot->write = q->pick_write;
    slot->started = r->now;
    if (odd && d->odd->buffers != NULL)
      nvt_rotate_buffer(d, q, slot);
    if (verify)
      verify_start(d, slot);
    uint64_t lba = q->pick * d->blocks_per_unit;
    struct nvt_sqe *sqe = odd ? nvt_hostq_at(q, q->tail) : &q->sq[q->tail];
    *sqe = slot->sqe;
    sqe->opcode = q->pick_write ? NVT_NVM_WRITE : NVT_NVM_READ;
    sqe->cdw10 = (uint32_t)lba;
    sqe->cdw11 = (uint32_t)(lba >> 32);
    if (++q->tail == q->entries)
      q->tail = 0;
    q->outstanding++;
    d->outstanding++;
    q->picked = false;
    if (++untold == d->w->batch) {
      ring_tail(d, q, odd);
      told = q->tail;
      untold = 0;
    }
  }
  if (q->tail != told)
    ring_tail(d, q, odd);
}

static __attribute__((cold)) int stray(struct nvt_driver *d, const struct nvt_hostq *q,
                                       uint16_t cid) {
  return nvt_driver_fail(d, EPROTO,
                         "a completion on queue %u for command id %u, which is not outstanding",
                         q->id, cid);
}

/* The next completion of a queue whose consumed entries are poisoned: NULL too while only its
 * phase is there. */
static const struct nvt_cqe *peek_whole(struct nvt_hostq *q) {
  const struct nvt_cqe *cqe = nvt_hostq_peek(q);
  if (cqe == NULL || __atomic_load_n(&cqe->cid, __ATOMIC_ACQUIRE) != NVT_POISON)
    return cqe;
  q->signalled = true; /* its interrupt is over: look again without one */
  return NULL;
}

static ALWAYS_INLINE const struct nvt_cqe *next_completion(struct nvt_driver *d,
                                                           struct nvt_hostq *q, bool odd) {
  return odd && d->habits->poisons ? peek_whole(q) : nvt_hostq_peek(q);
}

/* How many, or -errno. */
static ALWAYS_INLINE int reap(struct nvt_run_state *r, struct nvt_hostq *q, bool verify, bool odd) {
  struct nvt_driver *d = r->d;
  const struct nvt_cqe *cqe = next_completion(d, q, odd);
  if (cqe == NULL)
    return 0;
  r->now = nvt_ticks();
  unsigned count = 0, writes = 0, strays = 0;
  do {
    uint16_t cid = cqe->cid;
    nvt_status status = NVT_CQE_STATUS(cqe->status);
    if (cid >= q->depth || q->slots[cid].started == 0) {
      int failed = stray(d, q, cid);
      /* Once around the ring is enough of a device that makes them up. */
      if (!odd || !d->habits->believes || ++strays == q->entries)
        return failed;
      d->result->errors++;
      nvt_hostq_next(q);
      continue;
    }
    struct nvt_slot *slot = &q->slots[cid];
    if (!d->reading_back)
      nvt_histogram_add(&d->latency, r->now - slot->started);
    if (odd && d->habits->completed != NULL)
      d->habits->completed(d, r->now - slot->started);
    slot->started = 0;
    q->outstanding--;
    q->free[q->depth - 1 - q->outstanding] = cid;
    writes += slot->write;
    if (status != NVT_SC_SUCCESS)
      nvt_io_failed(d, slot, status);
    if (verify)
      verify_done(d, slot, status == NVT_SC_SUCCESS);
    if (odd && d->habits->poisons)
      q->cq[q->head].cid = NVT_POISON;
    nvt_hostq_next(q);
    count++;
  } while ((cqe = next_completion(d, q, odd)) != NULL);
  if (odd) {
    q->unacknowledged += count;
    odd_doorbell(d, q, true);
  } else {
    nvt_doorbell(d, q, true, q->head);
  }
  d->outstanding -= count;
  if (!d->reading_back) {
    d->result->ios += count;
    d->result->writes += writes;
  }
  return (int)count;
}

/* Interrupt mode: is there a reason to look at the queue? */
static ALWAYS_INLINE bool signalled(struct nvt_driver *d, struct nvt_hostq *q) {
  nvt_take_interrupt(d, q->vector);
  bool was = q->signalled;
  q->signalled = false;
  return was;
}

static ALWAYS_INLINE bool work_left(const struct nvt_run_state *r, bool verify) {
  const struct nvt_driver *d = r->d;
  if (d->outstanding > 0)
    return true;
  if (verify && d->reading_back && d->read_back_unit < d->units)
    return true;
  for (uint32_t i = 0; i < d->w->queues; i++)
    if (d->queues[i].left > 0 || d->queues[i].picked)
      return true;
  return false;
}

static ALWAYS_INLINE int loop(struct nvt_run_state *r, bool verify, bool odd) {
  struct nvt_driver *d = r->d;
  bool by_interrupt = d->vectors > 0, always_relax = d->t->doorbells == NULL;
  do {
    int reaped = 0;
    for (uint32_t i = 0; i < d->w->queues; i++) {
      struct nvt_hostq *q = &d->queues[i];
      if (!by_interrupt || signalled(d, q)) {
        int count = reap(r, q, verify, odd);
        if (count < 0)
          return count;
        reaped += count;
      }
      if (q->outstanding < q->depth)
        start_ios(r, q, verify, odd);
    }
    if (d->stop != NULL && *d->stop != 0)
      nvt_stop_starting(r);
    int failed = 0;
    if (odd && d->habits->each_pass != NULL)
      failed = d->habits->each_pass(r, reaped);
    if (odd && failed)
      return failed;
    if (reaped > 0) {
      r->progress = r->ended = r->now;
      r->idle = 0;
      failed = nvt_by_clock(r);
    } else if (++r->idle >= IDLE_LOOK) {
      failed = nvt_idle_look(r);
    }
    if (failed)
      return failed;
    if ((reaped == 0 || always_relax) && d->t->relax != NULL)
      d->t->relax(d->t);
  } while (work_left(r, verify));
  return 0;
}

static __attribute__((noinline)) int loop_plain(struct nvt_run_state *r) {
  return loop(r, false, false);
}

static __attribute__((noinline)) int loop_verify(struct nvt_run_state *r) {
  return loop(r, true, false);
}

static __attribute__((noinline)) int loop_odd(struct nvt_run_state *r) {
  return loop(r, r->d->w->verify, true);
}

static int run_loop(struct nvt_run_state *r) {
  if (r->d->odd != NULL)
    return loop_odd(r);
  return r->d->w->verify ? loop_verify(r) : loop_plain(r);
}

static void share_out(struct nvt_driver *d) {
  const struct nvt_workload *w = d->w;
  for (uint32_t i = 0; i < w->queues; i++) {
    struct nvt_hostq *q = &d->queues[i];
    q->left = w->count == 0 ? UINT64_MAX : w->count / w->queues + (i < w->count % w->queues);
    q->next = i < d->units ? i : 0;
    q->random = w->seed * UINT64_C(0xd1342543de82ef95) + i;
    /* Neighbouring seeds must not give shifted copies of one sequence. */
    q->random = next_random(q);
  }
}

static int prepare_data(struct nvt_driver *d) {
  const struct nvt_workload *w = d->w;
  for (uint32_t i = 0; i < w->queues * w->depth; i++) {
    struct nvt_slot *slot = &d->slots[i];
    slot->sqe.cdw12 = d->blocks_per_unit - 1;
    if (w->verify || w->rw == NVT_RW_READ || w->rw == NVT_RW_RANDREAD)
      continue;
    uint64_t *words = (uint64_t *)(void *)slot->data;
    for (uint32_t at = 0; at < w->bs / 8; at++)
      words[at] = (w->seed + i + 1) * UINT64_C(0x9e3779b97f4a7c15) + at;
  }
  if (!w->verify)
    return 0;
  if (d->units > SIZE_MAX / sizeof(uint32_t) ||
      (d->generations = mmap(NULL, d->units * sizeof(uint32_t), PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) == MAP_FAILED) {
    d->generations = NULL;
    return nvt_driver_fail(d, ENOMEM,
                           "verify=on keeps 4 bytes for each bs of the namespace, and there is no "
                           "memory for %" PRIu64 " of them; take a smaller namespace or larger bs",
                           d->units);
  }
  return 0;
}

static void conclude(struct nvt_run_state *r) {
  struct nvt_driver *d = r->d;
  struct nvt_drive_result *result = d->result;
  nvt_clock_sample(d);
  result->seconds = nvt_clock_seconds(d, r->ended - r->started);
  result->reads = result->ios - result->writes;
  result->bytes = (result->ios - result->errors) * d->w->bs;
  const struct {
    uint64_t *out;
    uint64_t ticks;
  } times[] = {{&result->p50_ns, nvt_histogram_percentile(&d->latency, 500)},
               {&result->p99_ns, nvt_histogram_percentile(&d->latency, 990)},
               {&result->p999_ns, nvt_histogram_percentile(&d->latency, 999)},
               {&result->max_ns, d->latency.max}};
  for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++)
    *times[i].out = (uint64_t)((double)times[i].ticks * d->ns_per_tick);
}

int nvt_run(struct nvt_driver *d) {
  int failed = prepare_data(d);
  if (failed)
    return failed;
  share_out(d);
  nvt_clock_sample(d);
  struct nvt_run_state r = {.d = d, .deadline = UINT64_MAX};
  double ticks_per_second = 1e9 / d->ns_per_tick;
  r.now = r.started = r.ended = r.progress = r.alive = nvt_ticks();
  r.second = (uint64_t)ticks_per_second;
  r.tick = r.now + r.second;
  if (d->w->seconds > 0)
    r.deadline = r.now + (uint64_t)(d->w->seconds * ticks_per_second);
  failed = run_loop(&r);
  conclude(&r);
  if (failed == 0 && d->w->verify && !(d->stop != NULL && *d->stop != 0)) {
    d->reading_back = true;
    d->read_back_unit = 0;
    r.stopping = false;
    r.progress = nvt_ticks();
    failed = run_loop(&r);
  }
  if (failed == 0 && d->habits->ended != NULL)
    failed = d->habits->ended(d);
  if (failed == 0)
    failed = nvt_take_events(d); /* of a run too busy, or too short, to look before */
  if (d->generations != NULL)
    munmap(d->generations, d->units * sizeof(uint32_t));
  return failed;
}
