/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a drive does that its host didn't ask for. Device thread, outside or inside of
 * callbacks. `by` names who caused it in the trace's verdict record. 0 or -errno.
 */
#ifndef NVT_CONTROLLER_INJECT_H
#define NVT_CONTROLLER_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nvme/nvme.h"

struct nvt_controller;

#define NVT_COMMAND_DATA_MAX (64u << 20) /* bytes of nvt_command_data() */

/* CSTS.CFS = 1 (Base 2.1, section 3.1.4.6): nothing is fetched or posted until a reset.
 * -EALREADY it is set. */
int nvt_inject_fatal(struct nvt_controller *, const char *by);
/* Surprise removal: configuration space and BAR0 read as all ones, writes are refused,
 * commands are gone, guest memory isn't touched. And back, as after power on. -EALREADY. */
int nvt_inject_removal(struct nvt_controller *, const char *by);
int nvt_inject_return(struct nvt_controller *, const char *by);
/* Post an entry: ids, SQ head, dword 0 and status are the caller's, the phase the queue's.
 * opcode: what the completion record is to say. -ENOENT no such queue, -EAGAIN it is full,
 * -EIO nothing is posted (not ready, fatal, removed). */
int nvt_inject_completion(struct nvt_controller *, uint16_t cqid, const struct nvt_cqe *,
                          uint8_t opcode, const char *by);
/* The completion queue of a submission queue. -ENOENT no such queue. */
int nvt_completion_queue(const struct nvt_controller *, uint16_t sqid);
/* Send an MSI-X message: as for a completion, it may be masked. -EINVAL no such vector or
 * MSI-X is off. */
int nvt_inject_interrupt(struct nvt_controller *, uint16_t vector, const char *by);
/* An asynchronous event: type 0 to 7, information, log page (Base 2.1, figure 151). Waits
 * for a request, and while events of its type are masked. -EINVAL, -EIO not ready, -EAGAIN
 * 16 wait already. */
int nvt_inject_event(struct nvt_controller *, uint8_t type, uint8_t information, uint8_t log,
                     const char *by);

/* The data buffer of a command that is in a decode, execute or writeback callback or held:
 * copy to (write) or from it. -ENOENT no such command, -EFAULT not mapped, -EINVAL its PRPs
 * or SGL don't describe so much. What a bit bucket takes reads as zeroes, and isn't written. */
int nvt_command_data(struct nvt_controller *, uint64_t handle, uint64_t offset, void *buffer,
                     size_t length, bool write);
/* Guest memory. -EFAULT: not all of it is mapped so; nothing was copied. */
int nvt_guest_memory(struct nvt_controller *, uint64_t address, void *buffer, size_t length,
                     bool write);

#endif
