/* SPDX-License-Identifier: BSD-2-Clause */
/* A command whose data is in a page that one of the last commands had is never completed. */
#include "controller/profiles/profile_int.h"

enum { LAST };
#define LAST_MAX 64u

struct state {
  uint64_t pages[LAST_MAX]; /* page number + 1; a ring of the last that there were */
  uint32_t next;
};

static enum nvt_verdict io_decode(void *user, const struct nvt_tap_event *event) {
  struct nvt_profile *profile = user;
  struct state *s = nvt_profile_renew(profile, event);
  const struct nvt_sqe *sqe = event->command.sqe;
  if ((sqe->opcode & 3) == 0) /* no data: Base 2.1, figure 92 */
    return NVT_VERDICT_CONTINUE;
  uint64_t page = (sqe->prp1 >> 12) + 1;
  bool seen = false;
  for (uint32_t i = 0; i < profile->words[LAST]; i++)
    seen |= s->pages[i] == page;
  s->pages[s->next] = page;
  s->next = s->next + 1 >= profile->words[LAST] ? 0 : s->next + 1;
  return seen ? NVT_VERDICT_DROP : NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(buffer_reuse, .name = "buffer-reuse", .trouble = "buffer-reuse",
            .summary = "a command with a page that a recent one had is never completed",
            .words = {[LAST] = {"last", 8, 1, LAST_MAX, "commands that count as recent"}},
            .state = sizeof(struct state), .taps = {{"nvme:io:decode", io_decode}});
