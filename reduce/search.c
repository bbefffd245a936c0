/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Drops what isn't needed: first all behind the difference, then controllers, queues and
 * namespaces wholesale, then commands, data, and what is left, in chunks that get smaller (delta
 * debugging, without the complements: what a chunk needs comes back by itself).
 */
#include "reduce/reduce_int.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double nvt_reduce_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- choices --- */

bool nvt_choice_create(const struct nvt_trace *t, struct nvt_choice *c) {
  *c = (struct nvt_choice){.keep = malloc(t->unit_count + 1u),
                           .cuts = malloc((t->item_count + 1u) * sizeof(*c->cuts)),
                           .end = t->item_count};
  if (c->keep == NULL || c->cuts == NULL)
    return false;
  memset(c->keep, 1, t->unit_count);
  for (uint32_t i = 0; i < t->item_count; i++)
    c->cuts[i] = NVT_CUT_NOTHING;
  return true;
}

void nvt_choice_clear(struct nvt_choice *c) {
  free(c->keep);
  free(c->cuts);
  *c = (struct nvt_choice){0};
}

void nvt_choice_copy(const struct nvt_trace *t, struct nvt_choice *to,
                     const struct nvt_choice *from) {
  memcpy(to->keep, from->keep, t->unit_count);
  memcpy(to->cuts, from->cuts, t->item_count * sizeof(*to->cuts));
  to->end = from->end;
  to->no_msix = from->no_msix;
}

/* Whether a unit is there: not one whose doorbell follows commands, nor behind the end. */
static bool counts(const struct nvt_trace *t, const struct nvt_choice *c, uint32_t unit) {
  return c->keep[unit] && t->units[unit].used && t->units[unit].first < c->end;
}

/* What is needed stands before what needs it: once, from the end, is enough. */
void nvt_choice_close(const struct nvt_trace *t, struct nvt_choice *c) {
  for (uint32_t i = t->unit_count; i-- > 0;)
    for (unsigned n = 0; n < 3 && counts(t, c, i); n++)
      if (t->units[i].needs[n] != NVT_REDUCE_NONE)
        c->keep[t->units[i].needs[n]] = 1;
}

/* --- one try --- */

static void show(struct nvt_search *s) {
  double now = nvt_reduce_now();
  if (!s->terminal || s->quiet || now - s->started < 2 || now - s->shown < 0.25)
    return;
  s->shown = now;
  fprintf(stderr, "\rreduce: %s: %u records left, %llu tries, %.0f s\033[K", s->step, s->records,
          (unsigned long long)s->judge->tries, now - s->started);
  fflush(stderr);
}

bool nvt_search_try(struct nvt_search *s) {
  if (s->stopped || nvt_reduce_interrupted) {
    s->stopped = true;
    return false;
  }
  show(s);
  nvt_choice_close(s->trace, &s->next);
  enum nvt_verdict_word word = nvt_judge_ask(s->judge, s->trace, &s->next, NVT_ASK, &s->why);
  if (word == NVT_STOPPED || word == NVT_JUDGE_FAILED)
    s->stopped = true;
  if (word != NVT_SHOWS)
    return false;
  struct nvt_choice was = s->best;
  s->best = s->next;
  s->next = was;
  s->records = nvt_reduce_written(s->trace);
  if (nvt_reduce_now() - s->saved > 1) {
    (void)nvt_state_save(s);
    s->saved = nvt_reduce_now();
  }
  return true;
}

static void begin(struct nvt_search *s) {
  nvt_choice_copy(s->trace, &s->next, &s->best);
}

/* --- chunks --- */

static bool drop_all(struct nvt_search *s, const uint32_t *units, uint32_t count) {
  begin(s);
  for (uint32_t i = 0; i < count; i++)
    s->next.keep[units[i]] = 0;
  nvt_choice_close(s->trace, &s->next);
  /* If everything is needed by others, there is nothing to ask. */
  bool less = false;
  for (uint32_t i = 0; i < count && !less; i++)
    less = !s->next.keep[units[i]] && s->best.keep[units[i]];
  return less && nvt_search_try(s);
}

