/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap scrub: a trace that can be given away. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "edit/files_int.h"
#include "edit/scrub.h"
#include "edit/scrub_print_int.h"

#define KEY_MAX 4096u
#define KEY_RANDOM 32u

static const char usage[] =
    "usage: nvmetap scrub [options] IN OUT\n"
    "       nvmetap scrub --dry-run [options] IN\n"
    "\n"
    "Writes OUT, a copy of the trace IN that can be given away: serial numbers, names and\n"
    "identifiers have stand-ins, contents are gone, and it still decodes and replays as IN does.\n"
    "A report says what was done and what remains. \"-\": standard input, standard output.\n"
    "\n"
    "  --key TEXT       stand-ins follow from it: the same in all traces with the same key\n"
    "  --key-file FILE  likewise; without either they are others each time\n"
    "  --data drop      contents of blocks are left out, their length stays (this if not given)\n"
    "  --data zero      zeroes in their place\n"
    "  --lba            map LBAs: what overlaps or follows still does, elsewhere. Reads IN twice\n"
    "  --time relative  move all times: the first record is of 2000-01-01 00:00:00\n"
    "  --keep LIST      don't replace these, separated by commas: model (and firmware revision),\n"
    "                   plugins (names), filter (the recorder's words), vendor (what its\n"
    "                   commands, features and registers say)\n"
    "  --dry-run        write nothing but the report\n"
    "  --json           the report as one JSON object\n"
    "\n"
    "Exit status: 0 done, 2 usage, IN can't be read to its end (OUT has what was read), or OUT\n"
    "can't be written.\n"
    "\n"
    "examples: nvmetap scrub boot.pcap public.pcap\n"
    "          nvmetap scrub --key-file ~/.scrub-key --lba --time relative a.pcap a-public.pcap\n";

struct arguments {
  struct nvt_scrub_options options;
  const char *in;
  const char *out; /* NULL: a dry run */
  bool dry_run;
  bool json;
  uint8_t key[KEY_MAX];
};

/* --- options --- */

static int take_key(struct arguments *a, const char *text) {
  a->options.key_length = strlen(text);
  if (a->options.key_length == 0 || a->options.key_length > sizeof(a->key))
    return nvt_usage_error("scrub", "a key has 1 to %u bytes", KEY_MAX);
  memcpy(a->key, text, a->options.key_length);
  return NVT_EXIT_OK;
}

static int read_key(struct arguments *a, const char *path) {
  uint8_t bytes[KEY_MAX + 2];
  FILE *file = fopen(path, "rbe");
  size_t length = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
  bool failed = file == NULL || ferror(file) != 0;
  int error = errno;
  if (file != NULL)
    (void)fclose(file);
  if (failed)
    return nvt_usage_error("scrub", "--key-file %s: can't read: %s", path, strerror(error));
  if (length > 0 && bytes[length - 1] == '\n') /* an editor's */
    length--;
  if (length == 0 || length > sizeof(a->key))
    return nvt_usage_error("scrub", "--key-file %s: a key has 1 to %u bytes", path, KEY_MAX);
  memcpy(a->key, bytes, length);
  a->options.key_length = length;
  return NVT_EXIT_OK;
}

static int take_keep(struct arguments *a, const char *list) {
  static const struct {
    const char *word;
    unsigned bit;
  } words[] = {{"model", NVT_SCRUB_KEEP_MODEL},
               {"plugins", NVT_SCRUB_KEEP_PLUGINS},
               {"filter", NVT_SCRUB_KEEP_FILTER},
               {"vendor", NVT_SCRUB_KEEP_VENDOR}};
  for (const char *at = list;; at++) {
    size_t length = strcspn(at, ","), i = 0;
    while (i < 4 && (strlen(words[i].word) != length || memcmp(words[i].word, at, length) != 0))
      i++;
    if (i == 4)
      return nvt_usage_error("scrub", "--keep takes model, plugins, filter and vendor, not '%.*s'",
                             (int)length, at);
    a->options.keep |= words[i].bit;
    at += length;
    if (*at == '\0')
      return NVT_EXIT_OK;
  }
}

