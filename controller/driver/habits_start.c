/* SPDX-License-Identifier: BSD-2-Clause */
/* What hosts with habits do before the workload: take over, look at limits, make ready. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/habits_int.h"
#include "nvme/names.h"

#define FIRMWARE_ENTRIES 8u
#define DSM_RANGE 16u /* bytes */

static size_t slot_memory(const struct nvt_driver *d) {
  return nvt_round_up(d->w->bs, d->page) + nvt_prp_list_pages(d->w->bs, d->page) * d->page;
}

size_t nvt_habits_memory(const struct nvt_driver *d) {
  const struct nvt_habits *habits = d->habits;
  size_t size = 0;
  if (habits->taken_over != NULL)
    size += nvt_round_up(FIRMWARE_ENTRIES * sizeof(struct nvt_sqe), d->page) +
            nvt_round_up(FIRMWARE_ENTRIES * sizeof(struct nvt_cqe), d->page);
  if (habits->wide_entries) /* submission queues twice as large */
    size += d->w->queues * nvt_round_up((d->w->depth + 1u) * sizeof(struct nvt_sqe), d->page);
  if (habits->spare_buffers > 0)
    size += (size_t)d->w->queues * (d->w->depth + habits->spare_buffers) * slot_memory(d);
  return size;
}

static int make_buffers(struct nvt_driver *d) {
  struct nvt_odd *odd = d->odd;
  odd->buffers_each = d->w->depth + d->habits->spare_buffers;
  size_t count = (size_t)odd->buffers_each * d->w->queues;
  odd->buffers = calloc(count, sizeof(*odd->buffers));
  odd->next_buffer = calloc(d->w->queues, sizeof(*odd->next_buffer));
  if (odd->buffers == NULL || odd->next_buffer == NULL)
    return nvt_driver_fail(d, ENOMEM, "out of memory");
  size_t pages = nvt_prp_list_pages(d->w->bs, d->page);
  for (size_t i = 0; i < count; i++) {
    uint64_t data_iova, lists_iova = 0, *lists = NULL;
    odd->buffers[i].data = nvt_arena_take(d, d->w->bs, &data_iova);
    if (pages > 0)
      lists = nvt_arena_take(d, pages * d->page, &lists_iova);
    struct nvt_sqe sqe;
    nvt_prp_make(&sqe, data_iova, d->w->bs, lists, lists_iova, d->page);
    odd->buffers[i].prp1 = sqe.prp1;
    odd->buffers[i].prp2 = sqe.prp2;
  }
  return 0;
}

int nvt_habits_prepare(struct nvt_driver *d) {
  const struct nvt_habits *habits = d->habits;
  if (habits == &nvt_habits_usual)
    return 0;
  d->odd = calloc(1, sizeof(*d->odd));
  if (d->odd == NULL)
    return nvt_driver_fail(d, ENOMEM, "out of memory");
  for (uint32_t i = 0; habits->poisons && i < d->w->queues; i++)
    for (uint32_t entry = 0; entry < d->queues[i].entries; entry++)
      d->queues[i].cq[entry].cid = NVT_POISON;
  for (uint32_t i = 0; i < d->w->queues * d->w->depth; i++)
    d->slots[i].sqe.flags = habits->flags;
  return habits->spare_buffers > 0 ? make_buffers(d) : 0;
}

void nvt_habits_end(struct nvt_driver *d) {
  if (d->odd == NULL)
    return;
  free(d->odd->buffers);
  free(d->odd->next_buffer);
  free(d->odd);
  d->odd = NULL;
}

/* --- reconnect --- */

/* A session as a computer's firmware has it: interrupts masked, queues of its own, a look
 * at the drive; then it is gone, and the controller is still enabled. */
static int firmware_session(struct nvt_driver *d) {
  struct nvt_hostq own = d->admin;
  nvt_hostq_make(d, &d->admin, 0, FIRMWARE_ENTRIES);
  int failed = nvt_reg_write32(d, NVT_REG_INTMS, UINT32_MAX);
  if (failed == 0)
    failed = nvt_controller_start(d);
  if (failed == 0)
    failed = nvt_admin_identify_controller(d);
  d->admin = own;
  d->admin_cid = 0;
  return failed;
}

