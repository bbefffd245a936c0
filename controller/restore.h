/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A controller put into the middle of a session, as controller/state.h shows one: for a replay
 * that begins there. It has been enabled, and is in manual mode. What is done here leaves no
 * record. Device thread.
 */
#ifndef NVT_CONTROLLER_RESTORE_H
#define NVT_CONTROLLER_RESTORE_H

#include <stdint.h>

#include "controller/state.h"

/* A queue as it is: the admin queue, which is there, or an I/O queue, which isn't yet; completion
 * queues before the submission queues that complete there. `outstanding` doesn't matter. 0;
 * -EINVAL: no such queue can be; -EEXIST; -EAGAIN: the controller isn't ready. */
int nvt_controller_restore_queue(struct nvt_controller *, const struct nvt_queue_info *);
/* The entry in `slot` was fetched earlier and is under way: fetch it again. The queue's head and
 * tail stay; who needs the SQ head in its completion to be right holds that back until then. 1; 0:
 * it can't be fetched; -ENOENT: no such queue. */
int nvt_controller_restore_command(struct nvt_controller *, uint16_t sqid, uint16_t slot);
/* Completions were posted to the queue that no interrupt has told of; an interrupt told of those of
 * its vector. */
void nvt_controller_restore_due(struct nvt_controller *, uint16_t cqid);
void nvt_controller_restore_told(struct nvt_controller *, uint16_t vector);

#endif
