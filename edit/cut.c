/* SPDX-License-Identifier: BSD-2-Clause */
/* nvmetap cut: a piece of a trace, which begins with the state of its controllers. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "edit/cut_int.h"
#include "edit/files_int.h"
#include "trace/checks.h"
#include "trace/pages.h"
#include "trace/preamble.h"

#define CONTEXT 100u /* records before and after a centre */

struct cutting {
  const struct nvt_cut_options *options;
  struct nvt_reader *reader;
  struct nvt_writer *writer;
  struct nvt_session *session;
  struct nvt_preamble *preamble;
  struct nvt_pages *pages; /* NULL: all that digests refer to is in the piece */
  struct nvt_cut_position position;
  uint64_t last_ns; /* of the last record before the piece */
  uint64_t read, written;
  uint64_t *left_out; /* records of each controller so far; NULL: nothing is */
  uint8_t *buffer;
};

static bool wants_controller(void *ctx, uint16_t controller) {
  const struct cutting *c = ctx;
  return nvt_cut_wants_controller(c->options, controller);
}

static bool wants_command(void *ctx, const struct nvt_exchange *exchange) {
  const struct cutting *c = ctx;
  return !nvt_cut_selects(c->options) || nvt_cut_wants_command(c->options, exchange);
}

static int put(void *ctx, uint64_t time_ns, const void *record, size_t captured, size_t length) {
  struct cutting *c = ctx;
  struct nvt_rec_header header;
  memcpy(&header, record, sizeof(header));
  if (nvt_cut_selects(c->options) && header.type == NVT_REC_META) {
    size_t now = nvt_cut_meta(c->options, record, captured, c->buffer);
    length = now != captured ? now : length;
    return nvt_writer_write_frame(c->writer, time_ns, c->buffer, now, length);
  }
  return nvt_writer_write_frame(c->writer, time_ns, record, captured, length);
}

static int begin(struct cutting *c, const struct nvt_record *first) {
  char note[96];
  snprintf(note, sizeof(note), "nvmetap cut: this piece begins with record %" PRIu64,
           first->number);
  const struct nvt_preamble_out out = {.time_ns = c->last_ns,
                                       .note = note,
                                       .wants_controller = wants_controller,
                                       .wants_command = wants_command,
                                       .put = put,
                                       .ctx = c};
  return nvt_preamble_write(c->preamble, &out);
}

static int copy_meta(struct cutting *c, const struct nvt_record *record, uint64_t shift) {
  size_t now = nvt_cut_meta(c->options, nvt_reader_bytes(c->reader), record->captured, c->buffer);
  struct nvt_rec_header header;
  memcpy(&header, c->buffer, sizeof(header));
  header.seq -= shift;
  memcpy(c->buffer, &header, sizeof(header));
  size_t original = now != record->captured ? now : header.length;
  return nvt_writer_write_frame(c->writer, record->time_ns, c->buffer, now, original);
}

/* A record inside of the piece. What is left out has no sequence number. */
static int take(struct cutting *c, const struct nvt_record *record, const struct nvt_view *view) {
  uint16_t controller = record->header.controller;
  bool selects = nvt_cut_selects(c->options);
  if (!nvt_cut_wants(c->options, c->session, record, view)) {
    if (selects)
      c->left_out[controller]++;
    return 0;
  }
  c->written++;
  uint64_t shift = selects ? c->left_out[controller] : 0;
  if (selects && record->header.type == NVT_REC_META)
    return copy_meta(c, record, shift);
  size_t length = c->pages != NULL ? nvt_cut_digest(c->pages, record, shift, c->buffer) : 0;
  if (length != 0)
    return nvt_writer_write(c->writer, record->time_ns, c->buffer, length);
  const struct nvt_edit_change change = {.controller = controller, .shift = shift};
  return nvt_edit_copy(c->writer, c->reader, record, &change, c->buffer);
}

