/* SPDX-License-Identifier: BSD-2-Clause */
#include "controller/driver/sender.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/habits_int.h"

/* Looks in vain between two at the clock. */
#define IDLE_LOOK 64u
#define ALIVE_SECONDS 0.25

struct place {
  uint8_t *data;
  uint64_t data_iova, lists_iova;
  uint64_t *lists;
  uint32_t queue;
  bool busy; /* the device has it */
  nvt_status status;
  uint32_t dw0;
};

struct nvt_sender {
  struct nvt_driver d; /* d.queues: our own; d.slots: none */
  struct nvt_drive_result result;
  uint32_t depth, bytes;
  struct place *places; /* depth, and one for nvt_sender_pass() */
  uint16_t *free;       /* stack of slots */
  uint32_t free_count;
  uint16_t *done; /* ring of slots, completed and not reaped */
  uint32_t done_first, done_count;
  bool passed;          /* the last place's command was completed */
  uint64_t *told;       /* of each queue: the tail that the device was told */
  uint32_t outstanding; /* the device has so many */
  uint64_t progress;    /* ticks, when something happened last */
  uint64_t alive;       /* and when it was looked whether it is still there */
  unsigned idle;
  int failed;
};

/* Where entries of 128 bytes are required, it makes such. */
static const struct nvt_habits habits = {
    .takes_less = true, .wide_entries = true, .identified = nvt_set_entry_size};

/* Queues of which each has room for all that may be outstanding. */
static uint32_t entries(const struct nvt_sender *s) {
  uint64_t most = NVT_GET(s->d.cap, CAP_MQES) + 1;
  return s->depth + 2u < most ? s->depth + 2u : (uint32_t)most;
}

static size_t arena_size(const struct nvt_sender *s) {
  const struct nvt_driver *d = &s->d;
  size_t place = nvt_round_up(s->bytes, d->page) + nvt_prp_list_pages(s->bytes, d->page) * d->page;
  size_t queue = nvt_round_up((size_t)entries(s) * 2 * sizeof(struct nvt_sqe), d->page) +
                 nvt_round_up(entries(s) * sizeof(struct nvt_cqe), d->page);
  return nvt_admin_memory(d) + d->w->queues * queue + (s->depth + 1u) * place;
}

static int make_places(struct nvt_sender *s) {
  struct nvt_driver *d = &s->d;
  size_t pages = nvt_prp_list_pages(s->bytes, d->page);
  s->places = calloc(s->depth + 1u, sizeof(*s->places));
  s->free = calloc(s->depth, sizeof(*s->free));
  s->done = calloc(s->depth, sizeof(*s->done));
  s->told = calloc(d->w->queues, sizeof(*s->told));
  d->queues = aligned_alloc(64, sizeof(*d->queues) * d->w->queues);
  if (s->places == NULL || s->free == NULL || s->done == NULL || s->told == NULL ||
      d->queues == NULL)
    return nvt_driver_fail(d, ENOMEM, "out of memory");
  memset(d->queues, 0, sizeof(*d->queues) * d->w->queues);
  for (uint32_t i = 0; i < d->w->queues; i++)
    nvt_hostq_make(d, &d->queues[i], (uint16_t)(i + 1), entries(s));
  for (uint32_t i = 0; i <= s->depth; i++) {
    struct place *place = &s->places[i];
    place->data = nvt_arena_take(d, s->bytes, &place->data_iova);
    if (pages > 0)
      place->lists = nvt_arena_take(d, pages * d->page, &place->lists_iova);
    if (i < s->depth)
      s->free[s->free_count++] = (uint16_t)(s->depth - 1 - i);
  }
  return 0;
}

static int bring_up(struct nvt_sender *s) {
  struct nvt_driver *d = &s->d;
  nvt_clock_start(d);
  int failed = nvt_pci_start(d);
  if (failed == 0)
    failed = nvt_controller_prepare(d);
  if (failed == 0 && entries(s) < 2)
    failed = nvt_driver_fail(d, EPROTO, "CAP.MQES is 0: queues of one entry hold nothing");
  if (failed == 0)
    failed = nvt_arena_create(d, arena_size(s));
  if (failed)
    return failed;
  nvt_admin_make(d);
  failed = nvt_controller_start(d);
  if (failed == 0)
    failed = nvt_admin_start_controller(d);
  if (failed == 0)
    failed = make_places(s);
  if (failed == 0)
    failed = nvt_admin_make_queues(d);
  return failed;
}

