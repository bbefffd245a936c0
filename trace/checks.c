/* SPDX-License-Identifier: BSD-2-Clause */
/* The engine: which rule sees which record, its memory, its timers, and what becomes of findings.
 */
#include "trace/checks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/checks_int.h"
#include "trace/pages.h"
#include "trace/session_int.h"
#include "trace/text.h"

#define QUEUES_MAX 65536u  /* whose facts are kept; rules say nothing of further ones */
#define TIMERS_MAX 65536u  /* of one rule */
#define TIMERS_AT_ONCE 64u /* of one rule that run out at one record */

extern const struct nvt_check_rule *const __start_nvt_checks[]
    __attribute__((visibility("hidden")));
extern const struct nvt_check_rule *const __stop_nvt_checks[] __attribute__((visibility("hidden")));

struct timer {
  uint64_t at;
  struct nvt_check_queue *queue;
  uint64_t serial; /* the queue's, when it was set */
};

/* Oldest first; their times rise. */
struct timers {
  struct timer *ring;
  size_t size; /* a power of two */
  size_t first;
  size_t count;
};

struct nvt_check_rule_state {
  const struct nvt_check_rule *rule;
  size_t index;
  size_t controller_offset;
  size_t queue_offset; /* in uint64_t */
  uint64_t found;
  struct timers timers;
};

struct nvt_checks {
  struct nvt_checks_options options;
  const struct nvt_session *session;
  struct nvt_check_rule_state *rules; /* those that run */
  size_t count;
  struct nvt_check_rule_state **on[NVT_REC_COUNT]; /* by type, NULL-terminated */
  struct nvt_check_rule_state **on_end;            /* those with `ended`, NULL-terminated */
  size_t controller_size;
  size_t queue_size;
  struct nvt_map controllers;
  struct nvt_map queues;
  size_t queue_count;
  struct nvt_check_controller *recent;
  struct nvt_check_queue *recent_queues[2];
  uint64_t serial; /* the last one given */
  struct nvt_moment now;
  uint64_t next_due;
  struct nvt_pages *pages;
  uint8_t left_out; /* of any controller */
  bool opening;     /* nvt_checks_open(): not counted */
  bool finishing;   /* nvt_checks_finish() was called */
};

/* --- the table --- */

static const struct nvt_check_rule *const *sorted(void) {
  static const struct nvt_check_rule *table[256];
  static bool done;
  size_t count = nvt_check_count();
  if (done)
    return table;
  for (size_t i = 0; i < count; i++) {
    size_t at = i;
    for (; at > 0 && strcmp(table[at - 1]->info.id, __start_nvt_checks[i]->info.id) > 0; at--)
      table[at] = table[at - 1];
    table[at] = __start_nvt_checks[i];
  }
  done = true;
  return table;
}

size_t nvt_check_count(void) {
  /* Both bounds are the linker's, of one section. */
  // cppcheck-suppress [comparePointers, subtractPointers]
  size_t count = (size_t)(__stop_nvt_checks - __start_nvt_checks);
  return count < 256 ? count : 256;
}

const struct nvt_check_info *nvt_check_at(size_t index) {
  return index < nvt_check_count() ? &sorted()[index]->info : NULL;
}

size_t nvt_check_find(const char *id, size_t length) {
  size_t count = nvt_check_count();
  for (size_t i = 0; i < count; i++) {
    const char *name = sorted()[i]->info.id;
    if (strlen(name) == length && memcmp(name, id, length) == 0)
      return i;
  }
  return count;
}

const char *nvt_severity_name(enum nvt_severity severity) {
  static const char *const names[] = {"note", "warning", "error"};
  return (unsigned)severity < 3 ? names[severity] : "error";
}

void nvt_check_spec_text(const struct nvt_check_info *info, char *out, size_t size) {
  snprintf(out, size, "%s %s, section %s", info->spec.name, info->spec.revision,
           info->spec.section);
}

