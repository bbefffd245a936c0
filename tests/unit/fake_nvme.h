/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A small NVMe device behind a transport, to be faulty in ways that the real model
 * never is. It checks what the driver does, by asserts.
 */
#ifndef NVT_TESTS_FAKE_NVME_H
#define NVT_TESTS_FAKE_NVME_H

/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "controller/driver/driver.h"
#include "nvme/nvme.h"

#define FAKE_QUEUES 65u
#define FAKE_MSIX 0x50u /* offset of the capability */

enum fake_fault {
  FAKE_GOOD,
  FAKE_NO_DEVICE,
  FAKE_OTHER_CLASS,
  FAKE_CAPABILITY_LOOP,
  FAKE_NO_MSIX,
  FAKE_TABLE_BAR4,      /* MSI-X table at the start of BAR 4 */
  FAKE_TABLE_REFUSED,   /* … which can't be written: the monitor keeps it */
  FAKE_TABLE_NOWHERE,   /* in BAR 7 */
  FAKE_GONE,            /* registers read all ones */
  FAKE_NEVER_READY,     /* CSTS.RDY stays 0 */
  FAKE_NEVER_DISABLED,  /* CSTS.RDY stays 1 */
  FAKE_FATAL,           /* CSTS.CFS at enable */
  FAKE_NO_SHUTDOWN,     /* CSTS.SHST stays 0 */
  FAKE_NO_NAMESPACE,    /* the active list is empty */
  FAKE_METADATA,        /* formatted with 8 bytes a block */
  FAKE_FEW_QUEUES,      /* grants one pair */
  FAKE_DEAF_ADMIN,      /* no Create CQ is ever answered */
  FAKE_ADMIN_ERROR,     /* Create SQ fails */
  FAKE_LOSE_COMMAND,    /* the 50th I/O is never completed */
  FAKE_STRAY,           /* the 50th completion has an id of nobody */
  FAKE_TWICE,           /* the 50th completion comes twice */
  FAKE_IO_ERROR,        /* every 10th I/O fails */
  FAKE_LOSE_INTERRUPTS, /* no message after the 50th I/O */
  FAKE_EVENT,           /* an asynchronous event at the 50th I/O */
  FAKE_FLIP,            /* the 50th I/O's data has a bit wrong */
  FAKE_MISPLACE,        /* the 50th write goes one unit too low */
  FAKE_FORGET,          /* the 50th write isn't done */
};

struct fake_queue {
  uint64_t sq, cq;
  uint32_t entries_sq, entries_cq, head, tail, cq_tail, cq_head;
  uint16_t cqid, vector, phase;
  bool has_sq, has_cq, interrupts;
};

struct fake {
  struct nvt_transport transport;
  enum fake_fault fault;
  uint8_t config[256];
  uint64_t cap, asq, acq;
  uint32_t cc, csts, aqa;
  uint8_t *host;
  uint64_t host_iova, host_len;
  uint8_t *store;
  uint64_t store_len;
  uint32_t block;
  uint8_t mdts;
  struct fake_queue queues[FAKE_QUEUES];
  unsigned vectors;
  bool fired[FAKE_QUEUES];
  uint8_t msix[FAKE_QUEUES * 16];
  uint64_t ios, reads, writes;
  bool events_asked;
  uint16_t event_cid;
  unsigned log_reads, head_doorbells, tail_doorbells;
  bool mastered, closed;
};

static inline void *fake_host(struct fake *f, uint64_t iova, size_t len) {
  assert_true(iova >= f->host_iova && len <= f->host_len &&
              iova - f->host_iova <= f->host_len - len);
  return f->host + (iova - f->host_iova);
}

