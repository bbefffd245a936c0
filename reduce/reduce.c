/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap reduce: the smallest trace that still shows a difference. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "reduce/reduce_int.h"
#include "trace/writer.h"

struct options {
  const char *in;
  const char *out;
  const char *emit_path;
  enum nvt_emit emit;
  bool resume;
  bool replay;
  bool target_given;
  bool status_given;
  bool quiet;
  struct nvt_judge judge;
};

static void on_interrupt(int signal) {
  (void)signal;
  nvt_reduce_interrupted = 1;
}

/* --- the result --- */

static int put_record(void *ctx, uint64_t time_ns, const void *bytes, size_t captured,
                      size_t original) {
  return nvt_writer_write_frame(ctx, time_ns, bytes, captured, original);
}

static bool write_out(struct nvt_search *s, struct nvt_reason *why) {
  struct nvt_writer *writer;
  if (!nvt_writer_open(s->out, &writer, why))
    return false;
  int error = nvt_reduce_write(s->trace, &s->best, put_record, writer);
  if (error == 0)
    return nvt_writer_close(writer, why);
  nvt_writer_abort(writer);
  snprintf(why->text, sizeof(why->text), "%s: can't write: %s", s->out, strerror(-error));
  return false;
}

static void report(const struct nvt_search *s, const struct options *o, bool whole) {
  const struct nvt_judge *j = s->judge;
  if (s->quiet)
    return;
  printf("%u of %u records in %s, %" PRIu64 " tries, %.1f s%s\n", s->records, s->trace->item_count,
         o->out, j->tries, nvt_reduce_now() - s->started,
         whole ? "" : "; interrupted: nvmetap reduce --resume goes on");
  if (j->command == NULL)
    printf("record %" PRIu64 ": %s: expected %s, actual %s: %s\n", j->found.record, j->found.field,
           j->found.expected, j->found.actual, j->found.text);
}

/* --- what is done --- */

/* The whole trace shows it, and, with --resume, what was reached. */
static int ask_first(struct nvt_search *s, const struct options *o) {
  struct nvt_reason why = {0};
  enum nvt_verdict_word word = nvt_judge_ask(s->judge, s->trace, &s->best, NVT_ASK_FIRST, &why);
  if (word == NVT_STOPPED)
    return nvt_usage_error("reduce", "interrupted before anything was known");
  if (word == NVT_JUDGE_FAILED)
    return nvt_usage_error("reduce", "%s", why.text);
  if (word == NVT_SHOWS_NOT) {
    fprintf(stderr, "nvmetap reduce: %s: the trace doesn't show the difference%s%s%s\n", o->in,
            why.text[0] != '\0' ? ": " : "", why.text,
            s->judge->command == NULL ? ": a replay of it finds none" : "");
    return NVT_EXIT_DIFFERS;
  }
  s->records = nvt_reduce_written(s->trace);
  if (!o->resume)
    return NVT_EXIT_OK;
  if (!nvt_state_load(s, &why))
    return nvt_usage_error("reduce", "%s", why.text);
  nvt_choice_copy(s->trace, &s->next, &s->best);
  if (!nvt_search_try(s))
    return nvt_usage_error("reduce", "--resume: what was reached doesn't show the difference; "
                                     "begin without --resume");
  return NVT_EXIT_OK;
}

/* The records' numbers, as of the last try that was taken. */
static int finish(struct nvt_search *s, const struct options *o, bool whole) {
  struct nvt_reason why = {0};
  if (s->why.text[0] != '\0')
    fprintf(stderr, "nvmetap reduce: %s\n", s->why.text);
  if (!write_out(s, &why))
    return nvt_usage_error("reduce", "%s", why.text);
  if (o->emit != NVT_EMIT_NOTHING && !nvt_emit_test(o->emit, o->emit_path, o->out, s->judge, &why))
    return nvt_usage_error("reduce", "%s", why.text);
  report(s, o, whole);
  if (whole)
    nvt_state_remove(s);
  else
    (void)nvt_state_save(s);
  return whole ? NVT_EXIT_OK : NVT_EXIT_USAGE;
}