/* Nothing of the queues that the rule is applied to is missing because commands are. */
static bool by_queues(const struct nvt_check_info *info, uint8_t left_out) {
  return info->one_queue && (left_out & NVT_NEEDS(QUEUES)) != 0;
}

bool nvt_check_applies(const struct nvt_check_info *info, uint8_t left_out) {
  const unsigned commands = NVT_NEEDS(COMMANDS), doorbells = NVT_NEEDS(DOORBELLS);
  const unsigned all = commands | doorbells | NVT_NEEDS(INTERRUPTS) | NVT_NEEDS(LISTS);
  if (by_queues(info, left_out))
    return (info->needs & left_out & ~commands) == 0;
  return (info->needs & ((left_out & commands) != 0 ? all : left_out)) == 0;
}

/* sq: what it is about; NULL: no submission queue. */
static bool applies(const struct nvt_check_rule *rule,
                    const struct nvt_check_controller *controller,
                    const struct nvt_check_queue *sq) {
  uint8_t left_out = controller->left_out;
  if (left_out == 0)
    return true;
  if (by_queues(&rule->info, left_out) && (sq == NULL || sq->id.qid == 0))
    return false;
  return nvt_check_applies(&rule->info, left_out);
}

/* --- life --- */

static int plan(struct nvt_checks *checks, const bool *skip) {
  size_t count = nvt_check_count();
  checks->rules = calloc(count + 1, sizeof(*checks->rules));
  if (checks->rules == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < count; i++) {
    if (skip != NULL && skip[i])
      continue;
    struct nvt_check_rule_state *state = &checks->rules[checks->count++];
    state->rule = sorted()[i];
    state->index = i;
    state->controller_offset = checks->controller_size;
    state->queue_offset = checks->queue_size;
    checks->controller_size += (state->rule->controller_state + 7u) / 8 * 8;
    checks->queue_size += (state->rule->queue_state + 7u) / 8;
  }
  size_t ending = 0;
  checks->on_end = calloc(checks->count + 1, sizeof(struct nvt_check_rule_state *));
  if (checks->on_end == NULL)
    return -ENOMEM;
  for (size_t i = 0; i < checks->count; i++)
    if (checks->rules[i].rule->ended != NULL)
      checks->on_end[ending++] = &checks->rules[i];
  for (unsigned type = 0; type < NVT_REC_COUNT; type++) {
    checks->on[type] = calloc(checks->count + 1, sizeof(struct nvt_check_rule_state *));
    if (checks->on[type] == NULL)
      return -ENOMEM;
    size_t used = 0;
    for (size_t i = 0; i < checks->count; i++)
      if ((checks->rules[i].rule->on & 1u << type) != 0)
        checks->on[type][used++] = &checks->rules[i];
  }
  return 0;
}

int nvt_checks_create(const struct nvt_checks_options *options, const struct nvt_session *session,
                      struct nvt_checks **out) {
  if (options->found == NULL)
    return -EINVAL;
  struct nvt_checks *checks = calloc(1, sizeof(*checks));
  if (checks == NULL)
    return -ENOMEM;
  checks->options = *options;
  checks->options.skip = NULL;
  if (options->per_rule == 0)
    checks->options.per_rule = NVT_CHECKS_PER_RULE;
  checks->session = session;
  checks->next_due = UINT64_MAX;
  nvt_map_init(&checks->controllers, session->queues.seed);
  nvt_map_init(&checks->queues, session->queues.seed);
  if (plan(checks, options->skip) != 0 || nvt_pages_create(&checks->pages) != 0) {
    nvt_checks_destroy(checks);
    return -ENOMEM;
  }
  *out = checks;
  return 0;
}

static void free_values(struct nvt_map *map, bool controllers) {
  for (size_t i = 0; i < map->size; i++) {
    if (controllers && map->slots[i].value != NULL)
      free(((struct nvt_check_controller *)map->slots[i].value)->state);
    free(map->slots[i].value);
  }
  nvt_map_free(map);
}

