/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The device model. What records it are the calls that begin with nvmetap_: one in each place where
 * something passes between host and controller. All else would be here without them.
 */
#include "device.h"

#include <string.h>

enum {
  CAP = 0x00,
  VS = 0x08,
  CC = 0x14,
  CSTS = 0x1c,
  AQA = 0x24,
  ASQ = 0x28,
  ACQ = 0x30,
  DOORBELLS = 0x1000,
  MSIX_CONTROL = 0x52 /* in configuration space */
};
enum {
  SUCCESS = 0,
  INVALID_OPCODE = 1,
  INVALID_FIELD = 2,
  LBA_RANGE = 0x80,
  INVALID_QUEUE = 0x101
};

/* 64 entries a queue, contiguous queues, 2 s to become ready, NVM command set. */
static const uint64_t cap = 63 | 1u << 16 | 4u << 24 | UINT64_C(1) << 37;
static const uint32_t vs = 0x00010400;

int device_trace(struct device *d, struct nvmetap_recorder *recorder, uint16_t id) {
  const struct nvmetap_namespace ns = {.nsid = 1, .block_size = BLOCK, .blocks = BLOCKS};
  const struct nvmetap_info info = {.size = sizeof(info),
                                    .id = id,
                                    .thread = id,
                                    .pci_address = 8u * (id + 1u),
                                    .cap = cap,
                                    .vs = vs,
                                    .io_queues = QUEUES - 1,
                                    .vectors = VECTORS,
                                    .mdts = 1,
                                    .serial = "TOY1",
                                    .model = "toy device",
                                    .firmware = "1",
                                    .namespaces = &ns,
                                    .namespace_count = 1};
  return nvmetap_add(recorder, &info, &d->trace);
}

/* Bytes of the host's memory; NULL: there are none. */
static uint8_t *host_memory(struct device *d, uint64_t address, size_t length) {
  return address <= d->memory_size && length <= d->memory_size - address ? d->memory + address
                                                                         : NULL;
}

uint64_t device_read(struct device *d, uint64_t offset, unsigned size) {
  uint64_t value = offset == CAP    ? cap
                   : offset == VS   ? vs
                   : offset == CC   ? d->cc
                   : offset == CSTS ? d->csts
                   : offset == AQA  ? d->aqa
                   : offset == ASQ  ? d->asq
                   : offset == ACQ  ? d->acq
                                    : 0;
  nvmetap_access(d->trace, NVMETAP_REG_READ, offset, size, value, 0); /* as it is answered */
  return value;
}

static void enable(struct device *d) {
  d->sq[0] = (struct queue){.base = d->asq, .entries = (d->aqa & 0xfff) + 1};
  d->cq[0] = (struct queue){.base = d->acq, .entries = (d->aqa >> 16 & 0xfff) + 1, .phase = true};
  d->csts = 1;
  nvmetap_event(d->trace, NVMETAP_READY, 0, 0, 0, 0);
}

static void reset(struct device *d) {
  nvmetap_event(d->trace, NVMETAP_CONTROLLER_RESET, 0, 0, 0, 0); /* what follows is another epoch */
  memset(d->sq, 0, sizeof(d->sq));
  memset(d->cq, 0, sizeof(d->cq));
  d->csts = 0;
}

static void write_cc(struct device *d, uint32_t value) {
  uint32_t was = d->cc;
  d->cc = value;
  if ((was & 1) != 0 && (value & 1) == 0)
    reset(d);
  if ((value >> 14 & 3) != 0 && (was >> 14 & 3) == 0) {
    d->csts |= 2u << 2; /* nothing is ever unwritten here */
    nvmetap_event(d->trace, NVMETAP_SHUTDOWN, 0, 0, 0, 0);
  }
  if ((was & 1) == 0 && (value & 1) != 0)
    enable(d);
}

static void ring_doorbell(struct device *d, uint64_t index, uint16_t value) {
  uint16_t qid = (uint16_t)(index / 2);
  bool is_cq = index % 2 != 0;
  nvmetap_doorbell(d->trace, qid, is_cq, value, 0); /* before what it causes */
  struct queue *q = qid >= QUEUES ? NULL : is_cq ? &d->cq[qid] : &d->sq[qid];
  if (q == NULL || value >= q->entries)
    nvmetap_event(d->trace, NVMETAP_DOORBELL_FAULT, qid, 0, DOORBELLS + 4 * index, value);
  else if (is_cq)
    q->head = value;
  else
    q->tail = value;
}