static inline void fake_complete(struct fake *f, uint16_t sqid, uint16_t cid, uint32_t dw0,
                                 nvt_status status) {
  struct fake_queue *sq = &f->queues[sqid], *cq = &f->queues[sq->cqid];
  assert_true((cq->cq_tail + 1) % cq->entries_cq != cq->cq_head); /* room, as the driver acks */
  struct nvt_cqe *cqe = fake_host(f, cq->cq + cq->cq_tail * 16, 16);
  *cqe = (struct nvt_cqe){.dw0 = dw0,
                          .sqhd = (uint16_t)sq->head,
                          .sqid = sqid,
                          .cid = cid,
                          .status = (uint16_t)(status << 1 | cq->phase)};
  if (++cq->cq_tail == cq->entries_cq) {
    cq->cq_tail = 0;
    cq->phase ^= 1;
  }
  if (cq->interrupts && cq->vector < f->vectors &&
      !(f->fault == FAKE_LOSE_INTERRUPTS && f->ios > 50)) {
    if (f->fault != FAKE_TABLE_REFUSED)
      assert_int_equal(f->msix[cq->vector * 16 + 12] & 1, 0); /* unmasked */
    f->fired[cq->vector] = true;
  }
}

/* Copy between the store and what PRPs name. */
static inline void fake_transfer(struct fake *f, const struct nvt_sqe *sqe, uint8_t *at, size_t len,
                                 bool to_host) {
  assert_int_equal(sqe->prp1 % 4096, 0);
  uint64_t list = sqe->prp2, page = sqe->prp1;
  size_t pages = (len + 4095) / 4096;
  for (size_t i = 0; i < pages; i++) {
    size_t part = len - i * 4096 < 4096 ? len - i * 4096 : 4096;
    uint8_t *host = fake_host(f, page, part);
    if (to_host)
      memcpy(host, at + i * 4096, part);
    else
      memcpy(at + i * 4096, host, part);
    if (i + 1 == pages)
      break;
    if (pages == 2) {
      page = sqe->prp2;
      continue;
    }
    if (list % 4096 == 4088 && i + 2 < pages)
      list = *(uint64_t *)fake_host(f, list, 8);
    page = *(uint64_t *)fake_host(f, list, 8);
    list += 8;
  }
}

static inline void fake_io(struct fake *f, uint16_t sqid, const struct nvt_sqe *sqe) {
  uint64_t lba = sqe->cdw10 | (uint64_t)sqe->cdw11 << 32;
  uint32_t blocks = (sqe->cdw12 & 0xffff) + 1;
  size_t len = (size_t)blocks * f->block;
  assert_int_equal(sqe->nsid, 1);
  assert_true(lba + blocks <= f->store_len / f->block);
  bool write = sqe->opcode == NVT_NVM_WRITE, special = ++f->ios == 50;
  f->writes += write;
  f->reads += !write;
  assert_true(write || sqe->opcode == NVT_NVM_READ);
  uint8_t *at = f->store + lba * f->block;
  if (f->fault == FAKE_LOSE_COMMAND && special)
    return;
  if (f->fault == FAKE_IO_ERROR && f->ios % 10 == 0) {
    fake_complete(f, sqid, sqe->cid, 0, write ? NVT_SC_WRITE_FAULT : NVT_SC_UNRECOVERED_READ_ERROR);
    return;
  }
  if (f->fault == FAKE_MISPLACE && special && write)
    at -= len; /* of a sequence: over what the 49th has written */
  if (!(f->fault == FAKE_FORGET && special && write))
    fake_transfer(f, sqe, at, len, !write);
  if (f->fault == FAKE_FLIP && special)
    *(write ? at : (uint8_t *)fake_host(f, sqe->prp1, 1)) ^= 4;
  if (f->fault == FAKE_EVENT && special && f->events_asked)
    fake_complete(f, 0, f->event_cid, 0x00020001, NVT_SC_SUCCESS); /* SMART, log page 2 */
  fake_complete(f, sqid, f->fault == FAKE_STRAY && special ? 0x7777 : sqe->cid, 0, NVT_SC_SUCCESS);
  if (f->fault == FAKE_TWICE && special)
    fake_complete(f, sqid, sqe->cid, 0, NVT_SC_SUCCESS);
}

static inline void fake_identify(struct fake *f, const struct nvt_sqe *sqe) {
  uint8_t *out = fake_host(f, sqe->prp1, 4096);
  memset(out, 0, 4096);
  if (sqe->cdw10 == NVT_CNS_CONTROLLER) {
    out[77] = f->mdts;
    out[93] = 1; /* OAES: namespace attributes */
    out[512] = 0x66;
    out[513] = 0x44;
    out[516] = 1;
  } else if (sqe->cdw10 == NVT_CNS_ACTIVE_NS_LIST) {
    out[0] = f->fault != FAKE_NO_NAMESPACE;
  } else {
    uint64_t blocks = f->store_len / f->block;
    memcpy(out, &blocks, 8);
    out[128] = f->fault == FAKE_METADATA ? 8 : 0;
    out[130] = f->block == 512 ? 9 : 12;
  }
}