void nvt_checks_destroy(struct nvt_checks *checks) {
  if (checks == NULL)
    return;
  free_values(&checks->controllers, true);
  free_values(&checks->queues, false);
  for (size_t i = 0; i < checks->count; i++)
    free(checks->rules[i].timers.ring);
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    free(checks->on[type]);
  nvt_pages_destroy(checks->pages);
  free(checks->on_end);
  free(checks->rules);
  free(checks);
}

/* --- memory --- */

static struct nvt_check_controller *find_controller(struct nvt_checks *checks, uint16_t id) {
  if (checks->recent != NULL && checks->recent->id == id)
    return checks->recent;
  const struct nvt_map_slot *slot = nvt_map_find(&checks->controllers, id);
  return slot != NULL ? slot->value : NULL;
}

static struct nvt_check_controller *need_controller(struct nvt_checks *checks, uint16_t id) {
  struct nvt_check_controller *controller = find_controller(checks, id);
  if (controller != NULL)
    return checks->recent = controller;
  struct nvt_map_slot *slot = nvt_map_get(&checks->controllers, id);
  controller = slot != NULL ? calloc(1, sizeof(*controller)) : NULL;
  if (controller == NULL)
    return NULL;
  controller->state = calloc(1, checks->controller_size + 1);
  if (controller->state == NULL) {
    free(controller);
    return NULL;
  }
  controller->id = id;
  controller->generation = 1;
  slot->value = controller;
  return checks->recent = controller;
}

void nvt_check_queue_clear(struct nvt_checks *checks, struct nvt_check_queue *queue) {
  uint16_t controller = queue->controller;
  struct nvt_doorbell_id id = queue->id;
  uint64_t generation = queue->generation;
  memset(queue, 0, sizeof(*queue) + checks->queue_size * sizeof(uint64_t));
  queue->controller = controller;
  queue->id = id;
  queue->generation = generation;
  queue->serial = ++checks->serial;
}

struct nvt_check_queue *nvt_checks_find_queue(struct nvt_checks *checks,
                                              const struct nvt_check_controller *controller,
                                              struct nvt_doorbell_id id) {
  struct nvt_check_queue *queue = checks->recent_queues[id.is_cq];
  if (queue == NULL || queue->id.qid != id.qid || queue->controller != controller->id) {
    uint64_t key = nvt_queue_key(controller->id, id);
    struct nvt_map_slot *slot = nvt_map_find(&checks->queues, key);
    queue = slot != NULL ? slot->value : NULL;
    if (queue == NULL) {
      if (checks->queue_count >= QUEUES_MAX || (slot = nvt_map_get(&checks->queues, key)) == NULL)
        return NULL;
      slot->value = queue = calloc(1, sizeof(*queue) + checks->queue_size * sizeof(uint64_t));
      if (queue == NULL)
        return NULL;
      checks->queue_count++;
      queue->controller = controller->id;
      queue->id = id;
      queue->generation = controller->generation;
      queue->serial = ++checks->serial;
    }
    checks->recent_queues[id.is_cq] = queue;
  }
  if (queue->generation != controller->generation) {
    nvt_check_queue_clear(checks, queue);
    queue->generation = controller->generation;
  }
  return queue;
}

void *nvt_check_controller_state(const struct nvt_check_run *run) {
  struct nvt_check_controller *controller = run->controller;
  if (controller->state_generation != controller->generation) {
    memset(controller->state, 0, run->checks->controller_size);
    controller->state_generation = controller->generation;
  }
  return controller->state + run->state->controller_offset;
}

void *nvt_check_queue_state(const struct nvt_check_run *run, struct nvt_check_queue *queue) {
  return queue->state + run->state->queue_offset;
}

uint32_t nvt_check_under_way(const struct nvt_check_run *run) {
  uint32_t *count = nvt_check_controller_state(run);
  if (run->record->header.type == NVT_REC_COMMAND)
    return ++*count;
  *count -= *count != 0;
  return 0;
}

