/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The built-in driver as the sender of somebody else's commands: it brings a controller up, makes
 * I/O queues, and has a buffer for each command that may be outstanding. Queues and interrupts are
 * its own; what the commands say, but for identifier and data pointer, is the caller's. It polls.
 */
#ifndef NVT_CONTROLLER_DRIVER_SENDER_H
#define NVT_CONTROLLER_DRIVER_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/driver/driver.h"
#include "nvme/nvme.h"

#define NVT_SENDER_QUEUES_MAX 64u
#define NVT_SENDER_DEPTH_MAX 1024u
#define NVT_SENDER_BUFFERS_MAX (UINT64_C(512) << 20) /* bytes, of all buffers */

struct nvt_sender_setup {
  uint32_t
      queues; /* I/O queue pairs, 1 to NVT_SENDER_QUEUES_MAX; fewer where the device has fewer */
  uint32_t depth; /* commands outstanding in all queues, 1 to NVT_SENDER_DEPTH_MAX */
  uint32_t bytes; /* of each buffer, 4096 or more */
  double timeout; /* seconds without any completion until the device is given up */
};

struct nvt_sender; /* one thread at a time */

/* What fails returns -errno, and once it did nothing but nvt_sender_error() and close are left. */

/* The transport stays the caller's, and outlives the sender. NULL with a message in why. */
struct nvt_sender *nvt_sender_open(struct nvt_transport *, const struct nvt_sender_setup *,
                                   char *why, size_t whylen);
/* Deletes its queues and shuts the controller down, where it still answers. NULL is fine. */
void nvt_sender_close(struct nvt_sender *);
/* What failed, for a person; "" nothing. */
const char *nvt_sender_error(const struct nvt_sender *);

uint32_t nvt_sender_queues(const struct nvt_sender *);
uint32_t nvt_sender_transfer(const struct nvt_sender *); /* bytes at once (MDTS); 0: no limit */
uint32_t nvt_sender_bytes(const struct nvt_sender *);    /* of each buffer */

/* A free slot, to be submitted or put back; -EAGAIN: all are in use. */
int nvt_sender_take(struct nvt_sender *);
void nvt_sender_put(struct nvt_sender *, unsigned slot);
/* Its buffer, page-aligned, setup.bytes of them. */
uint8_t *nvt_sender_buffer(struct nvt_sender *, unsigned slot);
/* To the end of I/O queue `queue` (from 0), with `length` bytes from or to the slot's buffer. The
 * device isn't told before nvt_sender_ring(). False: the queue is full; the slot isn't used. */
bool nvt_sender_submit(struct nvt_sender *, unsigned slot, uint32_t queue, const struct nvt_sqe *,
                       uint32_t length);
/* Room for so many more in that queue? */
bool nvt_sender_has_room(const struct nvt_sender *, uint32_t queue, uint32_t count);
void nvt_sender_ring(struct nvt_sender *);
/* 1 and what was completed, in the order of completion, its slot now the caller's; 0: nothing just
 * now. */
int nvt_sender_reap(struct nvt_sender *, unsigned *slot, nvt_status *, uint32_t *dw0);
/* One command beside the others, waited for; `length` bytes of data go with it and come back.
 * -E2BIG: more than setup.bytes. */
int nvt_sender_pass(struct nvt_sender *, bool admin, const struct nvt_sqe *, void *data,
                    uint32_t length, nvt_status *, uint32_t *dw0);

#endif
