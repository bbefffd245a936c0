/* SPDX-License-Identifier: BSD-2-Clause */
/* Namespaces, messages, the end. */
#include "control/request_int.h"
#include "controller/controller.h"
#include "controller/log.h"

bool nvt_control_namespace_add(const struct nvt_control_target *target,
                               const struct control_request *request, struct json_object *answer,
                               char *why, size_t whylen) {
  uint32_t nsid;
  if (nvt_controller_add_namespace(target->device, request->values[0].text, &nsid, why, whylen) !=
      0)
    return false;
  nvt_control_add_number(answer, "nsid", nsid);
  return true;
}

bool nvt_control_namespace_remove(const struct nvt_control_target *target,
                                  const struct control_request *request, struct json_object *answer,
                                  char *why, size_t whylen) {
  (void)answer;
  uint32_t nsid = (uint32_t)request->values[0].number;
  if (nvt_controller_remove_namespace(target->device, nsid) == 0)
    return true;
  return nvt_control_refuse(why, whylen, "there is no namespace %u", nsid);
}

bool nvt_control_namespace_resize(const struct nvt_control_target *target,
                                  const struct control_request *request, struct json_object *answer,
                                  char *why, size_t whylen) {
  (void)answer;
  return nvt_controller_resize_namespace(target->device, (uint32_t)request->values[0].number,
                                         request->values[1].number, why, whylen) == 0;
}

bool nvt_control_log(const struct nvt_control_target *target, const struct control_request *request,
                     struct json_object *answer, char *why, size_t whylen) {
  (void)target;
  (void)answer;
  enum nvt_log_level level;
  if (!nvt_log_level_parse(request->values[0].text, &level))
    return nvt_control_refuse(why, whylen, "'%.64s': the levels are quiet, normal and verbose",
                              request->values[0].text);
  nvt_log_set(level);
  return true;
}

bool nvt_control_stop(const struct nvt_control_target *target,
                      const struct control_request *request, struct json_object *answer, char *why,
                      size_t whylen) {
  (void)request;
  (void)answer;
  (void)why;
  (void)whylen;
  target->stop(target->ctx);
  return true;
}
