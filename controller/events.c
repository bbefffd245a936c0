/* SPDX-License-Identifier: BSD-2-Clause */
/* Building tap events; nothing here runs unless somebody listens. */
#include <string.h>

#include "controller/controller_int.h"

void nvt_event(struct nvt_controller *c, uint16_t number, uint16_t qid, uint32_t code,
               uint64_t address, uint64_t size) {
  if (!tap_on(c, NVT_TAP_DEVICE_EVENT))
    return;
  struct nvt_tap_event event;
  nvt_tap_begin(c, NVT_TAP_DEVICE_EVENT, &event);
  event.event.event = number;
  event.event.qid = qid;
  event.event.code = code;
  event.event.address = address;
  event.event.size = size;
  (void)nvt_tap_fire(c->plugins, &event);
}

bool nvt_access_event(struct nvt_controller *c, enum nvt_tap_id id, uint8_t space, uint64_t offset,
                      unsigned size, uint64_t *value, uint8_t flags) {
  if (!tap_on(c, id))
    return true;
  struct nvt_tap_event event;
  nvt_tap_begin(c, id, &event);
  event.access.offset = offset;
  event.access.value = *value;
  event.access.size = (uint8_t)size;
  event.access.space = space;
  event.access.flags = flags;
  /* What is refused is only told: nobody could carry it out. */
  if ((flags & ACCESS_REFUSED) != 0)
    event.audience = NVT_AUDIENCE_SHOWN;
  enum nvt_verdict verdict = nvt_tap_fire(c->plugins, &event);
  *value = event.access.value;
  return verdict != NVT_VERDICT_DROP;
}

void nvt_injected(struct nvt_controller *c, enum nvt_tap_id id, uint16_t qid, uint16_t cid,
                  uint16_t status, const char *by) {
  if (!tap_on(c, NVT_TAP_VERDICT))
    return;
  struct nvt_tap_event event;
  nvt_tap_begin(c, NVT_TAP_VERDICT, &event);
  event.verdict.sqid = qid;
  event.verdict.cid = cid;
  event.verdict.status = status;
  event.verdict.verdict = VERDICT_INJECTED;
  event.verdict.tap = (uint8_t)id;
  event.verdict.plugin = by;
  (void)nvt_tap_fire(c->plugins, &event);
}
