/* SPDX-License-Identifier: BSD-2-Clause */
/* What a controller is about: the rules stand at enum nvt_condition. */
#include "trace/session_int.h"

const char *nvt_condition_name(enum nvt_condition condition) {
  static const char *const names[NVT_CONDITION_COUNT] = {
      [NVT_CONDITION_UNKNOWN] = "not known",
      [NVT_CONDITION_DISABLED] = "disabled",
      [NVT_CONDITION_STARTING] = "starting",
      [NVT_CONDITION_READY] = "ready",
      [NVT_CONDITION_SHUTTING_DOWN] = "shutting down",
      [NVT_CONDITION_SHUT_DOWN] = "shut down",
      [NVT_CONDITION_FAILED] = "failed",
  };
  return (unsigned)condition < NVT_CONDITION_COUNT ? names[condition] : NULL;
}

static enum nvt_condition with_cc(enum nvt_condition was, uint64_t cc, bool is_write) {
  if (NVT_GET(cc, CC_EN) == 0)
    return NVT_CONDITION_DISABLED;
  if (NVT_GET(cc, CC_SHN) != 0)
    return was == NVT_CONDITION_SHUT_DOWN || was == NVT_CONDITION_FAILED
               ? was
               : NVT_CONDITION_SHUTTING_DOWN;
  bool starts = was == NVT_CONDITION_DISABLED || (was == NVT_CONDITION_UNKNOWN && is_write);
  return starts ? NVT_CONDITION_STARTING : was;
}

static enum nvt_condition with_csts(enum nvt_condition was, uint64_t csts, bool cc_known,
                                    uint64_t cc) {
  bool enabled = NVT_GET(cc, CC_EN) != 0;
  if (NVT_GET(csts, CSTS_CFS) != 0)
    return NVT_CONDITION_FAILED;
  if (NVT_GET(csts, CSTS_SHST) == 1)
    return NVT_CONDITION_SHUTTING_DOWN;
  if (NVT_GET(csts, CSTS_SHST) == 2)
    return NVT_CONDITION_SHUT_DOWN;
  if (NVT_GET(csts, CSTS_RDY) != 0 && (enabled || !cc_known))
    return NVT_CONDITION_READY;
  if (!cc_known)
    return was == NVT_CONDITION_DISABLED ? was : NVT_CONDITION_UNKNOWN;
  return enabled ? NVT_CONDITION_STARTING : NVT_CONDITION_DISABLED;
}

static void follow_register(struct nvt_controller_node *controller,
                            const struct nvt_record *record) {
  const struct nvt_rec_access *access = &record->access;
  bool snapshot = (record->header.flags & NVT_V_header_flags_SNAPSHOT) != 0;
  bool is_write = record->header.type == NVT_REC_REG_WRITE && !snapshot;
  uint64_t cc, csts;
  if ((access->access_flags & NVT_V_access_access_flags_REFUSED) != 0)
    return;
  bool cc_known = nvt_image_value(&controller->registers, NVT_ROW_CC, &cc);
  if (nvt_access_touches(access, NVT_REG_CC, 4) && cc_known)
    controller->state.condition = with_cc(controller->state.condition, cc, is_write);
  if (nvt_access_touches(access, NVT_REG_CSTS, 4) && !is_write &&
      nvt_image_value(&controller->registers, NVT_ROW_CSTS, &csts))
    controller->state.condition = with_csts(controller->state.condition, csts, cc_known, cc);
}

static void forget(struct nvt_controller_node *controller) {
  controller->state.condition = NVT_CONDITION_UNKNOWN;
  nvt_image_forget(&controller->registers);
}

static void follow_event(struct nvt_controller_node *controller, unsigned event) {
  switch (event) {
  case NVT_V_event_event_ATTACH: /* recorders give a new host a controller that is reset */
    controller->state.condition = NVT_CONDITION_DISABLED;
    break;
  case NVT_V_event_event_READY:
    controller->state.condition = NVT_CONDITION_READY;
    break;
  case NVT_V_event_event_SHUTDOWN:
    controller->state.condition = NVT_CONDITION_SHUT_DOWN;
    break;
  case NVT_V_event_event_FATAL:
    controller->state.condition = NVT_CONDITION_FAILED;
    break;
  default: /* resets: session.c */
    if (nvt_event_breaks(event))
      forget(controller);
    break;
  }
}

void nvt_session_condition(struct nvt_controller_node *controller,
                           const struct nvt_record *record) {
  enum nvt_condition *condition = &controller->state.condition;
  switch (record->header.type) {
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
    follow_register(controller, record);
    break;
  case NVT_REC_COMMAND:
    if (*condition == NVT_CONDITION_UNKNOWN || *condition == NVT_CONDITION_STARTING)
      *condition = NVT_CONDITION_READY;
    break;
  case NVT_REC_EVENT:
    follow_event(controller, record->event.event);
    break;
  case NVT_REC_LOSS: /* a snapshot follows */
    if (nvt_record_left_out(record))
      forget(controller);
    break;
  default:
    break;
  }
}
