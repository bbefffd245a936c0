/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The workload. One pass of the loop reaps what has completed on each queue,
 * rings the head doorbell once, starts as much again and rings the tail doorbell
 * once: no system call, no division, and one look at the clock a pass.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "controller/driver/driver_int.h"
#include "nvme/names.h"

/* Passes without a completion between two looks at the clock. */
#define IDLE_LOOK 64u
/* A completion without its interrupt is taken after this long. */
#define LOST_SECONDS 1.0

#define ALWAYS_INLINE inline __attribute__((always_inline))

struct run {
  struct nvt_driver *d;
  uint64_t now;      /* ticks, as of the last look */
  uint64_t progress; /* when something completed last */
  uint64_t alive;    /* when CSTS was read last */
  uint64_t tick;     /* when to do what is done once a second */
  uint64_t deadline; /* of a workload by seconds */
  uint64_t second;   /* in ticks */
  uint64_t started;
  uint64_t ended;
  unsigned idle;
  bool stopping;
};

static ALWAYS_INLINE uint64_t next_random(struct nvt_hostq *q) {
  uint64_t x = q->random += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

static void note(struct nvt_driver *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void note(struct nvt_driver *d, const char *format, ...) {
  if (d->note[0] != '\0')
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(d->note, sizeof(d->note), format, args);
  va_end(args);
}

static uint64_t lba_of(const struct nvt_driver *d, uint64_t unit) {
  return unit * d->blocks_per_unit;
}

/* The oldest outstanding command, or NULL. */
static const struct nvt_slot *oldest(const struct nvt_driver *d) {
  const struct nvt_slot *found = NULL;
  for (uint32_t i = 0; i < d->w->queues * d->w->depth; i++) {
    const struct nvt_slot *slot = &d->slots[i];
    if (slot->started != 0 && (found == NULL || slot->started < found->started))
      found = slot;
  }
  return found;
}

/* "Read of 8 blocks at block 77 (queue 1, command id 5)" */
static void name_slot(const struct nvt_driver *d, const struct nvt_slot *slot, char *out,
                      size_t len) {
  if (slot == NULL) {
    snprintf(out, len, "nothing");
    return;
  }
  size_t queue = (size_t)(slot - d->slots) / d->w->depth;
  snprintf(out, len, "%s of %u blocks at block %" PRIu64 " (queue %u, command id %u)",
           slot->write ? "Write" : "Read", d->blocks_per_unit, lba_of(d, slot->unit),
           d->queues[queue].id, slot->sqe.cid);
}

static __attribute__((cold)) void io_failed(struct nvt_driver *d, const struct nvt_slot *slot,
                                            nvt_status status) {
  const char *name = nvt_status_name(status);
  char what[128];
  d->result->errors++;
  name_slot(d, slot, what, sizeof(what));
  note(d, "%s failed: %s (status %x/%02xh)", what, name == NULL ? "unknown status" : name,
       status >> 8, status & 0xffu);
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
  if (nvt_pattern_check(slot->data, d->blocks_per_unit, d->block_size, lba_of(d, slot->unit),
                        *generation, d->w->seed, why, sizeof(why)))
    return;
  d->result->verify_errors++;
  note(d, "verify: %s", why);
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
  nvt_pattern_fill(slot->data, d->blocks_per_unit, d->block_size, lba_of(d, slot->unit),
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

static ALWAYS_INLINE void start_ios(struct run *r, struct nvt_hostq *q, bool verify) {
  struct nvt_driver *d = r->d;
  uint32_t tail = q->tail;
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
    if (verify)
      verify_start(d, slot);
    uint64_t lba = q->pick * d->blocks_per_unit;
    struct nvt_sqe *sqe = &q->sq[q->tail];
    *sqe = slot->sqe;
    sqe->opcode = q->pick_write ? NVT_NVM_WRITE : NVT_NVM_READ;
    sqe->cdw10 = (uint32_t)lba;
    sqe->cdw11 = (uint32_t)(lba >> 32);
    if (++q->tail == q->entries)
      q->tail = 0;
    q->outstanding++;
    d->outstanding++;
    q->picked = false;
  }
  if (q->tail != tail)
    nvt_doorbell(d, q, false, q->tail);
}

static __attribute__((cold)) int stray(struct nvt_driver *d, const struct nvt_hostq *q,
                                       uint16_t cid) {
  return nvt_driver_fail(d, EPROTO,
                         "a completion on queue %u for command id %u, which is not outstanding",
                         q->id, cid);
}

/* How many, or -errno. */
static ALWAYS_INLINE int reap(struct run *r, struct nvt_hostq *q, bool verify) {
  struct nvt_driver *d = r->d;
  const struct nvt_cqe *cqe = nvt_hostq_peek(q);
  if (cqe == NULL)
    return 0;
  r->now = nvt_ticks();
  unsigned count = 0, writes = 0;
  do {
    uint16_t cid = cqe->cid;
    nvt_status status = NVT_CQE_STATUS(cqe->status);
    if (cid >= q->depth || q->slots[cid].started == 0)
      return stray(d, q, cid);
    struct nvt_slot *slot = &q->slots[cid];
    if (!d->reading_back)
      nvt_histogram_add(&d->latency, r->now - slot->started);
    slot->started = 0;
    q->outstanding--;
    q->free[q->depth - 1 - q->outstanding] = cid;
    writes += slot->write;
    if (status != NVT_SC_SUCCESS)
      io_failed(d, slot, status);
    if (verify)
      verify_done(d, slot, status == NVT_SC_SUCCESS);
    nvt_hostq_next(q);
    count++;
  } while ((cqe = nvt_hostq_peek(q)) != NULL);
  nvt_doorbell(d, q, true, q->head);
  d->outstanding -= count;
  if (!d->reading_back) {
    d->result->ios += count;
    d->result->writes += writes;
  }
  return (int)count;
}

/* Interrupt mode: is there a reason to look at the queue? */
static bool signalled(struct nvt_driver *d, struct nvt_hostq *q) {
  if (d->t->irq_take(d->t, q->vector)) {
    d->result->interrupts++;
    for (uint32_t i = 0; i < d->w->queues; i++)
      if (d->queues[i].vector == q->vector)
        d->queues[i].signalled = true;
  }
  bool was = q->signalled;
  q->signalled = false;
  return was;
}

static int check_timeouts(struct run *r) {
  struct nvt_driver *d = r->d;
  const struct nvt_slot *slot = oldest(d);
  double limit = nvt_patience(d);
  if (slot == NULL || r->now < slot->started ||
      nvt_clock_seconds(d, r->now - slot->started) <= limit)
    return 0;
  uint32_t csts = 0;
  char what[128];
  (void)nvt_reg_read32(d, NVT_REG_CSTS, &csts);
  name_slot(d, slot, what, sizeof(what));
  return nvt_driver_fail(d, ETIMEDOUT, "%s was not completed in %g s (CSTS %08xh)", what, limit,
                         csts);
}

static void find_lost_interrupts(struct run *r) {
  struct nvt_driver *d = r->d;
  if (d->vectors == 0 || nvt_clock_seconds(d, r->now - r->progress) < LOST_SECONDS)
    return;
  for (uint32_t i = 0; i < d->w->queues; i++) {
    struct nvt_hostq *q = &d->queues[i];
    if (nvt_hostq_peek(q) == NULL)
      continue;
    q->signalled = true;
    if (d->t->irq_take(d->t, q->vector))
      continue; /* it came just now */
    d->result->lost_interrupts++;
    note(d, "a completion on queue %u came without an interrupt on vector %u", q->id, q->vector);
  }
}

static int take_events(struct nvt_driver *d) {
  if (d->vectors > 0 && d->t->irq_take(d->t, 0))
    d->result->interrupts++;
  int failed = nvt_admin_poll(d);
  if (failed == 0 && d->event_pending)
    failed = nvt_admin_handle_event(d);
  return failed;
}

static void stop_starting(struct run *r) {
  if (r->stopping)
    return;
  r->stopping = true;
  for (uint32_t i = 0; i < r->d->w->queues; i++) {
    r->d->queues[i].left = 0;
    r->d->queues[i].picked = false;
  }
  r->d->read_back_unit = r->d->units;
}

static int each_second(struct run *r) {
  struct nvt_driver *d = r->d;
  r->tick = r->now + r->second;
  if (d->w->progress != NULL)
    d->w->progress(d->w->user, d->result->ios, nvt_clock_seconds(d, r->now - r->started));
  int failed = take_events(d);
  return failed ? failed : check_timeouts(r);
}

/* The clock was looked at: what it asks for. */
static ALWAYS_INLINE int by_clock(struct run *r) {
  if (r->now >= r->deadline && !r->d->reading_back)
    stop_starting(r);
  return r->now >= r->tick ? each_second(r) : 0;
}

/* Nothing for a second: is the device still there? */
static int check_alive(struct run *r) {
  struct nvt_driver *d = r->d;
  uint32_t csts;
  r->alive = r->now;
  int failed = d->t->read(d->t, NVT_REGION_BAR0, NVT_REG_CSTS, &csts, sizeof(csts));
  char what[128];
  if (failed >= 0 && csts != UINT32_MAX && !NVT_GET(csts, CSTS_CFS))
    return 0;
  name_slot(d, oldest(d), what, sizeof(what));
  if (failed < 0)
    return nvt_driver_fail(d, -failed, "the device doesn't answer any more (%s); outstanding: %s",
                           strerror(-failed), what);
  if (csts == UINT32_MAX)
    return nvt_driver_fail(d, ENODEV, "the device is gone, CSTS reads all ones; outstanding: %s",
                           what);
  return nvt_driver_fail(
      d, EIO, "the controller reports fatal status (CSTS %08xh); outstanding: %s", csts, what);
}

static int idle_look(struct run *r) {
  struct nvt_driver *d = r->d;
  r->idle = 0;
  r->now = nvt_ticks();
  find_lost_interrupts(r);
  if (r->now - r->progress > r->second && r->now - r->alive > r->second) {
    int failed = check_alive(r);
    if (failed)
      return failed;
  }
  if (nvt_hostq_peek(&d->admin) != NULL) {
    int failed = take_events(d);
    if (failed)
      return failed;
  }
  if (nvt_clock_seconds(d, r->now - r->progress) > nvt_patience(d)) {
    int failed = check_timeouts(r);
    if (failed)
      return failed;
  }
  return by_clock(r);
}

static ALWAYS_INLINE bool work_left(const struct run *r, bool verify) {
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

static ALWAYS_INLINE int loop(struct run *r, bool verify) {
  struct nvt_driver *d = r->d;
  bool by_interrupt = d->vectors > 0, always_relax = d->t->doorbells == NULL;
  do {
    int reaped = 0;
    for (uint32_t i = 0; i < d->w->queues; i++) {
      struct nvt_hostq *q = &d->queues[i];
      if (!by_interrupt || signalled(d, q)) {
        int count = reap(r, q, verify);
        if (count < 0)
          return count;
        reaped += count;
      }
      if (q->outstanding < q->depth)
        start_ios(r, q, verify);
    }
    if (d->stop != NULL && *d->stop != 0)
      stop_starting(r);
    int failed = 0;
    if (reaped > 0) {
      r->progress = r->ended = r->now;
      r->idle = 0;
      failed = by_clock(r);
    } else if (++r->idle >= IDLE_LOOK) {
      failed = idle_look(r);
    }
    if (failed)
      return failed;
    if ((reaped == 0 || always_relax) && d->t->relax != NULL)
      d->t->relax(d->t);
  } while (work_left(r, verify));
  return 0;
}

static __attribute__((noinline)) int loop_plain(struct run *r) {
  return loop(r, false);
}

static __attribute__((noinline)) int loop_verify(struct run *r) {
  return loop(r, true);
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

static void conclude(struct run *r) {
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
  struct run r = {.d = d, .deadline = UINT64_MAX};
  double ticks_per_second = 1e9 / d->ns_per_tick;
  r.now = r.started = r.ended = r.progress = r.alive = nvt_ticks();
  r.second = (uint64_t)ticks_per_second;
  r.tick = r.now + r.second;
  if (d->w->seconds > 0)
    r.deadline = r.now + (uint64_t)(d->w->seconds * ticks_per_second);
  failed = d->w->verify ? loop_verify(&r) : loop_plain(&r);
  conclude(&r);
  if (failed == 0 && d->w->verify && !(d->stop != NULL && *d->stop != 0)) {
    d->reading_back = true;
    d->read_back_unit = 0;
    r.stopping = false;
    r.progress = nvt_ticks();
    failed = loop_verify(&r);
  }
  if (failed == 0)
    failed = take_events(d); /* of a run too busy, or too short, to look before */
  if (d->generations != NULL)
    munmap(d->generations, d->units * sizeof(uint32_t));
  return failed;
}