static int reduce(struct options *o) {
  struct nvt_trace trace;
  struct nvt_reason why;
  struct nvt_search s = {.trace = &trace,
                         .judge = &o->judge,
                         .out = o->out,
                         .quiet = o->quiet,
                         .terminal = isatty(STDERR_FILENO) == 1,
                         .step = "the whole",
                         .started = nvt_reduce_now()};
  if (!nvt_reduce_load(o->in, &trace, &why))
    return nvt_usage_error("reduce", "%s", why.text);
  int status;
  struct sigaction action = {.sa_handler = on_interrupt}, before;
  sigaction(SIGINT, &action, &before);
  if (!nvt_choice_create(&trace, &s.best) || !nvt_choice_create(&trace, &s.next))
    status = nvt_usage_error("reduce", "out of memory");
  else
    status = ask_first(&s, o);
  if (status == NVT_EXIT_OK) {
    bool whole = nvt_reduce_search(&s);
    status = finish(&s, o, whole);
  }
  sigaction(SIGINT, &before, NULL);
  nvt_judge_clear(&o->judge);
  nvt_choice_clear(&s.best);
  nvt_choice_clear(&s.next);
  nvt_reduce_unload(&trace);
  return status;
}

/* --- options --- */

static const char usage[] =
    "usage: nvmetap reduce TRACE --while COMMAND [--status N] [options] -o OUT\n"
    "       nvmetap reduce TRACE --while-replay [--target TARGET] [--finding FIELD] [options] -o "
    "OUT\n"
    "\n"
    "Makes the smallest trace that still shows a difference, by trying without the rest.\n"
    "\n"
    "  --while COMMAND    the shell runs COMMAND with a candidate's path in the place of {}, or\n"
    "                     behind it; while it exits with 1, the difference is there\n"
    "  --status N         … while it exits with N, 0 to 255; 128 and more: by signal N - 128\n"
    "  --while-replay     replay in this process, which is quicker: the first difference has to\n"
    "                     stay, the same field of the same kind of record, so that it doesn't\n"
    "                     become another one\n"
    "  --target TARGET    of --while-replay: see nvmetap replay (default: model)\n"
    "  --finding FIELD    of --while-replay: the first difference of this field instead\n"
    "  -o OUT             the trace to write\n"
    "  --resume           go on where a run that was interrupted (^C) left OUT.state\n"
    "  --emit sh FILE, --emit c FILE   write a test too, which fails while the difference is "
    "there\n"
    "  --quiet            neither progress nor a report\n"
    "\n"
    "Exit status: 0 done, 1 the whole trace doesn't show the difference, 2 usage, TRACE can't be\n"
    "read, or interrupted (the best so far is in OUT).\n"
    "\n"
    "examples: nvmetap reduce big.pcap --while-replay -o small.pcap --emit sh test.sh\n"
    "          nvmetap reduce big.pcap --while 'nvmetap replay {} | grep -q completion.status' "
    "--status 0 -o small.pcap\n";

static bool parse_status(const char *text, int *out) {
  char *end;
  unsigned long value = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || value > 255)
    return false;
  *out = (int)value;
  return true;
}

