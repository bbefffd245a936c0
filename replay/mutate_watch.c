/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a controller promises whatever its host does: the rules of nvmetap check that are about the
 * controller alone, over the records of a run. A rule claims only what they prove.
 */
#include <stdlib.h>
#include <string.h>

#include "replay/mutate_int.h"
#include "trace/checks.h"

static const char *const rules[] = {
    "completion-for-nothing",  "completion-out-of-place", "completion-phase",
    "completion-twice",        "completion-wrong-queue",  "cq-overrun",
    "fetch-out-of-order",      "fetch-past-tail",         "sq-head-back",
    "stale-interrupt-message",
};

struct nvt_watch {
  struct nvt_session *session;
  struct nvt_checks *checks;
  nvt_watch_found found;
  void *ctx;
  uint64_t number;
  uint32_t epoch;
};

static void on_found(void *ctx, const struct nvt_finding *finding) {
  struct nvt_watch *w = ctx;
  w->found(w->ctx, finding->rule->id, finding->text);
}

static void on_ended(void *ctx, struct nvt_exchange *exchange) {
  struct nvt_watch *w = ctx;
  if (w->checks != NULL)
    nvt_checks_ended(w->checks, exchange);
}

struct nvt_watch *nvt_watch_create(nvt_watch_found found, void *ctx) {
  struct nvt_watch *w = calloc(1, sizeof(*w));
  bool *skip = malloc(nvt_check_count());
  bool made = w != NULL && skip != NULL;
  if (made) {
    const struct nvt_session_options session = {.ended = on_ended, .ended_ctx = w};
    const struct nvt_checks_options checks = {
        .skip = skip, .per_rule = 1, .found = on_found, .ctx = w};
    w->found = found;
    w->ctx = ctx;
    memset(skip, true, nvt_check_count());
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
      skip[nvt_check_find(rules[i], strlen(rules[i]))] = false;
    made = nvt_session_create(&session, &w->session) == 0 &&
           nvt_checks_create(&checks, w->session, &w->checks) == 0;
  }
  free(skip);
  if (made)
    return w;
  nvt_watch_destroy(w);
  return NULL;
}

void nvt_watch_destroy(struct nvt_watch *w) {
  if (w == NULL)
    return;
  nvt_checks_destroy(w->checks);
  if (w->session != NULL)
    nvt_session_destroy(w->session);
  free(w);
}

void nvt_watch_record(struct nvt_watch *w, enum nvt_record_type type,
                      const struct nvt_record *from) {
  struct nvt_record record = *from;
  struct nvt_view view;
  bool reset = type == NVT_REC_EVENT && (record.event.event == NVT_V_event_event_CONTROLLER_RESET ||
                                         record.event.event == NVT_V_event_event_FUNCTION_RESET ||
                                         record.event.event == NVT_V_event_event_SUBSYSTEM_RESET ||
                                         record.event.event == NVT_V_event_event_DEVICE_RESET);
  record.number = ++w->number;
  record.time_ns = UINT64_C(1700000000000000000) + w->number * 1000;
  record.header = (struct nvt_rec_header){.magic = NVT_RECORD_MAGIC,
                                          .version = NVT_RECORD_VERSION,
                                          .type = (uint8_t)type,
                                          .header_length = sizeof(struct nvt_rec_header),
                                          .epoch = w->epoch,
                                          .seq = w->number - 1};
  if (reset)
    w->epoch++;
  if (nvt_session_record(w->session, &record, &view) == 0)
    (void)nvt_checks_record(w->checks, &record, &view);
}

void nvt_watch_finish(struct nvt_watch *w) {
  nvt_checks_finish(w->checks);
  nvt_session_finish(w->session);
}