void device_write(struct device *d, uint64_t offset, unsigned size, uint64_t value) {
  if (offset >= DOORBELLS) {
    ring_doorbell(d, (offset - DOORBELLS) / 4, (uint16_t)value);
    return;
  }
  nvmetap_access(d->trace, NVMETAP_REG_WRITE, offset, size, value, 0);
  if (offset == CC)
    write_cc(d, (uint32_t)value);
  else if (offset == AQA)
    d->aqa = (uint32_t)value;
  else if (offset == ASQ)
    d->asq = value;
  else if (offset == ACQ)
    d->acq = value;
}

void device_config_write(struct device *d, uint64_t offset, unsigned size, uint64_t value) {
  nvmetap_access(d->trace, NVMETAP_CONFIG_WRITE, offset, size, value, 0);
  if (offset == MSIX_CONTROL)
    d->msix_on = (value >> 15 & 1) != 0;
}

void device_msix_write(struct device *d, uint64_t offset, unsigned size, uint64_t value) {
  nvmetap_access(d->trace, NVMETAP_MSIX_WRITE, offset, size, value, 0);
  if (offset < sizeof(d->msix) && size <= sizeof(d->msix) - offset)
    memcpy((uint8_t *)d->msix + offset, &value, size);
}

static void interrupt(struct device *d, uint16_t qid) {
  unsigned state = (d->msix[qid].control & 1) != 0 ? NVMETAP_IRQ_MASKED : NVMETAP_IRQ_SENT;
  if (!d->msix_on)
    return;
  nvmetap_interrupt(d->trace, qid, qid, state, d->msix[qid].address, d->msix[qid].data);
  d->interrupts += state == NVMETAP_IRQ_SENT;
}

/* Move a command's data between the host's two pages and `local`. */
static uint16_t move(struct device *d, uint16_t sqid, const struct sqe *sqe, uint8_t *local,
                     size_t length, bool to_host) {
  size_t done = 0;
  for (unsigned i = 0; done < length; i++) {
    uint64_t address = i == 0 ? sqe->prp1 : sqe->prp2;
    size_t piece = PAGE - address % PAGE < length - done ? PAGE - address % PAGE : length - done;
    uint8_t *there = i < 2 ? host_memory(d, address, piece) : NULL;
    if (there == NULL)
      return INVALID_FIELD;
    memcpy(to_host ? there : local + done, to_host ? local + done : there, piece);
    if (d->trace != NULL) { /* the device's own copy: the host may change its memory meanwhile */
      struct nvmetap_data data = {.sqid = sqid,
                                  .cid = sqe->cid,
                                  .direction = to_host ? NVMETAP_TO_HOST : NVMETAP_TO_CONTROLLER,
                                  .address = address,
                                  .offset = done,
                                  .bytes = local + done,
                                  .length = (uint32_t)piece};
      nvmetap_data(d->trace, &data);
    }
    done += piece;
  }
  return SUCCESS;
}

static uint16_t identify(struct device *d, const struct sqe *sqe) {
  uint8_t page[PAGE] = {0};
  uint64_t blocks = BLOCKS;
  switch (sqe->cdw10 & 0xff) {
  case 0: /* namespace: NSZE, NCAP, NUSE; LBA format 0 has 2^9 bytes */
    for (unsigned i = 0; i < 3 && sqe->nsid == 1; i++)
      memcpy(page + 8 * i, &blocks, 8);
    page[130] = sqe->nsid == 1 ? 9 : 0;
    break;
  case 1: /* controller: SN, MN, FR, MDTS, VER, SQES, CQES, NN */
    memset(page + 4, ' ', 68);
    memcpy(page + 4, "TOY1", 4);
    memcpy(page + 24, "toy device", 10);
    memcpy(page + 64, "1", 1);
    page[77] = 1;
    memcpy(page + 80, &vs, 4);
    page[512] = 0x66;
    page[513] = 0x44;
    page[516] = 1;
    break;
  case 2: /* list of namespaces */
    page[0] = sqe->nsid < 1 ? 1 : 0;
    break;
  default:
    return INVALID_FIELD;
  }
  return move(d, 0, sqe, page, sizeof(page), true);
}

