/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap check: what is wrong in a trace. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "trace/check_int.h"
#include "trace/progress.h"
#include "trace/reader.h"

#define PROGRESS_RECORDS ((1u << 16) - 1) /* between two looks at the clock */
#define PROGRESS_AFTER 2                  /* seconds that a run takes without any */

static void on_found(void *ctx, const struct nvt_finding *finding) {
  struct nvt_check_out *out = ctx;
  out->reported[finding->index]++;
  if (out->json)
    nvt_check_json_finding(out, finding);
  else
    nvt_check_print_finding(out, finding);
}

static void on_ended(void *ctx, struct nvt_exchange *exchange) {
  struct nvt_check_out *out = ctx;
  nvt_checks_ended(out->checks, exchange);
}

/* A line on a terminal, where reading takes longer than PROGRESS_AFTER. */
static void show_progress(struct nvt_check_out *out, const struct nvt_reader *reader) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (out->started == 0)
    out->started = now.tv_sec;
  if (now.tv_sec - out->started < PROGRESS_AFTER)
    return;
  out->progress_shown = true;
  nvt_progress_show("check", reader, out->records);
}

static enum nvt_read read_all(struct nvt_check_out *out, struct nvt_reader *reader,
                              struct nvt_session *session, struct nvt_reason *why) {
  struct nvt_record record;
  struct nvt_view view;
  bool progress = isatty(STDERR_FILENO) == 1;
  enum nvt_read read;
  while ((read = nvt_reader_next(reader, &record, why)) == NVT_READ_OK ||
         read == NVT_READ_FOREIGN) {
    if (progress && (out->records & PROGRESS_RECORDS) == 0)
      show_progress(out, reader);
    out->records++;
    if (read == NVT_READ_FOREIGN) {
      out->unreadable++;
      continue;
    }
    if (out->first_ns == 0)
      out->first_ns = record.time_ns;
    if (nvt_session_record(session, &record, &view) != 0 ||
        nvt_checks_record(out->checks, &record, &view) != 0) {
      snprintf(why->text, sizeof(why->text), "%s: out of memory at record %" PRIu64, out->path,
               record.number);
      return NVT_READ_ERROR;
    }
    if (ferror(stdout))
      return NVT_READ_END; /* main tells why */
  }
  if (out->progress_shown)
    nvt_progress_clear();
  nvt_checks_finish(out->checks);
  nvt_session_finish(session);
  return read;
}

static int check_open(struct nvt_check_out *out, struct nvt_reader *reader, const bool *skip) {
  const struct nvt_session_options options = {.ended = on_ended, .ended_ctx = out};
  const struct nvt_checks_options checks = {
      .skip = skip, .per_rule = out->max, .found = on_found, .ctx = out};
  struct nvt_session *session;
  if (nvt_session_create(&options, &session) != 0)
    return nvt_usage_error("check", "out of memory");
  if (nvt_checks_create(&checks, session, &out->checks) != 0) {
    nvt_session_destroy(session);
    return nvt_usage_error("check", "out of memory");
  }
  struct nvt_reason why;
  out->skip = skip;
  if (out->json)
    nvt_check_json_start(out);
  enum nvt_read read = read_all(out, reader, session, &why);
  if (out->json)
    nvt_check_json_end(out);
  else
    nvt_check_print_end(out);
  fflush(stdout);
  int status = nvt_check_faulty(out) ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
  if (read == NVT_READ_CUT || read == NVT_READ_ERROR)
    status = nvt_usage_error("check", "%s", why.text);
  nvt_checks_destroy(out->checks);
  nvt_session_destroy(session);
  return status;
}

/* The rules of a list get `value`. */
static bool select_rules(const char *list, bool value, bool *skip) {
  size_t count = nvt_check_count();
  for (const char *at = list;; at++) {
    size_t length = strcspn(at, ",");
    size_t index = nvt_check_find(at, length);
    if (index == count) {
      nvt_usage_error("check", "there is no rule '%.*s'; 'nvmetap check --list' lists them",
                      (int)length, at);
      return false;
    }
    skip[index] = value;
    at += length;
    if (*at == '\0')
      return true;
  }
}

static int check_path(struct nvt_check_out *out, const bool *skip) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  if (!nvt_reader_open(out->path, &reader, &why))
    return nvt_usage_error("check", "%s", why.text);
  out->reported = calloc(nvt_check_count(), sizeof(*out->reported));
  int status = out->reported != NULL ? check_open(out, reader, skip)
                                     : nvt_usage_error("check", "out of memory");
  free(out->reported);
  nvt_reader_close(reader);
  return status;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {
      {"json", no_argument, NULL, 'j'},          {"rule", required_argument, NULL, 'r'},
      {"no-rule", required_argument, NULL, 'n'}, {"list", no_argument, NULL, 'l'},
      {"max", required_argument, NULL, 'm'},     {0}};
  struct nvt_check_out out = {.max = NVT_CHECK_MAX};
  bool skip[256] = {false};
  bool list = false, chosen = false;
  optind = 0;
  opterr = 0;
  int option;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
    switch (option) {
    case 'j':
      out.json = true;
      break;
    case 'l':
      list = true;
      break;
    case 'r':
      if (!chosen)
        memset(skip, 1, sizeof(skip));
      chosen = true;
      if (!select_rules(optarg, false, skip))
        return NVT_EXIT_USAGE;
      break;
    case 'n':
      if (!select_rules(optarg, true, skip))
        return NVT_EXIT_USAGE;
      break;
    case 'm':
      if (!nvt_parse_count(optarg, &out.max))
        return nvt_usage_error("check", "--max takes a number of findings, 1 or more, not '%s'",
                               optarg);
      break;
    case ':':
      return nvt_usage_error("check", "option '%s' needs a value; see --help", argv[optind - 1]);
    default:
      return nvt_usage_error("check", "unknown option '%s'; see --help", argv[optind - 1]);
    }
  }
  if (list && optind < argc)
    return nvt_usage_error("check", "--list looks at no trace, so what is '%s'?", argv[optind]);
  if (list) {
    nvt_check_print_list(out.json, skip);
    return NVT_EXIT_OK;
  }
  if (optind >= argc)
    return nvt_usage_error("check", "which trace? give a file, or '-' for standard input");
  if (optind + 1 < argc)
    return nvt_usage_error("check", "one trace at a time, so what is '%s'?", argv[optind + 1]);
  out.path = argv[optind];
  return check_path(&out, skip);
}

NVT_COMMAND(
    check, .name = "check",
    .summary = "find what is wrong in a trace: rule, section of the specification, record",
    .usage = "usage: nvmetap check [--json] [--rule LIST] [--no-rule LIST] [--max N] TRACE|-\n"
             "       nvmetap check --list [--json]\n"
             "\n"
             "  --rule LIST     these rules only, separated by commas\n"
             "  --no-rule LIST  all but these\n"
             "  --max N         print at most N findings of a rule (100); all are counted\n"
             "  --list          print the rules: severity, name, section, what they find\n"
             "  --json          one JSON object\n"
             "\n"
             "A finding is a note (allowed, and worth knowing), a warning or an error.\n"
             "\n"
             "Exit status: 0 nothing found, or notes only, 1 warnings, errors or frames that are\n"
             "no records of ours, 2 usage, or the file can't be read to its end (what was found\n"
             "up to there is printed first).\n"
             "\n"
             "examples: nvmetap check boot.pcap\n"
             "          nvmetap check --no-rule vendor-specific-command boot.pcap\n"
             "          nvmetap check --json boot.pcap | jq '.findings[] | select(.severity == "
             "\"error\")'\n",
    .run = run, .order = 32);
