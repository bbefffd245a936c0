/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap replay */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "replay/arguments_int.h"
#include "replay/report.h"

static const char usage[] =
    "usage: nvmetap replay TRACE|DIRECTORY… [--target TARGET] [--json] [--junit FILE] …\n"
    "       nvmetap replay --exceptions | --differences\n"
    "\n"
    "Re-issues what the host did in TRACE (\"-\": standard input) to a controller and compares\n"
    "what it answers with what the recorded one did: register reads, completions (status, dword\n"
    "0, SQ head, slot, phase, order), interrupts, and data where it was recorded.\n"
    "\n"
    "  --target TARGET    what to replay into (default: model)\n"
    "                       model           the controller model in this process, set up as the\n"
    "                                       recorded controller was\n"
    "                       vfio-user:PATH  a device that listens at the vfio-user socket PATH, "
    "set\n"
    "                                       up by you\n"
    "                       qtest[:QEMU]    QEMU's own NVMe device, set up as the recorded\n"
    "                                       controller was (in qemu-system-x86_64, or QEMU)\n"
    "                       device:/dev/ngXnY, device:/dev/nvmeX  a drive of this machine: "
    "commands\n"
    "                                       alone; never one that is mounted or otherwise in use\n"
    "                       dry             none: tells what would be sent, and what not compared\n"
    "  --order recorded|dependency  dependency: only what depends on order keeps it (overlapping\n"
    "                     blocks, queues, Flush, fused commands, admin commands), as fast as it "
    "goes;\n"
    "                     whole commands, by the built-in driver: with model and vfio-user\n"
    "  --depth N          then: so many outstanding at most, 1 to 1023 (default 32)\n"
    "  --preload          then, with vfio-user: put there what the trace's reads found from "
    "before\n"
    "  --yes-destroy-data  with device: what is on the drive may be overwritten\n"
    "  --read-only        with device: each Write is a Read of the same blocks\n"
    "  --map-ns FROM:TO   with device, or in dependency order with vfio-user: the trace's "
    "namespace\n"
    "                     FROM is the target's TO; may be repeated\n"
    "  --lba-offset N     likewise: N is added to the trace's block numbers\n"
    "  --time original[:xN]  do what the host did at the recorded times, or N times as fast, 0.1 "
    "to\n"
    "                     100; lateness is reported, and never adds up. Default: as fast as "
    "possible\n"
    "  --loops N          N times, 1 to 1000000, each with a fresh target\n"
    "  --for SECONDS      end after so long; without --loops again and again until then\n"
    "  --from N|TIME      compare from record N on, or from a time: seconds since the trace's "
    "start\n"
    "                     (1.5, 2s), @seconds since 1970, 2026-01-31T12:00:00Z. What is before "
    "that is\n"
    "                     replayed as fast as possible, and not compared\n"
    "  --to N|TIME        end after record N, or before that time\n"
    "  --queue N, --nsid N, --opcode NAME  compare only what belongs to this queue, commands of "
    "this\n"
    "                     namespace, this command (Read); each may be given several times.\n"
    "                     Everything is replayed all the same\n"
    "  --json             result as one JSON object on standard output\n"
    "  --junit FILE       results as JUnit's XML, a test case for each trace\n"
    "  --jobs N           so many traces at once, 1 to 256 (default: one for each processor with\n"
    "                     model, 1 with other targets)\n"
    "  --max-findings N   show at most N differences (default 100); all are counted\n"
    "  --exceptions       print what may differ without being a difference, and end\n"
    "  --differences      print what is known to differ in other controller models, and end\n"
    "\n"
    "Of a DIRECTORY all traces in it and below are replayed, each in a process of its own; then a "
    "line\n"
    "is printed for each, and one for all.\n"
    "\n"
    "Exit status: 0 no difference, 1 differences, 2 usage, or TRACE isn't readable to its end.\n"
    "\n"
    "examples: nvmetap record --namespace ram:64M --workload rw=randrw,count=1000 --trace x.pcap\n"
    "          nvmetap replay x.pcap\n"
    "          nvmetap replay corpus/ --junit report.xml\n";

/* --- one trace --- */

static int replay_one(const struct nvt_replay_arguments *arguments, json_object **report) {
  struct nvt_replay_options options = arguments->options;
  struct nvt_replay_result result;
  options.path = nvt_corpus_path(arguments->corpus, 0);
  if (strcmp(options.path, "-") == 0 && options.loops > 1)
    return nvt_usage_error("replay", "standard input can't be read again: --loops needs a file");
  if (strcmp(options.path, "-") == 0)
    options.loops = 1;
  nvt_replay(&options, &result);
  *report = nvt_report_json(&options, &result);
  if (arguments->json)
    puts(json_object_to_json_string_ext(*report, JSON_C_TO_STRING_PRETTY));
  else if (result.readable || result.records > 0)
    nvt_report_text(&options, &result);
  int status = result.totals.findings.count > 0 ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
  if (!result.readable) {
    fflush(stdout);
    fprintf(stderr, "nvmetap replay: %s\n", result.why.text);
    status = NVT_EXIT_USAGE;
  }
  nvt_replay_clear(&result);
  return status;
}

