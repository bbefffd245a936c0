/* SPDX-License-Identifier: BSD-2-Clause */
/* Controller registers: disable, enable, shut down. Base 2.1, sections 3.5 and 3.6. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "controller/driver/habits_int.h"
#include "nvme/names.h"

static int reg_failed(struct nvt_driver *d, int failed, const char *what, uint32_t offset) {
  const struct nvt_register_info *info = nvt_register_at(offset);
  return nvt_driver_fail(d, -failed, "%s register %s (%xh): %s", what,
                         info == NULL ? "at" : info->name, offset, strerror(-failed));
}

int nvt_reg_read32(struct nvt_driver *d, uint32_t offset, uint32_t *out) {
  int failed = d->t->read(d->t, NVT_REGION_BAR0, offset, out, sizeof(*out));
  return failed < 0 ? reg_failed(d, failed, "reading", offset) : 0;
}

int nvt_reg_read64(struct nvt_driver *d, uint32_t offset, uint64_t *out) {
  int failed = d->t->read(d->t, NVT_REGION_BAR0, offset, out, sizeof(*out));
  return failed < 0 ? reg_failed(d, failed, "reading", offset) : 0;
}

int nvt_reg_write32(struct nvt_driver *d, uint32_t offset, uint32_t value) {
  int failed = d->t->write(d->t, NVT_REGION_BAR0, offset, &value, sizeof(value));
  return failed < 0 ? reg_failed(d, failed, "writing", offset) : 0;
}

int nvt_reg_write64(struct nvt_driver *d, uint32_t offset, uint64_t value) {
  int failed = d->t->write(d->t, NVT_REGION_BAR0, offset, &value, sizeof(value));
  return failed < 0 ? reg_failed(d, failed, "writing", offset) : 0;
}

/* The doorbell's place in the mapped page, or NULL. */
static volatile uint32_t *mapped_doorbell(const struct nvt_driver *d, uint64_t offset) {
  uint64_t at = offset - NVT_REG_DOORBELLS;
  return d->t->doorbells != NULL && at < 4096 ? &d->t->doorbells[at / 4] : NULL;
}

static uint64_t doorbell_offset(const struct nvt_driver *d, uint16_t qid, bool is_cq) {
  struct nvt_doorbell_id id = {.qid = qid, .is_cq = is_cq};
  return nvt_doorbell_offset(id, d->dstrd);
}

void nvt_doorbell(struct nvt_driver *d, const struct nvt_hostq *q, bool is_cq, uint32_t value) {
  uint64_t offset = doorbell_offset(d, q->id, is_cq);
  volatile uint32_t *mapped = mapped_doorbell(d, offset);
  /* Release: the queue entries must be seen by whoever sees the doorbell. */
  if (mapped != NULL)
    __atomic_store_n(mapped, value, __ATOMIC_RELEASE);
  else
    (void)d->t->write(d->t, NVT_REGION_BAR0, offset, &value, sizeof(value));
}

/* Wait until CSTS has `wanted` in `mask`. */
static int wait_status(struct nvt_driver *d, uint32_t mask, uint32_t wanted, double seconds,
                       const char *what) {
  uint64_t start = nvt_ticks();
  for (unsigned i = 0;; i++) {
    uint32_t csts;
    int failed = nvt_reg_read32(d, NVT_REG_CSTS, &csts);
    if (failed)
      return failed;
    if (csts == UINT32_MAX)
      return nvt_driver_fail(d, ENODEV, "the device is gone: CSTS reads all ones");
    if ((csts & mask) == wanted)
      return 0;
    if (NVT_GET(csts, CSTS_CFS) && wanted != 0)
      return nvt_driver_fail(d, EIO, "the controller reports fatal status (CSTS %08xh) %s", csts,
                             what);
    if (nvt_clock_seconds(d, nvt_ticks() - start) > seconds)
      return nvt_driver_fail(d, ETIMEDOUT,
                             "timed out after %.1f s, the time that CAP.TO allows, %s (CSTS %08xh)",
                             seconds, what, csts);
    if (d->t->relax != NULL)
      d->t->relax(d->t);
    if (i >= 16)
      nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
  }
}

int nvt_controller_clear_enable(struct nvt_driver *d) {
  d->cc &= ~(uint32_t)(NVT_PUT(1, CC_EN) | NVT_PUT(3, CC_SHN));
  return nvt_reg_write32(d, NVT_REG_CC, d->cc);
}

int nvt_controller_disable(struct nvt_driver *d) {
  int failed = nvt_reg_read32(d, NVT_REG_CC, &d->cc);
  if (failed)
    return failed;
  if (NVT_GET(d->cc, CC_EN)) {
    /* Clearing EN while RDY isn't 1 yet is undefined: let it get ready first. */
    uint32_t csts;
    failed = nvt_reg_read32(d, NVT_REG_CSTS, &csts);
    if (failed)
      return failed;
    if (!NVT_GET(csts, CSTS_RDY) && !NVT_GET(csts, CSTS_CFS) && csts != UINT32_MAX)
      (void)wait_status(d, (uint32_t)NVT_PUT(1, CSTS_RDY), (uint32_t)NVT_PUT(1, CSTS_RDY),
                        d->ready_seconds, "waiting for CSTS.RDY = 1 before disabling");
    failed = nvt_controller_clear_enable(d);
    if (failed)
      return failed;
  }
  return wait_status(d, (uint32_t)NVT_PUT(1, CSTS_RDY), 0, d->ready_seconds,
                     "waiting for CSTS.RDY = 0 after CC.EN = 0");
}

