/* SPDX-License-Identifier: BSD-2-Clause */
/* What a hit does. */
#include <errno.h>

#include "plugins/fault/fault_int.h"

static void unstick(void *arg) {
  struct fault_device *device = arg;
  device->stuck = false;
}

static int stick(const struct fault_action *action, uint32_t bdf) {
  struct fault_device *device = fault_device(bdf);
  if (device == NULL)
    return -ENOSPC;
  if (device->stuck && device->stuck_timer != 0)
    (void)plugin_timer_stop(device->stuck_timer);
  device->stuck_timer = 0;
  device->stuck = true;
  device->stuck_at = action->ready;
  if (action->ns == FAULT_FOR_EVER)
    return 0;
  int error = plugin_timer_start(action->ns, unstick, device, &device->stuck_timer);
  if (error != 0)
    device->stuck = false;
  return error;
}

static int lose_interrupt(uint32_t bdf, int cqid) {
  struct fault_device *device = fault_device(bdf);
  if (device == NULL || cqid < 0)
    return -ENOENT;
  for (unsigned i = 0; i < device->lost_count; i++)
    if (device->lost[i] == (uint32_t)cqid)
      return 0;
  if (device->lost_count == FAULT_LOST_QUEUES)
    return -ENOSPC;
  device->lost[device->lost_count++] = (uint32_t)cqid;
  return 0;
}

/* What is about the controller and not about a command. 0 or -errno. */
static int act_on_controller(const struct fault_rule *rule, uint32_t bdf) {
  const struct fault_action *action = &rule->action;
  int error = 0;
  fault.acting = true;
  switch (action->kind) {
  case FAULT_SPURIOUS_INTERRUPT:
    error = plugin_interrupt_raise(bdf, action->vector);
    break;
  case FAULT_READY:
    error = stick(action, bdf);
    break;
  case FAULT_FATAL:
    error = plugin_controller_fatal(bdf);
    break;
  case FAULT_REMOVE:
    error = plugin_controller_remove(bdf);
    if (error == 0 && action->ns != 0)
      error = fault_later_return(rule->number, bdf, action->ns);
    break;
  case FAULT_EVENT:
    error = plugin_event_raise(bdf, action->event[0], action->event[1], action->event[2]);
    break;
  default:
    break;
  }
  fault.acting = false;
  return error;
}

static int failed(struct fault_rule *rule, int error) {
  if (error != 0)
    rule->failed++;
  return NPLUGIN_CONTINUE;
}

static void set_status(struct nvme_completion *cmp, const struct fault_action *action) {
  NVME_STATUS_SET(cmp->status, action->status >> 8, action->status & 0xff);
  if (action->dnr)
    cmp->status |= NVME_STATUS_DNR_MASK << NVME_STATUS_DNR_SHIFT;
}

static int hold(struct fault_rule *rule, bool late) {
  int error = fault_later_continue(plugin_cmd_handle(), late, rule->action.ns);
  return error == 0 ? NPLUGIN_HOLD : failed(rule, error);
}

/* The end of a command that its controller didn't live to see. */
static int act_and_end(struct fault_rule *rule, uint32_t bdf) {
  int error = act_on_controller(rule, bdf);
  bool ends = rule->action.kind == FAULT_FATAL || rule->action.kind == FAULT_REMOVE;
  (void)failed(rule, error);
  return error == 0 && ends ? NPLUGIN_DROP : NPLUGIN_CONTINUE;
}

int fault_act_early(struct fault_rule *rule, uint32_t bdf, struct nvme_command *cmd,
                    struct nvme_completion *cmp, uint32_t sqid) {
  switch (rule->action.kind) {
  case FAULT_STATUS:
    set_status(cmp, &rule->action);
    return NPLUGIN_FINISH;
  case FAULT_DELAY:
    return hold(rule, false);
  case FAULT_DROP:
    return NPLUGIN_DROP;
  case FAULT_CORRUPT:
    return failed(rule,
                  fault_mark_add(&fault.marks, bdf, sqid, cmd->cid, &rule->action) ? 0 : -ENOMEM);
  default:
    return act_and_end(rule, bdf);
  }
}

int fault_act_late(struct fault_rule *rule, uint32_t bdf, struct nvme_completion *cmp,
                   uint32_t sqid) {
  const struct fault_action *action = &rule->action;
  int cqid, error;
  switch (action->kind) {
  case FAULT_STATUS:
    set_status(cmp, action);
    return NPLUGIN_CONTINUE;
  case FAULT_DELAY:
    return hold(rule, true);
  case FAULT_DROP:
    return NPLUGIN_DROP;
  case FAULT_WRONG_ID:
  case FAULT_DUPLICATE:
    cqid = plugin_cqid(bdf, sqid);
    if (cqid < 0)
      return failed(rule, cqid);
    struct nvme_completion other = *cmp;
    if (action->kind == FAULT_WRONG_ID)
      other.cid = action->id;
    error = fault_later_post(rule->number, bdf, (uint32_t)cqid, &other,
                             action->kind == FAULT_WRONG_ID ? 1 : action->times, action->ns);
    return error == 0 && action->kind == FAULT_WRONG_ID ? NPLUGIN_DROP : failed(rule, error);
  case FAULT_LOSE_INTERRUPT:
    return failed(rule, lose_interrupt(bdf, plugin_cqid(bdf, sqid)));
  default:
    return act_and_end(rule, bdf);
  }
}

int fault_act_elsewhere(struct fault_rule *rule, uint32_t bdf) {
  if (rule->action.kind == FAULT_DROP || rule->action.kind == FAULT_LOSE_INTERRUPT)
    return NPLUGIN_DROP;
  return failed(rule, act_on_controller(rule, bdf));
}
