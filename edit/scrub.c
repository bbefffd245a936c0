/* SPDX-License-Identifier: BSD-2-Clause */
#include "edit/scrub.h"

#include <errno.h>
#include <stdlib.h>

#include "edit/scrub_int.h"

static void on_ended(void *ctx, struct nvt_exchange *exchange) {
  struct nvt_scrub *s = ctx;
  int error = nvt_scrub_complete(s, exchange);
  if (s->error == 0)
    s->error = error;
}

static int open_session(struct nvt_scrub *s) {
  const struct nvt_session_options options = {.ended = on_ended, .ended_ctx = s};
  int error = nvt_pages_create(&s->pages);
  return error != 0 ? error : nvt_session_create(&options, &s->session);
}

static void close_session(struct nvt_scrub *s) {
  nvt_session_destroy(s->session);
  nvt_pages_destroy(s->pages);
  s->session = NULL;
  s->pages = NULL;
}

int nvt_scrub_create(const struct nvt_scrub_options *options, nvt_scrub_put *put, void *ctx,
                     struct nvt_scrub **out) {
  struct nvt_scrub *s = calloc(1, sizeof(*s));
  if (s == NULL)
    return -ENOMEM;
  s->options = *options;
  s->options.key = NULL; /* the caller's; what is needed of it the names have */
  s->put = put;
  s->ctx = ctx;
  s->last = &s->first;
  s->learning = options->lba;
  bool keep_model = (options->keep & NVT_SCRUB_KEEP_MODEL) != 0;
  int error = nvt_names_create(options->key, options->key_length, keep_model, &s->names);
  if (error == 0 && options->lba)
    error = nvt_lba_create(NVT_SCRUB_SPACES_MAX, NVT_SCRUB_RUNS_MAX, &s->lbas);
  if (error == 0)
    error = open_session(s);
  if (error != 0) {
    nvt_scrub_destroy(s);
    return error;
  }
  *out = s;
  return 0;
}

void nvt_scrub_destroy(struct nvt_scrub *s) {
  if (s == NULL)
    return;
  nvt_scrub_forget(s);
  close_session(s);
  nvt_lba_destroy(s->lbas);
  nvt_names_destroy(s->names);
  free(s);
}

static void begin(struct nvt_scrub *s, uint64_t time_ns) {
  if (s->started)
    return;
  s->started = true;
  s->first_ns = time_ns;
}

static int take(struct nvt_scrub *s, const struct nvt_record *record) {
  struct nvt_view view;
  begin(s, record->time_ns);
  s->report.records++;
  int error = nvt_session_record(s->session, record, &view);
  if (error == 0)
    error = s->error;
  if (error == 0)
    error = nvt_pages_record(s->pages, record);
  return error != 0 ? error : nvt_scrub_make(s, record, &view);
}

int nvt_scrub_learn(struct nvt_scrub *s, const struct nvt_record *record) {
  return s->learning ? take(s, record) : 0;
}

static int end(struct nvt_scrub *s) {
  nvt_session_finish(s->session);
  return s->error != 0 ? s->error : nvt_scrub_flush(s);
}

int nvt_scrub_learned(struct nvt_scrub *s) {
  if (!s->learning)
    return 0;
  int error = end(s);
  if (error != 0)
    return error;
  close_session(s);
  s->report = (struct nvt_scrub_report){0};
  s->learning = s->started = false;
  struct nvt_lba_totals totals;
  error = nvt_lba_draw(s->lbas, s->names);
  nvt_lba_totals(s->lbas, &totals);
  s->report.runs = totals.runs;
  s->report.moved = totals.moved;
  s->report.chunk = totals.chunk;
  return error != 0 ? error : open_session(s);
}

int nvt_scrub_record(struct nvt_scrub *s, const struct nvt_record *record) {
  return take(s, record);
}

int nvt_scrub_frame(struct nvt_scrub *s, const struct nvt_record *record, enum nvt_parse parse) {
  s->report.records++;
  if (parse == NVT_PARSE_UNKNOWN_TYPE) {
    begin(s, record->time_ns);
    return nvt_scrub_unknown(s, record);
  }
  nvt_scrub_add(s, NVT_SCRUB_FOREIGN, 1);
  return 0;
}

int nvt_scrub_finish(struct nvt_scrub *s) {
  return end(s);
}

const struct nvt_scrub_report *nvt_scrub_report(const struct nvt_scrub *s) {
  return &s->report;
}