/* A frame, good or foreign. 0, -ENOMEM or what writing it gave. */
static int follow(struct cutting *c, const struct nvt_record *record, bool foreign) {
  struct nvt_view view = {0};
  enum nvt_cut_place before = c->position.place;
  enum nvt_cut_place place = nvt_cut_where(c->options, &c->position, record);
  int error = 0;
  if (before == NVT_CUT_BEFORE && place == NVT_CUT_INSIDE)
    error = begin(c, record);
  if (error != 0 || place == NVT_CUT_AFTER)
    return error;
  bool inside = place == NVT_CUT_INSIDE;
  if (!inside)
    c->last_ns = record->time_ns;
  if (foreign) {
    if (!inside || nvt_cut_selects(c->options) || c->options->controllers.count != 0)
      return 0;
    c->written++;
    return nvt_edit_copy(c->writer, c->reader, record, NULL, c->buffer);
  }
  /* Once the piece has begun, nothing but a choice of commands needs the session. */
  if (!inside || nvt_cut_selects(c->options))
    error = nvt_session_record(c->session, record, &view);
  if (error == 0 && c->pages != NULL)
    error = nvt_pages_record(c->pages, record);
  if (error == 0 && !inside)
    error = nvt_preamble_record(c->preamble, record, nvt_reader_bytes(c->reader));
  return error == 0 && inside ? take(c, record, &view) : error;
}

static int fail_writing(const struct cutting *c, int error) {
  const char *out = strcmp(c->options->out, "-") == 0 ? "standard output" : c->options->out;
  if (error == -ENOMEM)
    return nvt_usage_error("cut", "%s: out of memory", c->options->in);
  return nvt_usage_error("cut", "%s: can't write: %s", out, strerror(-error));
}

static int nothing(const struct cutting *c) {
  fprintf(stderr,
          "nvmetap cut: %s: none of its %" PRIu64 " records is in that range; nothing is written\n",
          c->options->in, c->read);
  return NVT_EXIT_DIFFERS;
}

static int copy(struct cutting *c) {
  struct nvt_reason why = {0};
  struct nvt_record record;
  struct nvt_edit_progress progress;
  enum nvt_read read = NVT_READ_END;
  int error = 0;
  nvt_edit_progress_start(&progress, "cut");
  while (error == 0 && c->position.place != NVT_CUT_AFTER) {
    read = nvt_reader_next(c->reader, &record, &why);
    if (read != NVT_READ_OK && read != NVT_READ_FOREIGN)
      break;
    c->read++;
    nvt_edit_progress(&progress, c->reader, c->read);
    error = follow(c, &record, read == NVT_READ_FOREIGN);
  }
  nvt_edit_progress_end(&progress);
  bool broken = read == NVT_READ_CUT || read == NVT_READ_ERROR;
  if (error != 0 || c->written == 0) {
    nvt_writer_abort(c->writer);
    return error != 0 ? fail_writing(c, error)
           : broken   ? nvt_usage_error("cut", "%s", why.text)
                      : nothing(c);
  }
  struct nvt_reason closed;
  if (!nvt_writer_close(c->writer, &closed))
    return nvt_usage_error("cut", "%s", closed.text);
  return broken ? nvt_usage_error("cut", "%s", why.text) : NVT_EXIT_OK;
}

static int cut(const struct nvt_cut_options *options) {
  struct cutting c = {.options = options, .buffer = malloc(NVT_RECORD_MAX)};
  struct nvt_reason why;
  int status;
  if (nvt_cut_selects(options))
    c.left_out = calloc(UINT16_MAX + 1u, sizeof(*c.left_out));
  bool digests = nvt_cut_selects(options) || options->first > 1 || options->from.given;
  if (c.buffer == NULL || (digests && nvt_pages_create(&c.pages) != 0) ||
      (nvt_cut_selects(options) && c.left_out == NULL) ||
      nvt_session_create(NULL, &c.session) != 0 || nvt_preamble_create(c.session, &c.preamble) != 0)
    status = nvt_usage_error("cut", "out of memory");
  else if (!nvt_reader_open(options->in, &c.reader, &why) ||
           !nvt_writer_open(options->out, &c.writer, &why))
    status = nvt_usage_error("cut", "%s", why.text);
  else
    status = copy(&c);
  nvt_reader_close(c.reader);
  nvt_preamble_destroy(c.preamble);
  nvt_pages_destroy(c.pages);
  nvt_session_destroy(c.session);
  free(c.left_out);
  free(c.buffer);
  return status;
}

/* --- options --- */