/* True: something went. */
static bool shrink(struct nvt_search *s, uint32_t *units, uint32_t count) {
  bool gone = false;
  for (uint32_t size = count; size > 0 && !s->stopped; size = size > 1 ? (size + 1) / 2 : 0) {
    for (uint32_t end = count; end > 0 && !s->stopped;) {
      uint32_t start = end > size ? end - size : 0;
      if (drop_all(s, units + start, end - start)) {
        memmove(units + start, units + end, (count - end) * sizeof(*units));
        count -= end - start;
        gone = true;
      }
      end = start;
    }
  }
  return gone;
}

typedef bool (*wanted)(const struct nvt_search *, const struct nvt_unit *, uint32_t value);

static bool shrink_those(struct nvt_search *s, wanted want, uint32_t value, bool whole) {
  uint32_t *units = malloc((s->trace->unit_count + 1u) * sizeof(*units));
  uint32_t count = 0;
  if (units == NULL)
    return false;
  for (uint32_t i = 0; i < s->trace->unit_count; i++)
    if (counts(s->trace, &s->best, i) && want(s, &s->trace->units[i], value))
      units[count++] = i;
  bool gone = count > 0 && (whole ? drop_all(s, units, count) : shrink(s, units, count));
  free(units);
  return gone;
}

static bool of_controller(const struct nvt_search *s, const struct nvt_unit *u, uint32_t value) {
  (void)s;
  return u->controller == value;
}
static bool of_queue(const struct nvt_search *s, const struct nvt_unit *u, uint32_t value) {
  (void)s;
  return u->queue == value;
}
static bool of_namespace(const struct nvt_search *s, const struct nvt_unit *u, uint32_t value) {
  (void)s;
  return u->nsid == value;
}
static bool of_kind(const struct nvt_search *s, const struct nvt_unit *u, uint32_t value) {
  (void)s;
  return u->kind == value;
}
static bool any(const struct nvt_search *s, const struct nvt_unit *u, uint32_t value) {
  (void)s;
  (void)value;
  return u->kind != NVT_UNIT_META;
}

/* --- steps --- */

/* The item of the difference, or the last. */
static uint32_t difference(const struct nvt_search *s) {
  const struct nvt_trace *t = s->trace;
  if (s->judge->command == NULL)
    return s->judge->found_item;
  uint32_t item = s->best.end;
  while (item > 0 &&
         (t->items[item - 1].unit == NVT_REDUCE_NONE || !s->best.keep[t->items[item - 1].unit]))
    item--;
  return item > 0 ? item - 1 : 0;
}

static bool ends_at(struct nvt_search *s, uint32_t end) {
  begin(s);
  s->next.end = end;
  return nvt_search_try(s);
}

static void cut_end(struct nvt_search *s) {
  s->step = "the end";
  if (s->judge->command == NULL) {
    /* A little later, where what differs is told by what follows. */
    uint32_t at = difference(s) + 1;
    begin(s);
    s->next.end = at;
    (void)nvt_judge_ask(s->judge, s->trace, &s->next, NVT_ASK_UPTO, &s->why);
    for (uint32_t more = 0; more < s->best.end && !s->stopped; more = more * 4 + 1)
      if (at + more < s->best.end && ends_at(s, at + more))
        return;
    return;
  }
  uint32_t without = 0;
  while (s->best.end - without > 1 && !s->stopped) {
    uint32_t middle = without + (s->best.end - without) / 2;
    if (!ends_at(s, middle))
      without = middle;
  }
}

/* What sets the device up, besides the registers by which it is enabled. */
static bool sets_up(const struct nvt_trace *t, const struct nvt_unit *u) {
  uint8_t type = t->items[u->first].type;
  return u->kind == NVT_UNIT_MSIX || type == NVT_REC_CONFIG_READ || type == NVT_REC_CONFIG_WRITE ||
         type == NVT_REC_EVENT;
}

/* All before the controller was enabled as unit `enable` says. */
static bool starts_at(struct nvt_search *s, uint32_t enable, bool set_up) {
  const struct nvt_trace *t = s->trace;
  begin(s);
  for (uint32_t i = 0; i < enable; i++)
    if (t->units[i].controller == t->units[enable].controller &&
        t->units[i].kind != NVT_UNIT_META && (!set_up || !sets_up(t, &t->units[i])))
      s->next.keep[i] = 0;
  return nvt_search_try(s);
}

