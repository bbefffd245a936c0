/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct replay {
  const struct nvt_replay_options *options;
  struct nvt_replay_result *result;
  struct nvt_feed *feed;
  struct {
    uint16_t id;
    struct nvt_engine *engine;
  } controllers[NVT_REPLAY_CONTROLLERS_MAX];
  size_t count;
  size_t last; /* the one of the last record */
  struct nvt_pace pace;
  double start;
  double shown;
};

static double now(void) {
  return (double)nvt_pace_now() / 1e9;
}

static void show_progress(struct replay *r, bool end) {
  double at = now();
  if (end) {
    if (r->shown > 0)
      fputs("\r\033[K", stderr);
    return;
  }
  if (at - r->start < 2 || at - r->shown < 0.25)
    return;
  r->shown = at;
  uint64_t size = nvt_feed_size(r->feed);
  fprintf(stderr, "\rreplay: %" PRIu64 " records", r->result->records);
  if (size > 0)
    fprintf(stderr, ", %.0f %%", 100.0 * (double)nvt_feed_position(r->feed) / (double)size);
  fprintf(stderr, ", %" PRIu64 " differences\033[K", r->result->totals.findings.count);
  fflush(stderr);
}

/* While nothing is due. */
static bool idle(void *ctx) {
  struct replay *r = ctx;
  if (r->options->progress)
    show_progress(r, false);
  return true;
}

static bool fail(struct replay *r, const struct nvt_record *record, const char *text) {
  struct nvt_reason *why = &r->result->why;
  why->offset = record->offset;
  why->record = record->number;
  snprintf(why->text, sizeof(why->text), "%s: record %" PRIu64 ", controller %u: %s",
           r->options->path, record->number, record->header.controller, text);
  return false;
}

static struct nvt_engine *find(struct replay *r, uint16_t id) {
  if (r->last < r->count && r->controllers[r->last].id == id)
    return r->controllers[r->last].engine;
  for (size_t i = 0; i < r->count; i++)
    if (r->controllers[i].id == id) {
      r->last = i;
      return r->controllers[i].engine;
    }
  return NULL;
}

static bool add(struct replay *r, const struct nvt_record *meta) {
  char text[384];
  if (r->count == NVT_REPLAY_CONTROLLERS_MAX)
    return fail(r, meta, "a trace of more than 64 controllers can't be replayed at once");
  if ((meta->meta.left_out_flags &
       (NVT_V_meta_left_out_flags_DOORBELLS | NVT_V_meta_left_out_flags_INTERRUPTS)) != 0)
    return fail(
        r, meta,
        "a filter left out doorbells or interrupts, without which the target can't be driven "
        "as the recorded controller was; record again without one, or with one that leaves "
        "out whole queues, such as queue=0+1");
  if (!nvt_engine_create(meta, r->options->target, r->options->address, r->feed, &r->result->totals,
                         &r->controllers[r->count].engine, text, sizeof(text)))
    return fail(r, meta, text);
  r->controllers[r->count++].id = meta->header.controller;
  return true;
}

static bool take(struct replay *r, const struct nvt_feed_item *item) {
  const struct nvt_record *record = &item->record;
  r->result->records++;
  struct nvt_engine *engine = find(r, record->header.controller);
  if (engine == NULL && record->header.type == NVT_REC_META)
    return add(r, record);
  /* Namespaces are made, and told of, before the meta-record that describes them. */
  if (engine == NULL &&
      (record->header.type == NVT_REC_ANNOTATION ||
       (record->header.type == NVT_REC_EVENT && record->event.event == NVT_V_event_event_NS_ADDED)))
    return true;
  if (engine == NULL)
    return fail(r, record,
                "no meta-record tells what this controller was, so the target can't be set up "
                "like it; record again with nvmetap record, or import with a description");
  if (r->pace.speed > 0 && nvt_pace_is_step(record))
    (void)nvt_pace_wait(&r->pace, record);
  nvt_engine_take(engine, item);
  return true;
}

static void run(struct replay *r) {
  struct nvt_replay_result *result = r->result;
  const struct nvt_feed_item *item;
  enum nvt_feed_status status;
  while ((status = nvt_feed_next(r->feed, &item, &result->why)) == NVT_FEED_ITEM) {
    if (!take(r, item))
      return;
    if (r->options->progress && (result->records & 4095) == 0)
      show_progress(r, false);
  }
  for (size_t i = 0; i < r->count; i++)
    nvt_engine_finish(r->controllers[i].engine);
  result->readable = status == NVT_FEED_END;
  if (result->readable && r->count == 0) {
    result->readable = false;
    snprintf(result->why.text, sizeof(result->why.text),
             "%s: holds no record of a controller%s; there is nothing to replay", r->options->path,
             nvt_feed_foreign(r->feed) > 0 ? ", only frames of something else" : "");
  }
}

void nvt_replay(const struct nvt_replay_options *options, struct nvt_replay_result *result) {
  struct replay r = {.options = options, .result = result, .start = now()};
  r.pace = (struct nvt_pace){.speed = options->speed, .idle = idle, .ctx = &r};
  memset(result, 0, sizeof(*result));
  nvt_findings_init(&result->totals.findings, options->max_findings);
  if (nvt_feed_open(options->path, &r.feed, &result->why)) {
    run(&r);
    show_progress(&r, true);
    nvt_pace_end(&r.pace);
    result->pace = r.pace.result;
    result->foreign = nvt_feed_foreign(r.feed);
  }
  for (size_t i = 0; i < r.count; i++)
    nvt_engine_destroy(r.controllers[i].engine);
  nvt_feed_close(r.feed);
  result->seconds = now() - r.start;
}

void nvt_replay_clear(struct nvt_replay_result *result) {
  nvt_findings_clear(&result->totals.findings);
}
