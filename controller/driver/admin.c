/* SPDX-License-Identifier: BSD-2-Clause */
/* Admin commands: one at a time, and one Asynchronous Event Request beside them. */
#include "controller/driver/habits_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "nvme/names.h"

/* Identify Controller and Namespace: Base 2.1, figure 312; NVM Command Set 1.1, figure 114. */
#define ID_CTRL_MDTS 77u
#define ID_CTRL_OAES 92u
#define ID_CTRL_OACS 256u
#define ID_CTRL_SQES 512u
#define ID_CTRL_CQES 513u
#define ID_CTRL_NN 516u
#define ID_CTRL_ONCS 520u
#define ID_CTRL_SGLS 536u
#define ID_NS_NSZE 0u
#define ID_NS_FLBAS 26u
#define ID_NS_LBAF 128u
#define OAES_NS_ATTRIBUTES 0x100u

static uint16_t load16(const uint8_t *at) {
  uint16_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

static uint32_t load32(const uint8_t *at) {
  uint32_t value;
  memcpy(&value, at, sizeof(value));
  return value;
}

size_t nvt_admin_memory(const struct nvt_driver *d) {
  return nvt_round_up(NVT_ADMIN_ENTRIES * sizeof(struct nvt_sqe), d->page) +
         nvt_round_up(NVT_ADMIN_ENTRIES * sizeof(struct nvt_cqe), d->page) + d->page;
}

void nvt_admin_make(struct nvt_driver *d) {
  nvt_hostq_make(d, &d->admin, 0, NVT_ADMIN_ENTRIES);
  d->admin_data = nvt_arena_take(d, d->page, &d->admin_data_iova);
}

int nvt_admin_poll(struct nvt_driver *d) {
  struct nvt_hostq *q = &d->admin;
  const struct nvt_cqe *cqe;
  bool any = false;
  while ((cqe = nvt_hostq_peek(q)) != NULL) {
    struct nvt_cqe copy = *cqe;
    nvt_hostq_next(q);
    any = true;
    if (copy.cid == NVT_ADMIN_EVENT_CID && !d->event_pending) {
      d->event_cqe = copy;
      d->event_pending = true;
    } else if (copy.cid == d->admin_cid && !d->admin_done) {
      d->admin_cqe = copy;
      d->admin_done = true;
    } else {
      return nvt_driver_fail(d, EPROTO,
                             "a completion on the admin queue for command id %u, which is not "
                             "outstanding",
                             copy.cid);
    }
  }
  if (any)
    nvt_doorbell(d, q, true, q->head);
  return 0;
}

int nvt_admin_try(struct nvt_driver *d, struct nvt_sqe *sqe, const char *what, uint32_t *dw0,
                  nvt_status *status) {
  d->admin_cid = (uint16_t)((d->admin_cid + 1u) % NVT_ADMIN_EVENT_CID);
  d->admin_done = false;
  sqe->cid = d->admin_cid;
  nvt_hostq_push(&d->admin, sqe);
  nvt_doorbell(d, &d->admin, false, d->admin.tail);
  uint64_t start = nvt_ticks();
  while (!d->admin_done) {
    if (d->vectors > 0)
      nvt_take_interrupt(d, 0);
    int failed = nvt_admin_poll(d);
    if (failed)
      return failed;
    if (d->admin_done)
      break;
    if (nvt_clock_seconds(d, nvt_ticks() - start) > nvt_patience(d)) {
      uint32_t csts = 0;
      (void)nvt_reg_read32(d, NVT_REG_CSTS, &csts);
      if (csts != UINT32_MAX && NVT_GET(csts, CSTS_CFS))
        return nvt_driver_fail(d, EIO,
                               "the controller reports fatal status (CSTS %08xh); outstanding: %s "
                               "(admin queue, command id %u)",
                               csts, what, d->admin_cid);
      return nvt_driver_fail(d, ETIMEDOUT,
                             "%s (admin queue, command id %u) was not completed in %g s (CSTS "
                             "%08xh)",
                             what, d->admin_cid, nvt_patience(d), csts);
    }
    if (d->t->relax != NULL)
      d->t->relax(d->t);
  }
  *status = NVT_CQE_STATUS(d->admin_cqe.status);
  if (dw0 != NULL)
    *dw0 = d->admin_cqe.dw0;
  return 0;
}

int nvt_admin(struct nvt_driver *d, struct nvt_sqe *sqe, const char *what, uint32_t *dw0) {
  nvt_status status;
  int failed = nvt_admin_try(d, sqe, what, dw0, &status);
  if (failed || status == NVT_SC_SUCCESS)
    return failed;
  const char *name = nvt_status_name(status);
  return nvt_driver_fail(d, EIO, "%s failed: %s (status %x/%02xh)", what,
                         name == NULL ? "unknown status" : name, status >> 8, status & 0xffu);
}

static int identify(struct nvt_driver *d, enum nvt_cns cns, uint32_t nsid, const char *what) {
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_IDENTIFY,
                        .nsid = nsid,
                        .prp1 = d->admin_data_iova,
                        .cdw10 = (uint32_t)cns};
  memset(d->admin_data, 0, 4096);
  return nvt_admin(d, &sqe, what, NULL);
}

