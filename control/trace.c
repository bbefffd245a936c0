/* SPDX-License-Identifier: BSD-2-Clause */
/* The recorder's own trace, and live ones. */
#include <errno.h>
#include <string.h>

#include "control/request_int.h"

#define RING (8u << 20) /* bytes, where none are asked for */

static bool trace_switch(const struct nvt_control_target *target, bool on, char *why,
                         size_t whylen) {
  struct nvt_control_trace trace;
  if (!target->trace(target->ctx, &trace))
    return nvt_control_refuse(why, whylen,
                              "this recorder was started without --trace; 'trace "
                              "open' makes one that doesn't need it");
  int error = target->trace_switch(target->ctx, on);
  if (error == -EALREADY)
    return nvt_control_refuse(why, whylen, "tracing is %s already", on ? "on" : "off");
  return error == 0 ||
         nvt_control_refuse(why, whylen, "tracing can't be switched: %s", strerror(-error));
}

bool nvt_control_trace_start(const struct nvt_control_target *target,
                             const struct control_request *request, struct json_object *answer,
                             char *why, size_t whylen) {
  (void)request;
  (void)answer;
  return trace_switch(target, true, why, whylen);
}

bool nvt_control_trace_stop(const struct nvt_control_target *target,
                            const struct control_request *request, struct json_object *answer,
                            char *why, size_t whylen) {
  (void)request;
  (void)answer;
  return trace_switch(target, false, why, whylen);
}

static bool trace_fire(const struct nvt_control_target *target, bool dump, const char *path,
                       struct json_object *answer, char *why, size_t whylen) {
  struct nvt_control_piece piece = {0};
  int error =
      target->trace_fire == NULL ? -ENOTSUP : target->trace_fire(target->ctx, dump, path, &piece);
  if (error == -ENOTSUP)
    return nvt_control_refuse(why, whylen,
                              "this recorder writes its whole trace, or none: record --flight or "
                              "--trigger makes one that keeps the past and waits");
  if (error != 0)
    return nvt_control_refuse(why, whylen, "%.1024s: %s", path != NULL ? path : piece.path,
                              strerror(-error));
  if (piece.path[0] != '\0')
    nvt_control_add_text(answer, "file", piece.path);
  if (dump)
    nvt_control_add_number(answer, "bytes", piece.bytes);
  return true;
}

bool nvt_control_trace_trigger(const struct nvt_control_target *target,
                               const struct control_request *request, struct json_object *answer,
                               char *why, size_t whylen) {
  (void)request;
  return trace_fire(target, false, NULL, answer, why, whylen);
}

bool nvt_control_trace_dump(const struct nvt_control_target *target,
                            const struct control_request *request, struct json_object *answer,
                            char *why, size_t whylen) {
  const char *path = request->values[0].given ? request->values[0].text : NULL;
  if (path != NULL && path[0] != '/')
    return nvt_control_refuse(why, whylen,
                              "file '%.64s': a path from the root is wanted, since the recorder "
                              "may be in another directory",
                              path);
  return trace_fire(target, true, path, answer, why, whylen);
}

/* What is wanted, but for where it goes. */
static bool what_is_wanted(const struct control_value *values, struct nvt_control_open *out,
                           char *why, size_t whylen) {
  *out = (struct nvt_control_open){.fd = -1, .ring = RING};
  const char *data = values[0].given ? values[0].text : "none";
  if (!nvt_trace_data_parse(data, &out->data, &out->head, &out->dedup_pages))
    return nvt_control_refuse(why, whylen, "data '%.64s': " NVT_TRACE_DATA_WANTED, data);
  if (!nvt_trace_filter_parse(values[1].given ? values[1].text : "", &out->filter, why, whylen))
    return false;
  if (!nvt_trace_filter_agrees(&out->filter, out->data, why, whylen))
    return false;
  if (values[2].given)
    out->ring = values[2].number;
  if (out->ring < NVT_CONTROL_RING_MIN || out->ring > NVT_CONTROL_RING_MAX)
    return nvt_control_refuse(why, whylen, "ring: a size from 1M to 1G is wanted");
  return true;
}

bool nvt_control_trace_open(const struct nvt_control_target *target,
                            const struct control_request *request, struct json_object *answer,
                            char *why, size_t whylen) {
  struct nvt_control_open wanted;
  if (!what_is_wanted(request->values, &wanted, why, whylen))
    return false;
  if (target->trace_open == NULL)
    return nvt_control_refuse(why, whylen, "this recorder makes no live traces");
  if (request->fd < 0)
    return nvt_control_refuse(why, whylen,
                              "the descriptor that the trace is to be written to is missing: it "
                              "comes with the request, as SCM_RIGHTS; 'nvmetap ctl' does that");
  wanted.fd = request->fd;
  uint32_t id;
  if (target->trace_open(target->ctx, &wanted, &id, why, whylen) != 0)
    return false;
  nvt_control_add_number(answer, "id", id);
  return true;
}

bool nvt_control_trace_close(const struct nvt_control_target *target,
                             const struct control_request *request, struct json_object *answer,
                             char *why, size_t whylen) {
  (void)answer;
  uint32_t id = (uint32_t)request->values[0].number;
  if (target->trace_open != NULL && target->trace_close(target->ctx, id) == 0)
    return true;
  return nvt_control_refuse(why, whylen, "there is no live trace %u", id);
}

struct json_object *nvt_control_live(const struct nvt_control_target *target) {
  struct json_object *list = json_object_new_array();
  struct nvt_control_live live;
  for (unsigned i = 0; target->trace_open != NULL && target->trace_live(target->ctx, i, &live);
       i++) {
    struct json_object *out = json_object_new_object();
    nvt_control_add_number(out, "id", live.id);
    nvt_control_add_number(out, "pid", (uint64_t)live.pid);
    nvt_control_add_text(out, "data", nvt_trace_data_name(live.data));
    nvt_control_add_text(out, "filter", live.filter);
    nvt_control_add_number(out, "records", live.records);
    nvt_control_add_number(out, "lost", live.lost);
    nvt_control_add_number(out, "bytes", live.bytes);
    json_object_array_add(list, out);
  }
  return list;
}