int nvt_take_over_in_a_hurry(struct nvt_driver *d) {
  int failed = firmware_session(d);
  return failed ? failed : nvt_controller_clear_enable(d);
}

int nvt_take_over_with_patience(struct nvt_driver *d) {
  uint32_t masked = 0;
  int failed = firmware_session(d);
  if (failed == 0)
    failed = nvt_controller_disable(d);
  if (failed == 0)
    failed = nvt_reg_write32(d, NVT_REG_INTMC, UINT32_MAX);
  if (failed == 0)
    failed = nvt_reg_read32(d, NVT_REG_INTMS, &masked);
  if (failed == 0 && masked != 0)
    return nvt_driver_fail(d, EIO, "interrupts stay masked: INTMS reads %08xh after INTMC was set",
                           masked);
  return failed;
}

/* --- limits --- */

int nvt_stay_within_limits(struct nvt_driver *d) {
  struct nvt_workload *w = &d->own;
  uint64_t entries = NVT_GET(d->cap, CAP_MQES) + 1;
  if (w->depth + 1u > entries)
    w->depth = (uint32_t)entries - 1;
  if (d->max_transfer != 0 && w->bs > d->max_transfer)
    w->bs = d->max_transfer;
  return 0;
}

/* One I/O command by itself, before the workload. */
static int io_once(struct nvt_driver *d, struct nvt_sqe *sqe, nvt_status *status) {
  struct nvt_hostq *q = &d->queues[0];
  nvt_hostq_push(q, sqe);
  nvt_doorbell(d, q, false, q->tail);
  uint64_t start = nvt_ticks();
  const struct nvt_cqe *cqe;
  while ((cqe = nvt_hostq_peek(q)) == NULL) {
    if (nvt_clock_seconds(d, nvt_ticks() - start) > nvt_patience(d))
      return nvt_driver_fail(d, ETIMEDOUT, "an I/O command of opcode %02xh was not completed",
                             sqe->opcode);
    if (d->t->relax != NULL)
      d->t->relax(d->t);
  }
  *status = NVT_CQE_STATUS(cqe->status);
  nvt_hostq_next(q);
  nvt_doorbell(d, q, true, q->head);
  return 0;
}

/* "The first blocks are going to be read": a hint, which changes nothing. */
int nvt_hint_unasked(struct nvt_driver *d) {
  uint64_t range[DSM_RANGE / sizeof(uint64_t)] = {(uint64_t)d->blocks_per_unit << 32, 0};
  memcpy(d->admin_data, range, sizeof(range));
  struct nvt_sqe sqe = {
      .opcode = NVT_NVM_DATASET_MANAGEMENT, .nsid = 1, .prp1 = d->admin_data_iova};
  nvt_status status = NVT_SC_SUCCESS;
  int failed = io_once(d, &sqe, &status);
  if (failed || status == NVT_SC_SUCCESS)
    return failed;
  const char *name = nvt_status_name(status);
  return nvt_driver_fail(d, EIO, "Dataset Management failed: %s (status %x/%02xh; ONCS is %04xh)",
                         name == NULL ? "unknown status" : name, status >> 8, status & 0xffu,
                         d->oncs);
}

int nvt_hint_if_supported(struct nvt_driver *d) {
  return (d->oncs & 4) != 0 ? nvt_hint_unasked(d) : 0;
}

/* --- apple-like --- */

int nvt_set_entry_size(struct nvt_driver *d) {
  unsigned required = d->sqes & 0xf;
  if (required != 7)
    return 0; /* the usual size, or one that check_controller() refuses */
  d->cc = (d->cc & ~(uint32_t)NVT_PUT(0xf, CC_IOSQES)) | (uint32_t)NVT_PUT(required, CC_IOSQES);
  return nvt_reg_write32(d, NVT_REG_CC, d->cc);
}

int nvt_take_entry_size(struct nvt_driver *d) {
  int failed = nvt_set_entry_size(d);
  if (failed || (d->sqes & 0xf) != 7)
    return failed;
  struct nvt_sqe sqe = {.opcode = NVT_APPLE_COMMAND};
  return nvt_admin(d, &sqe, "the vendor's command", NULL);
}