int nvt_admin_identify_controller(struct nvt_driver *d) {
  int failed = identify(d, NVT_CNS_CONTROLLER, 0, "Identify Controller");
  if (failed)
    return failed;
  const uint8_t *id = d->admin_data;
  unsigned mdts = id[ID_CTRL_MDTS];
  d->max_transfer = mdts == 0 || mdts > 15 ? 0 : d->page << mdts;
  d->oacs = load16(id + ID_CTRL_OACS);
  d->oncs = load16(id + ID_CTRL_ONCS);
  memcpy(&d->sgls, id + ID_CTRL_SGLS, sizeof(d->sgls));
  d->sqes = id[ID_CTRL_SQES];
  return 0;
}

/* Is it one that this driver can work with? */
static int check_controller(struct nvt_driver *d) {
  const uint8_t *id = d->admin_data;
  unsigned mdts = id[ID_CTRL_MDTS], entry = (unsigned)NVT_GET(d->cc, CC_IOSQES);
  if (d->habits->ignores_limits)
    return 0;
  if ((d->sqes & 0xf) > entry || d->sqes >> 4 < entry || (id[ID_CTRL_CQES] & 0xf) > 4 ||
      id[ID_CTRL_CQES] >> 4 < 4)
    return nvt_driver_fail(d, ENOTSUP,
                           "Identify Controller: queue entries of %u and 16 bytes are not allowed "
                           "(SQES %02xh, CQES %02xh)",
                           1u << entry, d->sqes, id[ID_CTRL_CQES]);
  if (load32(id + ID_CTRL_NN) == 0)
    return nvt_driver_fail(d, ENODEV, "the controller has no namespace (NN is 0)");
  if (d->max_transfer != 0 && d->w->bs > d->max_transfer)
    return nvt_driver_fail(d, EINVAL,
                           "bs=%u is more than the device transfers at once, %u bytes (MDTS %u)",
                           d->w->bs, d->max_transfer, mdts);
  return 0;
}

static int find_namespace(struct nvt_driver *d) {
  /* The list came with version 1.1. */
  if (d->vs < 0x00010100)
    return 0;
  int failed = identify(d, NVT_CNS_ACTIVE_NS_LIST, 0, "Identify (Active Namespace ID list)");
  if (failed)
    return failed;
  uint32_t first = load32(d->admin_data);
  if (first == 0)
    return nvt_driver_fail(d, ENODEV, "no namespace is active");
  if (first != 1)
    return nvt_driver_fail(d, ENODEV, "namespace 1 is not active; the first that is, is %u", first);
  return 0;
}

