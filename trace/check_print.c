/* SPDX-License-Identifier: BSD-2-Clause */
/* How nvmetap check prints: lines for people, JSON for programs. */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "trace/check_int.h"
#include "trace/left_out_int.h"

bool nvt_check_faulty(const struct nvt_check_out *out) {
  bool faulty = out->unreadable != 0;
  for (size_t i = 0; i < nvt_check_count(); i++)
    faulty |=
        nvt_check_at(i)->severity != NVT_SEVERITY_NOTE && nvt_checks_found(out->checks, i) != 0;
  return faulty;
}

/* --- lines --- */

void nvt_check_print_finding(struct nvt_check_out *out, const struct nvt_finding *finding) {
  char spec[96];
  nvt_check_spec_text(finding->rule, spec, sizeof(spec));
  bool before = finding->at.time_ns < out->first_ns;
  uint64_t ns = before ? out->first_ns - finding->at.time_ns : finding->at.time_ns - out->first_ns;
  printf("record %" PRIu64 "  %s%" PRIu64 ".%09" PRIu64 "  %s: ", finding->at.record,
         before ? "-" : "", ns / 1000000000, ns % 1000000000,
         nvt_severity_name(finding->rule->severity));
  if (finding->controller != 0)
    printf("controller %u: ", finding->controller);
  printf("%s [%s; %s]\n", finding->text, finding->rule->id, spec);
  out->printed = true;
}

static void print_rules(const struct nvt_check_out *out) {
  for (size_t i = 0; i < nvt_check_count(); i++) {
    uint64_t found = nvt_checks_found(out->checks, i);
    if (found > out->reported[i])
      printf("… and %" PRIu64 " more of %s (--max prints more)\n", found - out->reported[i],
             nvt_check_at(i)->id);
  }
}

static bool not_applied(const struct nvt_check_out *out, size_t rule) {
  return !out->skip[rule] &&
         !nvt_check_applies(nvt_check_at(rule), nvt_checks_left_out(out->checks));
}

static void print_left_out(const struct nvt_check_out *out) {
  uint8_t left_out = nvt_checks_left_out(out->checks);
  unsigned count = 0;
  for (size_t i = 0; i < nvt_check_count(); i++)
    count += not_applied(out, i);
  if (left_out == 0)
    return;
  char buffer[80];
  struct nvt_text list;
  nvt_text_init(&list, buffer, sizeof(buffer));
  nvt_left_out_text(&list, left_out);
  printf("a filter left out %s: %u rules that need what it left out weren't applied ('--list' says "
         "what each needs)\n",
         buffer, count);
}

void nvt_check_print_end(const struct nvt_check_out *out) {
  uint64_t totals[3] = {0};
  for (size_t i = 0; i < nvt_check_count(); i++)
    totals[nvt_check_at(i)->severity] += nvt_checks_found(out->checks, i);
  print_rules(out);
  print_left_out(out);
  if (out->unreadable != 0)
    printf("%" PRIu64 " frames are no records of ours, or malformed: 'nvmetap dump' says which\n",
           out->unreadable);
  printf("%s: %" PRIu64 " records: %" PRIu64 " errors, %" PRIu64 " warnings, %" PRIu64 " notes\n",
         out->path, out->records, totals[NVT_SEVERITY_ERROR], totals[NVT_SEVERITY_WARNING],
         totals[NVT_SEVERITY_NOTE]);
}

/* --- JSON: printed as it is found, so that memory doesn't grow with it --- */

static void put(json_object *to, const char *key, json_object *value) {
  json_object_object_add_ex(to, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

static void text(json_object *to, const char *key, const char *value) {
  put(to, key, json_object_new_string(value));
}

static void number(json_object *to, const char *key, uint64_t value) {
  put(to, key, json_object_new_uint64(value));
}

static void print_object(json_object *object) {
  const char *line = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
                                                                JSON_C_TO_STRING_NOSLASHESCAPE);
  fputs(line != NULL ? line : "null", stdout);
  json_object_put(object);
}

static void add_rule(json_object *to, const struct nvt_check_info *rule) {
  char spec[96];
  nvt_check_spec_text(rule, spec, sizeof(spec));
  text(to, "rule", rule->id);
  text(to, "severity", nvt_severity_name(rule->severity));
  text(to, "spec", spec);
}

static void print_rule(const struct nvt_check_info *rule) {
  char spec[96];
  char buffer[80];
  struct nvt_text needs;
  nvt_text_init(&needs, buffer, sizeof(buffer));
  nvt_left_out_text(&needs, rule->needs);
  nvt_check_spec_text(rule, spec, sizeof(spec));
  printf("%-8s %-32s %s\n%41s %s%s%s\n", nvt_severity_name(rule->severity), rule->id, rule->title,
         "", spec, rule->needs != 0 ? "; not where a filter left out " : "", buffer);
}

void nvt_check_print_list(bool json, const bool *skip) {
  bool first = true;
  if (json)
    fputs("{\"rules\":[", stdout);
  for (size_t i = 0; i < nvt_check_count(); i++) {
    const struct nvt_check_info *rule = nvt_check_at(i);
    if (skip[i])
      continue;
    if (!json) {
      print_rule(rule);
      continue;
    }
    json_object *object = json_object_new_object();
    add_rule(object, rule);
    text(object, "title", rule->title);
    put(object, "not_without", nvt_left_out_json(rule->needs));
    put(object, "one_queue", json_object_new_boolean(rule->one_queue));
    fputs(first ? "\n" : ",\n", stdout);
    first = false;
    print_object(object);
  }
  if (json)
    fputs("\n]}\n", stdout);
}

void nvt_check_json_start(struct nvt_check_out *out) {
  (void)out;
  fputs("{\"findings\":[", stdout);
}

void nvt_check_json_finding(struct nvt_check_out *out, const struct nvt_finding *finding) {
  json_object *object = json_object_new_object();
  add_rule(object, finding->rule);
  number(object, "record", finding->at.record);
  number(object, "time_ns", finding->at.time_ns);
  number(object, "controller", finding->controller);
  number(object, "evidence", finding->evidence.record);
  if (finding->related != 0)
    number(object, "related", finding->related);
  text(object, "text", finding->text);
  fputs(out->printed ? ",\n" : "\n", stdout);
  out->printed = true;
  print_object(object);
}

void nvt_check_json_end(const struct nvt_check_out *out) {
  uint64_t totals[3] = {0};
  json_object *rules = json_object_new_object();
  json_object *unapplied = json_object_new_array();
  for (size_t i = 0; i < nvt_check_count(); i++) {
    uint64_t found = nvt_checks_found(out->checks, i);
    totals[nvt_check_at(i)->severity] += found;
    if (found != 0)
      number(rules, nvt_check_at(i)->id, found);
    if (not_applied(out, i))
      json_object_array_add(unapplied, json_object_new_string(nvt_check_at(i)->id));
  }
  fputs("\n],\"found\":", stdout);
  print_object(rules);
  fputs(",\"left_out\":", stdout);
  print_object(nvt_left_out_json(nvt_checks_left_out(out->checks)));
  fputs(",\"not_applied\":", stdout);
  print_object(unapplied);
  printf(",\"errors\":%" PRIu64 ",\"warnings\":%" PRIu64 ",\"notes\":%" PRIu64
         ",\"records\":%" PRIu64 ",\"unreadable\":%" PRIu64 "}\n",
         totals[NVT_SEVERITY_ERROR], totals[NVT_SEVERITY_WARNING], totals[NVT_SEVERITY_NOTE],
         out->records, out->unreadable);
}
