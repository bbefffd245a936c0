/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "trace/left_out_int.h"
#include "trace/stats_int.h"
#include "trace/text.h"

static const struct {
  const char *title;
  const char *key;
  double share; /* of a quantile */
} columns[] = {{"min", "min_ns", -1},  {"mean", "mean_ns", -2}, {"p50", "p50_ns", 0.5},
               {"p90", "p90_ns", 0.9}, {"p99", "p99_ns", 0.99}, {"p99.9", "p99_9_ns", 0.999},
               {"max", "max_ns", -3}};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static uint64_t column(const struct nvt_histogram *histogram, size_t i) {
  if (columns[i].share >= 0)
    return nvt_histogram_quantile(histogram, columns[i].share);
  if (columns[i].share == -1)
    return histogram->least;
  return columns[i].share == -2 ? (uint64_t)(nvt_histogram_mean(histogram) + 0.5)
                                : histogram->greatest;
}

/* A field's bytes aren't its columns: "µ" takes two. */
static void pad_left(FILE *to, const char *string, int width) {
  int columns_taken = 0;
  for (const char *c = string; *c != '\0'; c++)
    columns_taken += ((unsigned char)*c & 0xc0) != 0x80;
  fprintf(to, "%*s%s", columns_taken < width ? width - columns_taken : 0, "", string);
}

static void print_heads(FILE *to, const char *title, const char *second) {
  fprintf(to, "\n%-32s %9s", title, "count");
  if (second != NULL)
    fprintf(to, " %7s", second);
  for (size_t i = 0; i < COLUMNS; i++)
    fprintf(to, " %11s", columns[i].title);
  fprintf(to, " %11s\n", "in record");
}

static void print_columns(FILE *to, const struct nvt_histogram *histogram) {
  for (size_t i = 0; histogram != NULL && i < COLUMNS; i++) {
    char buffer[40];
    struct nvt_text text;
    nvt_text_init(&text, buffer, sizeof(buffer));
    nvt_text_duration(&text, column(histogram, i));
    fputc(' ', to);
    pad_left(to, buffer, 11);
  }
  if (histogram != NULL)
    fprintf(to, " %11" PRIu64, histogram->greatest_record);
  fputc('\n', to);
}

static void print_rows(FILE *to, const char *title, const char *label,
                       const struct nvt_stats_rows *rows) {
  if (rows->count == 0)
    return;
  fprintf(to, "\n%-32s %9s %7s %11s %11s\n", title, "commands", "errors", "mean depth",
          "max depth");
  for (size_t i = 0; i < rows->count; i++) {
    const struct nvt_stats_row *row = &rows->rows[i];
    char name[48];
    if (row->controller != 0)
      snprintf(name, sizeof(name), "controller %u %s %u", row->controller, label, row->id);
    else
      snprintf(name, sizeof(name), "%s %u", label, row->id);
    fprintf(to, "  %-30s %9" PRIu64 " %7" PRIu64 " %11.1f %11u\n", name, row->commands, row->errors,
            (double)row->depth_sum / (double)row->commands, row->depth_max);
  }
  if (rows->beyond != 0)
    fprintf(to, "  %-30s %9" PRIu64 "\n", "others", rows->beyond);
}

void nvt_stats_print(FILE *to, const struct nvt_stats *stats) {
  uint64_t span = stats->last_ns >= stats->first_ns ? stats->last_ns - stats->first_ns : 0;
  fprintf(to,
          "%s: %" PRIu64 " records in %" PRIu64 ".%06" PRIu64 " s, %" PRIu64
          " controller%s, %" PRIu64 " lost\n",
          stats->path, stats->records, span / 1000000000, span / 1000 % 1000000, stats->controllers,
          stats->controllers == 1 ? "" : "s", stats->lost);
  if (stats->left_out != 0) {
    char buffer[80];
    struct nvt_text text;
    nvt_text_init(&text, buffer, sizeof(buffer));
    nvt_left_out_text(&text, stats->left_out);
    fprintf(to, "left out by a filter: %s\n", buffer);
  }
  nvt_stats_payload_print(to, &stats->payload);
  fprintf(to,
          "commands: %" PRIu64 " completed, %" PRIu64 " ended by a reset, %" PRIu64
          " still outstanding",
          stats->ends[NVT_EXCHANGE_COMPLETED], stats->ends[NVT_EXCHANGE_RESET],
          stats->ends[NVT_EXCHANGE_UNFINISHED]);
  if (stats->ends[NVT_EXCHANGE_UNTRACED] != 0)
    fprintf(to, ", %" PRIu64 " under way when tracing was stopped",
            stats->ends[NVT_EXCHANGE_UNTRACED]);
  fputc('\n', to);
  if (stats->unreadable != 0)
    fprintf(to, "%" PRIu64 " frames are no records of ours, or malformed\n", stats->unreadable);
  fprintf(to, "\n%-32s %9s\n", "records", "count");
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    if (stats->types[type] != 0)
      fprintf(to, "  %-30s %9" PRIu64 "\n", nvt_record_title(type), stats->types[type]);
  bool io = false;
  for (unsigned stage = 0; stage < NVT_STAGE_COUNT; stage++) {
    const struct nvt_histogram *histogram = stats->io_stages[stage];
    if (histogram == NULL)
      continue;
    if (!io)
      print_heads(to, "stages of I/O commands", NULL);
    io = true;
    fprintf(to, "  %-30s %9" PRIu64, nvt_stage_name((enum nvt_stage)stage), histogram->count);
    print_columns(to, histogram);
  }
  bool any = false;
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned i = 0; i < 256; i++) {
      const struct nvt_stats_opcode *opcode = stats->opcodes[set][i];
      if (opcode == NULL)
        continue;
      if (!any)
        print_heads(to, "commands, fetch to completion", "errors");
      any = true;
      char buffer[48];
      struct nvt_text text;
      nvt_text_init(&text, buffer, sizeof(buffer));
      nvt_text_opcode(&text, (enum nvt_opcode_set)set, (uint8_t)i);
      fprintf(to, "  %-30s %9" PRIu64 " %7" PRIu64, buffer, opcode->commands, opcode->errors);
      print_columns(to, opcode->stages[NVT_STAGE_TOTAL]);
    }
  print_rows(to, "submission queues", "SQ", &stats->queues);
  print_rows(to, "namespaces", "namespace", &stats->namespaces);
}