static int identify_namespace(struct nvt_driver *d) {
  int failed = identify(d, NVT_CNS_NAMESPACE, 1, "Identify Namespace 1");
  if (failed)
    return failed;
  const uint8_t *id = d->admin_data;
  memcpy(&d->blocks, id + ID_NS_NSZE, sizeof(d->blocks));
  /* FLBAS 6:5 are bits 5:4 of the format's index. */
  unsigned format = (id[ID_NS_FLBAS] & 0xfu) | (id[ID_NS_FLBAS] >> 1 & 0x30u);
  uint32_t lbaf = load32(id + ID_NS_LBAF + 4 * format);
  unsigned shift = lbaf >> 16 & 0xff;
  if (shift < 9 || shift > 16)
    return nvt_driver_fail(d, ENOTSUP, "namespace 1 has blocks of 2^%u bytes (LBADS)", shift);
  if ((lbaf & 0xffff) != 0)
    return nvt_driver_fail(d, ENOTSUP,
                           "namespace 1 is formatted with %u bytes of metadata a block, which this "
                           "driver can't carry",
                           lbaf & 0xffff);
  d->block_size = 1u << shift;
  if (d->w->bs % d->block_size != 0)
    return nvt_driver_fail(d, EINVAL, "bs=%u is not a multiple of the namespace's block size %u",
                           d->w->bs, d->block_size);
  d->blocks_per_unit = d->w->bs / d->block_size;
  if (d->blocks_per_unit > 65536)
    return nvt_driver_fail(d, EINVAL, "bs=%u is more than 65536 blocks, which no command carries",
                           d->w->bs);
  d->units = d->blocks / d->blocks_per_unit;
  if (d->units == 0)
    return nvt_driver_fail(d, EINVAL, "namespace 1, %llu blocks of %u bytes, is smaller than bs=%u",
                           (unsigned long long)d->blocks, d->block_size, d->w->bs);
  return 0;
}

static void request_event(struct nvt_driver *d) {
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_ASYNC_EVENT_REQUEST, .cid = NVT_ADMIN_EVENT_CID};
  nvt_hostq_push(&d->admin, &sqe);
  nvt_doorbell(d, &d->admin, false, d->admin.tail);
}

int nvt_admin_handle_event(struct nvt_driver *d) {
  struct nvt_cqe event = d->event_cqe;
  d->event_pending = false;
  if (NVT_CQE_STATUS(event.status) != NVT_SC_SUCCESS)
    return 0; /* the controller takes no request: there are no events then */
  d->result->events++;
  /* The event's log page has to be read before the next event of its kind comes. */
  uint32_t dwords = 512 / 4 - 1;
  struct nvt_sqe sqe = {.opcode = NVT_ADMIN_GET_LOG_PAGE,
                        .nsid = UINT32_MAX,
                        .prp1 = d->admin_data_iova,
                        .cdw10 = (event.dw0 >> 16 & 0xff) | dwords << 16};
  nvt_status status;
  int failed = nvt_admin_try(d, &sqe, "Get Log Page (after an event)", NULL, &status);
  if (failed == 0)
    request_event(d);
  return failed;
}

/* How many I/O queues there are to be. */
static int ask_for_queues(struct nvt_driver *d) {
  uint32_t wanted = d->w->queues - 1, granted;
  struct nvt_sqe queues = {.opcode = NVT_ADMIN_SET_FEATURES,
                           .cdw10 = NVT_FEATURE_NUMBER_OF_QUEUES,
                           .cdw11 = wanted << 16 | wanted};
  int failed = nvt_admin(d, &queues, "Set Features (Number of Queues)", &granted);
  if (failed || d->habits->ignores_limits)
    return failed;
  if (d->habits->takes_less) {
    uint32_t pairs = (granted & 0xffff) < granted >> 16 ? granted & 0xffff : granted >> 16;
    if (pairs < wanted)
      d->own.queues = pairs + 1;
    return 0;
  }
  if ((granted & 0xffff) < wanted || granted >> 16 < wanted)
    return nvt_driver_fail(d, EINVAL,
                           "queues=%u, but the device grants %u submission and %u completion "
                           "queues only",
                           d->w->queues, (granted & 0xffff) + 1, (granted >> 16) + 1);
  return 0;
}

