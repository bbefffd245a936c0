/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is written to the MSI-X table is taken up when the table is read next; messages of a
 * vector that was written and not read back since are lost.
 */
#include "controller/profiles/profile_int.h"

#define VECTORS 2048u
#define ENTRY 16u /* bytes */
enum { SPACE_MSIX_TABLE = 2 };

struct state {
  uint8_t stale[VECTORS];
  bool any;
};

static enum nvt_verdict table_write(void *user, const struct nvt_tap_event *event) {
  struct state *s = ((struct nvt_profile *)user)->state;
  if (event->access.space != SPACE_MSIX_TABLE || event->access.offset / ENTRY >= VECTORS)
    return NVT_VERDICT_CONTINUE;
  s->stale[event->access.offset / ENTRY] = s->any = true;
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict table_read(void *user, const struct nvt_tap_event *event) {
  struct state *s = ((struct nvt_profile *)user)->state;
  if (event->access.space == SPACE_MSIX_TABLE && s->any)
    *s = (struct state){0};
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict interrupt(void *user, const struct nvt_tap_event *event) {
  const struct state *s = ((struct nvt_profile *)user)->state;
  uint16_t vector = event->interrupt.vector;
  return vector < VECTORS && s->stale[vector] ? NVT_VERDICT_DROP : NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(lost_interrupts, .name = "lost-interrupts", .trouble = "lost-interrupts",
            .summary = "a vector is dead from a write to the MSI-X table to the next read of it",
            .state = sizeof(struct state),
            .taps = {{"nvme:msixwrite:decode", table_write},
                     {"nvme:msixread:writeback", table_read},
                     {"nvme:admin:interrupt", interrupt},
                     {"nvme:io:interrupt", interrupt}});
