/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap replay: its options. */
#include "replay/arguments_int.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "replay/differences.h"

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

static int add_traces(struct nvt_replay_arguments *out, char **paths, int count) {
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
static bool parse_option(int option, char **argv, struct nvt_replay_arguments *out) {
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
  if (elsewhere && (target->pass == NULL || target->own_medium))
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
  if (o->preload && (!o->dependency || target->own_medium))
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

int nvt_replay_parse(int argc, char **argv, struct nvt_replay_arguments *out) {
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
    out->options.preload |= out->options.target->own_medium;
    if (out->options.depth == 0)
      out->options.depth = NVT_REPLAY_DEPTH_DEFAULT;
  }
  if (argc == optind)
    return nvt_usage_error("replay", "which trace? usage: nvmetap replay TRACE [options]");
  return add_traces(out, argv + optind, argc - optind);
}
