/* SPDX-License-Identifier: BSD-2-Clause */
/* What a drive does that no driver asked for. */
#include "controller/inject.h"

#include <errno.h>
#include <string.h>

#include "control/request_int.h"

#define BY "ctl" /* in the trace's verdict records */

static bool done(int error, char *why, size_t whylen) {
  switch (error) {
  case 0:
    return true;
  case -EALREADY:
    return nvt_control_refuse(why, whylen, "it is so already");
  case -ENOENT:
    return nvt_control_refuse(why, whylen, "there is no such queue");
  case -EAGAIN:
    return nvt_control_refuse(why, whylen,
                              "no room: the completion queue is full, or 16 events wait "
                              "already");
  case -EIO:
    return nvt_control_refuse(why, whylen, "the controller isn't ready: nothing can be posted");
  case -EINVAL:
    return nvt_control_refuse(why, whylen, "no such vector, or MSI-X is off");
  default:
    return nvt_control_refuse(why, whylen, "%s", strerror(-error));
  }
}

bool nvt_control_inject_fatal(const struct nvt_control_target *target,
                              const struct control_request *request, struct json_object *answer,
                              char *why, size_t whylen) {
  (void)request;
  (void)answer;
  return done(nvt_inject_fatal(target->device, BY), why, whylen);
}

bool nvt_control_inject_remove(const struct nvt_control_target *target,
                               const struct control_request *request, struct json_object *answer,
                               char *why, size_t whylen) {
  (void)request;
  (void)answer;
  return done(nvt_inject_removal(target->device, BY), why, whylen);
}

bool nvt_control_inject_return(const struct nvt_control_target *target,
                               const struct control_request *request, struct json_object *answer,
                               char *why, size_t whylen) {
  (void)request;
  (void)answer;
  return done(nvt_inject_return(target->device, BY), why, whylen);
}

bool nvt_control_inject_interrupt(const struct nvt_control_target *target,
                                  const struct control_request *request, struct json_object *answer,
                                  char *why, size_t whylen) {
  (void)answer;
  return done(nvt_inject_interrupt(target->device, (uint16_t)request->values[0].number, BY), why,
              whylen);
}

bool nvt_control_inject_event(const struct nvt_control_target *target,
                              const struct control_request *request, struct json_object *answer,
                              char *why, size_t whylen) {
  (void)answer;
  const struct control_value *v = request->values;
  return done(nvt_inject_event(target->device, (uint8_t)v[0].number, (uint8_t)v[1].number,
                               (uint8_t)v[2].number, BY),
              why, whylen);
}

bool nvt_control_inject_completion(const struct nvt_control_target *target,
                                   const struct control_request *request,
                                   struct json_object *answer, char *why, size_t whylen) {
  (void)answer;
  const struct control_value *v = request->values;
  struct nvt_cqe cqe = {.dw0 = (uint32_t)v[4].number,
                        .dw1 = (uint32_t)v[5].number,
                        .sqhd = (uint16_t)v[6].number,
                        .sqid = (uint16_t)v[1].number,
                        .cid = (uint16_t)v[2].number,
                        .status = (uint16_t)(v[3].number << 1)};
  return done(
      nvt_inject_completion(target->device, (uint16_t)v[0].number, &cqe, (uint8_t)v[7].number, BY),
      why, whylen);
}
