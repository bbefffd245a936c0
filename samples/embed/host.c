/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's side: a driver that sets the controller up, writes, reads back, and shuts it down. */
#include "device.h"

#include <string.h>

enum {
  ENTRIES = 32,
  ASQ_AT = 0,
  ACQ_AT = 0x1000,
  SQ_AT = 0x2000,
  CQ_AT = 0x3000,
  DATA_AT = 0x4000
};

struct pair {
  uint16_t qid, tail, head, cid;
  bool phase;
};

/* Submit one command and wait for its completion; its status, 0xffff: none came. */
static uint16_t submit(struct device *d, struct pair *q, struct sqe sqe) {
  uint64_t sq = q->qid == 0 ? ASQ_AT : SQ_AT, cq = q->qid == 0 ? ACQ_AT : CQ_AT;
  struct cqe cqe;
  sqe.cid = ++q->cid;
  memcpy(d->memory + sq + 64u * q->tail, &sqe, 64);
  q->tail = (uint16_t)((q->tail + 1) % ENTRIES);
  device_write(d, 0x1000 + 8u * q->qid, 4, q->tail);
  device_run(d);
  memcpy(&cqe, d->memory + cq + 16u * q->head, 16);
  if (cqe.cid != sqe.cid || (cqe.status & 1) != (q->phase ? 1 : 0))
    return 0xffff;
  q->head = (uint16_t)((q->head + 1) % ENTRIES);
  q->phase = q->head == 0 ? !q->phase : q->phase;
  device_write(d, 0x1004 + 8u * q->qid, 4, q->head);
  return cqe.status >> 1;
}

static void set_up_interrupts(struct device *d) {
  for (unsigned v = 0; v < VECTORS; v++) {
    device_msix_write(d, 16u * v, 8, 0xfee00000);
    device_msix_write(d, 16u * v + 8, 4, 0x4040 + v);
    device_msix_write(d, 16u * v + 12, 4, 0);
  }
  device_config_write(d, 0x52, 2, 0x8000 | (VECTORS - 1));
}

static bool set_up(struct device *d, struct pair *admin) {
  device_read(d, 0x00, 8);
  device_read(d, 0x08, 4);
  set_up_interrupts(d);
  device_write(d, 0x24, 4, (ENTRIES - 1) << 16 | (ENTRIES - 1));
  device_write(d, 0x28, 8, ASQ_AT);
  device_write(d, 0x30, 8, ACQ_AT);
  device_write(d, 0x14, 4, 0x00460001); /* entries of 64 and 16 bytes; enable */
  return (device_read(d, 0x1c, 4) & 1) != 0 &&
         submit(d, admin, (struct sqe){.opcode = 6, .prp1 = DATA_AT, .cdw10 = 1}) == 0 &&
         submit(d, admin, (struct sqe){.opcode = 6, .prp1 = DATA_AT, .nsid = 1}) == 0 &&
         submit(d, admin, (struct sqe){.opcode = 9, .cdw10 = 7}) == 0 &&
         submit(d, admin,
                (struct sqe){.opcode = 5,
                             .prp1 = CQ_AT,
                             .cdw10 = (ENTRIES - 1) << 16 | 1,
                             .cdw11 = 1u << 16 | 3}) == 0 &&
         submit(d, admin,
                (struct sqe){.opcode = 1,
                             .prp1 = SQ_AT,
                             .cdw10 = (ENTRIES - 1) << 16 | 1,
                             .cdw11 = 1u << 16 | 1}) == 0;
}

/* Write a page's and a half's worth of blocks, and read them back. */
static bool write_and_read(struct device *d, struct pair *io, unsigned i) {
  uint8_t *data = d->memory + DATA_AT;
  const uint32_t blocks = 12;
  struct sqe sqe = {.opcode = 1,
                    .nsid = 1,
                    .prp1 = DATA_AT,
                    .prp2 = DATA_AT + PAGE,
                    .cdw10 = i * blocks % (BLOCKS - blocks),
                    .cdw12 = blocks - 1};
  memset(data, (int)(i % 251), blocks * BLOCK);
  if (submit(d, io, sqe) != 0)
    return false;
  memset(data, 0xff, blocks * BLOCK);
  sqe.opcode = 2;
  return submit(d, io, sqe) == 0 && data[0] == i % 251 && data[blocks * BLOCK - 1] == i % 251;
}

bool host_run(struct device *d, unsigned count) {
  struct pair admin = {.phase = true}, io = {.qid = 1, .phase = true};
  bool good = set_up(d, &admin);
  for (unsigned i = 0; good && i < count; i++)
    good = write_and_read(d, &io, i);
  good = good && submit(d, &admin, (struct sqe){.opcode = 0, .cdw10 = 1}) == 0 &&
         submit(d, &admin, (struct sqe){.opcode = 4, .cdw10 = 1}) == 0;
  device_write(d, 0x14, 4, 0x00464001); /* shut down, */
  good = good && (device_read(d, 0x1c, 4) >> 2 & 3) == 2;
  device_write(d, 0x14, 4, 0x00460000); /* then disable */
  return good && (device_read(d, 0x1c, 4) & 1) == 0;
}
