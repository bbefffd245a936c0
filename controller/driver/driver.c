/* SPDX-License-Identifier: BSD-2-Clause */
/* The life of a session: bring the device up, run the workload, take it down. */
#include "controller/driver/driver.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/habits_int.h"

int nvt_driver_fail(struct nvt_driver *d, int error, const char *format, ...) {
  if (d->result->error[0] == '\0') {
    va_list args;
    va_start(args, format);
    vsnprintf(d->result->error, sizeof(d->result->error), format, args);
    va_end(args);
  }
  return -error;
}

static size_t arena_size(const struct nvt_driver *d) {
  const struct nvt_workload *w = d->w;
  size_t entries = w->depth + 1u;
  size_t queue = nvt_round_up(entries * sizeof(struct nvt_sqe), d->page) +
                 nvt_round_up(entries * sizeof(struct nvt_cqe), d->page);
  size_t slot = nvt_round_up(w->bs, d->page) + nvt_prp_list_pages(w->bs, d->page) * d->page;
  if (w->sgl != NVT_SGL_OFF)
    slot += nvt_round_up(NVT_DRIVE_SGL_LISTS, d->page);
  return nvt_admin_memory(d) + w->queues * (queue + w->depth * slot) + nvt_habits_memory(d);
}

void nvt_hostq_make(struct nvt_driver *d, struct nvt_hostq *q, uint16_t id, uint32_t entries) {
  *q = (struct nvt_hostq){.id = id, .entries = entries, .phase = 1};
  q->sqe_shift = id == 0 ? 6 : (unsigned)NVT_GET(d->cc, CC_IOSQES);
  q->sq = nvt_arena_take(d, (size_t)entries << q->sqe_shift, &q->sq_iova);
  q->cq = nvt_arena_take(d, entries * sizeof(struct nvt_cqe), &q->cq_iova);
}

static void make_slot(struct nvt_driver *d, struct nvt_slot *slot, uint16_t cid) {
  uint64_t data_iova, lists_iova = 0, *lists = NULL;
  slot->data = nvt_arena_take(d, d->w->bs, &data_iova);
  size_t pages = nvt_prp_list_pages(d->w->bs, d->page);
  if (pages > 0)
    lists = nvt_arena_take(d, pages * d->page, &lists_iova);
  slot->sqe = (struct nvt_sqe){.cid = cid, .nsid = 1};
  nvt_prp_make(&slot->sqe, data_iova, d->w->bs, lists, lists_iova, d->page);
  if (d->w->sgl == NVT_SGL_OFF)
    return;
  uint8_t *segments = nvt_arena_take(d, NVT_DRIVE_SGL_LISTS, &lists_iova);
  bool mixed = d->w->sgl == NVT_SGL_MIXED;
  bool reads = d->w->rw == NVT_RW_READ || d->w->rw == NVT_RW_RANDREAD;
  if (!mixed || cid % 2 == 0)
    nvt_sgl_make(&slot->sqe, mixed ? cid / 2u : cid, data_iova, d->w->bs, reads && !d->w->verify,
                 segments, lists_iova);
}