static bool parse_list(const char *text, uint64_t most, struct nvt_cut_list *list) {
  for (const char *at = text;; at++) {
    char *end;
    errno = 0;
    unsigned long long value = strtoull(at, &end, 0);
    if (*at < '0' || *at > '9' || errno != 0 || value > most || (*end != '\0' && *end != ',') ||
        list->count == NVT_CUT_LIST_MAX)
      return false;
    list->values[list->count++] = (uint32_t)value;
    at = end;
    if (*at == '\0')
      return true;
  }
}

static bool parse_context(const char *text, uint64_t *out) {
  *out = 0;
  return strcmp(text, "0") == 0 || nvt_parse_count(text, out);
}

static bool set_centre(struct nvt_cut_options *o, enum nvt_cut_centre centre) {
  bool first = o->centre == NVT_CUT_NO_CENTRE;
  o->centre = centre;
  return first;
}

enum { BEFORE = 256, AFTER, AROUND, ERROR, FINDING, QUEUE, CONTROLLER, NSID };

/* NULL: taken; else what is wrong with the value. */
static const char *take_option(struct nvt_cut_options *o, int option, const char *value) {
  static const char *const one_centre = "one of --around, --first-error and --first-finding";
  switch (option) {
  case 'r':
    return nvt_parse_records(value, &o->first, &o->last)
               ? NULL
               : "record numbers as \"5\", \"5-9\", \"5-\" or \"-9\", the first is 1";
  case 'A':
  case 'B':
    return nvt_parse_when(value, option == 'A' ? &o->from : &o->to)
               ? NULL
               : "seconds since the trace's start, @seconds since 1970, or a time like "
                 "2026-01-31T12:00:00.25Z";
  case 'C':
    if (!parse_context(value, &o->before))
      return "a number of records";
    o->after = o->before;
    return NULL;
  case BEFORE:
  case AFTER:
    return parse_context(value, option == BEFORE ? &o->before : &o->after) ? NULL
                                                                           : "a number of records";
  case AROUND:
    if (!nvt_parse_count(value, &o->around))
      return "a record number, 1 or more";
    return set_centre(o, NVT_CUT_RECORD) ? NULL : one_centre;
  case ERROR:
    return set_centre(o, NVT_CUT_ERROR) ? NULL : one_centre;
  case FINDING:
    o->rule = value;
    if (value != NULL && nvt_check_find(value, strlen(value)) == nvt_check_count())
      return "a rule; 'nvmetap check --list' lists them";
    return set_centre(o, NVT_CUT_FINDING) ? NULL : one_centre;
  case QUEUE:
    return parse_list(value, UINT16_MAX, &o->queues) ? NULL : "queue numbers, 64 at most: 1,2";
  case CONTROLLER:
    return parse_list(value, UINT16_MAX, &o->controllers) ? NULL
                                                          : "controller numbers, 64 at most: 0,1";
  case NSID:
    return parse_list(value, UINT32_MAX, &o->namespaces) ? NULL
                                                         : "namespace identifiers, 64 at most: 1,2";
  default: /* w */
    o->whole = true;
    return NULL;
  }
}

static int check_options(const struct nvt_cut_options *o, bool context) {
  bool range = o->first > 1 || o->last != 0 || o->from.given || o->to.given;
  if (o->centre != NVT_CUT_NO_CENTRE && range)
    return nvt_usage_error("cut", "a range (-r, -A, -B) and a place (--around, --first-error, "
                                  "--first-finding) don't go together");
  if (o->centre == NVT_CUT_NO_CENTRE && context)
    return nvt_usage_error("cut", "-C, --before and --after go with --around, --first-error or "
                                  "--first-finding");
  bool twice = o->whole || o->centre == NVT_CUT_ERROR || o->centre == NVT_CUT_FINDING;
  if (twice && strcmp(o->in, "-") == 0)
    return nvt_usage_error("cut",
                           "--first-error, --first-finding and --whole read the trace twice: "
                           "give a file, not standard input");
  if (nvt_edit_same_file(o->in, o->out))
    return nvt_usage_error("cut", "%s and %s are the same file; give another one to write", o->in,
                           o->out);
  return NVT_EXIT_OK;
}

