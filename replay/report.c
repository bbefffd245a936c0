/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/report.h"

#include <inttypes.h>
#include <stdio.h>

static void put(json_object *object, const char *key, json_object *value) {
  json_object_object_add(object, key, value);
}

static json_object *number(uint64_t value) {
  return json_object_new_uint64(value);
}

static bool loops(const struct nvt_replay_options *options) {
  return options->loops != 1 && (options->loops > 1 || options->seconds > 0);
}

static json_object *findings_json(const struct nvt_findings *findings, bool loops) {
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < findings->kept; i++) {
    const struct nvt_finding *finding = &findings->list[i];
    json_object *one = json_object_new_object();
    put(one, "record", number(finding->record));
    if (loops)
      put(one, "loop", json_object_new_uint64(finding->loop));
    put(one, "field", json_object_new_string(finding->field));
    put(one, "expected", json_object_new_string(finding->expected));
    put(one, "actual", json_object_new_string(finding->actual));
    put(one, "text", json_object_new_string(finding->text));
    json_object_array_add(list, one);
  }
  return list;
}

json_object *nvt_report_member(json_object *object, const char *key) {
  json_object *value = NULL;
  (void)json_object_object_get_ex(object, key, &value);
  return value;
}

static double drift(const struct nvt_pace_result *pace) {
  return pace->scheduled > 0 ? 100.0 * (double)pace->at_end / (double)pace->scheduled : 0;
}

static json_object *pace_json(double speed, const struct nvt_pace_result *pace) {
  json_object *root = json_object_new_object();
  put(root, "speed", json_object_new_double(speed));
  put(root, "steps", number(pace->steps));
  put(root, "scheduled", json_object_new_double((double)pace->scheduled / 1e9));
  put(root, "largest_lateness", json_object_new_double((double)pace->largest / 1e9));
  put(root, "lateness_at_end", json_object_new_double((double)pace->at_end / 1e9));
  put(root, "drift_percent", json_object_new_double(drift(pace)));
  put(root, "late", number(pace->late));
  put(root, "left_out", json_object_new_double((double)pace->left_out / 1e9));
  return root;
}

static void pace_text(double speed, const struct nvt_pace_result *pace) {
  printf("time as recorded");
  if (speed < 1 || speed > 1)
    printf(" x%g", speed);
  printf(": %" PRIu64 " steps over %.3f s, late by %.3f ms at most (%" PRIu64
         " by more than 1 ms), by %.3f ms at the end: %.3f %%\n",
         pace->steps, (double)pace->scheduled / 1e9, (double)pace->largest / 1e6, pace->late,
         (double)pace->at_end / 1e6, drift(pace));
  if (pace->left_out > 0)
    printf("left out: %.0f s of the recorded time, in gaps of more than a day each\n",
           (double)pace->left_out / 1e9);
}

static double rate(const struct nvt_replay_totals *totals) {
  return totals->driven_ns > 0 ? 1e9 * (double)totals->sent / (double)totals->driven_ns : 0;
}

static json_object *order_json(const struct nvt_replay_options *options,
                               const struct nvt_replay_totals *totals) {
  json_object *root = json_object_new_object();
  put(root, "depth", number(options->depth));
  put(root, "deepest", number(totals->deepest));
  put(root, "ios", number(totals->sent));
  put(root, "seconds", json_object_new_double((double)totals->driven_ns / 1e9));
  put(root, "iops", json_object_new_double(rate(totals)));
  return root;
}

json_object *nvt_report_json(const struct nvt_replay_options *options,
                             const struct nvt_replay_result *result) {
  const struct nvt_replay_totals *totals = &result->totals;
  json_object *root = json_object_new_object();
  json_object *exceptions = json_object_new_object();
  for (unsigned i = 0; i < NVT_EXCEPTION_COUNT; i++)
    if (totals->exceptions[i] > 0)
      put(exceptions, nvt_exception_name((enum nvt_exception)i), number(totals->exceptions[i]));
  put(root, "trace", json_object_new_string(options->path));
  put(root, "target", json_object_new_string(options->target->name));
  put(root, "records", number(result->records));
  put(root, "commands", number(totals->commands));
  put(root, "compared", number(totals->compared));
  put(root, "differences", number(totals->findings.count));
  put(root, "findings", findings_json(&totals->findings, loops(options)));
  put(root, "exceptions", exceptions);
  put(root, "foreign", number(result->foreign));
  if (loops(options))
    put(root, "loops", number(result->loops));
  if (options->seconds > 0)
    put(root, "ended", json_object_new_boolean(result->ended));
  if (options->dependency)
    put(root, "order", order_json(options, totals));
  if (options->speed > 0)
    put(root, "time", pace_json(options->speed, &result->pace));
  if (result->plan != NULL)
    put(root, "plan", nvt_plan_json(result->plan));
  if (!result->readable)
    put(root, "error", json_object_new_string(result->why.text));
  put(root, "seconds", json_object_new_double(result->seconds));
  return root;
}

void nvt_report_text(const struct nvt_replay_options *options,
                     const struct nvt_replay_result *result) {
  const struct nvt_replay_totals *totals = &result->totals;
  const struct nvt_findings *findings = &totals->findings;
  if (result->plan != NULL) {
    nvt_plan_text(result->plan);
    return;
  }
  for (size_t i = 0; i < findings->kept; i++) {
    const struct nvt_finding *finding = &findings->list[i];
    if (loops(options))
      printf("loop %" PRIu32 ", ", finding->loop);
    printf("record %" PRIu64 ": %s: expected %s, actual %s: %s\n", finding->record, finding->field,
           finding->expected, finding->actual, finding->text);
  }
  if (findings->count > findings->kept)
    printf("… and %" PRIu64 " more\n", findings->count - findings->kept);
  printf("replayed into %s: %" PRIu64 " records, %" PRIu64 " commands, %" PRIu64
         " compared, %" PRIu64 " difference%s, %.2f s\n",
         options->target->name, result->records, totals->commands, totals->compared,
         findings->count, findings->count == 1 ? "" : "s", result->seconds);
  if (loops(options))
    printf("%" PRIu32 " loop%s through the trace%s\n", result->loops, result->loops == 1 ? "" : "s",
           result->ended ? ", until the time was over" : "");
  else if (result->ended)
    puts("the time was over before the trace's end");
  if (options->dependency)
    printf("dependency order: %" PRIu64 " I/O commands, up to %" PRIu32 " outstanding, %.3f s, "
           "%.0f a second\n",
           totals->sent, totals->deepest, (double)totals->driven_ns / 1e9, rate(totals));
  if (options->speed > 0)
    pace_text(options->speed, &result->pace);
  bool first = true;
  for (unsigned i = 0; i < NVT_EXCEPTION_COUNT; i++)
    if (totals->exceptions[i] > 0) {
      printf("%s %s %" PRIu64, first ? "let differ (nvmetap replay --exceptions):" : ",",
             nvt_exception_name((enum nvt_exception)i), totals->exceptions[i]);
      first = false;
    }
  if (!first)
    putchar('\n');
  if (result->foreign > 0)
    printf("%" PRIu64 " frames passed over: not records of nvmetap, or malformed\n",
           result->foreign);
}