static int make_queues(struct nvt_driver *d) {
  const struct nvt_workload *w = d->w;
  uint64_t most = NVT_GET(d->cap, CAP_MQES) + 1;
  if (w->depth + 1u > most && !d->habits->ignores_limits)
    return nvt_driver_fail(d, EINVAL,
                           "depth=%u needs queues of %u entries, the device has %llu at most "
                           "(CAP.MQES); take depth=%llu",
                           w->depth, w->depth + 1u, (unsigned long long)most,
                           (unsigned long long)most - 1);
  if (w->sgl != NVT_SGL_OFF && (d->sgls & 3) != 1)
    return nvt_driver_fail(d, ENOTSUP,
                           "sgl=%s: the controller supports no SGLs of any alignment (SGLS %08xh); "
                           "'nvmetap record --sgl' does",
                           w->sgl == NVT_SGL_ON ? "on" : "mixed", d->sgls);
  size_t slots = (size_t)w->queues * w->depth;
  d->queues = aligned_alloc(64, sizeof(*d->queues) * w->queues);
  d->slots = aligned_alloc(128, sizeof(*d->slots) * slots);
  d->free_stacks = calloc(slots, sizeof(*d->free_stacks));
  if (d->queues == NULL || d->slots == NULL || d->free_stacks == NULL)
    return nvt_driver_fail(d, ENOMEM, "out of memory");
  memset(d->queues, 0, sizeof(*d->queues) * w->queues);
  memset(d->slots, 0, sizeof(*d->slots) * slots);
  for (uint32_t i = 0; i < w->queues; i++) {
    struct nvt_hostq *q = &d->queues[i];
    nvt_hostq_make(d, q, (uint16_t)(i + 1), w->depth + 1u);
    /* Vector 0 is the admin queue's; queues share vectors when there are too few. */
    if (d->vectors > 1)
      q->vector = (uint16_t)(1 + i % (d->vectors - 1));
    q->depth = w->depth;
    q->slots = d->slots + (size_t)i * w->depth;
    q->free = d->free_stacks + (size_t)i * w->depth;
    for (uint32_t s = 0; s < w->depth; s++) {
      make_slot(d, &q->slots[s], (uint16_t)s);
      q->free[w->depth - 1 - s] = (uint16_t)s;
    }
  }
  return 0;
}

static int bring_up(struct nvt_driver *d) {
  int failed = nvt_pci_start(d);
  if (failed == 0)
    failed = nvt_controller_prepare(d);
  if (failed == 0)
    failed = nvt_arena_create(d, arena_size(d));
  if (failed)
    return failed;
  nvt_admin_make(d);
  if (d->habits->taken_over != NULL)
    failed = d->habits->taken_over(d);
  if (failed == 0 && d->w->interrupts)
    failed = nvt_msix_start(d, d->w->queues + 1);
  if (failed == 0)
    failed = nvt_controller_start(d);
  if (failed == 0)
    failed = nvt_admin_start(d);
  if (failed == 0)
    failed = make_queues(d);
  if (failed == 0)
    failed = nvt_habits_prepare(d);
  if (failed == 0)
    failed = nvt_admin_make_queues(d);
  if (failed == 0 && d->habits->queues_made != NULL)
    failed = d->habits->queues_made(d);
  return failed;
}

static const struct nvt_habits *habits_of(const struct nvt_workload *w) {
  if (w->host == NVT_HOST_USUAL)
    return &nvt_habits_usual;
  return w->trouble == NULL ? NULL : nvt_habits_find(w->trouble, w->host);
}

int nvt_take_down(struct nvt_driver *d, int failed) {
  if (failed == 0)
    failed = nvt_admin_delete_queues(d);
  if (failed == 0)
    failed = nvt_controller_shutdown(d);
  if (failed && d->mapped) /* whatever it is doing, it has to leave our memory alone */
    (void)nvt_controller_disable(d);
  nvt_pci_stop(d);
  nvt_arena_destroy(d);
  return failed;
}

int nvt_drive(struct nvt_transport *t, const struct nvt_workload *w,
              const volatile sig_atomic_t *stop, struct nvt_drive_result *result) {
  memset(result, 0, sizeof(*result));
  struct nvt_driver *d = calloc(1, sizeof(*d));
  if (d == NULL) {
    snprintf(result->error, sizeof(result->error), "out of memory");
    return -ENOMEM;
  }
  d->t = t;
  d->own = *w;
  d->w = &d->own;
  d->habits = habits_of(w);
  d->stop = stop;
  d->result = result;
  d->fd = -1;
  if (d->habits == NULL) {
    snprintf(result->error, sizeof(result->error), "host=naive and host=careful need a trouble");
    free(d);
    return -EINVAL;
  }
  nvt_clock_start(d);
  int failed = bring_up(d);
  if (failed == 0)
    failed = nvt_run(d);
  failed = nvt_take_down(d, failed);
  if (result->error[0] == '\0')
    memcpy(result->error, d->note, sizeof(result->error));
  nvt_habits_end(d);
  free(d->queues);
  free(d->slots);
  free(d->free_stacks);
  free(d);
  return failed;
}