static int take_option(struct arguments *a, int option, const char *value) {
  switch (option) {
  case 'k':
    return take_key(a, value);
  case 'f':
    return read_key(a, value);
  case 'd':
    a->options.data = strcmp(value, "zero") == 0 ? NVT_SCRUB_ZERO : NVT_SCRUB_DROP;
    if (a->options.data == NVT_SCRUB_DROP && strcmp(value, "drop") != 0)
      return nvt_usage_error("scrub", "--data takes drop or zero, not '%s'", value);
    return NVT_EXIT_OK;
  case 'l':
    a->options.lba = true;
    return NVT_EXIT_OK;
  case 't':
    a->options.time = true;
    if (strcmp(value, "relative") != 0)
      return nvt_usage_error("scrub", "--time takes relative, not '%s'", value);
    return NVT_EXIT_OK;
  case 'p':
    return take_keep(a, value);
  case 'n':
    a->dry_run = true;
    return NVT_EXIT_OK;
  default: /* j */
    a->json = true;
    return NVT_EXIT_OK;
  }
}

/* What the paths are, once options are known. */
static int check_paths(struct arguments *a, int count, char **paths) {
  if (count == 0)
    return nvt_usage_error("scrub", "which trace? usage: nvmetap scrub [options] IN OUT");
  if (count > 2)
    return nvt_usage_error("scrub", "one trace at a time, so what is '%s'?", paths[2]);
  a->in = paths[0];
  a->out = a->dry_run ? NULL : count == 2 ? paths[1] : NULL;
  if (a->out == NULL && !a->dry_run)
    return nvt_usage_error("scrub", "and where to? usage: nvmetap scrub [options] IN OUT");
  if (a->out != NULL && nvt_edit_same_file(a->in, a->out))
    return nvt_usage_error("scrub", "%s and %s are the same file; give OUT another name", a->in,
                           a->out);
  struct stat status;
  if (a->options.lba &&
      (strcmp(a->in, "-") == 0 ||
       (stat(a->in, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))))
    return nvt_usage_error("scrub", "--lba reads the trace twice: give a file, not a pipe");
  return NVT_EXIT_OK;
}

static int parse(int argc, char **argv, struct arguments *a) {
  static const struct option options[] = {{"key", required_argument, NULL, 'k'},
                                          {"key-file", required_argument, NULL, 'f'},
                                          {"data", required_argument, NULL, 'd'},
                                          {"lba", no_argument, NULL, 'l'},
                                          {"time", required_argument, NULL, 't'},
                                          {"keep", required_argument, NULL, 'p'},
                                          {"dry-run", no_argument, NULL, 'n'},
                                          {"json", no_argument, NULL, 'j'},
                                          {0}};
  int option;
  opterr = 0;
  optind = 0;
  while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
    if (option == ':')
      return nvt_usage_error("scrub", "option '%s' needs a value; see --help", argv[optind - 1]);
    if (option == '?')
      return nvt_usage_error("scrub", "unknown option '%s'; see --help", argv[optind - 1]);
    int status = take_option(a, option, optarg);
    if (status != NVT_EXIT_OK)
      return status;
  }
  int status = check_paths(a, argc - optind, argv + optind);
  if (status == NVT_EXIT_OK && a->options.key_length == 0) {
    if (getrandom(a->key, KEY_RANDOM, 0) != (ssize_t)KEY_RANDOM)
      return nvt_usage_error("scrub", "no random numbers: %s; give a --key", strerror(errno));
    a->options.key_length = KEY_RANDOM;
  }
  a->options.key = a->key;
  return status;
}

/* --- the passes --- */

static int put(void *ctx, uint64_t time_ns, const void *record, size_t length) {
  return nvt_writer_write(ctx, time_ns, record, length);
}

/* All of the file to the scrubber. *ended tells how reading ended; 0 or -errno of the scrubber. */
static int pass(struct nvt_scrub *scrub, struct nvt_reader *reader, bool learn,
                enum nvt_read *ended, struct nvt_reason *why) {
  struct nvt_edit_progress progress;
  struct nvt_record record;
  int error = 0;
  nvt_edit_progress_start(&progress, "scrub");
  for (uint64_t count = 0; error == 0; count++) {
    enum nvt_read read = nvt_reader_next(reader, &record, why);
    *ended = read;
    nvt_edit_progress(&progress, reader, count);
    if (read != NVT_READ_OK && read != NVT_READ_FOREIGN)
      break;
    if (read == NVT_READ_OK)
      error = learn ? nvt_scrub_learn(scrub, &record) : nvt_scrub_record(scrub, &record);
    else if (!learn)
      error = nvt_scrub_frame(scrub, &record,
                              nvt_record_parse(nvt_reader_bytes(reader), record.captured, &record));
  }
  nvt_edit_progress_end(&progress);
  return error;
}