static int run(int argc, char **argv) {
  static const struct option options[] = {{"records", required_argument, NULL, 'r'},
                                          {"from", required_argument, NULL, 'A'},
                                          {"to", required_argument, NULL, 'B'},
                                          {"context", required_argument, NULL, 'C'},
                                          {"before", required_argument, NULL, BEFORE},
                                          {"after", required_argument, NULL, AFTER},
                                          {"around", required_argument, NULL, AROUND},
                                          {"first-error", no_argument, NULL, ERROR},
                                          {"first-finding", optional_argument, NULL, FINDING},
                                          {"queue", required_argument, NULL, QUEUE},
                                          {"controller", required_argument, NULL, CONTROLLER},
                                          {"nsid", required_argument, NULL, NSID},
                                          {"whole", no_argument, NULL, 'w'},
                                          {0}};
  struct nvt_cut_options o = {.first = 1, .before = CONTEXT, .after = CONTEXT};
  bool context = false;
  int option;
  optind = 0;
  opterr = 0;
  while ((option = getopt_long(argc, argv, ":r:A:B:C:", options, NULL)) != -1) {
    if (option == ':')
      return nvt_usage_error("cut", "option '%s' needs a value; see --help", argv[optind - 1]);
    if (option == '?')
      return nvt_usage_error("cut", "unknown option '%s'; see --help", argv[optind - 1]);
    context |= option == 'C' || option == BEFORE || option == AFTER;
    const char *wants = take_option(&o, option, optarg);
    if (wants != NULL)
      return nvt_usage_error("cut", "'%s': takes %s", optarg != NULL ? optarg : argv[optind - 1],
                             wants);
  }
  if (argc - optind != 2)
    return nvt_usage_error("cut",
                           "takes two files, the trace and the piece to write ('-': standard "
                           "input, output), not %d; see --help",
                           argc - optind);
  o.in = argv[optind];
  o.out = argv[optind + 1];
  int status = check_options(&o, context);
  if (status != NVT_EXIT_OK)
    return status;
  struct nvt_reason why;
  int found = nvt_cut_resolve(&o, &why);
  if (found < 0)
    return nvt_usage_error("cut", "%s", why.text);
  if (found > 0) {
    fprintf(stderr, "nvmetap cut: %s\n", why.text);
    return NVT_EXIT_DIFFERS;
  }
  return cut(&o);
}

NVT_COMMAND(
    cut, .name = "cut", .summary = "a piece of a trace, which begins with the state as of there",
    .usage =
        "usage: nvmetap cut [options] TRACE|- PIECE|-\n"
        "\n"
        "Which records, by one of these ways:\n"
        "  -r, --records N-M    record numbers, as Wireshark's frame numbers; \"N-\", \"-M\", "
        "\"N\"\n"
        "  -A, --from TIME      at or after; -B, --to TIME: before. Seconds since the trace's "
        "start,\n"
        "                       @seconds since 1970, or 2026-01-31T12:00:00.25Z\n"
        "  --around N           record N and those around it\n"
        "  --first-error        the first command that failed\n"
        "  --first-finding[=RULE]  what 'nvmetap check' finds first (of that rule)\n"
        "  -C, --context N      so many records before and after that (100);\n"
        "                       --before N, --after N: of one side\n"
        "  --whole              begin earlier and end later, so that commands of the range are "
        "whole\n"
        "Of these:\n"
        "  --controller LIST    of these controllers: 0,1\n"
        "  --queue LIST         commands of these queues, with what belongs to them: 0,3\n"
        "  --nsid LIST          commands of these namespaces: 1,2\n"
        "\n"
        "A piece begins with a snapshot: registers, MSI-X, queues, guest memory, and the commands\n"
        "under way. So it decodes, is checked and replays as the trace did there.\n"
        "\n"
        "Exit status: 0 done, 1 there is no such record (nothing is written), 2 usage, the piece\n"
        "can't be written, or the trace can't be read to the piece's end (what could be read is "
        "in\n"
        "the piece).\n"
        "\n"
        "examples: nvmetap cut -r 1000-2000 boot.pcap piece.pcap\n"
        "          nvmetap cut -A 12.5 -B 13 --queue 3 --whole boot.pcap piece.pcap\n"
        "          nvmetap cut --first-error -C 50 boot.pcap - | nvmetap dump -\n",
    .run = run, .order = 34);