static inline void fake_admin(struct fake *f, const struct nvt_sqe *sqe) {
  uint16_t id = (uint16_t)(sqe->cdw10 & 0xffff);
  struct fake_queue *q = &f->queues[id < FAKE_QUEUES ? id : 0];
  uint32_t dw0 = 0;
  nvt_status status = NVT_SC_SUCCESS;
  switch (sqe->opcode) {
  case NVT_ADMIN_IDENTIFY:
    fake_identify(f, sqe);
    break;
  case NVT_ADMIN_SET_FEATURES:
    if (sqe->cdw10 == NVT_FEATURE_NUMBER_OF_QUEUES)
      dw0 = f->fault == FAKE_FEW_QUEUES ? 0 : 63u << 16 | 63u;
    else
      status = NVT_SC_INVALID_FIELD; /* allowed for the event configuration */
    break;
  case NVT_ADMIN_ASYNC_EVENT_REQUEST:
    assert_false(f->events_asked && f->fault != FAKE_EVENT);
    f->events_asked = true;
    f->event_cid = sqe->cid;
    return;
  case NVT_ADMIN_GET_LOG_PAGE:
    assert_int_equal(sqe->cdw10 & 0xff, 2);
    f->log_reads++;
    break;
  case NVT_ADMIN_CREATE_IO_CQ:
    if (f->fault == FAKE_DEAF_ADMIN)
      return;
    assert_true(id != 0 && id < FAKE_QUEUES && !q->has_cq);
    assert_int_equal(sqe->prp1 % 4096, 0);
    q->has_cq = true;
    q->cq = sqe->prp1;
    q->entries_cq = (sqe->cdw10 >> 16) + 1;
    assert_true(q->entries_cq - 1 <= NVT_GET(f->cap, CAP_MQES));
    q->interrupts = sqe->cdw11 >> 1 & 1;
    q->vector = (uint16_t)(sqe->cdw11 >> 16);
    q->cq_tail = q->cq_head = 0;
    q->phase = 1;
    break;
  case NVT_ADMIN_CREATE_IO_SQ:
    assert_true(id != 0 && id < FAKE_QUEUES && !q->has_sq);
    if (f->fault == FAKE_ADMIN_ERROR) {
      status = NVT_SC_INVALID_QUEUE_SIZE;
      break;
    }
    q->has_sq = true;
    q->sq = sqe->prp1;
    q->entries_sq = (sqe->cdw10 >> 16) + 1;
    q->cqid = (uint16_t)(sqe->cdw11 >> 16);
    assert_true(f->queues[q->cqid].has_cq);
    q->head = q->tail = 0;
    break;
  case NVT_ADMIN_DELETE_IO_SQ:
    assert_true(q->has_sq);
    assert_int_equal(q->head, q->tail);
    q->has_sq = false;
    break;
  case NVT_ADMIN_DELETE_IO_CQ:
    assert_true(q->has_cq && !q->has_sq);
    q->has_cq = false;
    break;
  default:
    fail_msg("admin opcode %02xh", sqe->opcode);
  }
  fake_complete(f, 0, sqe->cid, dw0, status);
}

static inline void fake_relax(struct nvt_transport *t) {
  struct fake *f = (struct fake *)t;
  if (!NVT_GET(f->csts, CSTS_RDY))
    return;
  for (uint16_t i = 0; i < FAKE_QUEUES; i++) {
    struct fake_queue *q = &f->queues[i];
    while (q->has_sq && q->head != q->tail) {
      struct nvt_sqe sqe;
      memcpy(&sqe, fake_host(f, q->sq + q->head * 64, 64), 64);
      q->head = (q->head + 1) % q->entries_sq;
      if (i == 0)
        fake_admin(f, &sqe);
      else
        fake_io(f, i, &sqe);
    }
  }
}