static int take_option(struct options *o, int option, char **argv, int argc) {
  switch (option) {
  case 'w':
    o->judge.command = optarg;
    return NVT_EXIT_OK;
  case 'r':
    o->replay = true;
    return NVT_EXIT_OK;
  case 's':
    o->status_given = true;
    return parse_status(optarg, &o->judge.status)
               ? NVT_EXIT_OK
               : nvt_usage_error("reduce", "--status '%s': not a number from 0 to 255", optarg);
  case 't':
    o->target_given = true;
    o->judge.target = nvt_target_find(optarg, &o->judge.address);
    if (o->judge.target == NULL)
      return nvt_usage_error("reduce", "there is no target '%s'; see nvmetap replay --help",
                             optarg);
    if (!nvt_target_takes_steps(o->judge.target))
      return nvt_usage_error("reduce", "the target %s is for nvmetap replay alone",
                             o->judge.target->name);
    return NVT_EXIT_OK;
  case 'f':
    o->judge.field = optarg;
    return NVT_EXIT_OK;
  case 'o':
    o->out = optarg;
    return NVT_EXIT_OK;
  case 'e':
    o->emit = strcmp(optarg, "sh") == 0  ? NVT_EMIT_SH
              : strcmp(optarg, "c") == 0 ? NVT_EMIT_C
                                         : NVT_EMIT_NOTHING;
    if (o->emit == NVT_EMIT_NOTHING || optind >= argc)
      return nvt_usage_error("reduce", "--emit takes two values, \"sh\" or \"c\", and a file");
    o->emit_path = argv[optind++];
    return NVT_EXIT_OK;
  case 'R':
    o->resume = true;
    return NVT_EXIT_OK;
  default: /* q */
    o->quiet = true;
    return NVT_EXIT_OK;
  }
}

static bool same_file(const char *a, const char *b) {
  struct stat x, y;
  return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static int check_options(struct options *o) {
  if (o->in == NULL)
    return nvt_usage_error("reduce", "which trace? see --help");
  if (strcmp(o->in, "-") == 0)
    return nvt_usage_error("reduce", "the trace has to be a file, not standard input");
  if (o->out == NULL || strcmp(o->out, "-") == 0)
    return nvt_usage_error("reduce", "-o OUT: where to? It has to be a file");
  if ((o->judge.command != NULL) == o->replay)
    return nvt_usage_error("reduce", "takes one of --while COMMAND and --while-replay");
  if (o->replay && o->status_given)
    return nvt_usage_error("reduce", "--status goes with --while COMMAND");
  if (!o->replay && (o->target_given || o->judge.field != NULL))
    return nvt_usage_error("reduce", "--target and --finding go with --while-replay");
  if (same_file(o->in, o->out))
    return nvt_usage_error("reduce", "%s and %s are the same file; give another one to write",
                           o->in, o->out);
  int length = snprintf(o->judge.candidate, sizeof(o->judge.candidate), "%s.candidate", o->out);
  if (length < 0 || (size_t)length >= PATH_MAX - 16)
    return nvt_usage_error("reduce", "-o: the name is too long");
  return NVT_EXIT_OK;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {
      {"while", required_argument, NULL, 'w'},   {"while-replay", no_argument, NULL, 'r'},
      {"status", required_argument, NULL, 's'},  {"target", required_argument, NULL, 't'},
      {"finding", required_argument, NULL, 'f'}, {"output", required_argument, NULL, 'o'},
      {"emit", required_argument, NULL, 'e'},    {"resume", no_argument, NULL, 'R'},
      {"quiet", no_argument, NULL, 'q'},         {0}};
  struct options o = {.judge = {.status = 1, .target = nvt_target_at(0)}};
  int option;
  optind = 0;
  opterr = 0;
  /* In the order given: --emit has a second value. */
  while ((option = getopt_long(argc, argv, "-:o:", options, NULL)) != -1) {
    if (option == ':')
      return nvt_usage_error("reduce", "option '%s' needs a value; see --help", argv[optind - 1]);
    if (option == '?')
      return nvt_usage_error("reduce", "unknown option '%s'; see --help", argv[optind - 1]);
    if (option == 1 && o.in != NULL)
      return nvt_usage_error("reduce", "one trace at a time, not %s too", optarg);
    if (option == 1) {
      o.in = optarg;
      continue;
    }
    int status = take_option(&o, option, argv, argc);
    if (status != NVT_EXIT_OK)
      return status;
  }
  int status = check_options(&o);
  return status != NVT_EXIT_OK ? status : reduce(&o);
}

NVT_COMMAND(reduce, .name = "reduce", .summary = "the smallest trace that still shows a difference",
            .usage = usage, .run = run, .order = 17);
