/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap dump: a trace as text, one record a line. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "trace/dump_int.h"
#include "trace/pages.h"
#include "trace/reader.h"
#include "trace/summary.h"
#include "trace/transfer.h"
#include "trace/vendor.h"

enum time_style { TIME_RELATIVE, TIME_NONE, TIME_EPOCH, TIME_DELTA };

struct dump {
  const char *path;
  const char *vendor; /* a person's own table, or NULL */
  uint64_t count;     /* 0: all */
  enum time_style time;
  bool verbose;
  bool hex;
  bool json;
  uint64_t first_ns;
  uint64_t last_ns;
  uint64_t printed;
  bool faulty;
  struct nvt_transfers *transfers; /* of verbose; else NULL */
  struct nvt_pages *pages;         /* of verbose and hex; else NULL */
};

static void add_time(struct nvt_text *line, struct dump *dump, uint64_t time_ns) {
  if (dump->printed == 0)
    dump->first_ns = dump->last_ns = time_ns;
  uint64_t from = 0;
  if (dump->time == TIME_RELATIVE)
    from = dump->first_ns;
  else if (dump->time == TIME_DELTA)
    from = dump->last_ns;
  dump->last_ns = time_ns;
  if (dump->time == TIME_NONE)
    return;
  bool negative = time_ns < from;
  uint64_t ns = negative ? from - time_ns : time_ns - from;
  nvt_text_add(line, negative ? " -" : "  ");
  char digits[32];
  size_t at = sizeof(digits) - 1;
  digits[at] = '\0';
  for (unsigned i = 0; i < 9; i++, ns /= 10)
    digits[--at] = (char)('0' + ns % 10);
  digits[--at] = '.';
  do {
    digits[--at] = (char)('0' + ns % 10);
    ns /= 10;
  } while (ns != 0);
  nvt_text_add(line, digits + at);
}

static void add_start(struct nvt_text *line, struct dump *dump, uint64_t number, uint64_t time_ns) {
  char digits[24];
  struct nvt_text text;
  nvt_text_init(&text, digits, sizeof(digits));
  nvt_text_dec(&text, number);
  for (size_t i = text.length; i < 6; i++)
    nvt_text_add(line, " ");
  nvt_text_add(line, digits);
  add_time(line, dump, time_ns);
  nvt_text_add(line, "  ");
}

static const struct nvt_known *known_of(struct dump *dump, const struct nvt_record *record) {
  static struct nvt_known known;
  known = (struct nvt_known){0};
  if (dump->pages != NULL)
    nvt_pages_known(dump->pages, record, &known);
  return &known;
}

static void print_record(struct dump *dump, const struct nvt_record *record, const uint8_t *bytes,
                         const struct nvt_view *view, const struct nvt_session *session) {
  static char buffer[4096];
  struct nvt_text line;
  nvt_text_init(&line, buffer, sizeof(buffer) - 1);
  add_start(&line, dump, record->number, record->time_ns);
  if (record->header.controller != 0) {
    nvt_text_add(&line, "controller ");
    nvt_text_dec(&line, record->header.controller);
    nvt_text_add(&line, " ");
  }
  char direction = nvt_summary_direction(record);
  nvt_text_add(&line, direction == '>' ? "-> " : direction == '<' ? "<- " : "   ");
  nvt_summary(&line, record, view);
  buffer[line.length] = '\n';
  fwrite(buffer, 1, line.length + 1, stdout);
  if (dump->verbose)
    nvt_dump_fields(stdout, record, bytes, view, session, known_of(dump, record));
}

/* Its bytes, and those that a digest record stands for; with -v these were printed. */
static void print_hex(struct dump *dump, const struct nvt_record *record, const uint8_t *bytes) {
  nvt_dump_hex(stdout, bytes, record->captured);
  const struct nvt_known *known = known_of(dump, record);
  if (known->bytes == NULL || dump->verbose)
    return;
  puts("    stands for:");
  nvt_dump_hex(stdout, known->bytes, record->digest.true_length);
}

static void print_foreign(struct dump *dump, const struct nvt_record *record,
                          const struct nvt_reason *why) {
  char buffer[1024];
  struct nvt_text line;
  nvt_text_init(&line, buffer, sizeof(buffer));
  add_start(&line, dump, record->number, record->time_ns);
  nvt_text_printf(&line, "   [%s]\n", why->text);
  fputs(buffer, stdout);
}

static int print_all(struct dump *dump, struct nvt_reader *reader, struct nvt_session *session) {
  struct nvt_record record;
  struct nvt_reason why;
  struct nvt_view view;
  while (dump->count == 0 || dump->printed < dump->count) {
    switch (nvt_reader_next(reader, &record, &why)) {
    case NVT_READ_OK:
      if (nvt_session_record(session, &record, &view) != 0 ||
          (dump->transfers != NULL && nvt_transfers_record(dump->transfers, &record, &view) != 0))
        return nvt_usage_error("dump", "%s: out of memory", dump->path);
      if (dump->pages != NULL && nvt_pages_record(dump->pages, &record) != 0)
        return nvt_usage_error("dump", "%s: out of memory", dump->path);
      if (dump->json)
        nvt_dump_json(stdout, &record, &view, dump->hex, dump->verbose ? session : NULL,
                      known_of(dump, &record));
      else
        print_record(dump, &record, nvt_reader_bytes(reader), &view, session);
      if (dump->hex && !dump->json)
        print_hex(dump, &record, nvt_reader_bytes(reader));
      break;
    case NVT_READ_FOREIGN:
      dump->faulty = true;
      if (dump->json)
        nvt_dump_json_foreign(stdout, &record, &why);
      else
        print_foreign(dump, &record, &why);
      if (dump->hex && !dump->json)
        nvt_dump_hex(stdout, nvt_reader_bytes(reader), record.captured);
      break;
    case NVT_READ_END:
      return dump->faulty ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
    case NVT_READ_CUT:
    case NVT_READ_ERROR:
      fflush(stdout);
      return nvt_usage_error("dump", "%s", why.text);
    }
    dump->printed++;
    if (ferror(stdout))
      return NVT_EXIT_DIFFERS; /* main tells why */
  }
  return dump->faulty ? NVT_EXIT_DIFFERS : NVT_EXIT_OK;
}

