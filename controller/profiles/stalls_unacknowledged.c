/* SPDX-License-Identifier: BSD-2-Clause */
/* Nothing is fetched while so many completions wait for the host's head doorbell. */
#include "controller/profiles/profile_int.h"

enum { MOST };

static enum nvt_verdict fetch(void *user, const struct nvt_tap_event *event) {
  const struct nvt_profile *profile = user;
  return event->fetch.unacknowledged >= profile->words[MOST] ? NVT_VERDICT_HOLD
                                                             : NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(stalls_unacknowledged, .name = "stalls-unacknowledged",
            .trouble = "stalls-unacknowledged",
            .summary = "nothing is fetched while many completions are unacknowledged",
            .words = {[MOST] = {"n", 8, 1, 65535, "unacknowledged completions that stop it"}},
            .taps = {{"nvme:io:fetch", fetch}});
