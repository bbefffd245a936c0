/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap replay */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "replay/differences.h"
#include "replay/replay.h"

static const char usage[] =
    "usage: nvmetap replay TRACE [--target NAME] [--json] [--max-findings N]\n"
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
    "  --json             result as one JSON object on standard output\n"
    "  --max-findings N   show at most N differences (default 100); all are counted\n"
    "  --exceptions       print what may differ without being a difference, and end\n"
    "  --differences      print what is known to differ in other controller models, and end\n"
    "\n"
    "Exit status: 0 no difference, 1 differences, 2 usage, or TRACE isn't readable to its end.\n"
    "\n"
    "example: nvmetap record --namespace ram:64M --workload rw=randrw,count=1000 --trace x.pcap\n"
    "         nvmetap replay x.pcap\n";

struct arguments {
  struct nvt_replay_options options;
  bool json;
  void (*print)(FILE *); /* a table, instead of a replay */
};

static bool parse_count(const char *text, size_t most, size_t *out) {
  char *end;
  errno = 0;
  if (text[0] < '0' || text[0] > '9')
    return false;
  unsigned long long value = strtoull(text, &end, 10);
  if (errno != 0 || *end != '\0' || value > most)
    return false;
  *out = (size_t)value;
  return true;
}

static int parse(int argc, char **argv, struct arguments *out) {
  static const struct option options[] = {
      {"target", required_argument, NULL, 't'},       {"json", no_argument, NULL, 'j'},
      {"max-findings", required_argument, NULL, 'm'}, {"exceptions", no_argument, NULL, 'e'},
      {"differences", no_argument, NULL, 'd'},        {NULL, 0, NULL, 0},
  };
  int option;
  opterr = 0;
  optind = 0;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
    switch (option) {
    case 't':
      out->options.target = nvt_target_find(optarg, &out->options.address);
      if (out->options.target == NULL)
        return nvt_usage_error("replay", "there is no target '%s'; see --help for those there are",
                               optarg);
      break;
    case 'j':
      out->json = true;
      break;
    case 'm':
      if (!parse_count(optarg, NVT_REPLAY_FINDINGS_MAX, &out->options.max_findings))
        return nvt_usage_error("replay", "--max-findings '%s': not a number from 0 to %u", optarg,
                               NVT_REPLAY_FINDINGS_MAX);
      break;
    case 'e':
      out->print = nvt_exceptions_print;
      break;
    case 'd':
      out->print = nvt_differences_print;
      break;
    case ':':
      return nvt_usage_error("replay", "option '%s' needs a value", argv[optind - 1]);
    default:
      return nvt_usage_error("replay", "unknown option '%s'; see nvmetap replay --help",
                             argv[optind - 1]);
    }
  }
  if (out->print != NULL && argc == optind)
    return NVT_EXIT_OK;
  if (out->print != NULL)
    return nvt_usage_error("replay", "--exceptions and --differences take no trace");
  if (argc - optind != 1)
    return nvt_usage_error("replay", "%s; usage: nvmetap replay TRACE [options]",
                           argc == optind ? "which trace?" : "one trace at a time");
  out->options.path = argv[optind];
  return NVT_EXIT_OK;
}

static void put(json_object *object, const char *key, json_object *value) {
  json_object_object_add(object, key, value);
}

static json_object *number(uint64_t value) {
  return json_object_new_uint64(value);
}

static json_object *findings_json(const struct nvt_findings *findings) {
  json_object *list = json_object_new_array();
  for (size_t i = 0; i < findings->kept; i++) {
    const struct nvt_finding *finding = &findings->list[i];
    json_object *one = json_object_new_object();
    put(one, "record", number(finding->record));
    put(one, "field", json_object_new_string(finding->field));
    put(one, "expected", json_object_new_string(finding->expected));
    put(one, "actual", json_object_new_string(finding->actual));
    put(one, "text", json_object_new_string(finding->text));
    json_object_array_add(list, one);
  }
  return list;
}

static void print_json(const struct nvt_replay_options *options,
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
  put(root, "findings", findings_json(&totals->findings));
  put(root, "exceptions", exceptions);
  put(root, "foreign", number(result->foreign));
  if (!result->readable)
    put(root, "error", json_object_new_string(result->why.text));
  put(root, "seconds", json_object_new_double(result->seconds));
  puts(json_object_to_json_string_ext(root, JSON_C_TO_STRING_PRETTY));
  json_object_put(root);
}

static void print_text(const struct nvt_replay_options *options,
                       const struct nvt_replay_result *result) {
  const struct nvt_replay_totals *totals = &result->totals;
  const struct nvt_findings *findings = &totals->findings;
  for (size_t i = 0; i < findings->kept; i++) {
    const struct nvt_finding *finding = &findings->list[i];
    printf("record %" PRIu64 ": %s: expected %s, actual %s: %s\n", finding->record, finding->field,
           finding->expected, finding->actual, finding->text);
  }
  if (findings->count > findings->kept)
    printf("… and %" PRIu64 " more\n", findings->count - findings->kept);
  printf("replayed into %s: %" PRIu64 " records, %" PRIu64 " commands, %" PRIu64
         " compared, %" PRIu64 " difference%s, %.2f s\n",
         options->target->name, result->records, totals->commands, totals->compared,
         findings->count, findings->count == 1 ? "" : "s", result->seconds);
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

static int run(int argc, char **argv) {
  struct arguments arguments = {.options = {.target = nvt_target_at(0),
                                            .max_findings = NVT_REPLAY_FINDINGS_DEFAULT,
                                            .progress = isatty(STDERR_FILENO) == 1}};
  int status = parse(argc, argv, &arguments);
  if (status != NVT_EXIT_OK)
    return status;
  if (arguments.print != NULL) {
    arguments.print(stdout);
    return NVT_EXIT_OK;
  }
  struct nvt_replay_result result;
  nvt_replay(&arguments.options, &result);
  if (arguments.json)
    print_json(&arguments.options, &result);
  else if (result.readable || result.records > 0)
    print_text(&arguments.options, &result);
  status = result.totals.findings.count > 0 ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
  if (!result.readable) {
    fflush(stdout);
    fprintf(stderr, "nvmetap replay: %s\n", result.why.text);
    status = NVT_EXIT_USAGE;
  }
  nvt_replay_clear(&result);
  return status;
}

NVT_COMMAND(replay, .name = "replay", .summary = "feed a trace to a controller and compare",
            .usage = usage, .run = run, .order = 15);