int nvt_controller_prepare(struct nvt_driver *d) {
  int failed = nvt_reg_read64(d, NVT_REG_CAP, &d->cap);
  if (failed == 0)
    failed = nvt_reg_read32(d, NVT_REG_VS, &d->vs);
  if (failed)
    return failed;
  if (d->cap == UINT64_MAX)
    return nvt_driver_fail(d, ENODEV, "the device is gone: CAP reads all ones");
  if ((NVT_GET(d->cap, CAP_CSS) & 0x41) == 0)
    return nvt_driver_fail(d, ENOTSUP, "the controller has no NVM command set (CAP %016llxh)",
                           (unsigned long long)d->cap);
  d->dstrd = (unsigned)NVT_GET(d->cap, CAP_DSTRD);
  d->page = 4096u << NVT_GET(d->cap, CAP_MPSMIN);
  if (d->page > 1u << 20)
    return nvt_driver_fail(d, ENOTSUP, "the controller's smallest page, %u bytes, is too large",
                           d->page);
  /* CAP.TO of 0 would allow no time at all. */
  uint64_t timeout = NVT_GET(d->cap, CAP_TO);
  d->ready_seconds = (timeout == 0 ? 1 : (double)timeout) * 0.5;
  if ((NVT_GET(d->cap, CAP_CRMS) & 1) != 0) {
    uint32_t crto;
    failed = nvt_reg_read32(d, NVT_REG_CRTO, &crto);
    if (failed)
      return failed;
    double with_media = (double)NVT_GET(crto, CRTO_CRWMT) * 0.5;
    if (with_media > d->ready_seconds)
      d->ready_seconds = with_media;
  }
  return nvt_controller_disable(d);
}

static int write_admin_queue(struct nvt_driver *d) {
  uint32_t entries = d->admin.entries - 1;
  uint32_t aqa = (uint32_t)(NVT_PUT(entries, AQA_ASQS) | NVT_PUT(entries, AQA_ACQS));
  int failed = nvt_reg_write32(d, NVT_REG_AQA, aqa);
  if (failed == 0)
    failed = nvt_reg_write64(d, NVT_REG_ASQ, d->admin.sq_iova);
  if (failed == 0)
    failed = nvt_reg_write64(d, NVT_REG_ACQ, d->admin.cq_iova);
  return failed;
}

/* Does the controller have them as they were written? Once more, if it doesn't. */
static int read_admin_queue_back(struct nvt_driver *d) {
  uint64_t asq = 0, acq = 0;
  for (unsigned i = 0; i < 3; i++) {
    int failed = nvt_reg_read64(d, NVT_REG_ASQ, &asq);
    if (failed == 0)
      failed = nvt_reg_read64(d, NVT_REG_ACQ, &acq);
    if (failed || (asq == d->admin.sq_iova && acq == d->admin.cq_iova))
      return failed;
    failed = write_admin_queue(d);
    if (failed)
      return failed;
  }
  return nvt_driver_fail(d, EIO,
                         "the controller keeps another admin queue: ASQ reads %llxh, ACQ %llxh",
                         (unsigned long long)asq, (unsigned long long)acq);
}

int nvt_controller_start(struct nvt_driver *d) {
  /* A page of doorbells that is memory keeps what the last session left. */
  for (uint32_t i = 0; d->t->doorbells != NULL && i < 1024; i++)
    d->t->doorbells[i] = 0;
  int failed = write_admin_queue(d);
  if (failed == 0 && d->habits->reads_back)
    failed = read_admin_queue_back(d);
  if (failed)
    return failed;
  unsigned css = (NVT_GET(d->cap, CAP_CSS) & 0x40) != 0 && (NVT_GET(d->cap, CAP_CSS) & 1) == 0;
  d->cc = (uint32_t)(NVT_PUT(NVT_GET(d->cap, CAP_MPSMIN), CC_MPS) | NVT_PUT(css ? 6 : 0, CC_CSS) |
                     NVT_PUT(6, CC_IOSQES) | NVT_PUT(4, CC_IOCQES));
  failed = nvt_reg_write32(d, NVT_REG_CC, d->cc);
  if (failed)
    return failed;
  d->cc |= (uint32_t)NVT_PUT(1, CC_EN);
  failed = nvt_reg_write32(d, NVT_REG_CC, d->cc);
  if (failed)
    return failed;
  return wait_status(d, (uint32_t)NVT_PUT(1, CSTS_RDY), (uint32_t)NVT_PUT(1, CSTS_RDY),
                     d->ready_seconds, "waiting for CSTS.RDY = 1 after CC.EN = 1");
}

int nvt_controller_shutdown(struct nvt_driver *d) {
  uint32_t cc = d->cc | (uint32_t)NVT_PUT(1, CC_SHN);
  int failed = nvt_reg_write32(d, NVT_REG_CC, cc);
  if (failed)
    return failed;
  d->cc = cc;
  /* RTD3E of Identify could say how long; as other hosts do, give it at least 5 s. */
  double seconds = d->ready_seconds > 5 ? d->ready_seconds : 5;
  return wait_status(d, (uint32_t)NVT_PUT(3, CSTS_SHST), (uint32_t)NVT_PUT(2, CSTS_SHST), seconds,
                     "waiting for CSTS.SHST = 10b after the shutdown notification");
}
