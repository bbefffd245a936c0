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
  size_t recent; /* the one of the last record */
  struct nvt_pace pace;
  struct nvt_window_position position;
  bool refused;  /* nothing can be done with the current record */
  uint64_t last; /* number of the last record that was replayed */
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
  fputs("\rreplay: ", stderr);
  if (r->result->totals.findings.loop > 1)
    fprintf(stderr, "loop %" PRIu32 ", ", r->result->totals.findings.loop);
  fprintf(stderr, "%" PRIu64 " records", r->result->records);
  if (size > 0)
    fprintf(stderr, ", %.0f %%", 100.0 * (double)nvt_feed_position(r->feed) / (double)size);
  fprintf(stderr, ", %" PRIu64 " differences\033[K", r->result->totals.findings.count);
  fflush(stderr);
}

static bool time_over(struct replay *r) {
  r->result->ended |= r->pace.until != 0 && nvt_pace_now() >= r->pace.until;
  return r->result->ended;
}

/* While nothing is due. */
static void idle(void *ctx) {
  struct replay *r = ctx;
  if (r->options->progress)
    show_progress(r, false);
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
  if (r->recent < r->count && r->controllers[r->recent].id == id)
    return r->controllers[r->recent].engine;
  for (size_t i = 0; i < r->count; i++)
    if (r->controllers[i].id == id) {
      r->recent = i;
      return r->controllers[i].engine;
    }
  return NULL;
}

const char *nvt_replay_refusal(const struct nvt_record *meta) {
  const unsigned needed =
      NVT_V_meta_left_out_flags_DOORBELLS | NVT_V_meta_left_out_flags_INTERRUPTS;
  if ((meta->meta.left_out_flags & needed) == 0)
    return NULL;
  return "a filter left out doorbells or interrupts, without which the target can't be driven "
         "as the recorded controller was; record again without one, or with one that leaves "
         "out whole queues, such as queue=0+1";
}

/* Namespaces are made, and told of, before the meta-record that describes them. */
bool nvt_replay_before_meta(const struct nvt_record *record) {
  return record->header.type == NVT_REC_ANNOTATION ||
         (record->header.type == NVT_REC_EVENT &&
          record->event.event == NVT_V_event_event_NS_ADDED);
}

static bool add(struct replay *r, const struct nvt_record *meta) {
  char text[384];
  if (r->count == NVT_REPLAY_CONTROLLERS_MAX)
    return fail(r, meta, NVT_REPLAY_TOO_MANY);
  const char *refusal = nvt_replay_refusal(meta);
  if (refusal != NULL)
    return fail(r, meta, refusal);
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
  if (engine == NULL)
    return nvt_replay_before_meta(record) || fail(r, record, NVT_REPLAY_NO_META);
  if (r->pace.speed > 0 && !r->result->totals.outside && nvt_pace_is_step(record) &&
      !nvt_pace_wait(&r->pace, record)) {
    r->result->ended = true;
    return true;
  }
  nvt_engine_take(engine, item);
  r->last = record->number;
  const char *refused = nvt_engine_refused(engine);
  return refused == NULL || fail(r, record, refused);
}

/* It ends in the middle: what the trace has right behind was answered already, perhaps. */
static void look_behind(struct replay *r, const struct nvt_feed_item *item) {
  struct nvt_reason why;
  for (size_t i = 0; i < r->count; i++) {
    struct nvt_engine *engine = r->controllers[i].engine;
    for (size_t n = 0; n < NVT_FEED_RECORDS && nvt_engine_owed(engine); n++) {
      if (item == NULL && nvt_feed_next(r->feed, &item, &why) != NVT_FEED_ITEM)
        return;
      struct nvt_engine *its = find(r, item->record.header.controller);
      if (its != NULL)
        nvt_engine_look_behind(its, item, r->last);
      item = NULL;
    }
    if (nvt_engine_owed(engine))
      nvt_engine_forgive(engine);
  }
}

static bool behind(struct replay *r, const struct nvt_feed_item *item) {
  struct nvt_replay_totals *totals = &r->result->totals;
  if (totals->window == NULL)
    return false;
  enum nvt_window_place place = nvt_window_where(totals->window, &r->position, &item->record);
  totals->outside = place != NVT_WINDOW_INSIDE;
  return place == NVT_WINDOW_BEHIND;
}

