/* SPDX-License-Identifier: BSD-2-Clause */
/* What was done, and what remains. */
#include <inttypes.h>
#include <json-c/json.h>

#include "edit/scrub_print_int.h"

static const char *const keys[] = {
#define KEY(id, key, text) key,
    NVT_SCRUB_COUNTS(KEY)
#undef KEY
};
static const char *const texts[] = {
#define TEXT(id, key, text) text,
    NVT_SCRUB_COUNTS(TEXT)
#undef TEXT
};

/* docs/editing.md has the same with reasons. */
struct remains {
  const char *key;
  const char *text;
  bool (*is)(const struct nvt_scrub_options *);
};

static bool always(const struct nvt_scrub_options *options) {
  (void)options;
  return true;
}
static bool times(const struct nvt_scrub_options *options) {
  return !options->time;
}
static bool lbas(const struct nvt_scrub_options *options) {
  return !options->lba;
}
static bool model(const struct nvt_scrub_options *options) {
  return (options->keep & NVT_SCRUB_KEEP_MODEL) != 0;
}
static bool plugins(const struct nvt_scrub_options *options) {
  return (options->keep & NVT_SCRUB_KEEP_PLUGINS) != 0;
}
static bool filter(const struct nvt_scrub_options *options) {
  return (options->keep & NVT_SCRUB_KEEP_FILTER) != 0;
}
static bool vendor(const struct nvt_scrub_options *options) {
  return (options->keep & NVT_SCRUB_KEEP_VENDOR) != 0;
}

static const struct remains remains[] = {
    {"commands", "every command: opcode, size, queue, order, status, time between them", always},
    {"times", "the dates", times},
    {"lbas", "LBAs", lbas},
    {"addresses", "guest addresses: registers, entries, PRP lists, SGL segments, interrupts",
     always},
    {"capabilities", "what the controller can do, and its PCI vendor and device", always},
    {"sizes", "the namespaces' sizes and formats", always},
    {"wear", "health and wear in log pages", always},
    {"model", "model numbers and firmware revisions", model},
    {"plugins", "names of plug-ins", plugins},
    {"filter", "the words of the recorder's filter", filter},
    {"vendor", "what vendor specific commands, features and registers say", vendor},
};
#define REMAINS (sizeof(remains) / sizeof(remains[0]))

void nvt_scrub_print(FILE *to, const struct nvt_scrub_options *options,
                     const struct nvt_scrub_report *report, bool dry_run) {
  fprintf(to, "%" PRIu64 " records %s\n", report->written,
          dry_run ? "would be written" : "written");
  for (unsigned i = 0; i < NVT_SCRUB_COUNT; i++)
    if (report->counts[i] > 0)
      fprintf(to, "%10" PRIu64 "  %s\n", report->counts[i], texts[i]);
  if (options->lba)
    fprintf(to,
            "%10" PRIu64 "  runs of touched LBAs, of which %" PRIu64
            " are elsewhere now (chunks of up to %" PRIu64 " blocks)\n",
            report->runs, report->moved, report->chunk);
  fputs("still tells:", to);
  for (size_t i = 0, n = 0; i < REMAINS; i++)
    if (remains[i].is(options))
      fprintf(to, "%s %s", n++ > 0 ? ";" : "", remains[i].text);
  fputs(".\n", to);
}

void nvt_scrub_print_json(FILE *to, const struct nvt_scrub_options *options,
                          const struct nvt_scrub_report *report, const char *error, bool dry_run) {
  json_object *root = json_object_new_object();
  json_object *done = json_object_new_object();
  json_object *left = json_object_new_array();
  for (unsigned i = 0; i < NVT_SCRUB_COUNT; i++)
    json_object_object_add(done, keys[i], json_object_new_uint64(report->counts[i]));
  for (size_t i = 0; i < REMAINS; i++)
    if (remains[i].is(options))
      json_object_array_add(left, json_object_new_string(remains[i].key));
  json_object_object_add(root, "records", json_object_new_uint64(report->records));
  json_object_object_add(root, "written", json_object_new_uint64(dry_run ? 0 : report->written));
  json_object_object_add(root, "dry_run", json_object_new_boolean(dry_run));
  json_object_object_add(root, "done", done);
  json_object_object_add(root, "lists_kept", json_object_new_uint64(report->lists));
  if (options->lba) {
    json_object *map = json_object_new_object();
    json_object_object_add(map, "runs", json_object_new_uint64(report->runs));
    json_object_object_add(map, "moved", json_object_new_uint64(report->moved));
    json_object_object_add(map, "chunk_blocks", json_object_new_uint64(report->chunk));
    json_object_object_add(root, "lba_map", map);
  }
  json_object_object_add(root, "still_tells", left);
  if (error != NULL)
    json_object_object_add(root, "error", json_object_new_string(error));
  fprintf(to, "%s\n", json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
  json_object_put(root);
}