int nvt_admin_start_controller(struct nvt_driver *d) {
  int failed = nvt_admin_identify_controller(d);
  if (failed == 0)
    d->oaes = load32(d->admin_data + ID_CTRL_OAES);
  if (failed == 0 && d->habits->identified != NULL)
    failed = d->habits->identified(d);
  if (failed == 0)
    failed = check_controller(d);
  if (failed == 0 && !d->habits->no_queue_count)
    failed = ask_for_queues(d);
  return failed;
}

int nvt_admin_start(struct nvt_driver *d) {
  int failed = nvt_admin_start_controller(d);
  if (failed)
    return failed;
  /* All critical warnings of SMART, and changed namespaces where they are announced. */
  struct nvt_sqe events = {.opcode = NVT_ADMIN_SET_FEATURES,
                           .cdw10 = NVT_FEATURE_ASYNC_EVENT_CONFIG,
                           .cdw11 = 0x1f | (d->oaes & OAES_NS_ATTRIBUTES)};
  nvt_status status;
  failed =
      nvt_admin_try(d, &events, "Set Features (Asynchronous Event Configuration)", NULL, &status);
  if (failed)
    return failed;
  request_event(d);
  failed = find_namespace(d);
  return failed ? failed : identify_namespace(d);
}

int nvt_admin_make_queues(struct nvt_driver *d) {
  for (uint32_t i = 0; i < d->w->queues; i++) {
    struct nvt_hostq *q = &d->queues[i];
    uint32_t size = (q->entries - 1) << 16 | q->id;
    char what[64];
    snprintf(what, sizeof(what), "Create I/O Completion Queue %u", q->id);
    /* Physically contiguous; interrupts with their vector. */
    uint32_t interrupt = d->vectors > 0 ? (uint32_t)q->vector << 16 | 2u : 0;
    struct nvt_sqe cq = {.opcode = NVT_ADMIN_CREATE_IO_CQ,
                         .prp1 = q->cq_iova,
                         .cdw10 = size,
                         .cdw11 = interrupt | 1u};
    int failed = nvt_admin(d, &cq, what, NULL);
    if (failed)
      return failed;
    q->made_cq = true;
    snprintf(what, sizeof(what), "Create I/O Submission Queue %u", q->id);
    struct nvt_sqe sq = {.opcode = NVT_ADMIN_CREATE_IO_SQ,
                         .prp1 = q->sq_iova,
                         .cdw10 = size,
                         .cdw11 = (uint32_t)q->id << 16 | 1u};
    failed = nvt_admin(d, &sq, what, NULL);
    if (failed)
      return failed;
    q->made_sq = true;
  }
  return 0;
}

int nvt_admin_delete_queues(struct nvt_driver *d) {
  /* Submission queues first: a completion queue in use can't be deleted. */
  for (unsigned pass = 0; pass < 2; pass++)
    for (uint32_t i = 0; i < d->w->queues; i++) {
      struct nvt_hostq *q = &d->queues[i];
      bool *made = pass == 0 ? &q->made_sq : &q->made_cq;
      if (!*made)
        continue;
      char what[64];
      snprintf(what, sizeof(what), "Delete I/O %s Queue %u",
               pass == 0 ? "Submission" : "Completion", q->id);
      struct nvt_sqe sqe = {.opcode = pass == 0 ? NVT_ADMIN_DELETE_IO_SQ : NVT_ADMIN_DELETE_IO_CQ,
                            .cdw10 = q->id};
      int failed = nvt_admin(d, &sqe, what, NULL);
      if (failed)
        return failed;
      *made = false;
    }
  return 0;
}