/* All records, or as many as there is time for. False: that wasn't possible. */
static bool take_all(struct replay *r) {
  struct nvt_replay_result *result = r->result;
  const struct nvt_feed_item *item;
  enum nvt_feed_status status;
  while ((status = nvt_feed_next(r->feed, &item, &result->why)) == NVT_FEED_ITEM) {
    if (behind(r, item)) {
      look_behind(r, item);
      return true;
    }
    r->refused = !take(r, item);
    if (r->refused)
      return false;
    if (r->options->progress && (result->records & 4095) == 0)
      show_progress(r, false);
    if (result->ended || ((result->records & 255) == 0 && time_over(r))) {
      look_behind(r, NULL);
      return true;
    }
  }
  return status == NVT_FEED_END;
}

static void run(struct replay *r) {
  struct nvt_replay_result *result = r->result;
  result->readable = take_all(r);
  for (size_t i = 0; i < r->count && !r->refused; i++)
    nvt_engine_finish(r->controllers[i].engine);
  result->loops += result->readable && !result->ended;
  if (result->readable && r->count == 0) {
    result->readable = false;
    snprintf(result->why.text, sizeof(result->why.text),
             "%s: holds no record of a controller%s; there is nothing to replay", r->options->path,
             nvt_feed_foreign(r->feed) > 0 ? ", only frames of something else" : "");
  }
}

/* Once through the trace, with targets of its own. */
static void loop(struct replay *r) {
  r->result->readable = false;
  r->count = 0;
  r->position = (struct nvt_window_position){0};
  r->feed = NULL;
  if (nvt_feed_open(r->options->path, &r->feed, &r->result->why)) {
    run(r);
    nvt_pace_end(&r->pace);
    r->result->foreign += nvt_feed_foreign(r->feed);
  }
  for (size_t i = 0; i < r->count; i++)
    nvt_engine_destroy(r->controllers[i].engine);
  nvt_feed_close(r->feed);
}

/* A window in which nothing is proves nothing. */
static void check_empty(struct replay *r) {
  struct nvt_replay_result *result = r->result;
  const struct nvt_replay_totals *totals = &result->totals;
  if (!result->readable || result->ended || totals->window == NULL || totals->compared > 0 ||
      totals->findings.count > 0)
    return;
  result->readable = false;
  snprintf(result->why.text, sizeof(result->why.text), "%s: %s, so nothing was compared",
           r->options->path,
           r->position.place == NVT_WINDOW_BEFORE
               ? "it ends before --from"
               : "there is nothing of what --from, --to, --queue, --nsid and --opcode choose");
}

static void plan(const struct nvt_replay_options *options, struct nvt_replay_result *result) {
  double start = now();
  result->plan = nvt_plan_make(options->path, options->progress, &result->readable, &result->why);
  result->records = result->plan != NULL ? result->plan->records : 0;
  result->seconds = now() - start;
}

void nvt_replay(const struct nvt_replay_options *options, struct nvt_replay_result *result) {
  struct replay r = {.options = options, .result = result, .start = now()};
  bool readable; /* what isn't is told where the replay comes to it */
  uint32_t loops = options->loops == 0 && options->seconds <= 0 ? 1 : options->loops;
  memset(result, 0, sizeof(*result));
  nvt_findings_init(&result->totals.findings, options->max_findings);
  if (options->target->plans) {
    plan(options, result);
    return;
  }
  result->totals.remap = options->target->pass != NULL ? &options->remap : NULL;
  /* The medium of a driven target is the replay's, as it is when the target is stepped. */
  result->totals.may_write = options->destroy || options->target->sender != NULL;
  result->totals.preload = options->destroy || options->preload;
  result->totals.depth = options->depth;
  result->totals.read_only = options->read_only;
  if ((options->target->outside || options->target->pass != NULL) &&
      strcmp(options->path, "-") != 0)
    result->plan = nvt_plan_make(options->path, options->progress, &readable, &result->why);
  result->totals.needs = result->plan;
  r.pace = (struct nvt_pace){.speed = options->speed, .idle = idle, .ctx = &r};
  if (nvt_window_given(&options->window))
    result->totals.window = &options->window;
  if (options->seconds > 0)
    r.pace.until = nvt_pace_now() + (uint64_t)(options->seconds * 1e9);
  do {
    loop(&r);
  } while (result->readable && !time_over(&r) && result->loops != loops &&
           result->totals.findings.loop++ < UINT32_MAX);
  show_progress(&r, true);
  check_empty(&r);
  nvt_plan_destroy(result->plan);
  result->plan = NULL;
  result->totals.needs = NULL;
  result->totals.remap = NULL;
  result->totals.window = NULL; /* the caller's, who may have it no longer */
  result->pace = r.pace.result;
  result->seconds = now() - r.start;
}

void nvt_replay_clear(struct nvt_replay_result *result) {
  nvt_findings_clear(&result->totals.findings);
  nvt_plan_destroy(result->plan);
}