static void forget(void *ctx, struct nvt_exchange *exchange) {
  struct dump *dump = ctx;
  if (dump->transfers != NULL)
    nvt_transfers_forget(dump->transfers, exchange);
}

static int open_and_print(struct dump *dump) {
  struct nvt_reader *reader;
  struct nvt_reason why;
  if (!nvt_reader_open(dump->path, &reader, &why))
    return nvt_usage_error("dump", "%s", why.text);
  const struct nvt_session_options options = {
      .ranges = dump->verbose || dump->json, .ended = forget, .ended_ctx = dump};
  struct nvt_session *session;
  bool follow = dump->verbose && !dump->json;
  if (nvt_session_create(&options, &session) != 0) {
    nvt_reader_close(reader);
    return nvt_usage_error("dump", "out of memory");
  }
  if ((dump->verbose || dump->hex) && nvt_pages_create(&dump->pages) != 0) {
    nvt_session_destroy(session);
    nvt_reader_close(reader);
    return nvt_usage_error("dump", "out of memory");
  }
  if (follow && nvt_transfers_create(NULL, &dump->transfers) != 0) {
    nvt_pages_destroy(dump->pages);
    nvt_session_destroy(session);
    nvt_reader_close(reader);
    return nvt_usage_error("dump", "out of memory");
  }
  int status = print_all(dump, reader, session);
  nvt_pages_destroy(dump->pages);
  dump->pages = NULL;
  nvt_transfers_destroy(dump->transfers);
  dump->transfers = NULL;
  nvt_session_destroy(session);
  nvt_reader_close(reader);
  return status;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                          {"count", required_argument, NULL, 'c'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"hex", no_argument, NULL, 'x'},
                                          {"read", required_argument, NULL, 'r'},
                                          {"vendor-table", required_argument, NULL, 'V'},
                                          {0}};
  struct dump dump = {0};
  unsigned times = 0;
  optind = 0;
  opterr = 0;
  int option;
  while ((option = getopt_long(argc, argv, ":c:tvxr:", options, NULL)) != -1) {
    switch (option) {
    case 'c':
      if (!nvt_parse_count(optarg, &dump.count))
        return nvt_usage_error("dump", "-c takes a number of records, 1 or more, not '%s'", optarg);
      break;
    case 't':
      times++;
      break;
    case 'v':
      dump.verbose = true;
      break;
    case 'x':
      dump.hex = true;
      break;
    case 'j':
      dump.json = true;
      break;
    case 'V':
      dump.vendor = optarg;
      break;
    case 'r':
      dump.path = optarg;
      break;
    case ':':
      return nvt_usage_error("dump", "option '%s' needs a value; see --help", argv[optind - 1]);
    default:
      return nvt_usage_error("dump", "unknown option '%s'; see --help", argv[optind - 1]);
    }
  }
  if (times > TIME_DELTA)
    return nvt_usage_error("dump", "-t can be given three times at most");
  dump.time = (enum time_style)times;
  if (dump.path == NULL && optind < argc)
    dump.path = argv[optind++];
  if (dump.path == NULL)
    return nvt_usage_error("dump", "which trace? give a file, or '-' for standard input");
  if (optind < argc)
    return nvt_usage_error("dump", "one trace at a time, so what is '%s'?", argv[optind]);

  struct nvt_vendor *vendor = NULL;
  char refused[512];
  if (dump.vendor != NULL) {
    if (!nvt_vendor_load(dump.vendor, &vendor, refused, sizeof(refused)))
      return nvt_usage_error("dump", "%s", refused);
    nvt_vendor_use(nvt_vendor_table(vendor));
  }
  int status = open_and_print(&dump);
  nvt_vendor_free(vendor);
  return status;
}
NVT_COMMAND(
    dump, .name = "dump", .summary = "print a trace as text, one record a line",
    .usage =
        "usage: nvmetap dump [-c N] [-t[t[t]]] [-v] [-x] [--json] [--vendor-table FILE] TRACE|-\n"
        "\n"
        "  -c, --count N  stop after N records\n"
        "  -t             no time; -tt seconds since 1970; -ttt since the line before\n"
        "                 (else since the first record)\n"
        "  -v, --verbose  every field of each record, and the controller's state after it: "
        "registers,\n"
        "                 queues, outstanding commands, MSI-X\n"
        "  -x, --hex      each record's bytes too; with --json the data recorded\n"
        "  --json         one JSON object a line, times in nanoseconds; with -v the state as of "
        "each\n"
        "                 record too\n"
        "  --vendor-table FILE  a drive's own commands, as docs/vendor-table.md describes\n"
        "  -r FILE        the trace, for those used to it\n"
        "\n"
        "Exit status: 0 done, 1 some frames are no records of ours, or malformed, 2 usage,\n"
        "or the file can't be read to its end (what could be read is printed first).\n"
        "\n"
        "examples: nvmetap dump boot.pcap\n"
        "          nvmetap dump --json boot.pcap | jq 'select(.latency_ns > 1000000)'\n"
        "          nvmetap record --trace - … | nvmetap dump -v -\n",
    .run = run, .order = 30);
