/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * I/O queues for a host that never asked for their number (Set Features 07h) since it enabled
 * the controller: none, or a few that it can't know the number of.
 */
#include "controller/profiles/profile_int.h"

enum { PAIRS };

struct state {
  bool asked;
};

static bool creates_queue(const struct nvt_sqe *sqe) {
  return sqe->opcode == NVT_ADMIN_CREATE_IO_CQ || sqe->opcode == NVT_ADMIN_CREATE_IO_SQ;
}

static enum nvt_verdict reject(void *user, const struct nvt_tap_event *event) {
  const struct state *s = nvt_profile_renew(user, event);
  return creates_queue(event->command.sqe) && !s->asked
             ? nvt_profile_answer(event, NVT_SC_COMMAND_SEQUENCE_ERROR)
             : NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict grant(void *user, const struct nvt_tap_event *event) {
  const struct nvt_profile *profile = user;
  const struct state *s = nvt_profile_renew(user, event);
  const struct nvt_sqe *sqe = event->command.sqe;
  return creates_queue(sqe) && !s->asked && (sqe->cdw10 & 0xffff) > profile->words[PAIRS]
             ? nvt_profile_answer(event, NVT_SC_INVALID_QUEUE_ID)
             : NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict writeback(void *user, const struct nvt_tap_event *event) {
  struct state *s = nvt_profile_renew(user, event);
  const struct nvt_sqe *sqe = event->command.sqe;
  if (sqe->opcode == NVT_ADMIN_SET_FEATURES &&
      (sqe->cdw10 & 0xff) == NVT_FEATURE_NUMBER_OF_QUEUES &&
      NVT_CQE_STATUS(event->command.cqe->status) == NVT_SC_SUCCESS)
    s->asked = true;
  return NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(no_queue_count_reject, .name = "no-queue-count-reject", .trouble = "no-queue-count",
            .summary = "no I/O queue for a host that didn't ask for their number",
            .state = sizeof(struct state),
            .taps = {{"nvme:admin:decode", reject}, {"nvme:admin:writeback", writeback}});
NVT_PROFILE(no_queue_count_grant, .name = "no-queue-count-grant", .trouble = "no-queue-count",
            .summary = "a few I/O queues for a host that didn't ask for their number",
            .words = {[PAIRS] = {"pairs", 2, 1, 255, "I/O queue pairs that it may make"}},
            .state = sizeof(struct state),
            .taps = {{"nvme:admin:decode", grant}, {"nvme:admin:writeback", writeback}});
