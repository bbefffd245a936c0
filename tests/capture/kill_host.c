/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "controller/driver/driver.h"
#include "nvme/nvme.h"
#include "tests/capture/kill.h"

enum { ENTRIES = 64, QUEUES = 3, PAGE = 4096, DEPTH = 24 }; /* queue 0 is the admin queue */

struct queue {
  volatile struct nvt_sqe *sq;
  volatile struct nvt_cqe *cq;
  uint64_t sq_iova, cq_iova;
  uint16_t id, tail, head, phase;
  uint32_t outstanding;
  uint32_t number[ENTRIES]; /* of the command with this identifier; 0: free */
};

struct run {
  struct host *host;
  struct nvt_transport *t;
  struct queue queues[QUEUES];
  uint64_t data_iova;
  bool broken;
};

static void reg(struct run *r, uint64_t offset, uint64_t value, size_t length) {
  if (r->t->write(r->t, NVT_REGION_BAR0, offset, &value, length) != 0)
    r->broken = true;
}

static void ring(struct run *r, const struct queue *q, bool is_cq, uint32_t value) {
  uint32_t at = 2u * q->id + is_cq;
  if (r->t->doorbells != NULL)
    r->t->doorbells[at] = value;
  else
    reg(r, 0x1000 + 4u * at, value, 4);
}

static bool submit(struct run *r, struct queue *q, struct nvt_sqe sqe) {
  uint16_t cid = 0;
  while (cid < ENTRIES && q->number[cid] != 0)
    cid++;
  if (cid == ENTRIES || r->host->submitted + 1 >= NOTES)
    return false;
  uint32_t number = ++r->host->submitted;
  r->host->notes[number] = (struct note){.sqid = q->id, .cid = cid};
  q->number[cid] = number;
  sqe.cid = cid;
  if (q->id != 0) /* admin commands have no room for it: they come in their order, one at a time */
    sqe.cdw14 = number;
  memcpy((void *)(uintptr_t)&q->sq[q->tail], &sqe, sizeof(sqe));
  q->tail = (uint16_t)((q->tail + 1) % ENTRIES);
  q->outstanding++;
  return true;
}

/* What has come. */
static void reap(struct run *r, struct queue *q) {
  bool any = false;
  for (;;) {
    volatile struct nvt_cqe *cqe = &q->cq[q->head];
    const volatile uint16_t *last = (const volatile uint16_t *)cqe + 7;
    if ((*last & 1) != q->phase)
      break;
    atomic_thread_fence(memory_order_acquire);
    uint16_t cid = ((const volatile uint16_t *)cqe)[6];
    if (cid >= ENTRIES || q->number[cid] == 0) {
      snprintf(r->host->why, sizeof(r->host->why), "a completion of no command");
      r->broken = true;
      return;
    }
    r->host->notes[q->number[cid]].seen = true;
    r->host->seen++;
    q->number[cid] = 0;
    q->outstanding--;
    q->head = (uint16_t)((q->head + 1) % ENTRIES);
    q->phase ^= q->head == 0;
    any = true;
  }
  if (any)
    ring(r, q, true, q->head);
  if (any && q->id != 0)
    atomic_store(&r->host->begun, true);
}

static bool alive(const struct run *r) {
  return !r->broken && !atomic_load(&r->host->dead);
}

static void admin(struct run *r, struct nvt_sqe sqe) {
  struct queue *q = &r->queues[0];
  if (!alive(r) || !submit(r, q, sqe))
    return;
  ring(r, q, false, q->tail);
  while (alive(r) && q->outstanding > 0) {
    reap(r, q);
    usleep(20);
  }
}

