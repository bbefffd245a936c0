/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each block written makes all that follows a little slower, until Format NVM: the first ones
 * excepted, as a drive has some that are fresh.
 */
#include <stddef.h>

#include "controller/host.h"
#include "controller/profiles/profile_int.h"

enum { NS_PER_BLOCK, AFTER };
#define HELD 4096u

struct held {
  struct nvt_profile *profile;
  struct nvt_controller *device;
  uint64_t handle;
  struct held *next;
};

struct state {
  uint64_t written; /* blocks since Format NVM */
  struct held *free;
  uint32_t used; /* of held: those that were ever given out */
  struct held held[HELD];
};

static void go_on(void *arg) {
  struct held *held = arg;
  struct state *s = held->profile->state;
  /* -ENOENT: a reset took the command. */
  (void)nvt_command_release(held->device, held->handle, NULL);
  held->next = s->free;
  s->free = held;
}

static enum nvt_verdict execute(void *user, const struct nvt_tap_event *event) {
  struct nvt_profile *profile = user;
  struct state *s = profile->state;
  const struct nvt_sqe *sqe = event->command.sqe;
  uint64_t free = profile->words[AFTER];
  uint64_t delay = s->written > free ? (s->written - free) * profile->words[NS_PER_BLOCK] : 0;
  if (sqe->opcode == NVT_NVM_WRITE)
    s->written += (sqe->cdw12 & 0xffff) + 1u;
  if (delay == 0)
    return NVT_VERDICT_CONTINUE;
  struct held *held = s->free;
  if (held != NULL)
    s->free = held->next;
  else if (s->used < HELD)
    held = &s->held[s->used++];
  else
    return NVT_VERDICT_CONTINUE;
  *held =
      (struct held){.profile = profile, .device = event->device, .handle = event->command.handle};
  if (nvt_host_timer_start(profile->host, profile, delay, go_on, held, NULL) == 0)
    return NVT_VERDICT_HOLD;
  held->next = s->free;
  s->free = held;
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict admin_done(void *user, const struct nvt_tap_event *event) {
  struct state *s = ((struct nvt_profile *)user)->state;
  if (event->command.sqe->opcode == NVT_ADMIN_FORMAT_NVM &&
      NVT_CQE_STATUS(event->command.cqe->status) == NVT_SC_SUCCESS)
    s->written = 0;
  return NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(gets_slower, .name = "gets-slower", .trouble = "gets-slower",
            .summary = "each written block makes later I/O slower, until Format NVM",
            .words = {[NS_PER_BLOCK] = {"ns-per-block", 2000, 1, 1000000,
                                        "nanoseconds that a written block adds"},
                      [AFTER] = {"after", 256, 0, UINT64_MAX / 2, "blocks that add nothing yet"}},
            .state = sizeof(struct state),
            .taps = {{"nvme:io:execute", execute}, {"nvme:admin:writeback", admin_done}});
