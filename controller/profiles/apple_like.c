/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A vendor's admin command before I/O queues are made, submission queue entries 128 bytes
 * apart, a reserved flag in each I/O command; anything else is fatal.
 */
#include "controller/inject.h"
#include "controller/profiles/profile_int.h"

struct state {
  bool told; /* the vendor's command came */
};

static void options(const struct nvt_profile *profile, struct nvt_controller_options *options) {
  (void)profile;
  options->sqe_shift = 7;
}

static enum nvt_verdict fatal(const struct nvt_profile *profile,
                              const struct nvt_tap_event *event) {
  (void)nvt_inject_fatal(event->device, profile->kind->name);
  return NVT_VERDICT_DROP;
}

static enum nvt_verdict admin_decode(void *user, const struct nvt_tap_event *event) {
  struct nvt_profile *profile = user;
  struct state *s = nvt_profile_renew(profile, event);
  switch (event->command.sqe->opcode) {
  case NVT_APPLE_COMMAND:
    s->told = true;
    return nvt_profile_answer(event, NVT_SC_SUCCESS);
  case NVT_ADMIN_CREATE_IO_CQ:
  case NVT_ADMIN_CREATE_IO_SQ:
    return s->told ? NVT_VERDICT_CONTINUE : fatal(profile, event);
  default:
    return NVT_VERDICT_CONTINUE;
  }
}

static enum nvt_verdict io_decode(void *user, const struct nvt_tap_event *event) {
  return (event->command.sqe->flags & NVT_APPLE_FLAG) != 0 ? NVT_VERDICT_CONTINUE
                                                           : fatal(user, event);
}

NVT_PROFILE(apple_like, .name = "apple-like", .trouble = "apple-like",
            .summary = "wants a vendor command, entries of 128 bytes and a reserved flag",
            .options = options, .state = sizeof(struct state),
            .taps = {{"nvme:admin:decode", admin_decode}, {"nvme:io:decode", io_decode}});
