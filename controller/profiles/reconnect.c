/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A controller that was in use and is disabled: RDY takes its time to fall; until a host has
 * seen it fallen, the admin queue stays what it was, whatever is written; and the interrupts
 * that the firmware masked stay masked over the reset.
 */
#include <string.h>

#include "controller/profiles/profile_int.h"

enum { RDY_MS };
/* Of trace/record.def. */
enum { EVENT_FUNCTION_RESET = 4, EVENT_DEVICE_RESET = 6 };

struct state {
  bool enabled;
  bool lingers;      /* disabled, and RDY = 0 not seen yet */
  uint64_t disabled; /* ns, when */
  uint32_t masked;
};

static void cc_written(struct state *s, uint32_t cc) {
  bool enable = NVT_GET(cc, CC_EN) != 0;
  if (s->enabled && !enable) {
    s->lingers = true;
    s->disabled = nvt_profile_now();
  }
  s->enabled = enable;
}

static enum nvt_verdict reg_write(void *user, const struct nvt_tap_event *event) {
  struct state *s = ((struct nvt_profile *)user)->state;
  uint64_t offset = event->access.offset;
  uint32_t value = (uint32_t)event->access.value;
  switch (offset) {
  case NVT_REG_INTMS:
    s->masked |= value;
    break;
  case NVT_REG_INTMC:
    if (s->lingers)
      return NVT_VERDICT_DROP;
    s->masked &= ~value;
    break;
  case NVT_REG_CC:
    cc_written(s, value);
    break;
  default:
    if (s->lingers && offset >= NVT_REG_AQA && offset < NVT_REG_ACQ + 8)
      return NVT_VERDICT_DROP;
    break;
  }
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict reg_read(void *user, const struct nvt_tap_event *event) {
  const struct nvt_profile *profile = user;
  struct state *s = profile->state;
  uint64_t *value = event->access.change;
  switch (event->access.offset) {
  case NVT_REG_INTMS:
  case NVT_REG_INTMC:
    *value = s->masked;
    break;
  case NVT_REG_CSTS:
    if (!s->lingers)
      break;
    if (nvt_profile_now() - s->disabled < profile->words[RDY_MS] * 1000000)
      *value |= NVT_PUT(1, CSTS_RDY);
    s->lingers = NVT_GET(*value, CSTS_RDY) != 0;
    break;
  default:
    break;
  }
  return NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict interrupt(void *user, const struct nvt_tap_event *event) {
  const struct state *s = ((struct nvt_profile *)user)->state;
  uint16_t vector = event->interrupt.vector;
  return vector < 32 && (s->masked >> vector & 1) != 0 ? NVT_VERDICT_DROP : NVT_VERDICT_CONTINUE;
}

static enum nvt_verdict device_event(void *user, const struct nvt_tap_event *event) {
  if (event->event.event >= EVENT_FUNCTION_RESET && event->event.event <= EVENT_DEVICE_RESET)
    memset(((struct nvt_profile *)user)->state, 0, sizeof(struct state));
  return NVT_VERDICT_CONTINUE;
}

NVT_PROFILE(reconnect, .name = "reconnect", .trouble = "reconnect",
            .summary = "once enabled, it keeps admin queue and masks until RDY = 0 was seen",
            .words = {[RDY_MS] = {"rdy-ms", 5, 0, 10000, "milliseconds that RDY takes to fall"}},
            .state = sizeof(struct state),
            .taps = {{"nvme:regwrite:decode", reg_write},
                     {"nvme:regread:writeback", reg_read},
                     {"nvme:admin:interrupt", interrupt},
                     {"nvme:io:interrupt", interrupt},
                     {"device:event:notify", device_event}});