static inline void fake_cc(struct fake *f, uint32_t cc) {
  bool was = NVT_GET(f->cc, CC_EN), is = NVT_GET(cc, CC_EN);
  f->cc = cc;
  if (is && !was) {
    assert_true(f->mastered); /* bus mastering before the device has to use memory */
    memset(f->queues, 0, sizeof(f->queues));
    f->queues[0] = (struct fake_queue){.sq = f->asq,
                                       .cq = f->acq,
                                       .entries_sq = (f->aqa & 0xfff) + 1,
                                       .entries_cq = (f->aqa >> 16 & 0xfff) + 1,
                                       .phase = 1,
                                       .has_sq = true,
                                       .has_cq = true,
                                       .interrupts = true};
    if (f->fault != FAKE_NEVER_READY)
      f->csts |= f->fault == FAKE_FATAL ? 2u : 1u;
  }
  if (!is && was && f->fault != FAKE_NEVER_DISABLED)
    f->csts = 0;
  if (NVT_GET(cc, CC_SHN) != 0 && f->fault != FAKE_NO_SHUTDOWN)
    f->csts |= 2u << 2;
}

static inline int fake_read(struct nvt_transport *t, unsigned region, uint64_t offset, void *buf,
                            size_t len) {
  struct fake *f = (struct fake *)t;
  uint64_t value = 0;
  if (region == NVT_REGION_CONFIG) {
    assert_true(offset + len <= sizeof(f->config));
    memcpy(buf, f->config + offset, len);
    return 0;
  }
  if (region == 4 && f->fault == FAKE_TABLE_BAR4)
    offset += 0x2000;
  else
    assert_int_equal(region, NVT_REGION_BAR0);
  if (offset >= 0x2000 && offset + len <= 0x2000 + sizeof(f->msix)) {
    memcpy(buf, f->msix + (offset - 0x2000), len);
    return 0;
  }
  switch (offset) {
  case NVT_REG_CAP:
    value = f->cap;
    break;
  case NVT_REG_VS:
    value = 0x00010400;
    break;
  case NVT_REG_CC:
    value = f->cc;
    break;
  case NVT_REG_CSTS:
    value = f->csts;
    break;
  default:
    fail_msg("register %llxh read", (unsigned long long)offset);
  }
  if (f->fault == FAKE_GONE)
    value = UINT64_MAX;
  memcpy(buf, &value, len);
  return 0;
}

static inline void fake_doorbell(struct fake *f, uint32_t index, uint32_t value) {
  assert_true(index / 2 < FAKE_QUEUES);
  struct fake_queue *q = &f->queues[index / 2 < FAKE_QUEUES ? index / 2 : 0];
  if (index % 2 == 0) {
    assert_true(q->has_sq && value < q->entries_sq && value != q->tail);
    q->tail = value;
    f->tail_doorbells++;
  } else {
    assert_true(q->has_cq && value < q->entries_cq && value != q->cq_head);
    q->cq_head = value;
    f->head_doorbells++;
  }
}

static inline int fake_write(struct nvt_transport *t, unsigned region, uint64_t offset,
                             const void *buf, size_t len) {
  struct fake *f = (struct fake *)t;
  uint64_t value = 0;
  memcpy(&value, buf, len);
  if (region == NVT_REGION_CONFIG) {
    assert_true(offset + len <= sizeof(f->config));
    memcpy(f->config + offset, buf, len);
    f->mastered = (f->config[4] & 6) == 6;
    return 0;
  }
  if (region == 4 && f->fault == FAKE_TABLE_REFUSED)
    return -EINVAL;
  if (region == 4 && f->fault == FAKE_TABLE_BAR4)
    offset += 0x2000;
  else
    assert_int_equal(region, NVT_REGION_BAR0);
  if (offset >= 0x2000) {
    assert_true(offset + len <= 0x2000 + sizeof(f->msix));
    memcpy(f->msix + (offset - 0x2000), buf, len);
  } else if (offset >= NVT_REG_DOORBELLS) {
    fake_doorbell(f, (uint32_t)(offset - NVT_REG_DOORBELLS) / 4, (uint32_t)value);
  } else if (offset == NVT_REG_CC) {
    fake_cc(f, (uint32_t)value);
  } else if (offset == NVT_REG_AQA) {
    assert_false(NVT_GET(f->cc, CC_EN));
    f->aqa = (uint32_t)value;
  } else if (offset == NVT_REG_ASQ) {
    assert_false(NVT_GET(f->cc, CC_EN));
    f->asq = value;
  } else if (offset == NVT_REG_ACQ) {
    assert_false(NVT_GET(f->cc, CC_EN));
    f->acq = value;
  } else {
    fail_msg("register %llxh written", (unsigned long long)offset);
  }
  return 0;
}