/* --- many --- */

struct sums {
  size_t equal, differ, unreadable;
};

static struct sums sum_up(json_object *results) {
  struct sums sums = {0};
  for (size_t i = 0; i < json_object_array_length(results); i++) {
    json_object *result = json_object_array_get_idx(results, i);
    if (nvt_report_member(result, "error") != NULL)
      sums.unreadable++;
    else if (json_object_get_uint64(nvt_report_member(result, "differences")) > 0)
      sums.differ++;
    else
      sums.equal++;
  }
  return sums;
}

static void told(json_object *result, size_t through, size_t all) {
  const char *trace = json_object_get_string(nvt_report_member(result, "trace"));
  const char *error = json_object_get_string(nvt_report_member(result, "error"));
  uint64_t differences = json_object_get_uint64(nvt_report_member(result, "differences"));
  (void)through, (void)all;
  if (differences > 0) {
    json_object *first = json_object_array_get_idx(nvt_report_member(result, "findings"), 0);
    printf("differs     %s: %" PRIu64 " difference%s", trace, differences,
           differences == 1 ? "" : "s");
    if (first != NULL)
      printf(", the first: record %" PRIu64 ": %s: expected %s, actual %s: %s",
             json_object_get_uint64(nvt_report_member(first, "record")),
             json_object_get_string(nvt_report_member(first, "field")),
             json_object_get_string(nvt_report_member(first, "expected")),
             json_object_get_string(nvt_report_member(first, "actual")),
             json_object_get_string(nvt_report_member(first, "text")));
    putchar('\n');
  }
  if (error != NULL)
    printf("unreadable  %s\n", error);
  else if (nvt_report_member(result, "plan") != NULL)
    printf("replayable  %s: %" PRIu64 " records\n", trace,
           json_object_get_uint64(nvt_report_member(result, "records")));
  else if (differences == 0)
    printf("equal       %s: %" PRIu64 " records, %" PRIu64 " compared\n", trace,
           json_object_get_uint64(nvt_report_member(result, "records")),
           json_object_get_uint64(nvt_report_member(result, "compared")));
  fflush(stdout);
}

static int replay_many(const struct nvt_replay_arguments *arguments, json_object **report) {
  bool inside = !arguments->options.target->outside;
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  unsigned jobs = arguments->jobs > 0        ? (unsigned)arguments->jobs
                  : inside && processors > 1 ? (unsigned)processors
                                             : 1;
  if (jobs > NVT_CORPUS_JOBS)
    jobs = NVT_CORPUS_JOBS;
  *report = nvt_corpus_replay(arguments->corpus, &arguments->options, jobs,
                              arguments->json ? NULL : told);
  if (*report == NULL)
    return nvt_usage_error("replay", "the traces can't be replayed: %s", strerror(errno));
  struct sums sums = sum_up(*report);
  if (arguments->json)
    puts(json_object_to_json_string_ext(*report, JSON_C_TO_STRING_PRETTY));
  else if (arguments->options.target->plans)
    printf("%zu traces read: %zu can be replayed, %zu can't\n", nvt_corpus_count(arguments->corpus),
           sums.equal, sums.unreadable);
  else
    printf("%zu traces replayed into %s: %zu equal, %zu differ, %zu unreadable\n",
           nvt_corpus_count(arguments->corpus), arguments->options.target->name, sums.equal,
           sums.differ, sums.unreadable);
  return sums.unreadable > 0 ? NVT_EXIT_USAGE : sums.differ > 0 ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
}

static int write_junit(const struct nvt_replay_arguments *arguments, json_object *report,
                       int status) {
  if (arguments->junit == NULL || report == NULL)
    return status;
  json_object *list = report;
  if (!json_object_is_type(report, json_type_array)) {
    list = json_object_new_array();
    json_object_array_add(list, json_object_get(report));
  }
  char suite[64];
  snprintf(suite, sizeof(suite), "nvmetap replay %s", arguments->options.target->name);
  int error = nvt_report_junit(arguments->junit, suite, list);
  if (list != report)
    json_object_put(list);
  if (error == 0)
    return status;
  return nvt_usage_error("replay", "--junit %s: %s", arguments->junit, strerror(-error));
}

static int run(int argc, char **argv) {
  struct nvt_replay_arguments arguments = {.options = {.target = nvt_target_at(0),
                                                       .max_findings = NVT_REPLAY_FINDINGS_DEFAULT,
                                                       .progress = isatty(STDERR_FILENO) == 1}};
  int status = nvt_replay_parse(argc, argv, &arguments);
  if (status == NVT_EXIT_OK && arguments.print != NULL) {
    arguments.print(stdout);
  } else if (status == NVT_EXIT_OK) {
    json_object *report = NULL;
    status = nvt_corpus_count(arguments.corpus) == 1 ? replay_one(&arguments, &report)
                                                     : replay_many(&arguments, &report);
    status = write_junit(&arguments, report, status);
    json_object_put(report);
  }
  nvt_corpus_destroy(arguments.corpus);
  return status;
}

NVT_COMMAND(replay, .name = "replay", .summary = "feed a trace to a controller and compare",
            .usage = usage, .run = run, .order = 15);