struct nvt_sender *nvt_sender_open(struct nvt_transport *t, const struct nvt_sender_setup *setup,
                                   char *why, size_t whylen) {
  struct nvt_sender *s = calloc(1, sizeof(*s));
  snprintf(why, whylen, "out of memory");
  if (s == NULL)
    return NULL;
  s->depth = setup->depth;
  s->bytes = setup->bytes;
  s->d.t = t;
  s->d.own = (struct nvt_workload){.queues = setup->queues, .timeout = setup->timeout};
  s->d.w = &s->d.own;
  s->d.habits = &habits;
  s->d.result = &s->result;
  s->d.fd = -1;
  if ((uint64_t)(setup->depth + 1u) * setup->bytes > NVT_SENDER_BUFFERS_MAX) {
    snprintf(why, whylen,
             "%u commands of up to %u bytes each need more than %llu MiB of buffers; let fewer be "
             "outstanding",
             setup->depth, setup->bytes, (unsigned long long)NVT_SENDER_BUFFERS_MAX >> 20);
    free(s);
    return NULL;
  }
  int failed = bring_up(s);
  if (failed == 0)
    return s;
  snprintf(why, whylen, "%s", s->result.error[0] != '\0' ? s->result.error : strerror(-failed));
  s->failed = failed;
  nvt_sender_close(s);
  return NULL;
}

void nvt_sender_close(struct nvt_sender *s) {
  if (s == NULL)
    return;
  struct nvt_driver *d = &s->d;
  (void)nvt_take_down(d, s->failed != 0 ? s->failed : s->outstanding > 0 ? -EBUSY : 0);
  free(d->queues);
  free(s->places);
  free(s->free);
  free(s->done);
  free(s->told);
  free(s);
}

const char *nvt_sender_error(const struct nvt_sender *s) {
  return s->result.error;
}

uint32_t nvt_sender_queues(const struct nvt_sender *s) {
  return s->d.w->queues;
}

uint32_t nvt_sender_transfer(const struct nvt_sender *s) {
  return s->d.max_transfer;
}

uint32_t nvt_sender_bytes(const struct nvt_sender *s) {
  return s->bytes;
}

int nvt_sender_take(struct nvt_sender *s) {
  return s->free_count > 0 ? s->free[--s->free_count] : -EAGAIN;
}

void nvt_sender_put(struct nvt_sender *s, unsigned slot) {
  s->free[s->free_count++] = (uint16_t)slot;
}

uint8_t *nvt_sender_buffer(struct nvt_sender *s, unsigned slot) {
  return s->places[slot].data;
}

bool nvt_sender_has_room(const struct nvt_sender *s, uint32_t queue, uint32_t count) {
  const struct nvt_hostq *q = &s->d.queues[queue];
  return q->outstanding + count < q->entries;
}

static void describe_data(struct nvt_sender *s, const struct place *place, struct nvt_sqe *sqe,
                          uint32_t length) {
  sqe->flags &= 0x3f; /* all but PSDT: its data is in PRPs */
  sqe->prp1 = sqe->prp2 = 0;
  if (length > 0)
    nvt_prp_make(sqe, place->data_iova, length, place->lists, place->lists_iova, s->d.page);
}

bool nvt_sender_submit(struct nvt_sender *s, unsigned slot, uint32_t queue,
                       const struct nvt_sqe *command, uint32_t length) {
  struct place *place = &s->places[slot];
  struct nvt_hostq *q = &s->d.queues[queue];
  if (!nvt_sender_has_room(s, queue, 1))
    return false;
  struct nvt_sqe sqe = *command;
  sqe.cid = (uint16_t)slot;
  describe_data(s, place, &sqe, length);
  place->queue = queue;
  place->busy = true;
  q->outstanding++;
  if (s->outstanding++ == 0)
    s->progress = nvt_ticks();
  nvt_hostq_push(q, &sqe);
  return true;
}

void nvt_sender_ring(struct nvt_sender *s) {
  for (uint32_t i = 0; i < s->d.w->queues; i++) {
    struct nvt_hostq *q = &s->d.queues[i];
    if (s->told[i] == q->tail)
      continue;
    s->told[i] = q->tail;
    nvt_doorbell(&s->d, q, false, q->tail);
  }
}

/* One completion entry taken in. */
static int take(struct nvt_sender *s, uint32_t queue, const struct nvt_cqe *cqe) {
  uint16_t cid = cqe->cid;
  if (cid > s->depth || !s->places[cid].busy || s->places[cid].queue != queue)
    return nvt_driver_fail(&s->d, EPROTO,
                           "a completion on queue %u for command id %u, which is not outstanding",
                           queue + 1, cid);
  struct place *place = &s->places[cid];
  place->busy = false;
  place->status = NVT_CQE_STATUS(cqe->status);
  place->dw0 = cqe->dw0;
  s->d.queues[queue].outstanding--;
  s->outstanding--;
  if (cid == s->depth)
    s->passed = true;
  else
    s->done[(s->done_first + s->done_count++) % s->depth] = cid;
  return 0;
}