/* --- timers --- */

static bool grow(struct timers *timers) {
  size_t size = timers->size != 0 ? 2 * timers->size : 16;
  struct timer *ring = size <= TIMERS_MAX ? malloc(size * sizeof(*ring)) : NULL;
  if (ring == NULL)
    return false;
  for (size_t i = 0; i < timers->count; i++)
    ring[i] = timers->ring[(timers->first + i) & (timers->size - 1)];
  free(timers->ring);
  timers->ring = ring;
  timers->size = size;
  timers->first = 0;
  return true;
}

bool nvt_check_arm(struct nvt_check_run *run, struct nvt_check_queue *queue, uint64_t ns) {
  struct timers *timers = &run->state->timers;
  if (timers->count == timers->size && !grow(timers))
    return false;
  uint64_t at = run->now.time_ns < UINT64_MAX - ns ? run->now.time_ns + ns : UINT64_MAX;
  if (timers->count > 0) {
    uint64_t last = timers->ring[(timers->first + timers->count - 1) & (timers->size - 1)].at;
    if (at < last)
      at = last;
  }
  timers->ring[(timers->first + timers->count++) & (timers->size - 1)] =
      (struct timer){.at = at, .queue = queue, .serial = queue->serial};
  if (at < run->checks->next_due)
    run->checks->next_due = at;
  return true;
}

static void run_timers(struct nvt_checks *checks, const struct nvt_check_run *here) {
  checks->next_due = UINT64_MAX;
  for (size_t i = 0; i < checks->count; i++) {
    struct timers *timers = &checks->rules[i].timers;
    /* The rest waits for a later record: however many there are, and however the clock goes, a
     * record costs no more than this. */
    size_t left = timers->count < TIMERS_AT_ONCE ? timers->count : TIMERS_AT_ONCE;
    for (; left > 0; left--) {
      struct timer timer = timers->ring[timers->first];
      if (timer.at > checks->now.time_ns)
        break;
      timers->first = (timers->first + 1) & (timers->size - 1);
      timers->count--;
      struct nvt_check_controller *controller = find_controller(checks, timer.queue->controller);
      if (timer.queue->serial != timer.serial || controller == NULL ||
          timer.queue->generation != controller->generation)
        continue; /* it was another queue's, or another life's */
      struct nvt_check_run run = *here;
      run.rule = checks->rules[i].rule;
      run.state = &checks->rules[i];
      run.controller = controller;
      if (applies(run.rule, controller, timer.queue->id.is_cq ? NULL : timer.queue))
        run.rule->due(&run, timer.queue);
    }
    if (timers->count > 0 && timers->ring[timers->first].at < checks->next_due)
      checks->next_due = timers->ring[timers->first].at;
  }
}

/* --- records --- */

static void call_rules(struct nvt_check_run *run, struct nvt_check_rule_state **rules) {
  for (; *rules != NULL; rules++) {
    run->rule = (*rules)->rule;
    run->state = *rules;
    if (applies(run->rule, run->controller, run->sq))
      run->rule->record(run);
  }
}

/* A snapshot's records of what happened earlier: nobody did wrong here. */
static bool told_before(const struct nvt_record *record) {
  switch (record->header.type) {
  case NVT_REC_REG_READ:
  case NVT_REC_REG_WRITE:
  case NVT_REC_QUEUE_STATE:
    return false;
  default:
    return nvt_check_is_snapshot(record);
  }
}