static int fail(const struct arguments *a, int error, bool reading) {
  if (error == -EOPNOTSUPP)
    return nvt_usage_error("scrub",
                           "%s: has commands of zones, where an LBA is more than a place; scrub it "
                           "without --lba",
                           a->in);
  if (error == -E2BIG)
    return nvt_usage_error("scrub", "%s: more than %u namespaces; scrub it without --lba", a->in,
                           NVT_SCRUB_SPACES_MAX);
  if (error == -ENOMEM)
    return nvt_usage_error("scrub", "out of memory");
  return nvt_usage_error("scrub", "%s: %s", reading ? a->in : a->out, strerror(-error));
}

/* The first pass, which only LBAs need. */
static int learn(const struct arguments *a, struct nvt_scrub *scrub) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  enum nvt_read ended;
  if (!nvt_reader_open(a->in, &reader, &why))
    return nvt_usage_error("scrub", "%s", why.text);
  int error = pass(scrub, reader, true, &ended, &why);
  nvt_reader_close(reader);
  if (error == 0)
    error = nvt_scrub_learned(scrub);
  return error != 0 ? fail(a, error, true) : NVT_EXIT_OK;
}

static void tell(const struct arguments *a, const struct nvt_scrub *scrub, const char *error) {
  FILE *to = a->out != NULL && strcmp(a->out, "-") == 0 ? stderr : stdout;
  const struct nvt_scrub_report *report = nvt_scrub_report(scrub);
  if (a->json)
    nvt_scrub_print_json(to, &a->options, report, error, a->dry_run);
  else
    nvt_scrub_print(to, &a->options, report, a->dry_run);
  fflush(to);
}

static int copy(const struct arguments *a, struct nvt_scrub *scrub, struct nvt_reader *reader,
                struct nvt_writer *writer) {
  enum nvt_read ended = NVT_READ_END;
  struct nvt_reason why, closed;
  int error = pass(scrub, reader, false, &ended, &why);
  if (error == 0)
    error = nvt_scrub_finish(scrub);
  if (error != 0) {
    nvt_writer_abort(writer);
    return fail(a, error, false);
  }
  if (writer != NULL && !nvt_writer_close(writer, &closed))
    return nvt_usage_error("scrub", "%s", closed.text);
  bool broken = ended == NVT_READ_CUT || ended == NVT_READ_ERROR;
  tell(a, scrub, broken ? why.text : NULL);
  return broken ? nvt_usage_error("scrub", "%s", why.text) : NVT_EXIT_OK;
}

static int write_out(const struct arguments *a) {
  struct nvt_reader *reader = NULL;
  struct nvt_writer *writer = NULL;
  struct nvt_scrub *scrub = NULL;
  struct nvt_reason why;
  if (!nvt_reader_open(a->in, &reader, &why))
    return nvt_usage_error("scrub", "%s", why.text);
  int status = NVT_EXIT_OK;
  if (a->out != NULL && !nvt_writer_open(a->out, &writer, &why))
    status = nvt_usage_error("scrub", "%s", why.text);
  else if (nvt_scrub_create(&a->options, writer != NULL ? put : NULL, writer, &scrub) != 0)
    status = nvt_usage_error("scrub", "out of memory");
  else if (a->options.lba)
    status = learn(a, scrub);
  if (status == NVT_EXIT_OK)
    status = copy(a, scrub, reader, writer);
  else
    nvt_writer_abort(writer);
  nvt_scrub_destroy(scrub);
  nvt_reader_close(reader);
  return status;
}

static int run(int argc, char **argv) {
  static struct arguments arguments;
  memset(&arguments, 0, sizeof(arguments));
  int status = parse(argc, argv, &arguments);
  if (status == NVT_EXIT_OK)
    status = write_out(&arguments);
  explicit_bzero(arguments.key, sizeof(arguments.key));
  return status;
}

NVT_COMMAND(scrub, .name = "scrub", .summary = "make a trace that can be given away",
            .usage = usage, .run = run, .order = 37);