static void start_controller(struct run *r) {
  uint16_t command = 0x0406; /* memory, bus master, no INTx */
  if (r->t->write(r->t, NVT_REGION_CONFIG, 4, &command, sizeof(command)) != 0)
    r->broken = true;
  reg(r, 0x24, (ENTRIES - 1) << 16 | (ENTRIES - 1), 4); /* AQA, ASQ, ACQ, CC */
  reg(r, 0x28, r->queues[0].sq_iova, 8);
  reg(r, 0x30, r->queues[0].cq_iova, 8);
  reg(r, 0x14, 4u << 20 | 6u << 16 | 1, 4);
  uint32_t csts = 0;
  while (alive(r) && (csts & 1) == 0)
    if (r->t->read(r->t, NVT_REGION_BAR0, 0x1c, &csts, sizeof(csts)) != 0)
      r->broken = true;
  admin(r, (struct nvt_sqe){.opcode = 9, .cdw10 = 7, .cdw11 = (QUEUES - 2) << 16 | (QUEUES - 2)});
  for (uint16_t i = 1; i < QUEUES; i++) {
    uint32_t size = (ENTRIES - 1) << 16 | i;
    admin(r,
          (struct nvt_sqe){.opcode = 5, .prp1 = r->queues[i].cq_iova, .cdw10 = size, .cdw11 = 1});
    admin(r, (struct nvt_sqe){.opcode = 1,
                              .prp1 = r->queues[i].sq_iova,
                              .cdw10 = size,
                              .cdw11 = (uint32_t)i << 16 | 1});
  }
}

static void load(struct run *r) {
  while (alive(r)) {
    for (uint16_t i = 1; i < QUEUES; i++) {
      struct queue *q = &r->queues[i];
      bool more = false;
      while (q->outstanding < DEPTH)
        if (submit(r, q,
                   (struct nvt_sqe){.opcode = 2,
                                    .nsid = 1,
                                    .prp1 = r->data_iova,
                                    .cdw10 = r->host->submitted % 1024}))
          more = true;
        else
          break;
      if (more)
        ring(r, q, false, q->tail);
      reap(r, q);
      if (!more)
        usleep(0); /* the device shares this processor */
    }
    if (r->host->submitted + 1 >= NOTES)
      usleep(100);
  }
}

void host_run(struct host *host) {
  struct run r = {.host = host};
  size_t size = PAGE * (2 * QUEUES + 1);
  int fd = memfd_create("kill-host", MFD_CLOEXEC);
  uint8_t *memory = MAP_FAILED;
  if (fd >= 0 && ftruncate(fd, (off_t)size) == 0)
    memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    snprintf(host->why, sizeof(host->why), "no memory");
    return;
  }
  int error = -1;
  while (!atomic_load(&host->dead) && error != 0) {
    error = nvt_transport_vfio(host->socket, &r.t, host->why, sizeof(host->why));
    if (error != 0)
      usleep(500);
  }
  if (error == 0) {
    host->why[0] = '\0';
    for (uint16_t i = 0; i < QUEUES; i++)
      r.queues[i] = (struct queue){.sq = (void *)(memory + 2u * i * PAGE),
                                   .cq = (void *)(memory + (2u * i + 1) * PAGE),
                                   .sq_iova = NVT_DRIVE_IOVA + 2u * i * PAGE,
                                   .cq_iova = NVT_DRIVE_IOVA + (2u * i + 1) * PAGE,
                                   .id = i,
                                   .phase = 1};
    r.data_iova = NVT_DRIVE_IOVA + 2u * QUEUES * PAGE;
    if (r.t->dma_map(r.t, NVT_DRIVE_IOVA, memory, size, fd, 0) != 0)
      r.broken = true;
    start_controller(&r);
    load(&r);
    while (!atomic_load(&host->dead))
      usleep(100);
    r.t->doorbells = NULL; /* its page may be gone */
    bool broken = r.broken;
    r.broken = false;
    for (uint16_t i = 0; i < QUEUES && (!broken || host->why[0] == '\0'); i++)
      reap(&r, &r.queues[i]);
    r.t->close(r.t);
  }
  munmap(memory, size);
  close(fd);
}