static inline int fake_dma_map(struct nvt_transport *t, uint64_t iova, void *memory, size_t len,
                               int fd, uint64_t fd_offset) {
  struct fake *f = (struct fake *)t;
  assert_null(f->host);
  assert_true(fd >= 0 && fd_offset == 0);
  f->host = memory;
  f->host_iova = iova;
  f->host_len = len;
  return 0;
}

static inline int fake_dma_unmap(struct nvt_transport *t, uint64_t iova, size_t len) {
  struct fake *f = (struct fake *)t;
  assert_true(iova == f->host_iova && len == f->host_len);
  assert_false(f->mastered); /* nothing of ours is used any more */
  f->host = NULL;
  return 0;
}

static inline int fake_irq_enable(struct nvt_transport *t, unsigned count) {
  ((struct fake *)t)->vectors = count;
  return 0;
}

static inline bool fake_irq_take(struct nvt_transport *t, unsigned vector) {
  struct fake *f = (struct fake *)t;
  assert_true(vector < f->vectors);
  bool fired = f->fired[vector];
  f->fired[vector] = false;
  return fired;
}

/* 1 MiB at 512 bytes a block, unless changed afterwards. */
static inline struct fake *fake_create(enum fake_fault fault) {
  struct fake *f = calloc(1, sizeof(*f));
  assert_non_null(f);
  f->transport = (struct nvt_transport){
      .read = fake_read,
      .write = fake_write,
      .dma_map = fake_dma_map,
      .dma_unmap = fake_dma_unmap,
      .irq_enable = fake_irq_enable,
      .irq_take = fake_irq_take,
      .relax = fake_relax,
  };
  f->fault = fault;
  f->cap = NVT_PUT(1023, CAP_MQES) | NVT_PUT(1, CAP_CQR) | NVT_PUT(1, CAP_TO) | NVT_PUT(1, CAP_CSS);
  f->block = 512;
  f->store_len = 1u << 20;
  f->store = calloc(1, f->store_len);
  assert_non_null(f->store);
  uint8_t *c = f->config;
  memset(c, fault == FAKE_NO_DEVICE ? 0xff : 0, 4);
  if (fault != FAKE_NO_DEVICE)
    c[0] = 0x36, c[1] = 0x1b, c[2] = 1;
  c[6] = 0x10;
  c[9] = 2, c[10] = fault == FAKE_OTHER_CLASS ? 6 : 8, c[11] = 1;
  c[0x34] = 0x40;
  c[0x40] = 1; /* power management, in D3 */
  c[0x41] = fault == FAKE_NO_MSIX ? 0 : FAKE_MSIX;
  c[0x44] = 3;
  c[FAKE_MSIX] = 0x11;
  c[FAKE_MSIX + 1] = fault == FAKE_CAPABILITY_LOOP ? 0x40 : 0;
  c[FAKE_MSIX + 2] = FAKE_QUEUES - 1;
  if (fault == FAKE_TABLE_BAR4 || fault == FAKE_TABLE_REFUSED || fault == FAKE_TABLE_NOWHERE)
    c[FAKE_MSIX + 4] = fault == FAKE_TABLE_NOWHERE ? 7 : 4;
  else
    c[FAKE_MSIX + 5] = 0x20; /* table at 2000h of BAR 0 */
  if (fault == FAKE_NEVER_DISABLED)
    f->cc = 1, f->csts = 1;
  return f;
}

static inline void fake_destroy(struct fake *f) {
  assert_null(f->host); /* unmapped, whatever happened */
  free(f->store);
  free(f);
}

#endif
