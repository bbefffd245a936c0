/* SPDX-License-Identifier: BSD-2-Clause */
/* A toy NVMe controller with one namespace in memory; its host is host.c. */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nvmetap/capture.h>

#define BLOCK 512u
#define BLOCKS 8192u
#define PAGE 4096u
#define QUEUES 2 /* admin, and one for I/O */
#define VECTORS 2

struct sqe {
  uint8_t opcode, flags;
  uint16_t cid;
  uint32_t nsid;
  uint64_t cdw2, mptr, prp1, prp2;
  uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};

struct cqe {
  uint32_t dw0, dw1;
  uint16_t sqhd, sqid, cid, status; /* status: phase in bit 0 */
};

struct queue {
  uint64_t base;    /* in the host's memory */
  uint32_t entries; /* 0: it doesn't exist */
  uint16_t head, tail;
  bool phase;
};

struct device {
  uint8_t *memory; /* the host's; addresses are offsets in it */
  size_t memory_size;
  uint8_t *medium; /* BLOCKS * BLOCK bytes */
  uint32_t cc, csts, aqa;
  uint64_t asq, acq;
  struct queue sq[QUEUES], cq[QUEUES];
  bool msix_on;
  struct {
    uint64_t address;
    uint32_t data, control;
  } msix[VECTORS];
  unsigned interrupts;              /* sent, for the host to see */
  struct nvmetap_controller *trace; /* NULL: not recorded */
};

/* Begin to record it, as controller `id`, in recording thread `id`. */
int device_trace(struct device *, struct nvmetap_recorder *, uint16_t id);

uint64_t device_read(struct device *, uint64_t offset, unsigned size); /* BAR0 */
void device_write(struct device *, uint64_t offset, unsigned size, uint64_t value);
void device_config_write(struct device *, uint64_t offset, unsigned size, uint64_t value);
void device_msix_write(struct device *, uint64_t offset, unsigned size, uint64_t value);
void device_run(struct device *); /* one turn of the main loop: do what the doorbells ask for */

bool host_run(struct device *,
              unsigned count); /* a driver: false when the device didn't do its job */

#endif