/* All that is there. How many, or -errno. */
static int collect(struct nvt_sender *s) {
  int count = 0;
  for (uint32_t i = 0; i < s->d.w->queues; i++) {
    struct nvt_hostq *q = &s->d.queues[i];
    const struct nvt_cqe *cqe;
    uint32_t head = q->head;
    while ((cqe = nvt_hostq_peek(q)) != NULL) {
      int failed = take(s, i, cqe);
      if (failed)
        return failed;
      nvt_hostq_next(q);
      count++;
    }
    if (q->head != head)
      nvt_doorbell(&s->d, q, true, q->head);
  }
  return count;
}

/* Is it still there? */
static int look_at_status(struct nvt_sender *s) {
  uint32_t csts;
  int failed = nvt_reg_read32(&s->d, NVT_REG_CSTS, &csts);
  s->alive = nvt_ticks();
  if (failed)
    return failed;
  if (csts == UINT32_MAX)
    return nvt_driver_fail(&s->d, ENODEV, "the device is gone: CSTS reads all ones");
  if (NVT_GET(csts, CSTS_CFS))
    return nvt_driver_fail(&s->d, EIO, "the controller reports fatal status (CSTS %08xh)", csts);
  return 0;
}

/* Now and then while nothing is completed. */
static int look_around(struct nvt_sender *s) {
  if (++s->idle < IDLE_LOOK)
    return 0;
  s->idle = 0;
  uint64_t now = nvt_ticks(), since = s->alive > s->progress ? s->alive : s->progress;
  int failed = nvt_clock_seconds(&s->d, now - since) >= ALIVE_SECONDS ? look_at_status(s) : 0;
  if (failed || nvt_clock_seconds(&s->d, now - s->progress) < s->d.w->timeout)
    return failed;
  for (uint32_t i = 0; i <= s->depth; i++)
    if (s->places[i].busy)
      return nvt_driver_fail(&s->d, ETIMEDOUT,
                             "nothing was completed in %g s; %u commands are outstanding, one of "
                             "them on queue %u, command id %u",
                             s->d.w->timeout, s->outstanding, s->places[i].queue + 1, i);
  return 0;
}

/* Let the device work, and see what came of it. */
static int work(struct nvt_sender *s) {
  int count = collect(s);
  if (count == 0 && s->outstanding > 0) {
    if (s->d.t->relax != NULL)
      s->d.t->relax(s->d.t);
    count = collect(s);
  }
  if (count > 0) {
    s->progress = nvt_ticks();
    s->idle = 0;
  } else if (count == 0 && s->outstanding > 0) {
    count = look_around(s);
  }
  if (count < 0)
    s->failed = count;
  return count;
}

int nvt_sender_reap(struct nvt_sender *s, unsigned *slot, nvt_status *status, uint32_t *dw0) {
  if (s->failed)
    return s->failed;
  if (s->done_count == 0) {
    int count = work(s);
    if (count < 0)
      return count;
    if (s->done_count == 0)
      return 0;
  }
  *slot = s->done[s->done_first];
  s->done_first = (s->done_first + 1) % s->depth;
  s->done_count--;
  *status = s->places[*slot].status;
  *dw0 = s->places[*slot].dw0;
  return 1;
}

static int pass_io(struct nvt_sender *s, const struct nvt_sqe *sqe, uint32_t length) {
  while (!nvt_sender_submit(s, s->depth, 0, sqe, length)) {
    int count = work(s);
    if (count < 0)
      return count;
  }
  s->passed = false;
  nvt_sender_ring(s);
  while (!s->passed) {
    int count = work(s);
    if (count < 0)
      return count;
  }
  return 0;
}

int nvt_sender_pass(struct nvt_sender *s, bool admin, const struct nvt_sqe *command, void *data,
                    uint32_t length, nvt_status *status, uint32_t *dw0) {
  struct place *place = &s->places[s->depth];
  if (s->failed)
    return s->failed;
  if (length > s->bytes)
    return -E2BIG;
  if (length > 0)
    memcpy(place->data, data, length);
  int failed;
  if (admin) {
    struct nvt_sqe sqe = *command;
    describe_data(s, place, &sqe, length);
    failed = nvt_admin_try(&s->d, &sqe, "a command of the trace", dw0, status);
  } else {
    failed = pass_io(s, command, length);
    *status = place->status;
    *dw0 = place->dw0;
  }
  if (failed)
    s->failed = failed;
  else if (length > 0)
    memcpy(data, place->data, length);
  return failed;
}