/* --- JSON --- */

static void put(json_object *to, const char *key, uint64_t value) {
  json_object_object_add(to, key, json_object_new_uint64(value));
}

static json_object *stages_json(struct nvt_histogram *const stages[NVT_STAGE_COUNT]) {
  json_object *all = json_object_new_object();
  for (unsigned stage = 0; stage < NVT_STAGE_COUNT; stage++) {
    if (stages[stage] == NULL)
      continue;
    json_object *one = json_object_new_object();
    put(one, "count", stages[stage]->count);
    for (size_t i = 0; i < COLUMNS; i++)
      put(one, columns[i].key, column(stages[stage], i));
    put(one, "max_record", stages[stage]->greatest_record);
    json_object_object_add(all, nvt_stage_name((enum nvt_stage)stage), one);
  }
  return all;
}

static json_object *rows_json(const struct nvt_stats_rows *rows, const char *id) {
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < rows->count; i++) {
    const struct nvt_stats_row *row = &rows->rows[i];
    json_object *one = json_object_new_object();
    put(one, "controller", row->controller);
    put(one, id, row->id);
    put(one, "commands", row->commands);
    put(one, "errors", row->errors);
    json_object_object_add(one, "depth_mean",
                           json_object_new_double((double)row->depth_sum / (double)row->commands));
    put(one, "depth_max", row->depth_max);
    json_object_array_add(list, one);
  }
  return list;
}

static const char *const sets[NVT_SET_COUNT] = {[NVT_SET_ADMIN] = "admin",
                                                [NVT_SET_NVM] = "nvm",
                                                [NVT_SET_KV] = "kv",
                                                [NVT_SET_FABRICS] = "fabrics"};

void nvt_stats_json(FILE *to, const struct nvt_stats *stats) {
  json_object *root = json_object_new_object();
  json_object_object_add(root, "trace", json_object_new_string(stats->path));
  put(root, "records", stats->records);
  put(root, "unreadable", stats->unreadable);
  put(root, "lost", stats->lost);
  json_object_object_add(root, "left_out", nvt_left_out_json(stats->left_out));
  put(root, "controllers", stats->controllers);
  put(root, "first_ns", stats->first_ns);
  put(root, "last_ns", stats->last_ns);
  json_object *types = json_object_new_object();
  for (unsigned type = 0; type < NVT_REC_COUNT; type++)
    if (stats->types[type] != 0)
      put(types, nvt_record_name(type), stats->types[type]);
  json_object_object_add(root, "types", types);
  json_object_object_add(root, "payload", nvt_stats_payload_json(&stats->payload));
  json_object *commands = json_object_new_object();
  put(commands, "completed", stats->ends[NVT_EXCHANGE_COMPLETED]);
  put(commands, "reset", stats->ends[NVT_EXCHANGE_RESET]);
  put(commands, "unfinished", stats->ends[NVT_EXCHANGE_UNFINISHED]);
  put(commands, "untraced", stats->ends[NVT_EXCHANGE_UNTRACED]);
  json_object_object_add(root, "commands", commands);
  json_object_object_add(root, "latency", stages_json(stats->io_stages));
  json_object *opcodes = json_object_new_array();
  for (unsigned set = 0; set < NVT_SET_COUNT; set++)
    for (unsigned i = 0; i < 256; i++) {
      const struct nvt_stats_opcode *opcode = stats->opcodes[set][i];
      if (opcode == NULL)
        continue;
      json_object *one = json_object_new_object();
      json_object_object_add(one, "set", json_object_new_string(sets[set]));
      put(one, "opcode", i);
      const char *name = nvt_opcode_name((enum nvt_opcode_set)set, (uint8_t)i);
      json_object_object_add(one, "name", name != NULL ? json_object_new_string(name) : NULL);
      put(one, "commands", opcode->commands);
      put(one, "errors", opcode->errors);
      json_object_object_add(one, "latency", stages_json(opcode->stages));
      json_object_array_add(opcodes, one);
    }
  json_object_object_add(root, "opcodes", opcodes);
  json_object_object_add(root, "queues", rows_json(&stats->queues, "sqid"));
  json_object_object_add(root, "namespaces", rows_json(&stats->namespaces, "nsid"));
  fputs(json_object_to_json_string_ext(root,
                                       JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE),
        to);
  fputc('\n', to);
  json_object_put(root);
}
