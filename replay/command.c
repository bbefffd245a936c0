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
#include "replay/corpus.h"
#include "replay/differences.h"
#include "replay/replay.h"

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

struct arguments {
  struct nvt_replay_options options;
  struct nvt_corpus *corpus;
  const char *junit;
  size_t jobs; /* 0: not given */
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

/* FROM:TO */
static bool parse_map(const char *text, struct nvt_remap *remap) {
  const uint32_t most = UINT32_MAX - 1;
  char from[16];
  size_t length = strcspn(text, ":"), is, to;
  if (text[length] != ':' || length >= sizeof(from) || remap->count == NVT_REMAP_NAMESPACES)
    return false;
  memcpy(from, text, length);
  from[length] = '\0';
  if (!parse_count(from, most, &is) || !parse_count(text + length + 1, most, &to) || is == 0 ||
      to == 0)
    return false;
  for (uint32_t i = 0; i < remap->count; i++)
    if (remap->namespaces[i].from == is)
      return false;
  remap->namespaces[remap->count].from = (uint32_t)is;
  remap->namespaces[remap->count++].to = (uint32_t)to;
  return true;
}

static bool parse_window(int option, const char *text, struct nvt_window *window) {
  switch (option) {
  case 'A':
  case 'B':
    if (nvt_window_parse_edge(text, option == 'A' ? &window->from : &window->to))
      return true;
    nvt_usage_error("replay",
                    "--%s '%s': neither a record's number nor a time: 1.5 or 2s since the "
                    "trace's start, @seconds since 1970, 2026-01-31T12:00:00Z",
                    option == 'A' ? "from" : "to", text);
    return false;
  case 'Q':
    if (nvt_window_add_queue(window, text))
      return true;
    nvt_usage_error("replay", "--queue '%s': not a number from 0 to 65535, or more than %u", text,
                    NVT_WINDOW_LIST_MAX);
    return false;
  case 'N':
    if (nvt_window_add_nsid(window, text))
      return true;
    nvt_usage_error("replay", "--nsid '%s': not a number from 0 to 4294967295, or more than %u",
                    text, NVT_WINDOW_LIST_MAX);
    return false;
  default:
    if (nvt_window_add_opcode(window, text))
      return true;
    nvt_usage_error("replay", "--opcode '%s': no command is called so, such as Read", text);
    return false;
  }
}

static int add_traces(struct arguments *out, char **paths, int count) {
  int error = nvt_corpus_create(&out->corpus);
  for (int i = 0; i < count && error == 0; i++) {
    error = nvt_corpus_add(out->corpus, paths[i]);
    if (error == -ENODATA)
      return nvt_usage_error("replay", "%s: there is no trace in it (*.pcap, *.pcapng, *.zst)",
                             paths[i]);
    if (error != 0)
      return nvt_usage_error("replay", "%s: %s", paths[i], strerror(-error));
  }
  return error == 0 ? NVT_EXIT_OK : nvt_usage_error("replay", "%s", strerror(-error));
}

static const struct option options[] = {
    {"target", required_argument, NULL, 't'},
    {"json", no_argument, NULL, 'j'},
    {"max-findings", required_argument, NULL, 'm'},
    {"junit", required_argument, NULL, 'u'},
    {"jobs", required_argument, NULL, 'n'},
    {"exceptions", no_argument, NULL, 'e'},
    {"differences", no_argument, NULL, 'd'},
    {"time", required_argument, NULL, 'T'},
    {"loops", required_argument, NULL, 'l'},
    {"for", required_argument, NULL, 'f'},
    {"from", required_argument, NULL, 'A'},
    {"to", required_argument, NULL, 'B'},
    {"queue", required_argument, NULL, 'Q'},
    {"nsid", required_argument, NULL, 'N'},
    {"opcode", required_argument, NULL, 'O'},
    {"yes-destroy-data", no_argument, NULL, 'Y'},
    {"map-ns", required_argument, NULL, 'M'},
    {"lba-offset", required_argument, NULL, 'o'},
    {"read-only", no_argument, NULL, 'R'},
    {"order", required_argument, NULL, 'r'},
    {"depth", required_argument, NULL, 'D'},
    {"preload", no_argument, NULL, 'P'},
    {NULL, 0, NULL, 0},
};

static bool parse_number(const char *name, const char *text, size_t least, size_t most,
                         size_t *out) {
  if (parse_count(text, most, out) && *out >= least)
    return true;
  nvt_usage_error("replay", "--%s '%s': not a number from %zu to %zu", name, text, least, most);
  return false;
}

/* How: order, time, loops. */
static bool parse_manner(int option, struct nvt_replay_options *out) {
  size_t number;
  switch (option) {
  case 'r':
    out->dependency = strcmp(optarg, "dependency") == 0;
    if (out->dependency || strcmp(optarg, "recorded") == 0)
      return true;
    nvt_usage_error("replay", "--order '%s': neither 'recorded' nor 'dependency'", optarg);
    return false;
  case 'D':
    if (!parse_number("depth", optarg, 1, NVT_REPLAY_DEPTH_MAX, &number))
      return false;
    out->depth = (uint32_t)number;
    return true;
  case 'T':
    if (nvt_pace_parse(optarg, &out->speed))
      return true;
    nvt_usage_error("replay", "--time '%s': neither 'original' nor 'original:xN', N 0.1 to 100",
                    optarg);
    return false;
  case 'l':
    if (!parse_number("loops", optarg, 1, NVT_REPLAY_LOOPS_MAX, &number))
      return false;
    out->loops = (uint32_t)number;
    return true;
  default:
    if (nvt_pace_number(optarg, NVT_REPLAY_SECONDS_MIN, NVT_REPLAY_SECONDS_MAX, &out->seconds))
      return true;
    nvt_usage_error("replay", "--for '%s': not a number of seconds from %g to %g", optarg,
                    NVT_REPLAY_SECONDS_MIN, NVT_REPLAY_SECONDS_MAX);
    return false;
  }
}

/* Where: what is done to a medium that isn't the replay's own. */
static bool parse_place(int option, struct nvt_replay_options *out) {
  size_t offset;
  switch (option) {
  case 'M':
    if (parse_map(optarg, &out->remap))
      return true;
    nvt_usage_error("replay",
                    "--map-ns '%s': not FROM:TO, namespaces from 1 to 4294967294, each FROM once, "
                    "%u at most",
                    optarg, NVT_REMAP_NAMESPACES);
    return false;
  case 'o':
    if (!parse_count(optarg, SIZE_MAX, &offset)) {
      nvt_usage_error("replay", "--lba-offset '%s': not a number of blocks", optarg);
      return false;
    }
    out->remap.lba_offset = offset;
    return true;
  case 'P':
    out->preload = true;
    return true;
  case 'Y':
    out->destroy = true;
    return true;
  default:
    out->read_only = true;
    return true;
  }
}

/* False: it was told what is wrong with it. */
static bool parse_option(int option, char **argv, struct arguments *out) {
  switch (option) {
  case 't':
    out->options.target = nvt_target_find(optarg, &out->options.address);
    if (out->options.target != NULL)
      return true;
    nvt_usage_error("replay", "there is no target '%s'; see --help for those there are", optarg);
    return false;
  case 'j':
    out->json = true;
    return true;
  case 'm':
    return parse_number("max-findings", optarg, 0, NVT_REPLAY_FINDINGS_MAX,
                        &out->options.max_findings);
  case 'u':
    out->junit = optarg;
    return true;
  case 'n':
    return parse_number("jobs", optarg, 1, NVT_CORPUS_JOBS, &out->jobs);
  case 'e':
    out->print = nvt_exceptions_print;
    return true;
  case 'd':
    out->print = nvt_differences_print;
    return true;
  case 'r':
  case 'D':
  case 'T':
  case 'l':
  case 'f':
    return parse_manner(option, &out->options);
  case 'A':
  case 'B':
  case 'Q':
  case 'N':
  case 'O':
    return parse_window(option, optarg, &out->options.window);
  case 'M':
  case 'o':
  case 'P':
  case 'Y':
  case 'R':
    return parse_place(option, &out->options);
  case ':':
    nvt_usage_error("replay", "option '%s' needs a value", argv[optind - 1]);
    return false;
  default:
    nvt_usage_error("replay", "unknown option '%s'; see nvmetap replay --help", argv[optind - 1]);
    return false;
  }
}

/* What doesn't go together; NULL: all does. The target is the driven one in dependency order. */
static const char *conflict(const struct nvt_replay_options *o) {
  const struct nvt_target_ops *target = o->target;
  bool elsewhere = o->remap.count > 0 || o->remap.lba_offset > 0;
  if (o->window.to.record != 0 && o->window.from.record > o->window.to.record)
    return "--to is before --from";
  if ((o->destroy || o->read_only) && (target->pass == NULL || target->sender != NULL))
    return "--yes-destroy-data and --read-only are for --target device";
  if (elsewhere && (target->pass == NULL || target == nvt_target_at(0)->driven))
    return "--map-ns and --lba-offset are for --target device, and for vfio-user with --order "
           "dependency";
  if (o->destroy && o->read_only)
    return "--yes-destroy-data and --read-only exclude each other";
  if (target->plans &&
      (o->speed > 0 || o->loops > 0 || o->seconds > 0 || nvt_window_given(&o->window)))
    return "with --target dry nothing is done that --time, --loops, --for or a window could "
           "change; leave them out";
  if (!o->dependency && o->depth != 0)
    return "--depth is for --order dependency; as recorded, a trace has a depth of its own";
  if (o->preload && (!o->dependency || target == nvt_target_at(0)->driven))
    return "--preload is for --target vfio-user with --order dependency; the model has a medium of "
           "its own, and other targets are preloaded where they can be";
  if (o->dependency && o->speed > 0)
    return "--order dependency is as fast as it goes, and --time isn't; leave one of them out";
  return NULL;
}

/* In dependency order, the target with the built-in driver as its host. */
static int choose_host(struct nvt_replay_options *o) {
  if (!o->dependency)
    return NVT_EXIT_OK;
  if (o->target->driven == NULL)
    return nvt_usage_error("replay",
                           "--order dependency is for the targets model and vfio-user; %s can't be "
                           "driven so",
                           o->target->name);
  o->target = o->target->driven;
  return NVT_EXIT_OK;
}

static int parse(int argc, char **argv, struct arguments *out) {
  int option;
  opterr = 0;
  optind = 0;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1)
    if (!parse_option(option, argv, out))
      return NVT_EXIT_USAGE;
  if (out->print != NULL && argc == optind)
    return NVT_EXIT_OK;
  if (out->print != NULL)
    return nvt_usage_error("replay", "--exceptions and --differences take no trace");
  int status = choose_host(&out->options);
  if (status != NVT_EXIT_OK)
    return status;
  const char *wrong = conflict(&out->options);
  if (wrong != NULL)
    return nvt_usage_error("replay", "%s", wrong);
  if (out->options.dependency) {
    out->options.preload |= out->options.target == nvt_target_at(0)->driven;
    if (out->options.depth == 0)
      out->options.depth = NVT_REPLAY_DEPTH_DEFAULT;
  }
  if (argc == optind)
    return nvt_usage_error("replay", "which trace? usage: nvmetap replay TRACE [options]");
  return add_traces(out, argv + optind, argc - optind);
}

/* --- one trace --- */

static int replay_one(const struct arguments *arguments, json_object **report) {
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

static int replay_many(const struct arguments *arguments, json_object **report) {
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

static int write_junit(const struct arguments *arguments, json_object *report, int status) {
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
  struct arguments arguments = {.options = {.target = nvt_target_at(0),
                                            .max_findings = NVT_REPLAY_FINDINGS_DEFAULT,
                                            .progress = isatty(STDERR_FILENO) == 1}};
  int status = parse(argc, argv, &arguments);
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