static void cut_start(struct nvt_search *s) {
  const struct nvt_trace *t = s->trace;
  s->step = "the start";
  for (uint32_t i = t->unit_count; i-- > 0 && !s->stopped;)
    if (t->units[i].kind == NVT_UNIT_ENABLE && s->best.keep[i] && t->units[i].first < s->best.end &&
        (starts_at(s, i, false) || starts_at(s, i, true)))
      return;
}

static void wholesale(struct nvt_search *s) {
  struct nvt_trace *t = s->trace;
  s->step = "controllers";
  for (uint32_t i = 0; i < t->unit_count && !s->stopped; i++)
    if (t->units[i].kind == NVT_UNIT_META && s->best.keep[i])
      shrink_those(s, of_controller, t->units[i].controller, true);
  s->step = "queues";
  for (uint32_t i = 0; i < t->queue_count && !s->stopped; i++)
    if (!t->queues[i].is_cq && t->queues[i].qid != 0)
      shrink_those(s, of_queue, i, true);
  s->step = "namespaces";
  uint32_t last = 0;
  for (uint32_t i = 0; i < t->unit_count && !s->stopped; i++)
    if (t->units[i].nsid > last && t->units[i].nsid <= NVT_META_NAMESPACES_MAX) {
      last = t->units[i].nsid;
      shrink_those(s, of_namespace, last, true);
    }
}

static bool overlaps(const struct nvt_unit *a, const struct nvt_unit *b) {
  return a->controller == b->controller && a->nsid == b->nsid && a->blocks > 0 && b->blocks > 0 &&
         a->lba < b->lba + b->blocks && b->lba < a->lba + a->blocks;
}

/* Guesses, each of which may save many tries: the command of the difference alone, with those that
 * met its blocks, with the last ones before it. */
static bool guess(struct nvt_search *s, uint32_t unit, bool blocks, uint32_t last) {
  const struct nvt_trace *t = s->trace;
  const struct nvt_unit *mine = &t->units[unit];
  begin(s);
  for (uint32_t i = t->unit_count, seen = 0; i-- > 0;) {
    const struct nvt_unit *u = &t->units[i];
    if (!s->best.keep[i] || u->kind != NVT_UNIT_COMMAND || u->first >= s->best.end)
      continue;
    bool stays = i == unit || seen++ < last || (blocks && overlaps(u, mine));
    s->next.keep[i] = stays;
  }
  return nvt_search_try(s);
}

static void commands(struct nvt_search *s) {
  s->step = "commands";
  uint32_t item = difference(s), unit = s->trace->items[item].unit;
  if (unit == NVT_REDUCE_NONE)
    unit = 0;
  bool found = guess(s, unit, false, 0) || guess(s, unit, true, 0);
  for (uint32_t last = 1; !found && last < s->trace->unit_count && !s->stopped; last *= 8)
    found = guess(s, unit, true, last);
  shrink_those(s, of_kind, NVT_UNIT_COMMAND, false);
}

/* Where interrupts are off nobody has to set them up; whether there is a pin is told by what the
 * host read in configuration space. */
static bool no_messages(struct nvt_search *s, bool config) {
  const struct nvt_trace *t = s->trace;
  begin(s);
  s->next.no_msix = true;
  for (uint32_t i = 0; i < t->unit_count; i++) {
    uint8_t type = t->items[t->units[i].first].type;
    if (t->units[i].kind == NVT_UNIT_MSIX ||
        (config && (type == NVT_REC_CONFIG_READ || type == NVT_REC_CONFIG_WRITE)))
      s->next.keep[i] = 0;
  }
  return nvt_search_try(s);
}

static void others(struct nvt_search *s) {
  s->step = "registers";
  if (!s->best.no_msix)
    (void)(no_messages(s, false) || no_messages(s, true));
  shrink_those(s, of_kind, NVT_UNIT_OTHER, false);
  shrink_those(s, of_kind, NVT_UNIT_ACK, false);
  shrink_those(s, of_kind, NVT_UNIT_MSIX, false);
}

bool nvt_reduce_search(struct nvt_search *s) {
  cut_end(s);
  cut_start(s);
  wholesale(s);
  commands(s);
  others(s);
  s->step = "data";
  nvt_search_data(s);
  s->step = "once more";
  while (!s->stopped && shrink_those(s, any, 0, false))
    ;
  cut_end(s);
  if (s->shown > 0)
    fputs("\r\033[K", stderr);
  return !s->stopped;
}
