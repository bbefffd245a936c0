/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap mutate */
#include "replay/mutate.h"

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

#define RUNS_DEFAULT 1000u

static const char usage[] =
    "usage: nvmetap mutate TRACE [--target TARGET] [--seed N] [--runs N | --for SECONDS]\n"
    "                      [--save DIRECTORY] [--json]\n"
    "       nvmetap mutate --reproduce TRACE|DIRECTORY… [--target TARGET] [--json]\n"
    "\n"
    "Does what the host did in TRACE to a controller again and again, each time with some of it\n"
    "changed: commands reordered, doubled, left out, their fields, pointers and lists; doorbells,\n"
    "registers, resets, the MSI-X table. Looks at what a controller promises whatever its host\n"
    "does: it neither crashes nor hangs, completes each command once and in its place, writes no\n"
    "memory that no command named, and works after a reset.\n"
    "\n"
    "  --target TARGET    as of nvmetap replay (default: model)\n"
    "  --seed N           another campaign (default 1); seed and run decide what is changed\n"
    "  --runs N           so many runs (default 1000); run 0 is the trace as it is\n"
    "  --for SECONDS      runs for that long\n"
    "  --save DIRECTORY   save what finds something there, as a trace: KIND-SEED-RUN.pcap; at "
    "most\n"
    "                     five of a kind\n"
    "  --reproduce        do saved traces once, as they are\n"
    "  --json             result as one JSON object on standard output\n"
    "\n"
    "Exit status: 0 nothing found, 1 something was, 2 usage, or TRACE or target can't be used.\n"
    "\n"
    "examples: nvmetap mutate samples/driver.pcap --runs 5000 --save found/\n"
    "          nvmetap mutate --reproduce found/\n";

struct arguments {
  struct nvt_mutate_options options;
  struct nvt_corpus *corpus;
  bool json;
};

static bool parse_number(const char *text, uint64_t *out) {
  char *end;
  errno = 0;
  if (text[0] < '0' || text[0] > '9')
    return false;
  *out = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0';
}

static int add_traces(struct arguments *out, char **paths, int count) {
  int error = nvt_corpus_create(&out->corpus);
  for (int i = 0; i < count && error == 0; i++) {
    error = nvt_corpus_add(out->corpus, paths[i]);
    if (error == -ENODATA)
      return nvt_usage_error("mutate", "%s: there is no trace in it (*.pcap, *.pcapng, *.zst)",
                             paths[i]);
    if (error != 0)
      return nvt_usage_error("mutate", "%s: %s", paths[i], strerror(-error));
  }
  if (error != 0)
    return nvt_usage_error("mutate", "%s", strerror(-error));
  if (!out->options.verbatim && nvt_corpus_count(out->corpus) != 1)
    return nvt_usage_error("mutate", "one trace at a time; without --reproduce, not %zu",
                           nvt_corpus_count(out->corpus));
  return NVT_EXIT_OK;
}

static int parse_option(int option, struct arguments *out) {
  uint64_t seconds;
  switch (option) {
  case 't':
    out->options.target = nvt_target_find(optarg, &out->options.address);
    if (out->options.target == NULL)
      return nvt_usage_error("mutate", "there is no target '%s'; see nvmetap replay --help",
                             optarg);
    if (!nvt_target_takes_steps(out->options.target))
      return nvt_usage_error("mutate", "the target %s is for nvmetap replay alone",
                             out->options.target->name);
    return NVT_EXIT_OK;
  case 's':
    if (!parse_number(optarg, &out->options.seed))
      return nvt_usage_error("mutate", "--seed '%s': not a number", optarg);
    return NVT_EXIT_OK;
  case 'r':
    if (!nvt_parse_count(optarg, &out->options.runs))
      return nvt_usage_error("mutate", "--runs '%s': not a number of 1 or more", optarg);
    return NVT_EXIT_OK;
  default:
    if (!nvt_parse_count(optarg, &seconds) || seconds > 31536000)
      return nvt_usage_error("mutate", "--for '%s': not a number of seconds of 1 or more", optarg);
    out->options.seconds = (double)seconds;
    return NVT_EXIT_OK;
  }
}

