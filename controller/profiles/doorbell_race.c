/* SPDX-License-Identifier: BSD-2-Clause */
/* Of a tail and a head doorbell of one pair that come too close, the second isn't seen. */
#include "controller/profiles/profile_int.h"
#include "nvme/names.h"

enum { NS };
#define QUEUES 256u

struct state {
  struct {
    uint64_t rung; /* ns, when last; 0: never */
    bool is_cq;
  } pairs[QUEUES];
};

static enum nvt_verdict reg_write(void *user, const struct nvt_tap_event *event) {
  struct nvt_profile *profile = user;
  struct state *s = nvt_profile_renew(profile, event);
  struct nvt_doorbell_id id;
  if (event->access.offset < NVT_BAR0_DOORBELLS || !nvt_doorbell_at(event->access.offset, 0, &id) ||
      id.qid == 0 || id.qid >= QUEUES)
    return NVT_VERDICT_CONTINUE;
  uint64_t now = nvt_profile_now(), last = s->pairs[id.qid].rung;
  if (last != 0 && s->pairs[id.qid].is_cq != id.is_cq && now - last < profile->words[NS])
    return NVT_VERDICT_DROP;
  s->pairs[id.qid].rung = now;
  s->pairs[id.qid].is_cq = id.is_cq;
  return NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(doorbell_race, .name = "doorbell-race", .trouble = "doorbell-race",
            .summary = "of a pair's two doorbells in quick succession the second is ignored",
            .words = {[NS] = {"ns", 100000, 1, 1000000000, "nanoseconds that are too close"}},
            .state = sizeof(struct state), .taps = {{"nvme:regwrite:decode", reg_write}});
