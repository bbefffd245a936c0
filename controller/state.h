/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a controller is like at this moment: for those who show it, or start to record in
 * the middle. Looking leaves no record and changes nothing. Device thread.
 */
#ifndef NVT_CONTROLLER_STATE_H
#define NVT_CONTROLLER_STATE_H

#include <stdbool.h>
#include <stdint.h>

struct nvt_controller;

/* Base 2.1, section 3.1.4. */
struct nvt_registers {
  uint64_t cap, asq, acq;
  uint32_t vs, intms, cc, csts, aqa;
  bool removed; /* the host reads all ones instead: controller/inject.h */
};
void nvt_controller_registers(const struct nvt_controller *, struct nvt_registers *);

struct nvt_queue_info {
  uint16_t qid;
  uint16_t cqid;   /* of a submission queue; of a completion queue its own */
  uint16_t vector; /* of a completion queue, with interrupts */
  bool is_cq;
  bool interrupts;
  bool phase;           /* of the next completion */
  uint64_t base;        /* guest address */
  uint32_t entries;     /* 2 to 65536 */
  uint32_t head, tail;  /* submission queue: fetched up to, announced up to; completion queue:
                           acknowledged up to, posted up to */
  uint32_t outstanding; /* submission queue: fetched and not completed, asynchronous event
                           requests too; completion queue: posted and not acknowledged */
};
/* The i-th from 0, completion queues before submission queues; false: there are no more. */
bool nvt_controller_queue(const struct nvt_controller *, unsigned i, struct nvt_queue_info *);

/* Guest memory that the controller may use. */
struct nvt_window_info {
  uint64_t address;
  uint64_t size; /* bytes; UINT64_MAX stands for all of 2^64 */
  bool readable, writable;
};
/* The i-th from 0, by address; false: there are no more. */
bool nvt_controller_window(const struct nvt_controller *, unsigned i, struct nvt_window_info *);

/* The i-th dword from 0 of configuration space of which the host can write something; false: there
 * are no more. */
bool nvt_controller_config(const struct nvt_controller *, unsigned i, uint16_t *offset,
                           uint32_t *value);

struct nvt_msix_info {
  uint64_t address;
  uint32_t data;
  uint32_t control;
};
/* True when the host has written this entry of the MSI-X table since the last reset. */
bool nvt_controller_msix(const struct nvt_controller *, uint16_t vector, struct nvt_msix_info *);

#endif