static int parse(int argc, char **argv, struct arguments *out) {
  static const struct option options[] = {
      {"target", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
      {"runs", required_argument, NULL, 'r'},   {"for", required_argument, NULL, 'f'},
      {"save", required_argument, NULL, 'd'},   {"reproduce", no_argument, NULL, 'p'},
      {"json", no_argument, NULL, 'j'},         {NULL, 0, NULL, 0},
  };
  int option;
  opterr = 0;
  optind = 0;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
    if (option == ':')
      return nvt_usage_error("mutate", "option '%s' needs a value", argv[optind - 1]);
    if (option == '?')
      return nvt_usage_error("mutate", "unknown option '%s'; see nvmetap mutate --help",
                             argv[optind - 1]);
    if (option == 'd')
      out->options.save = optarg;
    else if (option == 'p')
      out->options.verbatim = true;
    else if (option == 'j')
      out->json = true;
    else if (parse_option(option, out) != NVT_EXIT_OK)
      return NVT_EXIT_USAGE;
  }
  if (out->options.runs > 0 && out->options.seconds > 0)
    return nvt_usage_error("mutate", "--runs and --for: one of the two");
  if (out->options.runs == 0)
    out->options.runs = out->options.seconds > 0 ? UINT64_MAX : RUNS_DEFAULT;
  if (argc == optind)
    return nvt_usage_error("mutate", "which trace? usage: nvmetap mutate TRACE [options]");
  return add_traces(out, argv + optind, argc - optind);
}

/* --- result --- */

static json_object *to_json(const struct nvt_mutate_options *o, const struct nvt_mutate_result *r) {
  json_object *object = json_object_new_object(), *list = json_object_new_array();
  json_object_object_add(object, "trace", json_object_new_string(o->path));
  json_object_object_add(object, "target", json_object_new_string(o->target->name));
  json_object_object_add(object, "seed", json_object_new_uint64(o->seed));
  json_object_object_add(object, "steps", json_object_new_uint64(r->steps));
  json_object_object_add(object, "shortened", json_object_new_boolean(r->shortened));
  json_object_object_add(object, "runs", json_object_new_uint64(r->runs));
  json_object_object_add(object, "mutations", json_object_new_uint64(r->mutations));
  json_object_object_add(object, "commands", json_object_new_uint64(r->commands));
  json_object_object_add(object, "found", json_object_new_uint64(r->count));
  for (size_t i = 0; i < r->kept; i++) {
    const struct nvt_mutate_finding *f = &r->findings[i];
    json_object *one = json_object_new_object();
    json_object_object_add(one, "run", json_object_new_uint64(f->run));
    json_object_object_add(one, "step", json_object_new_uint64(f->step));
    json_object_object_add(one, "kind", json_object_new_string(f->kind));
    json_object_object_add(one, "text", json_object_new_string(f->text));
    if (f->saved[0] != '\0')
      json_object_object_add(one, "saved", json_object_new_string(f->saved));
    json_object_array_add(list, one);
  }
  json_object_object_add(object, "findings", list);
  if (r->failed)
    json_object_object_add(object, "error", json_object_new_string(r->why.text));
  json_object_object_add(object, "seconds", json_object_new_double(r->seconds));
  return object;
}

static void print(const struct nvt_mutate_options *o, const struct nvt_mutate_result *r) {
  for (size_t i = 0; i < r->kept; i++) {
    const struct nvt_mutate_finding *f = &r->findings[i];
    printf("run %" PRIu64 ", step %" PRIu64 ": %s: %s%s%s\n", f->run, f->step, f->kind, f->text,
           f->saved[0] != '\0' ? "; saved as " : "", f->saved);
  }
  if (r->shortened)
    printf("%s: only its first %" PRIu64 " steps are used\n", o->path, r->steps);
  printf("%s: %" PRIu64 " run%s of %" PRIu64 " steps into %s, seed %" PRIu64 ", %" PRIu64
         " mutations, %" PRIu64 " commands, in %.1f s: %" PRIu64 " found\n",
         o->path, r->runs, r->runs == 1 ? "" : "s", r->steps, o->target->name, o->seed,
         r->mutations, r->commands, r->seconds, r->count);
}

static int mutate_one(const struct arguments *arguments, const char *path) {
  struct nvt_mutate_options options = arguments->options;
  struct nvt_mutate_result result;
  options.path = path;
  nvt_mutate(&options, &result);
  if (arguments->json) {
    json_object *object = to_json(&options, &result);
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY));
    json_object_put(object);
  } else if (!result.failed || result.runs > 0) {
    print(&options, &result);
  }
  int status = result.count > 0 ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
  if (result.failed) {
    fflush(stdout);
    status = nvt_usage_error("mutate", "%s", result.why.text);
  }
  nvt_mutate_clear(&result);
  return status;
}

static int run(int argc, char **argv) {
  struct arguments arguments = {
      .options = {.target = nvt_target_at(0), .seed = 1, .progress = isatty(STDERR_FILENO) == 1}};
  int status = parse(argc, argv, &arguments);
  for (size_t i = 0; status != NVT_EXIT_USAGE && i < nvt_corpus_count(arguments.corpus); i++) {
    int one = mutate_one(&arguments, nvt_corpus_path(arguments.corpus, i));
    status = one > status ? one : status;
  }
  nvt_corpus_destroy(arguments.corpus);
  return status;
}

NVT_COMMAND(mutate, .name = "mutate", .summary = "feed a trace to a controller, changed at random",
            .usage = usage, .run = run, .order = 16);
