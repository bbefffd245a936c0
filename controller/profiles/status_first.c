/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status of a completion, with its phase, is in guest memory before the rest of the
 * entry, as when a hypervisor copies entries back without a barrier. Completions are held
 * in their order; the first one's status is stored into its slot at once, and a while later
 * it is posted as a whole.
 */
#include "controller/host.h"
#include "controller/inject.h"
#include "controller/profiles/profile_int.h"

enum { NS };
#define QUEUES 256u
#define WAITING 1024u /* on one queue; a power of two */

struct waiting {
  uint64_t handle;
  uint16_t status; /* without phase */
};

struct queue {
  struct nvt_profile *profile;
  struct nvt_controller *device;
  uint64_t base, releasing;
  uint32_t size, slot; /* slot: of the first that waits */
  uint32_t first, count;
  uint16_t phase;
  struct waiting at[WAITING];
};

struct state {
  struct queue queues[QUEUES];
};

static void half_publish(struct queue *q);

static void publish(void *arg) {
  struct queue *q = arg;
  if (q->count == 0)
    return; /* a reset took it */
  q->releasing = q->at[q->first].handle;
  q->first = (q->first + 1) % WAITING;
  q->count--;
  int error = nvt_command_release(q->device, q->releasing, NULL);
  q->releasing = 0;
  if (error == 0 && ++q->slot == q->size) {
    q->slot = 0;
    q->phase ^= 1;
  }
  if (q->count > 0)
    half_publish(q);
}

static void half_publish(struct queue *q) {
  uint16_t status = q->at[q->first].status | q->phase;
  uint64_t address =
      q->base + (uint64_t)q->slot * sizeof(struct nvt_cqe) + offsetof(struct nvt_cqe, status);
  (void)nvt_guest_memory(q->device, address, &status, sizeof(status), true);
  /* Where no timer can be had it stays held: publish at once instead. */
  if (nvt_host_timer_start(q->profile->host, q->profile, q->profile->words[NS], publish, q, NULL) !=
      0)
    publish(q);
}

static enum nvt_verdict io_writeback(void *user, const struct nvt_tap_event *event) {
  struct nvt_profile *profile = user;
  struct state *s = nvt_profile_renew(profile, event);
  if (event->command.cqid >= QUEUES)
    return NVT_VERDICT_CONTINUE;
  struct queue *q = &s->queues[event->command.cqid];
  if (q->size == 0 || event->command.handle == q->releasing || q->count == WAITING)
    return NVT_VERDICT_CONTINUE;
  q->at[(q->first + q->count++) % WAITING] =
      (struct waiting){event->command.handle, (uint16_t)(event->command.cqe->status & ~1u)};
  if (q->count > 1)
    return NVT_VERDICT_HOLD;
  q->slot = event->command.slot;
  q->phase = event->command.cqe->status & 1;
  half_publish(q);
  return NVT_VERDICT_HOLD;
}

static enum nvt_verdict admin_writeback(void *user, const struct nvt_tap_event *event) {
  struct nvt_profile *profile = user;
  struct state *s = nvt_profile_renew(profile, event);
  const struct nvt_sqe *sqe = event->command.sqe;
  uint16_t qid = (uint16_t)sqe->cdw10;
  if (NVT_CQE_STATUS(event->command.cqe->status) != NVT_SC_SUCCESS || qid >= QUEUES)
    return NVT_VERDICT_CONTINUE;
  struct queue *q = &s->queues[qid];
  if (sqe->opcode == NVT_ADMIN_CREATE_IO_CQ)
    *q = (struct queue){.profile = profile,
                        .device = event->device,
                        .base = sqe->prp1,
                        .size = (sqe->cdw10 >> 16) + 1};
  else if (sqe->opcode == NVT_ADMIN_DELETE_IO_CQ)
    q->size = q->count = 0;
  return NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(status_first, .name = "status-first", .trouble = "status-first",
            .summary = "a completion's status and phase are in memory before its ids are",
            .words = {[NS] = {"ns", 20000, 1, 1000000000, "nanoseconds between the two"}},
            .state = sizeof(struct state),
            .taps = {{"nvme:io:writeback", io_writeback},
                     {"nvme:admin:writeback", admin_writeback}});