int nvt_checks_record(struct nvt_checks *checks, const struct nvt_record *record,
                      const struct nvt_view *view) {
  struct nvt_check_controller *controller = need_controller(checks, record->header.controller);
  if (controller == NULL || nvt_pages_record(checks->pages, record) != 0)
    return -ENOMEM;
  checks->now = (struct nvt_moment){.record = record->number, .time_ns = record->time_ns};
  struct nvt_check_run run = {.checks = checks,
                              .session = checks->session,
                              .record = record,
                              .view = view,
                              .pages = checks->pages,
                              .controller = controller,
                              .now = checks->now};
  nvt_check_facts_before(&run);
  checks->left_out |= controller->left_out;
  if (view->seq_gap)
    call_rules(&run, checks->on[0]);
  if (record->header.type != 0 && record->header.type < NVT_REC_COUNT && !told_before(record))
    call_rules(&run, checks->on[record->header.type]);
  nvt_check_facts_after(&run);
  /* A controller that was stopped isn't to blame: when it takes the host's next access, it has done
   * what it had to do before. */
  if (checks->next_due <= checks->now.time_ns && nvt_check_is_access(record))
    run_timers(checks, &run);
  return 0;
}

static void tell_ended(struct nvt_checks *checks, const struct nvt_exchange *exchange,
                       bool finishing) {
  struct nvt_check_controller *controller = find_controller(checks, exchange->controller);
  if (controller == NULL)
    return;
  struct nvt_check_run run = {.checks = checks,
                              .session = checks->session,
                              .controller = controller,
                              .now = exchange->cancel.record != 0 ? exchange->cancel : checks->now,
                              .finishing = finishing};
  for (struct nvt_check_rule_state **rules = checks->on_end; *rules != NULL; rules++) {
    run.rule = (*rules)->rule;
    run.state = *rules;
    if (applies(run.rule, controller, NULL))
      run.rule->ended(&run, exchange);
  }
}

void nvt_checks_ended(struct nvt_checks *checks, const struct nvt_exchange *exchange) {
  /* The session ends the oldest of too many, too: only at the end that means that it is open. */
  if (exchange->end != NVT_EXCHANGE_UNFINISHED || checks->finishing)
    tell_ended(checks, exchange, checks->finishing);
}

void nvt_checks_finish(struct nvt_checks *checks) {
  checks->finishing = true;
}

void nvt_checks_open(struct nvt_checks *checks, const struct nvt_exchange *exchange) {
  checks->opening = true;
  tell_ended(checks, exchange, true);
  checks->opening = false;
}

/* --- findings --- */

/* What a plug-in did may be the cause: a person wants to know before anything else. */
static void add_interference(struct nvt_text *text, const struct nvt_check_controller *controller) {
  if (controller->interference.record == 0)
    return;
  nvt_text_add(text, " (plug-in ");
  nvt_text_quote(text, controller->plugin, strlen(controller->plugin));
  nvt_text_printf(text, " interfered, last in record %llu)",
                  (unsigned long long)controller->interference.record);
}

void nvt_check_report_at(struct nvt_check_run *run, struct nvt_moment at, uint64_t related,
                         const char *format, ...) {
  struct nvt_checks *checks = run->checks;
  if (!checks->opening && run->state->found++ >= checks->options.per_rule)
    return;
  char buffer[640];
  char words[400];
  va_list args;
  va_start(args, format);
  vsnprintf(words, sizeof(words), format, args);
  va_end(args);
  struct nvt_text text;
  nvt_text_init(&text, buffer, sizeof(buffer));
  nvt_text_add(&text, words);
  add_interference(&text, run->controller);
  const struct nvt_finding finding = {.rule = &run->rule->info,
                                      .index = run->state->index,
                                      .controller = run->controller->id,
                                      .at = at,
                                      .evidence = run->now,
                                      .related = related,
                                      .text = buffer};
  checks->options.found(checks->options.ctx, &finding);
}

uint8_t nvt_checks_left_out(const struct nvt_checks *checks) {
  return checks->left_out;
}

uint64_t nvt_checks_found(const struct nvt_checks *checks, size_t index) {
  for (size_t i = 0; i < checks->count; i++)
    if (checks->rules[i].index == index)
      return checks->rules[i].found;
  return 0;
}