static uint16_t admin(struct device *d, const struct sqe *sqe, uint32_t *dw0) {
  uint16_t qid = sqe->cdw10 & 0xffff;
  struct queue q = {.base = sqe->prp1, .entries = (sqe->cdw10 >> 16) + 1};
  switch (sqe->opcode) {
  case 0x00: /* delete, create: submission queue, completion queue */
  case 0x04:
    if (qid == 0 || qid >= QUEUES)
      return INVALID_QUEUE;
    *(sqe->opcode == 0 ? &d->sq[qid] : &d->cq[qid]) = (struct queue){0};
    return SUCCESS;
  case 0x01:
  case 0x05:
    if (qid == 0 || qid >= QUEUES)
      return INVALID_QUEUE;
    q.phase = sqe->opcode == 5;
    *(sqe->opcode == 1 ? &d->sq[qid] : &d->cq[qid]) = q;
    return SUCCESS;
  case 0x06:
    return identify(d, sqe);
  case 0x09:
    if ((sqe->cdw10 & 0xff) != 7) /* Number of Queues: one pair, counted from 0 */
      return INVALID_FIELD;
    *dw0 = 0;
    return SUCCESS;
  default:
    return INVALID_OPCODE;
  }
}

static uint16_t io(struct device *d, const struct sqe *sqe) {
  uint64_t lba = sqe->cdw10 | (uint64_t)sqe->cdw11 << 32;
  uint32_t blocks = (sqe->cdw12 & 0xffff) + 1;
  if (sqe->opcode == 0) /* Flush */
    return SUCCESS;
  if (sqe->opcode != 1 && sqe->opcode != 2) /* Write, Read */
    return INVALID_OPCODE;
  if (sqe->nsid != 1 || blocks * BLOCK > 2 * PAGE)
    return INVALID_FIELD;
  if (lba > BLOCKS || blocks > BLOCKS - lba)
    return LBA_RANGE;
  return move(d, 1, sqe, d->medium + lba * BLOCK, blocks * BLOCK, sqe->opcode == 2);
}

static void complete(struct device *d, uint16_t qid, const struct sqe *sqe, uint32_t dw0,
                     uint16_t status) {
  struct queue *q = &d->cq[qid];
  struct cqe cqe = {.dw0 = dw0,
                    .sqhd = d->sq[qid].head,
                    .sqid = qid,
                    .cid = sqe->cid,
                    .status = (uint16_t)(status << 1 | (q->phase ? 1 : 0))};
  /* Before the host can see it. */
  nvmetap_completion(d->trace, qid, q->tail, q->head, sqe->opcode, &cqe);
  memcpy(host_memory(d, q->base + 16u * q->tail, 16), &cqe, 16);
  q->tail = (uint16_t)((q->tail + 1) % q->entries);
  if (q->tail == 0)
    q->phase = !q->phase;
  interrupt(d, qid); /* vector and queue have the same number here */
}

static void fetch(struct device *d, uint16_t qid) {
  struct queue *q = &d->sq[qid];
  uint16_t slot = q->head, status;
  uint32_t dw0 = 0;
  struct sqe sqe; /* a copy: what is recorded is what is executed */
  memcpy(&sqe, host_memory(d, q->base + 64u * slot, 64), 64);
  q->head = (uint16_t)((q->head + 1) % q->entries);
  nvmetap_command(d->trace, qid, qid, slot, q->head, q->tail, &sqe);
  status = qid == 0 ? admin(d, &sqe, &dw0) : io(d, &sqe);
  complete(d, qid, &sqe, dw0, status);
}

void device_run(struct device *d) {
  for (uint16_t qid = 0; qid < QUEUES; qid++) {
    struct queue *sq = &d->sq[qid], *cq = &d->cq[qid];
    while (sq->entries != 0 && sq->head != sq->tail && cq->entries != 0 &&
           (cq->tail + 1u) % cq->entries != cq->head &&
           host_memory(d, sq->base, 64 * (size_t)sq->entries) != NULL &&
           host_memory(d, cq->base, 16 * (size_t)cq->entries) != NULL)
      fetch(d, qid);
  }
}
